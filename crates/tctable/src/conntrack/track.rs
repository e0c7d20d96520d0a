//! A packet's step through conntrack at PREROUTING.

use super::connection::{Connection, Cookie, Direction, Protocol};
use super::state::CtState;
use super::status::Status;
use super::table::{Conntrack, EndReason, TableFull};
use super::tcp::{self, Tcp, Verdict};
use super::{generic, icmp, udp};
use crate::packet::{Packet, PacketInfo, TcpHeader, Transport, Tuple, quoted_tuple};
use crate::table::Hash;
use crate::time::{Instant, TimerPosition};

/// A connection that begins with the packet that carries it. It is not in the table; dropping it leaves no trace.
#[derive(Debug)]
pub struct Unconfirmed {
    pub(super) connection: Connection,
    pub(super) hash: Hash,
}

impl Unconfirmed {
    /// The connection as it stands after the packet.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Sets what whoever accounts the connection keeps on it.
    pub fn set_cookie(&mut self, cookie: Cookie) {
        self.connection.cookie = cookie;
    }
}

/// What a packet has to do with the table.
#[derive(Debug)]
pub enum Attached {
    /// Nothing.
    None,
    /// A connection in the table, by its place; it may have ended with this packet.
    Confirmed(u32),
    /// A connection that begins with this packet.
    New(Unconfirmed),
}

/// The outcome of [`Conntrack::track`].
#[derive(Debug)]
pub struct Tracked {
    /// What the packet is to its connection.
    pub state: CtState,
    /// Its direction, where it has a connection.
    pub direction: Direction,
    /// Its connection.
    pub attached: Attached,
}

impl Tracked {
    const INVALID: Tracked =
        Tracked { state: CtState::Invalid, direction: Direction::Original, attached: Attached::None };
    const UNTRACKED: Tracked = Tracked { state: CtState::Untracked, ..Tracked::INVALID };
}

impl Conntrack {
    /// Finds or begins a packet's connection, judges and counts the packet. `likely` is a guess at the connection's
    /// place ([`Conntrack::look_ahead`]); a wrong one costs a search, nothing else.
    ///
    /// # Errors
    /// [`TableFull`]: the packet is to be dropped.
    #[inline]
    pub(crate) fn track(
        &mut self,
        now: Instant,
        packet: &Packet<'_>,
        hash: Hash,
        likely: Option<u32>,
    ) -> Result<Tracked, TableFull> {
        let info = &packet.info;
        let sane = match &info.transport {
            Transport::Tcp(header) => tcp::is_sane(header),
            Transport::Udp | Transport::IcmpQuery | Transport::Generic => true,
            Transport::Invalid(_) => false,
            Transport::IcmpError => return Ok(self.track_error(now, packet)),
            Transport::Untracked | Transport::Fragment => {
                self.statistics.ignore += 1;
                return Ok(Tracked::UNTRACKED);
            }
        };
        let tracked = if sane { self.track_sane(now, info, hash, likely)? } else { None };
        Ok(tracked.unwrap_or_else(|| {
            self.statistics.invalid += 1;
            Tracked::INVALID
        }))
    }

    #[inline]
    fn track_sane(
        &mut self,
        now: Instant,
        info: &PacketInfo,
        hash: Hash,
        likely: Option<u32>,
    ) -> Result<Option<Tracked>, TableFull> {
        let found = match likely.and_then(|place| Some((place, self.live_direction(place, &info.tuple)?))) {
            Some(found) => Some(found),
            None => self.find(hash, &info.tuple),
        };
        match found {
            Some((place, _)) if self.slab[place].deadline() <= now => {
                // The wheel has not come round to it, but its time is over.
                let deadline = self.slab[place].deadline();
                self.end(place, deadline, EndReason::Timeout);
                self.begin(now, info, hash)
            }
            Some((place, direction)) => self.follow(now, info, hash, place, direction),
            None => self.begin(now, info, hash),
        }
    }

    /// A packet of a connection in the table.
    #[inline]
    fn follow(
        &mut self,
        now: Instant,
        info: &PacketInfo,
        hash: Hash,
        place: u32,
        direction: Direction,
    ) -> Result<Option<Tracked>, TableFull> {
        let connection = &mut self.slab[place];
        let state = match direction {
            Direction::Original if !connection.status.contains(Status::SEEN_REPLY) => CtState::New,
            _ => CtState::Established,
        };
        match judge(connection, info, direction, now, &self.config.timeouts) {
            Verdict::Accept(timeout) => connection.refresh(now, direction, info.ip_len, timeout),
            Verdict::Ignore => {}
            Verdict::Kill => {
                connection.refresh(now, direction, info.ip_len, self.config.timeouts.tcp_close);
                self.end(place, now, EndReason::Reset);
                return Ok(Some(Tracked { state, direction, attached: Attached::Confirmed(place) }));
            }
            Verdict::Reopen => {
                self.end(place, now, EndReason::Reopened);
                return self.begin(now, info, hash);
            }
            Verdict::Invalid => return Ok(None),
        }
        if direction == Direction::Reply {
            connection.status.insert(Status::SEEN_REPLY);
        }
        Ok(Some(Tracked { state, direction, attached: Attached::Confirmed(place) }))
    }

    /// A packet without a connection in the table.
    fn begin(&mut self, now: Instant, info: &PacketInfo, hash: Hash) -> Result<Option<Tracked>, TableFull> {
        let Some(protocol) = self.protocol(info) else { return Ok(None) };
        if self.count() >= self.config.max as usize {
            self.statistics.drop += 1;
            return Err(TableFull);
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
        let verdict = judge(&mut connection, info, Direction::Original, now, &self.config.timeouts);
        let Verdict::Accept(timeout) = verdict else { return Ok(None) };
        connection.refresh(now, Direction::Original, info.ip_len, timeout);
        Ok(Some(Tracked {
            state: CtState::New,
            direction: Direction::Original,
            attached: Attached::New(Unconfirmed { connection, hash }),
        }))
    }

    /// The tracker of a connection that begins with that packet; `None` where none does.
    fn protocol(&self, info: &PacketInfo) -> Option<Protocol> {
        match &info.transport {
            Transport::Tcp(header) => Some(Protocol::Tcp(Tcp::begin(header, self.config.tcp_loose)?)),
            Transport::Udp => Some(Protocol::Udp),
            Transport::IcmpQuery if icmp::opens(&info.tuple) => Some(Protocol::Icmp),
            Transport::Generic => Some(Protocol::Generic),
            _ => None,
        }
    }

    /// An ICMP error is related to the connection of the packet that it quotes, against that packet's direction. It
    /// must go to where the quoted packet came from. It does not count for the connection.
    fn track_error(&mut self, now: Instant, packet: &Packet<'_>) -> Tracked {
        let about = quoted_tuple(packet).and_then(|quoted| {
            let answer = quoted.inverted()?;
            let (place, direction) = self.find(self.hash(&answer), &answer)?;
            let live = self.slab[place].deadline() > now;
            (live && packet.info.tuple.destination == answer.destination).then_some((place, direction))
        });
        match about {
            Some((place, direction)) => {
                Tracked { state: CtState::Related, direction, attached: Attached::Confirmed(place) }
            }
            None => {
                self.statistics.invalid += 1;
                Tracked::INVALID
            }
        }
    }

    #[inline]
    fn live_direction(&self, place: u32, tuple: &Tuple) -> Option<Direction> {
        let connection = &self.slab[place];
        if connection.status.contains(Status::DYING) { None } else { connection.direction_of(tuple) }
    }
}

/// The protocol's tracker's judgement.
#[inline]
fn judge(
    connection: &mut Connection,
    info: &PacketInfo,
    direction: Direction,
    now: Instant,
    timeouts: &super::Timeouts,
) -> Verdict {
    match (&mut connection.protocol, &info.transport) {
        (Protocol::Tcp(state), Transport::Tcp(header)) => {
            state.packet(&mut connection.status, direction, header, data_len(info, header), timeouts)
        }
        (Protocol::Udp, _) => Verdict::Accept(udp::packet(connection, now, timeouts)),
        (Protocol::Icmp, _) => Verdict::Accept(icmp::timeout(&connection.original, timeouts)),
        (Protocol::Generic, _) => Verdict::Accept(generic::timeout(timeouts)),
        (Protocol::Tcp(_), _) => Verdict::Invalid,
    }
}

/// The bytes of data in a TCP segment.
#[inline]
fn data_len(info: &PacketInfo, header: &TcpHeader) -> u32 {
    let headers = u32::from(info.transport_offset - info.network_offset) + u32::from(header.header_len);
    info.ip_len.saturating_sub(headers)
}
