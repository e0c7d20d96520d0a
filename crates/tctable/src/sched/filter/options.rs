use super::basic::BasicOptions;
use super::flower::FlowerOptions;
use super::fw::FwOptions;
use super::matchall::MatchallOptions;
use super::rsvp::RsvpOptions;
use super::u32::U32Options;

/// A filter's kind with its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilterOptions {
    /// Any bits of the packet.
    U32(U32Options),
    /// The packet's mark; `None` is the form without options, for which the mark is the class.
    Fw(Option<FwOptions>),
    /// Every packet.
    Matchall(MatchallOptions),
    /// Header fields.
    Flower(Box<FlowerOptions>),
    /// An expression of ematches.
    Basic(BasicOptions),
    /// An RSVP session's packets (RFC 2205): the kind `rsvp`, or `rsvp6` for an IPv6 address.
    Rsvp(RsvpOptions),
    /// Of a kind that was registered with [`FilterKinds::register`](super::FilterKinds::register).
    Other {
        /// The kind's name.
        kind: Box<str>,
        /// What it makes its options of: the bytes of `TCA_OPTIONS`, say.
        options: Box<[u8]>,
    },
}

impl FilterOptions {
    /// The kind's name, as in `TCA_KIND`.
    pub fn kind(&self) -> &str {
        match self {
            FilterOptions::U32(_) => "u32",
            FilterOptions::Fw(_) => "fw",
            FilterOptions::Matchall(_) => "matchall",
            FilterOptions::Flower(_) => "flower",
            FilterOptions::Basic(_) => "basic",
            FilterOptions::Rsvp(options) if options.destination.is_ipv4() => "rsvp",
            FilterOptions::Rsvp(_) => "rsvp6",
            FilterOptions::Other { kind, .. } => kind,
        }
    }
}
