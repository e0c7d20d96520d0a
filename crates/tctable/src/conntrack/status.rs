use std::fmt;

/// The status bits of a connection, with the kernel's values (`enum ip_conntrack_status`).
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Status(u16);

impl Status {
    /// It was expected by another connection.
    pub const EXPECTED: Status = Status(1 << 0);
    /// Packets went both ways.
    pub const SEEN_REPLY: Status = Status(1 << 1);
    /// It must not be dropped early.
    pub const ASSURED: Status = Status(1 << 2);
    /// Its first packet has left; it is in the table.
    pub const CONFIRMED: Status = Status(1 << 3);
    /// Its sources are translated.
    pub const SRC_NAT: Status = Status(1 << 4);
    /// Its destinations are translated.
    pub const DST_NAT: Status = Status(1 << 5);
    /// Its TCP sequence numbers are adjusted.
    pub const SEQ_ADJUST: Status = Status(1 << 6);
    /// Source translation was set up.
    pub const SRC_NAT_DONE: Status = Status(1 << 7);
    /// Destination translation was set up.
    pub const DST_NAT_DONE: Status = Status(1 << 8);
    /// It was removed from the table.
    pub const DYING: Status = Status(1 << 9);
    /// Its timeout does not follow its packets.
    pub const FIXED_TIMEOUT: Status = Status(1 << 10);
    /// It is a template, not a connection.
    pub const TEMPLATE: Status = Status(1 << 11);
    /// It was inserted in spite of a clash with another one.
    pub const NAT_CLASH: Status = Status(1 << 12);
    /// A helper was attached.
    pub const HELPER: Status = Status(1 << 13);

    const NAMES: [(Status, &'static str); 14] = [
        (Status::EXPECTED, "EXPECTED"),
        (Status::SEEN_REPLY, "SEEN_REPLY"),
        (Status::ASSURED, "ASSURED"),
        (Status::CONFIRMED, "CONFIRMED"),
        (Status::SRC_NAT, "SRC_NAT"),
        (Status::DST_NAT, "DST_NAT"),
        (Status::SEQ_ADJUST, "SEQ_ADJUST"),
        (Status::SRC_NAT_DONE, "SRC_NAT_DONE"),
        (Status::DST_NAT_DONE, "DST_NAT_DONE"),
        (Status::DYING, "DYING"),
        (Status::FIXED_TIMEOUT, "FIXED_TIMEOUT"),
        (Status::TEMPLATE, "TEMPLATE"),
        (Status::NAT_CLASH, "NAT_CLASH"),
        (Status::HELPER, "HELPER"),
    ];

    /// It has an [`super::extension::Extension`]. The kernel has this bit for connections that its hardware handles.
    const EXTENDED: Status = Status(1 << 15);

    /// Packets went both ways, and no packet changes the status any more.
    pub(super) const SETTLED: Status = Status(Self::SEEN_REPLY.0 | Self::ASSURED.0);

    /// The bits as the kernel has them.
    pub const fn bits(self) -> u16 {
        self.0 & !Self::EXTENDED.0
    }

    /// Of a connection that is in a table; `None` for bits that none there has.
    pub(super) fn restored(bits: u16) -> Option<Status> {
        let known = Self::NAMES.iter().fold(0, |known, (bit, _)| known | bit.0);
        let never = Status::DYING.0 | Status::TEMPLATE.0;
        (bits & !known == 0 && bits & never == 0 && bits & Status::CONFIRMED.0 != 0).then_some(Status(bits))
    }

    pub(crate) const fn is_extended(self) -> bool {
        self.contains(Self::EXTENDED)
    }

    pub(super) fn set_extended(&mut self) {
        self.insert(Self::EXTENDED);
    }

    /// Whether all bits of `other` are set.
    pub const fn contains(self, other: Status) -> bool {
        self.0 & other.0 == other.0
    }

    /// Sets the bits of `other`.
    pub fn insert(&mut self, other: Status) {
        self.0 |= other.0;
    }

    /// The names of the bits that are set, lowest first.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(bit, _)| self.contains(*bit)).map(|(_, name)| name)
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}
