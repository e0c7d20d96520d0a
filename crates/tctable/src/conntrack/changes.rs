use std::fmt;
use std::ops::{BitOr, BitOrAssign};

/// What happened to a connection, as a set: the kernel's events with its values (`enum ip_conntrack_events`).
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Changes(u16);

impl Changes {
    /// Nothing.
    pub const NONE: Changes = Changes(0);
    /// It is in the table since this packet.
    pub const NEW: Changes = Changes(1 << 0);
    /// The same, for one that another connection expected.
    pub const RELATED: Changes = Changes(1 << 1);
    /// It left the table.
    pub const DESTROY: Changes = Changes(1 << 2);
    /// The first answer came: its status changed.
    pub const REPLY: Changes = Changes(1 << 3);
    /// It became assured: its status changed.
    pub const ASSURED: Changes = Changes(1 << 4);
    /// Its protocol's state changed.
    pub const PROTOINFO: Changes = Changes(1 << 5);
    /// A helper was attached.
    pub const HELPER: Changes = Changes(1 << 6);
    /// Its mark changed.
    pub const MARK: Changes = Changes(1 << 7);
    /// Its labels changed.
    pub const LABEL: Changes = Changes(1 << 10);

    /// Everything.
    pub const ALL: Changes = Changes(0x4ff);
    /// What makes an event of a connection that is in the table and stays there: `conntrack -E -e UPDATES`.
    pub const UPDATES: Changes = Changes(0x4f8);

    const NAMES: [(Changes, &'static str); 9] = [
        (Changes::NEW, "new"),
        (Changes::RELATED, "related"),
        (Changes::DESTROY, "destroy"),
        (Changes::REPLY, "reply"),
        (Changes::ASSURED, "assured"),
        (Changes::PROTOINFO, "protoinfo"),
        (Changes::HELPER, "helper"),
        (Changes::MARK, "mark"),
        (Changes::LABEL, "label"),
    ];

    /// The changes that the kernel's bits name; bits of changes that are not here are left out.
    pub(crate) const fn from_bits(bits: u16) -> Changes {
        Changes(bits & Changes::ALL.0)
    }

    /// The bits as the kernel has them.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Whether nothing is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` is in the set.
    pub const fn contains(self, other: Changes) -> bool {
        self.0 & other.0 == other.0
    }

    /// The set where that is so, and an empty one where not; without a branch.
    pub(crate) const fn when(self, is: bool) -> Changes {
        Changes(self.0 * is as u16)
    }

    /// What is in both sets.
    pub const fn and(self, other: Changes) -> Changes {
        Changes(self.0 & other.0)
    }

    /// The names of what is in the set, as nftables' `ct event` has them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(bit, _)| self.contains(*bit)).map(|(_, name)| name)
    }
}

impl BitOr for Changes {
    type Output = Changes;

    fn bitor(self, other: Changes) -> Changes {
        Changes(self.0 | other.0)
    }
}

impl BitOrAssign for Changes {
    fn bitor_assign(&mut self, other: Changes) {
        self.0 |= other.0;
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}
