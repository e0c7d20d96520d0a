//! A packet's step through conntrack at PREROUTING.

use super::changes::Changes;
use super::connection::{Connection, Cookie, Direction, Protocol};
use super::extension::Extension;
use super::gre::Gre;
use super::sctp::Sctp;
use super::state::CtState;
use super::status::Status;
use super::table::{Conntrack, EndReason};
use super::tcp::{Rules, Tcp};
use super::timeouts::Millis;
use super::verdict::Verdict;
use super::{generic, icmp, udp, udplite};
use crate::packet::{
    Checksum, Chunks, NoQuote, Packet, PacketInfo, TcpHeader, Transport, Tuple, quote_offset, quoted_tuple, verify,
};
use crate::table::Hash;
use crate::time::{Instant, TimerPosition};

/// A connection that begins with the packet that carries it. It is not in the table; dropping it leaves no trace.
#[derive(Debug)]
pub(crate) struct Unconfirmed {
    pub(super) connection: Connection,
    pub(super) extension: Option<Box<Extension>>,
    pub(super) hash: Hash,
    /// The connections that had been confirmed when this one began.
    pub(super) begun_at: u64,
}

impl Unconfirmed {
    /// What its first packet is to it.
    pub(crate) fn state(&self) -> CtState {
        if self.connection.status.contains(Status::EXPECTED) { CtState::Related } else { CtState::New }
    }

    /// The connection as it is so far.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Whether a helper listens to it, or another connection expected it.
    #[inline(always)]
    pub(crate) fn is_extended(&self) -> bool {
        self.extension.is_some()
    }

    /// Sets its mark.
    pub(crate) fn set_mark(&mut self, mark: u32) {
        self.connection.mark = mark;
    }

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
    /// Its connection has an extension.
    pub(crate) extended: bool,
}

impl Tracked {
    /// No connection can be told from it.
    pub(crate) const INVALID: Tracked = Tracked {
        state: CtState::Invalid,
        direction: Direction::Original,
        attached: Attached::None,
        cookie: Cookie::NONE,
        extended: false,
    };
    /// The place of its connection; that may have ended with this packet.
    #[inline(always)]
    pub(crate) fn place(&self) -> Option<u32> {
        match self.attached {
            Attached::Confirmed(place) => Some(place),
            Attached::None | Attached::New => None,
        }
    }

    const UNTRACKED: Tracked = Tracked { state: CtState::Untracked, ..Tracked::INVALID };
    /// A connection begins with it.
    pub(crate) const NEW: Tracked = Tracked { state: CtState::New, attached: Attached::New, ..Tracked::INVALID };
}

/// Why no connection begins with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// None begins like that.
    Invalid,
    /// The table holds `max` connections: the packet is to be dropped (`nf_conntrack: table full, dropping packet`).
    Full,
    /// The sender has opened as many connections as one host may: the packet is to be dropped.
    HostLimit,
}

impl Conntrack {
    /// The connection at a guessed place ([`Conntrack::recent`], [`Line::likely`](crate::table::Line::likely)) and the packet's direction, if the guess is right; a wrong
    /// one costs a search ([`Conntrack::search`]), nothing else.
    #[inline(always)]
    pub(crate) fn guess(&self, likely: Option<u32>, tuple: &Tuple) -> Option<(u32, Direction)> {
        let place = likely?;
        let connection = &self.slab[place];
        if connection.status.contains(Status::DYING) { None } else { Some((place, connection.direction_of(tuple)?)) }
    }

    /// The straight road of nearly all packets: of those that change nothing but numbers on their connection. `None`, and
    /// nothing is changed, for any other, which is [`Conntrack::track`]'s.
    #[inline(always)]
    pub(crate) fn track_settled(
        &mut self,
        now: Instant,
        packet: Packet<'_>,
        (place, direction): (u32, Direction),
    ) -> Option<Tracked> {
        let connection = &mut self.slab[place];
        let status = connection.status;
        let settled = status.contains(Status::SETTLED) && !status.is_extended() && connection.deadline() > now;
        if !settled || self.config.checksum {
            return None;
        }
        let rules = Rules { config: &self.config.tcp, timeouts: &self.timeouts };
        let timeout = judge_settled(connection, packet, direction, rules)?;
        let sooner = timeout.0 < connection.timeout && timeout < self.timeouts.recheck;
        connection.refresh(now, direction, packet.info.ip_len, timeout);
        let (attached, cookie) = (Attached::Confirmed(place), connection.cookie);
        if sooner {
            self.refile(now, place);
        }
        Some(Tracked { state: CtState::Established, direction, attached, cookie, extended: false })
    }

    /// Judges a packet and counts it for its connection, if one was found that has its tuple.
    #[inline(always)]
    pub(crate) fn track(&mut self, now: Instant, packet: Packet<'_>, found: Option<(u32, Direction)>) -> Tracked {
        self.changes = Changes::NONE;
        let info = packet.info;
        if self.config.checksum && verify(packet) == Checksum::Wrong {
            return self.refuse(now, packet, true);
        }
        match &info.transport {
            Transport::Tcp(_)
            | Transport::Udp
            | Transport::UdpLite
            | Transport::Sctp(_)
            | Transport::Gre
            | Transport::IcmpQuery
            | Transport::Generic => {}
            // A fragment that could not wait for its datagram tells no connection either.
            Transport::Invalid(_) | Transport::Fragment => return self.refuse(now, packet, false),
            Transport::IcmpError => {
                return match self.quoted(now, packet) {
                    Some((place, direction)) => {
                        let cookie = self.slab[place].cookie;
                        let attached = Attached::Confirmed(place);
                        Tracked { state: CtState::Related, direction, attached, cookie, extended: false }
                    }
                    None if quote_offset(packet) == Err(NoQuote::OtherOption) => self.invalid(),
                    None => self.error(),
                };
            }
            Transport::Untracked => {
                self.statistics.ignore += 1;
                return Tracked::UNTRACKED;
            }
        }
        match found {
            Some((place, direction)) => self.follow(now, packet, place, direction),
            None => Tracked::NEW,
        }
    }

    /// A packet is not to be tracked.
    pub(crate) fn leave_untracked(&mut self) {
        self.statistics.ignore += 1;
    }

    /// A packet that cannot be read, or whose checksum is wrong.
    #[cold]
    fn refuse(&mut self, now: Instant, packet: Packet<'_>, damaged: bool) -> Tracked {
        if icmp::is_error(packet.info, damaged) {
            return self.error();
        }
        if !self.expectations.is_empty() && packet.info.transport != Transport::Fragment {
            self.waste_expectation(now, packet);
        }
        self.invalid()
    }

    #[inline]
    fn invalid(&mut self) -> Tracked {
        self.statistics.invalid += 1;
        Tracked::INVALID
    }

    /// A packet of a connection in the table.
    #[inline(always)]
    fn follow(&mut self, now: Instant, packet: Packet<'_>, place: u32, direction: Direction) -> Tracked {
        let connection = &mut self.slab[place];
        let deadline = connection.deadline();
        if deadline <= now {
            // The wheel has not come round to it, but its time is over.
            self.end(place, deadline, EndReason::Timeout);
            return Tracked::NEW;
        }
        let before = connection.status;
        let replied = before.contains(Status::SEEN_REPLY) | (direction == Direction::Reply);
        let state = match replied {
            true => CtState::Established,
            false if before.contains(Status::EXPECTED) => CtState::Related,
            false => CtState::New,
        };
        let tracked = Tracked {
            state,
            direction,
            attached: Attached::Confirmed(place),
            cookie: connection.cookie,
            extended: before.is_extended(),
        };
        let state_before = connection.protocol_state();
        let rules = Rules { config: &self.config.tcp, timeouts: &self.timeouts };
        let verdict = judge(connection, packet, direction, now, rules);
        let sooner = match verdict {
            Verdict::Accept(timeout) => {
                let sooner = timeout.0 < connection.timeout && timeout < self.timeouts.recheck;
                connection.refresh(now, direction, packet.info.ip_len, timeout);
                sooner
            }
            Verdict::Ignore => false,
            _ => {
                // A packet may have been followed up to what it is refused for.
                let (after, moved) = (connection.status, connection.protocol_state() != state_before);
                if verdict == Verdict::Invalid && (after != before || moved) {
                    self.note_changes(place, before, after, moved);
                }
                self.end_or_refuse(now, packet.info.ip_len, place, direction, verdict);
                return match verdict {
                    Verdict::Kill => tracked,
                    Verdict::Reopen => Tracked::NEW,
                    _ => Tracked::INVALID,
                };
            }
        };
        if replied {
            connection.status.insert(Status::SEEN_REPLY);
        }
        let (after, moved) = (connection.status, connection.protocol_state() != state_before);
        if sooner {
            self.refile(now, place);
        }
        if after != before || moved {
            self.note_changes(place, before, after, moved);
        }
        tracked
    }

    /// Takes down what a packet changed: its connection's status, and whether its protocol's state.
    #[inline(always)]
    fn note_changes(&mut self, place: u32, before: Status, after: Status, moved: bool) {
        self.changed = place;
        let came = |bit: Status| after.contains(bit) && !before.contains(bit);
        let assured = came(Status::ASSURED);
        self.changes |= Changes::REPLY.when(came(Status::SEEN_REPLY))
            | Changes::ASSURED.when(assured)
            | Changes::PROTOINFO.when(moved);
        if assured {
            self.unassured.remove(place);
        }
    }

    /// The rarer verdicts on a packet of a connection in the table.
    #[cold]
    fn end_or_refuse(&mut self, now: Instant, bytes: u32, place: u32, direction: Direction, verdict: Verdict) {
        match verdict {
            Verdict::Kill => {
                // Its timer is taken out of the kernel's hands as it is: rules still see what was left.
                let connection = &mut self.slab[place];
                let left = Millis::from(connection.deadline() - now);
                connection.refresh(now, direction, bytes, left);
                self.end(place, now, EndReason::Reset);
            }
            Verdict::Reopen => self.end(place, now, EndReason::Reopened),
            Verdict::InvalidShorten(timeout) => {
                self.slab[place].shorten(now, timeout);
                self.refile(now, place);
                self.statistics.invalid += 1;
            }
            Verdict::Accept(_) | Verdict::Ignore | Verdict::Invalid => self.statistics.invalid += 1,
        }
    }

    /// The connection that begins with a packet, if the table has room for it.
    ///
    /// It is made where it will stay, in `begun`: copying it costs more than many a step of its road.
    ///
    /// # Errors
    /// [`Refused`]; what is in `begun` then means nothing.
    pub(crate) fn begin<'a>(
        &mut self,
        now: Instant,
        packet: Packet<'_>,
        hash: Hash,
        has_room: bool,
        begun: &'a mut Option<Unconfirmed>,
    ) -> Result<&'a mut Unconfirmed, Refused> {
        if !has_room {
            self.statistics.drop += 1;
            return Err(Refused::Full);
        }
        let info = packet.info;
        // As in the kernel what is expected is used up even by a packet that then begins no connection.
        let expectation = if self.expectations.is_empty() { None } else { self.take_expectation(now, &info.tuple) };
        let rules = Rules { config: &self.config.tcp, timeouts: &self.timeouts };
        let mut opened = None;
        let protocol = match &info.transport {
            Transport::Tcp(header) => {
                let tcp =
                    Tcp::begin(header, tcp_options(packet, header), data_len(info, header), self.config.tcp.loose);
                tcp.map(|mut tcp| {
                    opened = tcp.open(header, rules);
                    Protocol::Tcp(tcp)
                })
            }
            Transport::Udp => {
                opened = Some(self.timeouts.udp);
                Some(Protocol::Udp)
            }
            Transport::IcmpQuery if icmp::opens(&info.tuple) => Some(Protocol::Icmp),
            Transport::UdpLite => Some(Protocol::UdpLite),
            Transport::Sctp(header) => Sctp::begin(header, Chunks::of(packet)).map(Protocol::Sctp),
            Transport::Gre => Some(Protocol::Gre(Gre::begin(self.timeouts.gre))),
            Transport::Generic => Some(Protocol::Generic),
            _ => None,
        };
        let Some(protocol) = protocol else {
            self.invalid();
            return Err(Refused::Invalid);
        };
        let connection = Connection {
            original: info.tuple,
            counters: Default::default(),
            last: now,
            first: now,
            timeout: 0,
            timer: TimerPosition::NONE,
            status: Status::default(),
            cookie: Cookie::default(),
            mark: 0,
            protocol,
        };
        let unconfirmed = Unconfirmed { connection, extension: None, hash, begun_at: self.statistics.insert };
        let unconfirmed = begun.insert(unconfirmed);
        let connection = &mut unconfirmed.connection;
        let rules = Rules { config: &self.config.tcp, timeouts: &self.timeouts };
        let verdict = match opened {
            Some(timeout) => Verdict::Accept(timeout),
            None => judge(connection, packet, Direction::Original, now, rules),
        };
        let Verdict::Accept(timeout) = verdict else {
            self.invalid();
            return Err(Refused::Invalid);
        };
        connection.refresh(now, Direction::Original, info.ip_len, timeout);
        if expectation.is_some() || self.helpers.attach_by_port() {
            unconfirmed.extension = self.extend(connection, expectation);
        }
        Ok(unconfirmed)
    }

    /// An ICMP error is related to the connection of the packet that it quotes, against that packet's direction. It
    /// must go to where the quoted packet came from. It does not count for the connection.
    #[cold]
    fn quoted(&self, now: Instant, packet: Packet<'_>) -> Option<(u32, Direction)> {
        let quoted = Tuple { zone: packet.info.tuple.zone, ..quoted_tuple(packet)? };
        let answer = self.gre_tuple(&quoted).unwrap_or(quoted).inverted()?;
        let (place, direction) = self.search(self.hash(&answer), &answer)?;
        let live = self.slab[place].deadline() > now;
        (live && packet.info.tuple.destination == answer.destination).then_some((place, direction))
    }

    #[inline]
    fn error(&mut self) -> Tracked {
        self.statistics.error += 1;
        Tracked::INVALID
    }
}

/// The protocol's tracker's judgement on a packet of a settled connection, where it changes nothing but numbers. Gives the
/// timeout.
#[inline(always)]
fn judge_settled(
    connection: &mut Connection,
    packet: Packet<'_>,
    direction: Direction,
    rules: Rules<'_>,
) -> Option<Millis> {
    match (&mut connection.protocol, &packet.info.transport) {
        (Protocol::Tcp(state), Transport::Tcp(header)) => {
            state.plain(direction, header, || tcp_options(packet, header), data_len(packet.info, header), rules)
        }
        // Once assured, it is a stream.
        (Protocol::Udp, Transport::Udp) => Some(rules.timeouts.udp_stream),
        _ => None,
    }
}

/// The protocol's tracker's judgement.
#[inline(always)]
fn judge(
    connection: &mut Connection,
    packet: Packet<'_>,
    direction: Direction,
    now: Instant,
    rules: Rules<'_>,
) -> Verdict {
    if let Protocol::Tcp(state) = &mut connection.protocol {
        let Transport::Tcp(header) = &packet.info.transport else { return Verdict::Invalid };
        let (options, data_len) = (tcp_options(packet, header), data_len(packet.info, header));
        return state.packet(&mut connection.status, direction, header, options, data_len, rules);
    }
    judge_other(connection, packet, direction, now, rules)
}

#[inline]
fn judge_other(
    connection: &mut Connection,
    packet: Packet<'_>,
    direction: Direction,
    now: Instant,
    rules: Rules<'_>,
) -> Verdict {
    let timeouts = rules.timeouts;
    Verdict::Accept(match &mut connection.protocol {
        Protocol::Udp => udp::packet(connection, now, timeouts),
        Protocol::UdpLite => udplite::packet(&mut connection.status, [timeouts.udp, timeouts.udp_stream]),
        Protocol::Sctp(state) => {
            let Transport::Sctp(header) = &packet.info.transport else { return Verdict::Invalid };
            return state.packet(&mut connection.status, direction, header, Chunks::of(packet), &timeouts.sctp);
        }
        Protocol::Gre(state) => state.packet(&mut connection.status),
        Protocol::Icmp => icmp::timeout(&connection.original, timeouts),
        Protocol::Tcp(_) | Protocol::Generic => generic::timeout(timeouts),
    })
}

/// The bytes of data in a TCP segment.
#[inline(always)]
fn data_len(info: &PacketInfo, header: &TcpHeader) -> u32 {
    let headers = u32::from(info.transport_offset - info.network_offset) + u32::from(header.header_len);
    info.ip_len.saturating_sub(headers)
}

/// The options of a TCP segment; none where they were not kept whole.
#[inline(always)]
fn tcp_options<'a>(packet: Packet<'a>, header: &TcpHeader) -> &'a [u8] {
    let start = usize::from(packet.info.transport_offset);
    packet.frame.data.get(start + 20..start + usize::from(header.header_len)).unwrap_or_default()
}
