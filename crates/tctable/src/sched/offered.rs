//! What is read of a packet once when it is offered, for all qdiscs that ask.

use super::queued::Ecn;
use super::skb::Skb;
use crate::packet::{Address, Family};
use crate::table::Hasher;

/// EtherTypes.
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

/// A keyed hash of the packet's flow: addresses, protocol and ports, the same in both directions, as the kernel's is. What
/// is no IP packet is a flow by its EtherType.
#[inline]
pub(crate) fn flow_hash(hasher: &Hasher, skb: &Skb<'_>) -> u32 {
    match skb.info {
        Some(info) => hasher.connection(&info.tuple).0,
        None => hasher.host(Family::V4, Address { high: 1, low: skb.protocol.into() }).0,
    }
}

/// The ECN field: the lowest two bits of the IPv4 type of service, or of the IPv6 traffic class (RFC 3168 section 5).
#[inline]
pub(crate) fn ecn(skb: &Skb<'_>) -> Ecn {
    let Some([first, second, ..]) = skb.data.get(usize::from(skb.network_offset)..) else { return Ecn::NotEct };
    let field = match (skb.protocol, first >> 4) {
        (IPV4, 4) => second & 3,
        (IPV6, 6) => second >> 4 & 3,
        _ => return Ecn::NotEct,
    };
    match field {
        0 => Ecn::NotEct,
        3 => Ecn::Ce,
        _ => Ecn::Ect,
    }
}
