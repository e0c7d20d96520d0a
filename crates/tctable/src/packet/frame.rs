use super::address::Family;
use super::error::NotIp;
use super::info::PacketInfo;
use super::link::{ETHERTYPE_IPV4, ETHERTYPE_IPV6};
use crate::time::Instant;

/// What a frame begins with: the link layers that the engine can read.
///
/// The numbers in the comments are those of the link-layer header type registry that capture files use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkType {
    /// BSD loopback, address family in the byte order of the capturing host (0).
    Null,
    /// Ethernet, with any tags (1).
    Ethernet,
    /// A PPPoE session header (51).
    Pppoe,
    /// An IPv4 or IPv6 header, told apart by its version (101; also 12 and 14).
    Raw,
    /// OpenBSD loopback, address family in network byte order (108).
    Loop,
    /// Linux cooked capture, version 1 (113).
    LinuxSll,
    /// An IPv4 header (228).
    Ipv4,
    /// An IPv6 header (229).
    Ipv6,
    /// Linux cooked capture, version 2 (276).
    LinuxSll2,
}

/// A network device, or an interface of a capture, by its index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(pub u16);

/// Which way a frame crossed its device, where the source of frames knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FrameDirection {
    /// Not told.
    #[default]
    Unknown,
    /// The device received it.
    Inbound,
    /// The device sent it.
    Outbound,
}

/// One frame as it was seen on a device. It borrows its bytes; the engine copies nothing.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// When it was seen.
    pub time: Instant,
    /// Where it was seen.
    pub device: DeviceId,
    /// Which way it went there.
    pub direction: FrameDirection,
    /// What `data` begins with.
    pub link: LinkType,
    /// Bytes on the wire, at least `data.len()`: a capture may keep fewer.
    pub wire_len: u32,
    /// The bytes that were kept.
    pub data: &'a [u8],
}

impl Frame<'_> {
    /// Where the network header begins, and the EtherType of what lies there, by what was read of the frame.
    pub fn network(&self, read: Result<&PacketInfo, NotIp>) -> (u16, u16) {
        match read {
            Ok(info) => {
                let is_v4 = info.tuple.family == Family::V4;
                (info.network_offset, if is_v4 { ETHERTYPE_IPV4 } else { ETHERTYPE_IPV6 })
            }
            Err(error) => {
                let protocol = if let NotIp::Ethertype(ethertype) = error { ethertype } else { 0 };
                let header = match self.link {
                    LinkType::Ethernet => 14,
                    LinkType::LinuxSll => 16,
                    LinkType::LinuxSll2 => 20,
                    _ => 0,
                };
                (header, protocol)
            }
        }
    }
}
