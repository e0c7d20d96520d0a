use super::timeouts::Millis;

/// What a protocol's tracker decides on a packet of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It counts, and the connection lives that long from now on.
    Accept(Millis),
    /// It passes, but neither counts nor keeps the connection alive.
    Ignore,
    /// It counts, and ends the connection.
    Kill,
    /// It begins a new connection in the place of this one.
    Reopen,
    /// It does not belong here.
    Invalid,
    /// It does not belong here, and the connection lives no longer than that from now on.
    InvalidShorten(Millis),
}
