use crate::packet::{Address, DeviceId, Family, PacketInfo, Tuple};

/// What connection tracking says of a packet, for filters that ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CtInfo {
    /// The original direction's tuple of its connection.
    pub original: Tuple,
    /// As the flower filter's `ct_state`: bits of [`CtInfo::NEW`] and so on.
    pub state: u16,
    /// The connection's mark.
    pub mark: u32,
}

impl CtInfo {
    /// The first packets of a connection (`new`).
    pub const NEW: u16 = 1 << 0;
    /// Of a connection that has seen an answer (`est`).
    pub const ESTABLISHED: u16 = 1 << 1;
    /// Related to another connection (`rel`).
    pub const RELATED: u16 = 1 << 2;
    /// Tracked (`trk`).
    pub const TRACKED: u16 = 1 << 3;
    /// Of no connection that makes sense (`inv`).
    pub const INVALID: u16 = 1 << 4;
    /// Against the connection's first packet (`rpl`).
    pub const REPLY: u16 = 1 << 5;
}

/// Who a host class is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HostKey {
    /// An address, as a template's prefix length cuts it.
    Address(Family, Address),
    /// A group of hosts, by a number that the caller gives it.
    Group(u32),
}

/// A packet as traffic control sees it when it is offered: what filters match on. Of this only the token and a few numbers
/// are kept while it waits.
#[derive(Clone, Debug)]
pub struct Skb<'a> {
    /// The caller's name for it, given back when it leaves or is dropped.
    pub token: u64,
    /// Its bytes as far as they are known, from the link header on.
    pub data: &'a [u8],
    /// Where the network header begins in `data`.
    pub network_offset: u16,
    /// The frame's protocol: what lies at `network_offset`, an EtherType in host byte order.
    pub protocol: u16,
    /// Bytes of the frame, link header included: what rates and limits count.
    pub len: u32,
    /// What its headers say, if it is an IP packet.
    pub info: Option<&'a PacketInfo>,
    /// Its mark: filters read it, actions change it.
    pub mark: u32,
    /// Its priority: the class that it asks for, or the band by its lowest four bits; actions change it.
    pub priority: u32,
    /// The device that it came in by.
    pub input: Option<DeviceId>,
    /// What connection tracking says of it, if it was asked.
    pub ct: Option<CtInfo>,
    /// The inside host that it is from or for, for classes that are made for hosts.
    pub host: Option<HostKey>,
}

impl Skb<'_> {
    /// The minor number of the class that its priority names in a qdisc with that major number. One without a handle has no
    /// classes to be named; the kernel would take a plain priority for one there.
    pub(crate) fn class_of(&self, major: u16) -> Option<u32> {
        (major != 0 && self.priority >> 16 == u32::from(major)).then_some(self.priority & 0xffff)
    }
}
