//! A packet's step through conntrack at PREROUTING.

use super::connection::{Connection, Cookie, Direction, Protocol};
use super::state::CtState;
use super::status::Status;
use super::table::{Conntrack, EndReason};
use super::tcp::{self, Tcp, Verdict};
use super::timeouts::{Millis, Ready};
use super::{generic, icmp, udp};
use crate::packet::{Packet, PacketInfo, TcpHeader, Transport, Tuple, quoted_tuple};
use crate::table::Hash;
use crate::time::{Instant, TimerPosition};

/// A connection that begins with the packet that carries it. It is not in the table; dropping it leaves no trace.
#[derive(Debug)]
pub(crate) struct Unconfirmed {
    pub(super) connection: Connection,
    pub(super) hash: Hash,
    /// The connections that had been confirmed when this one began.
    pub(super) begun_at: u64,
}

impl Unconfirmed {
    /// Sets what whoever accounts the connection keeps on it.
    pub(crate) fn set_cookie(&mut self, cookie: Cookie) {
        self.connection.cookie = cookie;
    }
}

/// What a packet has to do with the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attached {
    /// Nothing.
    None,
    /// It belongs to a connection in the table, by its place; that may have ended with this packet.
    Confirmed(u32),
    /// No connection has its tuple: [`Conntrack::begin`] is to be asked for a new one.
    New,
}

/// The outcome of [`Conntrack::track`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tracked {
    /// What the packet is to its connection.
    pub(crate) state: CtState,
    /// Its direction, where it has a connection.
    pub(crate) direction: Direction,
    /// Its connection.
    pub(crate) attached: Attached,
    /// What is kept on its connection.
    pub(crate) cookie: Cookie,
}

impl Tracked {
    /// No connection can be told from it.
    pub(crate) const INVALID: Tracked = Tracked {
        state: CtState::Invalid,
        direction: Direction::Original,
        attached: Attached::None,
        cookie: Cookie::NONE,
    };
    const UNTRACKED: Tracked = Tracked { state: CtState::Untracked, ..Tracked::INVALID };
    const NEW: Tracked = Tracked { state: CtState::New, attached: Attached::New, ..Tracked::INVALID };
}

/// Why no connection begins with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// None begins like that.
    Invalid,
    /// The table holds `max` connections: the packet is to be dropped (`nf_conntrack: table full, dropping packet`).
    Full,
}

impl Conntrack {
    /// Finds a packet's connection, judges and counts the packet. `likely` is a guess at the connection's place
    /// ([`Conntrack::likely`]); a wrong one costs a search, nothing else.
    #[inline(always)]
    pub(crate) fn track(&mut self, now: Instant, packet: Packet<'_>, hash: Hash, likely: Option<u32>) -> Tracked {
        let info = packet.info;
        match &info.transport {
            Transport::Tcp(header) if !tcp::is_sane(header) => return self.invalid(),
            Transport::Tcp(_) | Transport::Udp | Transport::IcmpQuery | Transport::Generic => {}
            Transport::Invalid(_) => return self.invalid(),
            Transport::IcmpError => return self.track_error(now, packet),
            Transport::Untracked | Transport::Fragment => {
                self.statistics.ignore += 1;
                return Tracked::UNTRACKED;
            }
        }
        let guessed = match likely {
            Some(place) => self.live_direction(place, &info.tuple).map(|direction| (place, direction)),
            None => None,
        };
        let found = if guessed.is_some() { guessed } else { self.find(hash, &info.tuple) };
        match found {
            Some((place, direction)) => self.follow(now, info, place, direction),
            None => Tracked::NEW,
        }
    }

    #[cold]
    fn invalid(&mut self) -> Tracked {
        self.statistics.invalid += 1;
        Tracked::INVALID
    }

    /// A packet of a connection in the table.
    #[inline(always)]
    fn follow(&mut self, now: Instant, info: &PacketInfo, place: u32, direction: Direction) -> Tracked {
        let connection = &mut self.slab[place];
        let deadline = connection.deadline();
        if deadline <= now {
            // The wheel has not come round to it, but its time is over.
            self.end(place, deadline, EndReason::Timeout);
            return Tracked::NEW;
        }
        let replied = connection.status.contains(Status::SEEN_REPLY) | (direction == Direction::Reply);
        let state = if replied { CtState::Established } else { CtState::New };
        let cookie = connection.cookie;
        let tracked = Tracked { state, direction, attached: Attached::Confirmed(place), cookie };
        let mut nearer = false;
        match judge(connection, info, direction, now, &self.timeouts) {
            Verdict::Accept(timeout) => {
                let shorter = timeout.0 < connection.timeout;
                connection.refresh(now, direction, info.ip_len, timeout);
                nearer = shorter && connection.deadline() < deadline;
            }
            Verdict::Ignore => {}
            Verdict::Kill => {
                connection.refresh(now, direction, info.ip_len, Millis(0));
                self.end(place, now, EndReason::Reset);
                return tracked;
            }
            Verdict::Reopen => {
                self.end(place, now, EndReason::Reopened);
                return Tracked::NEW;
            }
            Verdict::Invalid => return self.invalid(),
        }
        if replied {
            connection.status.insert(Status::SEEN_REPLY);
        }
        if nearer {
            self.refile(place);
        }
        tracked
    }

    /// The connection that begins with a packet.
    ///
    /// # Errors
    /// [`Refused`]
    pub(crate) fn begin(&mut self, now: Instant, info: &PacketInfo, hash: Hash) -> Result<Unconfirmed, Refused> {
        let protocol = match &info.transport {
            Transport::Tcp(header) => Tcp::begin(header, self.config.tcp_loose).map(Protocol::Tcp),
            Transport::Udp => Some(Protocol::Udp),
            Transport::IcmpQuery if icmp::opens(&info.tuple) => Some(Protocol::Icmp),
            Transport::Generic => Some(Protocol::Generic),
            _ => None,
        };
        let Some(protocol) = protocol else {
            self.invalid();
            return Err(Refused::Invalid);
        };
        if self.config.max != 0 && self.count() >= self.config.max as usize {
            self.statistics.drop += 1;
            return Err(Refused::Full);
        }
        let mut connection = Connection {
            original: info.tuple,
            counters: Default::default(),
            last: now,
            first: now,
            timeout: 0,
            timer: TimerPosition::NONE,
            status: Status::default(),
            cookie: Cookie::default(),
            protocol,
        };
        let verdict = judge(&mut connection, info, Direction::Original, now, &self.timeouts);
        let Verdict::Accept(timeout) = verdict else {
            self.invalid();
            return Err(Refused::Invalid);
        };
        connection.refresh(now, Direction::Original, info.ip_len, timeout);
        Ok(Unconfirmed { connection, hash, begun_at: self.statistics.insert })
    }

    /// An ICMP error is related to the connection of the packet that it quotes, against that packet's direction. It
    /// must go to where the quoted packet came from. It does not count for the connection.
    #[cold]
    fn track_error(&mut self, now: Instant, packet: Packet<'_>) -> Tracked {
        let about = quoted_tuple(packet).and_then(|quoted| {
            let answer = quoted.inverted()?;
            let (place, direction) = self.find(self.hash(&answer), &answer)?;
            let live = self.slab[place].deadline() > now;
            (live && packet.info.tuple.destination == answer.destination).then_some((place, direction))
        });
        match about {
            Some((place, direction)) => {
                let cookie = self.slab[place].cookie;
                Tracked { state: CtState::Related, direction, attached: Attached::Confirmed(place), cookie }
            }
            None => self.invalid(),
        }
    }

    #[inline(always)]
    fn live_direction(&self, place: u32, tuple: &Tuple) -> Option<Direction> {
        let connection = &self.slab[place];
        if connection.status.contains(Status::DYING) { None } else { connection.direction_of(tuple) }
    }
}

/// The protocol's tracker's judgement.
#[inline(always)]
fn judge(
    connection: &mut Connection,
    info: &PacketInfo,
    direction: Direction,
    now: Instant,
    timeouts: &Ready,
) -> Verdict {
    if let Protocol::Tcp(state) = &mut connection.protocol {
        return match &info.transport {
            Transport::Tcp(header) => {
                state.packet(&mut connection.status, direction, header, data_len(info, header), timeouts)
            }
            _ => Verdict::Invalid,
        };
    }
    if let Protocol::Udp = connection.protocol {
        return Verdict::Accept(udp::packet(connection, now, timeouts));
    }
    Verdict::Accept(match connection.protocol {
        Protocol::Icmp => icmp::timeout(&connection.original, timeouts),
        _ => generic::timeout(timeouts),
    })
}

/// The bytes of data in a TCP segment.
#[inline]
fn data_len(info: &PacketInfo, header: &TcpHeader) -> u32 {
    let headers = u32::from(info.transport_offset - info.network_offset) + u32::from(header.header_len);
    info.ip_len.saturating_sub(headers)
}
