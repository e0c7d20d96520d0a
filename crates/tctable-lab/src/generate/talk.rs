//! What two ends say to each other, one packet at a time.

use super::{
    exchange::{Arp, Dns, Echo, Quic, Stray, Unreachable},
    frame::Frame,
    rng::Rng,
    tcp::Tcp,
};

/// A conversation that is under way.
pub(super) enum Talk {
    Tcp(Tcp),
    Dns(Dns),
    Quic(Quic),
    Echo(Echo),
    Unreachable(Unreachable),
    Stray(Stray),
    Arp(Arp),
}

impl Talk {
    /// Writes the next packet; returns the microseconds until the one after it, if there is one.
    pub(super) fn step(&mut self, now: u64, rng: &mut Rng, frame: &mut Frame) -> Option<u64> {
        match self {
            Self::Tcp(tcp) => tcp.step(now, rng, frame),
            Self::Dns(dns) => dns.step(frame),
            Self::Quic(quic) => quic.step(rng, frame),
            Self::Echo(echo) => echo.step(frame),
            Self::Unreachable(unreachable) => unreachable.step(frame),
            Self::Stray(stray) => stray.step(frame),
            Self::Arp(arp) => arp.step(frame),
        }
    }

    /// Whether a connection tracker would see one.
    pub(super) fn is_connection(&self) -> bool {
        !matches!(self, Self::Arp(_))
    }
}
