//! Whole captures from a seed: the same options give the same bytes, on every machine and in every version.
//!
//! The packets are real. Headers, lengths and checksums are right for the full frame, of which the capture keeps the
//! first [`Options::snap_len`] bytes; TCP is a pair of ends that keep their sequence numbers, so that a strict window
//! tracker finds nothing to complain about. Memory is that of the connections under way, whatever the capture's size.

mod churn;
mod elephant;
mod exchange;
mod frame;
mod office;
mod places;
mod schedule;
mod sink;
mod talk;
mod tcp;
#[cfg(test)]
mod tests;

use crate::rng;

use std::{
    fmt,
    io::{self, Write},
    str::FromStr,
    time::Duration,
};

/// A mix of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 2,000 inside hosts, 50 packets a connection, Zipf's law for both: TCP with handshake and close, DNS, QUIC-like UDP,
    /// echo, a few errors, some connections from outside to inside and from inside to inside, a little that is not IP.
    Office,
    /// 50,000 inside hosts with connections of 2 to 4 packets each: scans, refusals, DNS, echo.
    Churn,
    /// 8 bulk transfers over TCP, in both directions, with full-sized segments.
    Elephant,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Office, Self::Churn, Self::Elephant];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Office => "office",
            Self::Churn => "churn",
            Self::Elephant => "elephant",
        })
    }
}

/// A name that is no [`Kind`]'s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownKind;

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a kind of traffic is one of office, churn, elephant")
    }
}

impl std::error::Error for UnknownKind {}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.to_string() == name).ok_or(UnknownKind)
    }
}

/// What capture to write. [`Options::new`] chooses everything that was not asked for by the number of packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The mix of traffic.
    pub kind: Kind,
    /// Packets in the file, exactly.
    pub packets: u64,
    /// Where the random numbers start.
    pub seed: u64,
    /// Bytes kept of each packet.
    pub snap_len: u32,
    /// Inside hosts that there are; with few packets not each of them will speak.
    pub hosts: u32,
    /// Connections opened, within a few per cent: the capture ends with its last packet.
    pub connections: u64,
    /// The time from the first packet to the last, within some tens of per cent.
    pub duration: Duration,
}

impl Options {
    /// A capture of `kind` in its usual proportions, cut at 96 bytes.
    ///
    /// 10 million packets make an office of 2,000 hosts and 200,000 connections in 10 minutes, a churn of 50,000 hosts and
    /// 4 million connections in 100 seconds, or 8 transfers in 100 seconds. Fewer packets make all of it smaller, down to
    /// 10 seconds of a 20-host office.
    pub fn new(kind: Kind, packets: u64, seed: u64) -> Self {
        let (hosts, connections, microseconds, shortest) = match kind {
            Kind::Office => ((packets / 500).clamp(20, 2_000), packets / 50, 60, 10),
            Kind::Churn => ((packets / 200).clamp(20, 50_000), packets * 2 / 5, 10, 1),
            Kind::Elephant => (8, 8, 10, 1),
        };
        let duration = Duration::from_micros(packets * microseconds).max(Duration::from_secs(shortest));
        Self { kind, packets, seed, snap_len: 96, hosts: hosts as u32, connections: connections.max(1), duration }
    }

    fn check(&self) -> io::Result<()> {
        let network = match self.kind {
            Kind::Office | Kind::Elephant => places::Network::Office,
            Kind::Churn => places::Network::Campus,
        };
        let refuse = |what| Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        if self.hosts == 0 || self.hosts > network.capacity() {
            return refuse(format!("{} hosts: there can be 1 to {}", self.hosts, network.capacity()));
        }
        if self.connections == 0 || self.snap_len == 0 {
            return refuse("connections and the snap length must not be zero".to_owned());
        }
        Ok(())
    }
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Packets in the file.
    pub packets: u64,
    /// Connections that were opened; ARP is none.
    pub connections: u64,
    /// Bytes of all frames on the wire, before they were cut.
    pub wire_bytes: u64,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// The time from the first packet to the last.
    pub duration: Duration,
}

/// Writes a capture: classic pcap, little endian, microseconds, Ethernet, each packet later than the one before it.
///
/// `out` needs no buffer of its own. `progress` is told the packets written so far, now and then and at the end.
///
/// # Errors
///
/// Those of `out`, and [`io::ErrorKind::InvalidInput`] for no or too many hosts, no connections, or a snap length of zero.
pub fn write(options: &Options, out: impl Write, progress: impl FnMut(u64)) -> io::Result<Summary> {
    options.check()?;
    let mut rng = rng::Rng::new(options.seed);
    let frame = frame::Frame::new(options.snap_len);
    let mut sink = sink::Sink::new(out, progress, options.packets, options.snap_len);
    match options.kind {
        Kind::Office => schedule::run(office::Office::new(options), &mut rng, frame, &mut sink)?,
        Kind::Churn => schedule::run(churn::Churn::new(options), &mut rng, frame, &mut sink)?,
        Kind::Elephant => schedule::run(elephant::Elephant::new(options), &mut rng, frame, &mut sink)?,
    }
    sink.finish()
}
