use std::fmt;

/// What a packet is to its connection: `ctstate` in the words of iptables. With [`super::Direction`] it is the kernel's
/// ctinfo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CtState {
    /// It begins a connection, or nobody has answered yet.
    New,
    /// Packets went both ways before it, or it is the answer.
    Established,
    /// It belongs to another connection, such as an ICMP error.
    Related,
    /// No connection can be told from it, or its connection's tracker refused it.
    Invalid,
    /// It is not tracked.
    Untracked,
}

impl fmt::Display for CtState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CtState::New => "NEW",
            CtState::Established => "ESTABLISHED",
            CtState::Related => "RELATED",
            CtState::Invalid => "INVALID",
            CtState::Untracked => "UNTRACKED",
        })
    }
}
