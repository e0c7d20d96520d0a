use std::collections::VecDeque;

use arrayvec::ArrayVec;

use super::config::Config;
use super::event::Event;
use super::observer::{Observer, Seen, Unobserved};
use super::totals::Totals;
use crate::account::{Class, Hosts, Inside, Owner, Side};
use crate::conntrack::{Attached, Connection, Conntrack, CtState, Direction, Ended, Unconfirmed};
use crate::packet::{Frame, FrameDirection, NotIp, Packet, PacketInfo, parse};
use crate::table::Hash;
use crate::time::{Duration, Instant};

/// Frames that are looked at together. Their headers are read and their connections' cache lines asked for before the
/// first of them is judged, so that a table larger than the caches costs one memory latency for many packets.
const BURST: usize = 64;

/// How often, in packet time, the timers are looked at.
const TIMER_INTERVAL: Duration = Duration::from_nanos(1 << 24);

/// One engine: the tables of one shard and the road through them.
///
/// It does no I/O and reads no clock: frames and their times go in, tables, totals and events can be read.
///
/// ```
/// use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType};
/// use tctable::time::Instant;
/// use tctable::{Config, Gateway};
///
/// // An IPv4 UDP datagram of 32 bytes from 192.168.0.7:5000 to 198.51.100.1:53.
/// let datagram: [u8; 32] = [
///     0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 192, 168, 0, 7, 198, 51, 100, 1, // IPv4
///     0x13, 0x88, 0, 53, 0, 12, 0, 0, // UDP
///     1, 2, 3, 4,
/// ];
/// let mut gateway = Gateway::new(Config::default());
/// gateway.receive([Frame {
///     time: Instant::from_secs(1),
///     device: DeviceId(0),
///     direction: FrameDirection::Unknown,
///     link: LinkType::Raw,
///     wire_len: 32,
///     data: &datagram,
/// }]);
///
/// let host = gateway.hosts().iter().next().expect("192.168.0.7 is inside");
/// assert_eq!((host.open_connections(), host.class(tctable::account::Class::Udp).tx.bytes), (1, 32));
/// assert_eq!(gateway.conntrack().count(), 1);
///
/// // An unanswered datagram keeps its connection for 30 seconds.
/// gateway.handle_timeout(Instant::from_secs(32));
/// assert_eq!(gateway.conntrack().count(), 0);
/// ```
#[derive(Debug)]
pub struct Gateway {
    config: Config,
    conntrack: Conntrack,
    hosts: Hosts,
    totals: Totals,
    events: VecDeque<Event>,
    now: Instant,
    timers_at: Instant,
}

/// A frame of a burst once it has been read.
enum Parsed<'a> {
    Ip { packet: Packet<'a>, hash: Hash, likely: Option<u32> },
    NotIp { frame: Frame<'a>, why: NotIp },
}

/// Which hosts a packet counts for.
#[derive(Clone, Copy)]
struct Sides {
    tx: bool,
    rx: bool,
    /// The sender was told by its device, not by its address.
    by_device: bool,
}

impl Gateway {
    /// An engine with empty tables.
    pub fn new(config: Config) -> Self {
        Gateway {
            conntrack: Conntrack::new(config.conntrack.clone(), config.hash_key),
            hosts: Hosts::new(config.hosts.clone(), config.hash_key),
            totals: Totals::default(),
            events: VecDeque::new(),
            now: Instant::ZERO,
            timers_at: Instant::ZERO,
            config,
        }
    }

    /// The connections.
    pub fn conntrack(&self) -> &Conntrack {
        &self.conntrack
    }

    /// The hosts.
    pub fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// What was seen, and what was not accounted.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The latest time that the engine was told.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Which networks and devices are inside; may be changed at any time, for the packets that follow.
    pub fn inside_mut(&mut self) -> &mut Inside {
        &mut self.config.inside
    }

    /// The host that a connection belongs to and its id there; `None` where its first packet was not accounted.
    pub fn owner(&self, connection: &Connection) -> Option<(&crate::account::Host, u64)> {
        let owner = Owner::from_cookie(connection.cookie())?;
        Some((self.hosts.get(owner), owner.id()))
    }

    /// Takes frames in, in the order in which they were seen.
    pub fn receive<'a>(&mut self, frames: impl IntoIterator<Item = Frame<'a>>) {
        self.receive_observed(frames, &mut Unobserved);
    }

    /// Takes frames in and shows each to `observer` right after it has passed.
    pub fn receive_observed<'a>(&mut self, frames: impl IntoIterator<Item = Frame<'a>>, observer: &mut impl Observer) {
        let mut frames = frames.into_iter();
        loop {
            let mut burst: ArrayVec<Parsed<'a>, BURST> =
                frames.by_ref().take(BURST).map(|frame| self.read(frame)).collect();
            if burst.is_empty() {
                return;
            }
            self.look_ahead(&mut burst);
            for parsed in &burst {
                match parsed {
                    Parsed::Ip { packet, hash, likely } => self.pass(packet, *hash, *likely, observer),
                    Parsed::NotIp { frame, why } => self.set_aside(frame, *why, observer),
                }
            }
        }
    }

    #[inline]
    fn read<'a>(&self, frame: Frame<'a>) -> Parsed<'a> {
        match parse(frame) {
            Ok(packet) => Parsed::Ip { hash: self.conntrack.hash(&packet.info.tuple), packet, likely: None },
            Err(why) => Parsed::NotIp { frame, why },
        }
    }

    /// Asks for the cache lines of the burst's connections. Only guesses come of it, so the outcome does not depend on
    /// how the frames were cut into bursts.
    #[inline]
    fn look_ahead(&self, burst: &mut ArrayVec<Parsed<'_>, BURST>) {
        for parsed in burst.iter_mut() {
            if let Parsed::Ip { hash, likely, .. } = parsed {
                *likely = self.conntrack.look_ahead(*hash);
            }
        }
        let mut touched = 0;
        for parsed in burst.iter() {
            if let Parsed::Ip { likely: Some(place), .. } = parsed {
                touched ^= self.conntrack.touch(*place);
            }
        }
        std::hint::black_box(touched);
    }

    /// Moves time on; a frame that comes late is taken to come now.
    #[inline]
    fn advance(&mut self, time: Instant) -> Instant {
        if time < self.now {
            self.totals.time_reversed += 1;
        } else {
            self.now = time;
            if time >= self.timers_at {
                self.timers();
            }
        }
        self.now
    }

    fn set_aside(&mut self, frame: &Frame<'_>, why: NotIp, observer: &mut impl Observer) {
        self.advance(frame.time);
        self.totals.frames.count(frame.wire_len);
        self.totals.unaccounted.count(why, frame.wire_len);
        let seen =
            Seen { time: frame.time, packet: Err(why), ct_state: None, direction: None, host: None, connection: None };
        observer.seen(self, &seen);
    }

    /// One packet's road.
    #[inline]
    fn pass(&mut self, packet: &Packet<'_>, hash: Hash, likely: Option<u32>, observer: &mut impl Observer) {
        let now = self.advance(packet.frame.time);
        let info = &packet.info;
        self.totals.frames.count(packet.frame.wire_len);
        self.totals.ip.count(info.ip_len);

        // PREROUTING: conntrack.
        let Ok(tracked) = self.conntrack.track(now, packet, hash, likely) else {
            self.totals.unaccounted.conntrack_full.count(info.ip_len);
            self.show(packet, None, None, None, None, observer);
            return;
        };
        self.take_ended();

        // FORWARD: account. POSTROUTING: confirm.
        let sides = self.sides(packet);
        let class = Class::of(info.tuple.protocol);
        let mut direction = Some(tracked.direction);
        let (host, place) = match tracked.attached {
            Attached::Confirmed(place) => {
                let owner = Owner::from_cookie(self.conntrack.cookie(place));
                let owner = owner.map(|owner| (owner.place, owner.responder, tracked.direction));
                (self.account(now, info, sides, class, owner), Some(place))
            }
            Attached::New(unconfirmed) => {
                let host = self.account(now, info, sides, class, None);
                (host, self.confirm(unconfirmed, host, class))
            }
            Attached::None => {
                direction = None;
                (self.account(now, info, sides, class, None), None)
            }
        };
        self.show(packet, Some(tracked.state), direction, host, place, observer);
    }

    /// Where a packet comes from and goes to, seen from inside.
    ///
    /// Prefixes decide by address. An inside device decides by what it received: its sender is inside, and stays known
    /// for the answers. What an inside device sent, or what goes to an address that is known so, goes inside.
    #[inline]
    fn sides(&self, packet: &Packet<'_>) -> Sides {
        let tuple = &packet.info.tuple;
        let inside = &self.config.inside;
        let tx = inside.has_address(tuple.family, tuple.source);
        let rx = inside.has_address(tuple.family, tuple.destination);
        if !inside.has_devices() {
            return Sides { tx, rx, by_device: false };
        }
        let known = |address| self.hosts.known_by_device(tuple.family, address);
        let here = inside.has_device(packet.frame.device);
        let (received, sent) = match packet.info.direction {
            FrameDirection::Inbound => (here, false),
            FrameDirection::Outbound => (false, here),
            // Not told: a packet from a stranger to a known host is one that the device sent.
            FrameDirection::Unknown => {
                let sent = here && (rx || known(tuple.destination)) && !(tx || known(tuple.source));
                (here && !sent, sent)
            }
        };
        Sides { tx: tx || received, rx: rx || sent || known(tuple.destination), by_device: received && !tx }
    }

    /// Counts a packet for its hosts and gives the first of them: the sender's, else the receiver's. `owner` is the
    /// place of its connection's host, whether that is the responder, and the packet's direction.
    #[inline]
    fn account(
        &mut self,
        now: Instant,
        info: &PacketInfo,
        sides: Sides,
        class: Class,
        owner: Option<(u32, bool, Direction)>,
    ) -> Option<(u32, Side)> {
        let bytes = info.ip_len;
        if !sides.tx && !sides.rx {
            self.totals.unaccounted.outside_to_outside.count(bytes);
            return None;
        }
        // The connection's host stands at one of its ends, so one look-up is saved.
        let (tx_place, rx_place) = match owner {
            Some((place, responder, direction)) if responder == (direction == Direction::Reply) => (Some(place), None),
            Some((place, ..)) => (None, Some(place)),
            None => (None, None),
        };
        let tx = if sides.tx { self.place(now, info, Side::Tx, tx_place) } else { None };
        let rx = if sides.rx { self.place(now, info, Side::Rx, rx_place) } else { None };
        if let Some(place) = tx {
            if sides.by_device {
                self.hosts.set_known_by_device(place);
            }
            self.totals.tx.count(bytes);
            self.hosts.count(now, place, class, Side::Tx, bytes);
        }
        if let Some(place) = rx {
            self.totals.rx.count(bytes);
            self.hosts.count(now, place, class, Side::Rx, bytes);
        }
        match (tx, rx) {
            (Some(_), Some(_)) => self.totals.inside_to_inside.count(bytes),
            (None, None) => self.totals.unaccounted.host_table_full.count(bytes),
            _ => {}
        }
        tx.map(|place| (place, Side::Tx)).or(rx.map(|place| (place, Side::Rx)))
    }

    /// The place of one of a packet's hosts.
    #[inline]
    fn place(&mut self, now: Instant, info: &PacketInfo, side: Side, linked: Option<u32>) -> Option<u32> {
        if linked.is_some() {
            return linked;
        }
        let address = match side {
            Side::Tx => info.tuple.source,
            Side::Rx => info.tuple.destination,
        };
        let entered = self.hosts.enter(now, info.tuple.family, address);
        self.totals.hosts_refused += u64::from(entered.is_err());
        entered.ok()
    }

    /// Puts a new connection in the table, in the name of the host that its first packet was accounted to.
    fn confirm(&mut self, mut unconfirmed: Unconfirmed, host: Option<(u32, Side)>, class: Class) -> Option<u32> {
        let owner = host.map(|(place, side)| self.hosts.open(place, class, side == Side::Rx));
        if let Some(owner) = owner {
            unconfirmed.set_cookie(owner.to_cookie());
        }
        let confirmed = self.conntrack.confirm(unconfirmed);
        if let (Err(_), Some(owner)) = (&confirmed, owner) {
            self.hosts.forget(owner, class);
        }
        confirmed.ok()
    }

    #[inline]
    fn show(
        &self,
        packet: &Packet<'_>,
        ct_state: Option<CtState>,
        direction: Option<Direction>,
        host: Option<(u32, Side)>,
        place: Option<u32>,
        observer: &mut impl Observer,
    ) {
        let seen = Seen {
            time: packet.frame.time,
            packet: Ok(&packet.info),
            ct_state,
            direction,
            host: host.map(|(place, _)| self.hosts.at(place).address()),
            connection: place.and_then(|place| {
                let connection = self.conntrack.at(place)?;
                Some((connection, Owner::from_cookie(connection.cookie()).map(Owner::id)))
            }),
        };
        observer.seen(self, &seen);
    }

    fn timers(&mut self) {
        self.timers_at = self.now + TIMER_INTERVAL;
        self.conntrack.expire(self.now);
        self.take_ended();
        let (events, totals) = (&mut self.events, &mut self.totals);
        let (wanted, max) = (self.config.events.host_expired, self.config.max_events);
        self.hosts.expire(self.now, |host| {
            if wanted {
                push_event(events, totals, max, Event::HostExpired(Box::new(host)));
            }
        });
    }

    /// Tells the hosts, and whoever asked, of connections that ended.
    #[inline]
    fn take_ended(&mut self) {
        while let Some(ended) = self.conntrack.take_ended() {
            self.close(ended);
        }
    }

    fn close(&mut self, ended: Ended) {
        let owner = Owner::from_cookie(ended.connection.cookie());
        if let Some(owner) = owner {
            self.hosts.close(owner, Class::of(ended.connection.original().protocol), ended.at);
        }
        if self.config.events.connection_ended {
            let owner = owner.map(|owner| (self.hosts.get(owner).address(), owner.id()));
            let event = Event::ConnectionEnded { owner, ended: Box::new(ended) };
            push_event(&mut self.events, &mut self.totals, self.config.max_events, event);
        }
    }

    /// An event that has not been taken yet, the oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Gateway::handle_timeout`] has something to do, if nothing comes before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.conntrack.next_timeout(), self.hosts.next_timeout()].into_iter().flatten().min()
    }

    /// Moves time on without a frame: ends what is over. Time never goes back.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.timers();
    }
}

fn push_event(events: &mut VecDeque<Event>, totals: &mut Totals, max: usize, event: Event) {
    if events.len() < max { events.push_back(event) } else { totals.events_lost += 1 }
}
