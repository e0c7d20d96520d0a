use std::mem::offset_of;

use super::gre::Gre;
use super::sctp::{Sctp, SctpState};
use super::status::Status;
use super::tcp::{Tcp, TcpInfo, TcpState};
use super::timeouts::Millis;
use crate::packet::{Address, Tuple, protocol};
use crate::table::prefetch;
use crate::time::{Duration, Instant, TimerPosition};

/// The direction of a packet within its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Direction {
    /// As the first packet.
    Original = 0,
    /// Against the first packet.
    Reply = 1,
}

impl Direction {
    /// The other one.
    pub const fn opposite(self) -> Direction {
        match self {
            Direction::Original => Direction::Reply,
            Direction::Reply => Direction::Original,
        }
    }
}

/// Packets and the bytes of their IP packets, headers included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Counter {
    /// Counts one packet.
    #[inline]
    pub fn count(&mut self, bytes: u32) {
        self.packets += 1;
        self.bytes += u64::from(bytes);
    }
}

impl std::ops::AddAssign for Counter {
    fn add_assign(&mut self, other: Counter) {
        self.packets += other.packets;
        self.bytes += other.bytes;
    }
}

/// Ten bytes on each connection for whoever accounts it; the tracker never looks at them. All zero at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cookie(pub [u16; 5]);

impl Cookie {
    /// Nothing is kept.
    pub const NONE: Cookie = Cookie([0; 5]);
}

/// What a protocol's tracker keeps between packets.
#[derive(Clone, Copy, Debug)]
pub(super) enum Protocol {
    Tcp(Tcp),
    /// UDP needs no more than the time of its first packet.
    Udp,
    UdpLite,
    Sctp(Sctp),
    Gre(Gre),
    Icmp,
    Generic,
}

impl Protocol {
    /// Whether two first packets of one connection may be on their road at once without one being lost.
    pub(super) fn allows_clash(&self) -> bool {
        !matches!(self, Protocol::Tcp(_) | Protocol::Sctp(_) | Protocol::Generic)
    }
}

/// A tracked connection.
///
/// What is looked at when its time is over lies together at its end.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Connection {
    /// Written at packet time, by `track`.
    pub(super) counters: [Counter; 2],
    pub(super) first: Instant,
    /// Written by the tracker alone.
    pub(super) protocol: Protocol,
    /// The time of the last packet that counted; the deadline is this plus the timeout.
    pub(super) last: Instant,
    /// Written once, by the first packet.
    pub(super) original: Tuple,
    /// In milliseconds.
    pub(super) timeout: u32,
    /// Where the wheel has it; its owner is the table.
    pub(super) timer: TimerPosition,
    pub(super) mark: u32,
    pub(super) status: Status,
    pub(super) cookie: Cookie,
}

impl Connection {
    /// The tuple of the original direction.
    pub fn original(&self) -> &Tuple {
        &self.original
    }

    /// The tuple of the reply direction.
    pub fn reply(&self) -> Tuple {
        // A tuple without an inverse never becomes a connection.
        self.original.inverted().unwrap_or(self.original)
    }

    /// The counters of one direction.
    pub fn counter(&self, direction: Direction) -> Counter {
        self.counters[direction as usize]
    }

    /// The status bits.
    pub fn status(&self) -> Status {
        self.status
    }

    /// The TCP state; `None` for other protocols.
    pub fn tcp_state(&self) -> Option<TcpState> {
        match &self.protocol {
            Protocol::Tcp(tcp) => Some(tcp.state()),
            _ => None,
        }
    }

    /// What is known of a TCP connection; `None` for other protocols.
    pub fn tcp(&self) -> Option<TcpInfo> {
        match &self.protocol {
            Protocol::Tcp(tcp) => Some(tcp.info()),
            _ => None,
        }
    }

    /// The SCTP state; `None` for other protocols.
    pub fn sctp_state(&self) -> Option<SctpState> {
        match &self.protocol {
            Protocol::Sctp(sctp) => Some(sctp.state()),
            _ => None,
        }
    }

    /// The SCTP verification tag that packets of a direction carry, zero while it is not known; `None` for other protocols.
    pub fn sctp_tag(&self, direction: Direction) -> Option<u32> {
        match &self.protocol {
            Protocol::Sctp(sctp) => Some(sctp.tag(direction)),
            _ => None,
        }
    }

    /// How long a GRE connection lives after a packet, without an answer and with one; `None` for other protocols.
    pub fn gre_timeouts(&self) -> Option<[Duration; 2]> {
        match &self.protocol {
            Protocol::Gre(gre) => Some(gre.timeouts().map(|millis| Duration::from_millis(u64::from(millis.0)))),
            _ => None,
        }
    }

    /// Its protocol's state as a number, to tell whether it changed.
    #[inline(always)]
    pub(super) fn protocol_state(&self) -> u8 {
        match &self.protocol {
            Protocol::Tcp(tcp) => tcp.state() as u8,
            Protocol::Sctp(sctp) => sctp.state() as u8,
            _ => 0,
        }
    }

    /// Its mark: a number that rules may set and match (`ct mark`), 0 at first.
    pub fn mark(&self) -> u32 {
        self.mark
    }

    /// Its zone: connections of different zones have nothing to do with each other, whatever their addresses.
    pub fn zone(&self) -> u16 {
        self.original.zone
    }

    /// The name of its protocol in `conntrack -L`: `unknown` for those without a tracker of their own.
    pub fn protocol_name(&self) -> &'static str {
        match (&self.protocol, self.original.protocol) {
            (Protocol::Tcp(_), _) => "tcp",
            (Protocol::Udp, _) => "udp",
            (Protocol::UdpLite, _) => "udplite",
            (Protocol::Sctp(_), _) => "sctp",
            (Protocol::Gre(_), _) => "gre",
            (Protocol::Icmp, protocol::ICMPV6) => "icmpv6",
            (Protocol::Icmp, _) => "icmp",
            // It has no tracker, but a name.
            (Protocol::Generic, protocol::DCCP) => "dccp",
            (Protocol::Generic, _) => "unknown",
        }
    }

    /// When its first packet was seen.
    pub fn first_seen(&self) -> Instant {
        self.first
    }

    /// When its last packet that counted was seen.
    pub fn last_seen(&self) -> Instant {
        self.last
    }

    /// When it ends unless a packet comes.
    #[inline]
    pub fn deadline(&self) -> Instant {
        self.last + Duration::from_millis(u64::from(self.timeout))
    }

    /// What whoever accounts it keeps on it.
    pub fn cookie(&self) -> Cookie {
        self.cookie
    }

    /// Asks for its cache lines, three or four: no line lies between two of these fields (see the end of this file).
    #[inline]
    pub(super) fn prefetch(&self) {
        let Connection { counters, protocol, original, cookie: Cookie([.., end]), .. } = self;
        prefetch(counters);
        prefetch(protocol);
        prefetch(original);
        prefetch(end);
    }

    /// Asks for those of them that are looked at when its time is over: two at most.
    #[inline]
    pub(super) fn prefetch_deadline(&self) {
        let Connection { last, cookie: Cookie([.., end]), .. } = self;
        prefetch(last);
        prefetch(end);
    }

    /// The direction of a packet with that tuple, if it is one of this connection's.
    ///
    /// Which of the two it is cannot be foreseen, so both are compared, without a branch between them.
    #[inline(always)]
    pub(super) fn direction_of(&self, tuple: &Tuple) -> Option<Direction> {
        if tuple.is_icmp() {
            return self.direction_of_icmp(tuple);
        }
        let ours = &self.original;
        let differ = |address: Address, other: Address| (address.high ^ other.high) | (address.low ^ other.low);
        let along = differ(ours.source, tuple.source)
            | differ(ours.destination, tuple.destination)
            | (ours.small() ^ tuple.small());
        let against = differ(ours.source, tuple.destination)
            | differ(ours.destination, tuple.source)
            | (ours.small() ^ tuple.small_against());
        // Zero where it fits either way: of two comparisons a compiler makes two branches.
        if u128::from(along) * u128::from(against) != 0 {
            return None;
        }
        // An address that talks to itself over one port fits both ways: the kernel finds the reply's tuple first.
        Some(if against == 0 { Direction::Reply } else { Direction::Original })
    }

    #[inline(never)]
    fn direction_of_icmp(&self, tuple: &Tuple) -> Option<Direction> {
        if self.original == *tuple {
            return Some(Direction::Original);
        }
        let answers = tuple.inverted().is_some_and(|inverted| inverted == self.original);
        answers.then_some(Direction::Reply)
    }

    /// Counts a packet and moves the deadline, unless that is fixed.
    #[inline(always)]
    pub(super) fn refresh(&mut self, now: Instant, direction: Direction, bytes: u32, timeout: Millis) {
        self.counters[direction as usize].count(bytes);
        if !self.status.contains(Status::FIXED_TIMEOUT) {
            self.last = now;
            self.timeout = timeout.0;
        }
    }

    /// Moves the deadline to `timeout` from now, if it lies after that.
    #[cold]
    pub(super) fn shorten(&mut self, now: Instant, timeout: Millis) {
        let deadline = now + Duration::from_millis(u64::from(timeout.0));
        if self.deadline() > deadline {
            self.timeout = Millis::from(deadline - self.last).0;
        }
    }
}

const _: () = assert!(size_of::<Connection>() == 168);

/// The fields that [`Connection::prefetch`] names, from the first to the last byte, are nowhere farther apart than a line.
const _: () = {
    let lasts = offset_of!(Connection, cookie) + size_of::<Cookie>() - size_of::<u16>();
    let fields = [0, offset_of!(Connection, protocol), offset_of!(Connection, original), lasts];
    assert!(offset_of!(Connection, counters) == 0 && lasts + size_of::<u16>() == size_of::<Connection>());
    assert!(fields[1] <= 64 && fields[2] - fields[1] <= 64 && fields[3] - fields[2] <= 64);
    // From an eighth byte on: never in three lines.
    assert!(size_of::<Connection>() - offset_of!(Connection, last) <= 72);
};
