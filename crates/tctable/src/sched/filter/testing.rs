//! What tests of filters need.

use crate::sched::skb::Skb;

/// An IPv4 packet in an Ethernet frame, of which nothing was read.
pub(crate) fn skb(data: &[u8]) -> Skb<'_> {
    Skb {
        token: 0,
        data,
        network_offset: 14,
        protocol: 0x800,
        len: data.len() as u32,
        info: None,
        mark: 0,
        priority: 0,
        input: None,
        ct: None,
        host: None,
    }
}
