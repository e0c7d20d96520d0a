/// Packets and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Packets.
    pub packets: u64,
    /// Bytes of frames, link headers included.
    pub bytes: u64,
}

impl Count {
    /// Counts a packet of so many bytes.
    #[inline]
    pub fn count(&mut self, bytes: u32) {
        self.packets += 1;
        self.bytes += u64::from(bytes);
    }
}

/// What waits in a qdisc, in all qdiscs below it too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Packets.
    pub packets: u32,
    /// Bytes of frames, link headers included.
    pub bytes: u64,
}

impl Backlog {
    /// One packet more.
    #[inline]
    pub(crate) fn add(&mut self, len: u32) {
        self.packets += 1;
        self.bytes += u64::from(len);
    }

    /// One packet less.
    #[inline]
    pub(crate) fn take(&mut self, len: u32) {
        self.packets -= 1;
        self.bytes -= u64::from(len);
    }

    /// Follows a part of it that changed from `before` to `after`.
    #[inline]
    pub(crate) fn follow(&mut self, before: Backlog, after: Backlog) {
        self.packets = self.packets + after.packets - before.packets;
        self.bytes = self.bytes + after.bytes - before.bytes;
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.packets == 0
    }
}
