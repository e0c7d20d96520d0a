//! Random talks for a differential test of a connection tracker: structured, with real endpoints, and full of mischief.
//!
//! [`generate`] gives the packets of a run, the same for the same seed. Several talks go on at once. Ends keep real state,
//! so that a run reaches deep states and stays there, and at each step they may do the wrong thing instead: one off each
//! edge of a window, a reset that is not quite right, a quote of something that never was.
//!
//! [`shrink`] reduces a run that fails to the packets that matter; [`print()`] writes it as a test case.
//!
//! ```
//! use tctable_lab::talks::{self, Kind};
//!
//! let steps = talks::generate(Kind::Tcp, 1, 500);
//! let last = steps.last().unwrap().clone();
//! let shrunk = talks::shrink(steps, |steps| steps.contains(&last));
//! assert_eq!(shrunk, [last]);
//! println!("{}", talks::print(&shrunk));
//! ```

mod checksums;
mod describe;
mod edit;
mod fragments;
mod generic;
mod gre;
mod helpers;
mod icmp;
mod places;
mod print;
mod sctp;
mod shrink;
mod tape;
mod tcp;
#[cfg(test)]
mod tests;
mod udp;

pub use describe::describe;
pub use print::{print, steps};
pub use shrink::shrink;

use std::{fmt, str::FromStr};

use crate::{rng::Rng, step::Step};
use tape::Tape;

/// What a run is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// TCP connections: see the crate's tests for the states that they reach.
    Tcp,
    /// UDP: unreplied, replied, streams, wrong lengths.
    Udp,
    /// ICMP and ICMPv6: queries and replies, and errors about TCP, UDP and other ICMP that goes on beside them.
    Icmp,
    /// SCTP associations.
    Sctp,
    /// GRE, versions 0 and 1.
    Gre,
    /// UDP-Lite.
    UdpLite,
    /// Protocols without a tracker of their own, and chains of IPv6 extension headers.
    Generic,
    /// Fragments of UDP, TCP and ICMP.
    Fragments,
    /// Everything but fragments, with a bit of a transport checksum flipped now and then.
    Checksums,
    /// FTP, TFTP, IRC, SIP and PPTP, with the connections that they announce.
    Helpers,
    /// All the others at once.
    Mixed,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Tcp,
        Self::Udp,
        Self::Icmp,
        Self::Sctp,
        Self::Gre,
        Self::UdpLite,
        Self::Generic,
        Self::Fragments,
        Self::Checksums,
        Self::Helpers,
        Self::Mixed,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::Sctp => "sctp",
            Self::Gre => "gre",
            Self::UdpLite => "udplite",
            Self::Generic => "generic",
            Self::Fragments => "fragments",
            Self::Checksums => "checksums",
            Self::Helpers => "helpers",
            Self::Mixed => "mixed",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is no [`Kind`]'s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownKind;

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a kind of talk is one of")?;
        Kind::ALL.iter().try_for_each(|kind| write!(f, " {kind}"))
    }
}

impl std::error::Error for UnknownKind {}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or(UnknownKind)
    }
}

/// Something that goes on between two hosts, a few packets at a time.
trait Talk {
    /// Sends what comes next, mostly one packet, and says whether there is more to come.
    fn step(&mut self, rng: &mut Rng, tape: &mut Tape) -> bool;
}

/// Talks that go on at once.
const AT_ONCE: usize = 8;
/// Steps after which a talk is given up; none is that long.
const LONGEST: usize = 4_000;

/// The packets of a run: exactly that many, the same for the same kind and seed in every build.
///
/// A longer run begins with the packets of a shorter one.
pub fn generate(kind: Kind, seed: u64, packets: usize) -> Vec<Step> {
    let mut rng = Rng::new(seed);
    let mut tape = Tape::default();
    let mut talks: Vec<(Box<dyn Talk>, usize)> = Vec::new();
    let mut last = 0;
    while tape.len() < packets {
        if talks.len() < AT_ONCE {
            talks.push((begin(kind, &mut rng), 0));
        }
        // The talk that spoke last goes on more often than not: an exchange is rarely cut into by all the others.
        if last >= talks.len() || rng.percent(40) {
            last = rng.below(talks.len() as u64) as usize;
        }
        let (talk, steps) = &mut talks[last];
        *steps += 1;
        if !talk.step(&mut rng, &mut tape) || *steps > LONGEST {
            talks.swap_remove(last);
        }
    }
    tape.into_steps(packets)
}

/// A new talk for a run of that kind.
fn begin(kind: Kind, rng: &mut Rng) -> Box<dyn Talk> {
    match kind {
        Kind::Tcp => Box::new(tcp::Line::new(rng)),
        Kind::Udp => Box::new(udp::Udp::new(rng)),
        // A TCP talk is much longer than the others.
        Kind::Icmp => match rng.below(20) {
            0 => Box::new(tcp::Line::new(rng)),
            1..8 => Box::new(udp::Udp::new(rng)),
            8..14 => Box::new(icmp::Queries::new(rng)),
            _ => Box::new(icmp::Errors::new(rng)),
        },
        Kind::Sctp => Box::new(sctp::Association::new(rng)),
        Kind::Gre => Box::new(gre::Gre::new(rng)),
        Kind::UdpLite => Box::new(udp::Udp::lite(rng)),
        Kind::Generic => Box::new(generic::Generic::new(rng)),
        Kind::Fragments => Box::new(fragments::Fragments::new(rng)),
        Kind::Checksums => {
            let kind = rng.pick(&[Kind::Tcp, Kind::Udp, Kind::Icmp, Kind::Sctp, Kind::UdpLite]);
            Box::new(checksums::Flipping::new(begin(kind, rng)))
        }
        Kind::Helpers => helpers::begin(rng),
        Kind::Mixed => {
            // By how long their talks are, so that no protocol is left with a handful of packets.
            let kind = rng.weighted(&[
                (2, Kind::Tcp),
                (8, Kind::Udp),
                (10, Kind::Icmp),
                (5, Kind::Sctp),
                (8, Kind::Gre),
                (6, Kind::UdpLite),
                (8, Kind::Generic),
                (5, Kind::Fragments),
                (4, Kind::Checksums),
                (3, Kind::Helpers),
            ]);
            begin(kind, rng)
        }
    }
}
