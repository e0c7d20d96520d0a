/// What a match that keeps tables says of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It matches.
    Matches,
    /// It does not.
    Differs,
    /// The match cannot tell, and the packet is dropped at once, whatever else the rules say (the kernel's `hotdrop`).
    HotDrop,
}

impl From<bool> for Outcome {
    fn from(matches: bool) -> Self {
        if matches { Outcome::Matches } else { Outcome::Differs }
    }
}
