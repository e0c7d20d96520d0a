use std::fmt;

use crate::conntrack::{ConnectionId, Direction};
use crate::packet::{Address, Family, Tuple};
use crate::time::{Duration, Instant};

/// What a helper may expect in one of its classes (`struct nf_conntrack_expect_policy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The class's name; empty for helpers with one class.
    pub name: &'static str,
    /// Expectations of the class that one master may have: one more takes the oldest one's place. 0 is no limit.
    pub max_expected: u32,
    /// How long they last.
    pub timeout: Duration,
}

/// Which part of the source counts. The destination always counts as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mask {
    /// The bits of the source address that count.
    pub source: Address,
    /// The bits of the source port that count.
    pub source_port: u16,
}

impl Mask {
    /// Any source.
    pub const ANY: Mask = Mask { source: Address::from_v6_bits(0), source_port: 0 };

    /// The bits of a whole address.
    pub const fn whole(family: Family) -> Address {
        match family {
            Family::V4 => Address::from_v4_bits(u32::MAX),
            Family::V6 => Address::from_v6_bits(u128::MAX),
        }
    }

    fn intersection(self, other: Mask) -> Mask {
        Mask { source: masked(self.source, other.source), source_port: self.source_port & other.source_port }
    }
}

fn masked(address: Address, mask: Address) -> Address {
    Address::from_v6_bits(address.bits() & mask.bits())
}

/// The flags of an expectation, with the kernel's values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(u8);

impl Flags {
    /// It stays when its connection comes.
    pub const PERMANENT: Flags = Flags(1 << 0);
    /// No connection is matched with it yet.
    pub const INACTIVE: Flags = Flags(1 << 1);

    const NAMES: [(Flags, &'static str); 2] = [(Flags::PERMANENT, "PERMANENT"), (Flags::INACTIVE, "INACTIVE")];

    /// The bits as the kernel has them.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Flags by their bits; `None` where there are others.
    pub(in crate::conntrack) const fn restored(bits: u8) -> Option<Flags> {
        let known = Flags::PERMANENT.0 | Flags::INACTIVE.0;
        if bits & !known == 0 { Some(Flags(bits)) } else { None }
    }

    /// Whether all bits of `other` are set.
    pub const fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// The bits of both.
    pub const fn union(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// The bits that are not in `other`.
    pub const fn without(self, other: Flags) -> Flags {
        Flags(self.0 & !other.0)
    }
}

/// In the words of `conntrack -L expect`: `PERMANENT,INACTIVE`; nothing where no bit is set.
impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = Self::NAMES.into_iter().filter(|(flag, _)| self.contains(*flag));
        set.enumerate().try_for_each(|(nth, (_, name))| write!(f, "{}{name}", if nth == 0 { "" } else { "," }))
    }
}

/// A connection that is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// Its first packet's tuple, as far as the mask counts it.
    pub tuple: Tuple,
    /// Which part of the source counts.
    pub mask: Mask,
    /// The connection that announced it.
    pub master: ConnectionId,
    /// The name of the helper that read the announcement.
    pub helper: &'static str,
    /// The transport protocol of that connection: a helper for TCP and one for UDP are two, also where they share a name.
    pub helper_protocol: u8,
    /// The number of its class among the helper's policies.
    pub class: u8,
    /// The policy of its class.
    pub policy: Policy,
    /// What is special about it.
    pub flags: Flags,
    /// The name of the helper that its connection gets.
    pub attach: Option<&'static str>,
    /// Which way its connection's first packet goes, seen from the master: address translation follows the master's
    /// other end.
    pub direction: Direction,
    /// Whether the expectation of the opposite direction goes when its connection comes: a connection that either end
    /// may begin is expected from both.
    pub either_way: bool,
    /// The master's zone.
    pub zone: u16,
    /// When it is no longer expected.
    pub deadline: Instant,
}

impl Expectation {
    /// Whether a packet with that tuple is what is expected.
    pub fn covers(&self, tuple: &Tuple, zone: u16) -> bool {
        self.zone == zone && same_under(&self.tuple, tuple, self.mask)
    }

    /// Whether some packet would be expected by both.
    pub(super) fn clashes(&self, other: &Expectation) -> bool {
        self.zone == other.zone && same_under(&self.tuple, &other.tuple, self.mask.intersection(other.mask))
    }

    /// Whether both expect the same packets.
    pub(super) fn expects_the_same(&self, other: &Expectation) -> bool {
        let whole = Mask { source: Mask::whole(Family::V6), source_port: u16::MAX };
        self.mask == other.mask && self.zone == other.zone && same_under(&self.tuple, &other.tuple, whole)
    }
}

/// Whether two tuples are the same but for the bits of the source that do not count.
fn same_under(one: &Tuple, other: &Tuple, mask: Mask) -> bool {
    one.destination == other.destination
        && one.destination_port == other.destination_port
        && one.protocol == other.protocol
        && one.family == other.family
        && masked(one.source, mask.source) == masked(other.source, mask.source)
        && one.source_port & mask.source_port == other.source_port & mask.source_port
}
