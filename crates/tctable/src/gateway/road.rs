use arrayvec::ArrayVec;

use super::config::Config;
use super::event::{Event, Events};
use super::hooks::Hooks;
use super::observer::{Observer, Seen, Unobserved};
use super::queue::Queues;
use super::route::Own;
use super::totals::Totals;
use super::transmit::Transmits;
use super::zones::Zones;
use crate::account::{Class, Ends, Herald, Hosts, Inside, Owner, QuotaUsedUp, Refusal, Side, Station};
use crate::conntrack::helper;
use crate::conntrack::{
    Attached, Changes, Connection, ConnectionId, Conntrack, Cookie, Direction, End, Ended, Refused, Status, Tracked,
    Unconfirmed,
};
use crate::defrag::{Defrag, Outcome, Statistics as DefragStatistics};
use crate::hook::{Devices, Verdict};
use crate::packet::{Family, Fragment, Frame, FrameDirection, NotIp, Packet, PacketInfo, Transport, Tuple};
use crate::ruleset::program::{Effect, Program};
use crate::table::{Hash, Line, Random};
use crate::time::{Duration, Instant, Promptness};

/// Frames that are looked at together. Their headers are read and their connections' cache lines asked for before the
/// first of them is judged, so that a table larger than the caches costs one memory latency for many packets.
const BURST: usize = 128;

/// Connections from which on looking ahead pays: fewer fit in the caches with their index.
const LOOK_AHEAD_FROM: usize = 4096;

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
    pub(super) config: Config,
    pub(super) conntrack: Conntrack,
    pub(super) hosts: Hosts,
    pub(super) zones: Zones,
    /// Taken out while a datagram that it made whole is on its road.
    pub(super) defrag: Option<Box<Defrag>>,
    pub(super) hooks: Hooks,
    pub(super) program: Option<Box<Program>>,
    /// What rules did beside their verdicts, until it is seen to.
    pub(super) effects: Vec<Effect>,
    /// For rules that go by chance.
    pub(super) random: Random,
    pub(super) devices: Devices,
    pub(super) own: Own,
    pub(super) queues: Queues,
    pub(super) transmits: Transmits,
    pub(super) totals: Totals,
    events: Events,
    pub(super) herald: Herald,
    /// The mark that a quota put on a packet the last time that one did.
    pub(super) quota_mark: u32,
    pub(super) now: Instant,
    timers_at: Instant,
    /// Used anew by each burst; taken out while one is under way.
    burst: Option<Box<Burst>>,
}

/// What is known of a burst's frames before the first of them is judged.
#[derive(Debug)]
struct Burst([Ahead; BURST]);

/// What is known of one frame.
#[derive(Debug)]
pub(super) struct Ahead {
    pub(super) info: PacketInfo,
    read: Result<(), NotIp>,
    /// Where looking ahead needed it.
    hash: Option<Hash>,
    /// A guess at the place of the connection.
    pub(super) likely: Option<u32>,
    /// A guess at the place of the host that it will belong to.
    pub(super) host: Option<u32>,
}

impl Ahead {
    const NOTHING: Ahead = Ahead { info: PacketInfo::EMPTY, read: Ok(()), hash: None, likely: None, host: None };
}

impl Default for Burst {
    fn default() -> Self {
        Burst([Ahead::NOTHING; BURST])
    }
}

/// What was looked up for a packet before it is judged.
#[derive(Clone, Copy)]
struct Known {
    /// Its tuple's hash, if anybody needed it.
    hash: Option<Hash>,
    /// Its connection and its direction there.
    found: Option<(u32, Direction)>,
    /// A guess at the place of the host that a new connection will belong to.
    host: Option<u32>,
}

/// Which hosts a packet counts for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sides {
    tx: bool,
    rx: bool,
    /// The sender was told by its device, not by its address.
    by_device: bool,
}

/// A host that a packet was counted for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    pub(super) place: u32,
    pub(super) side: Side,
    /// Whether the packet's source and destination are inside.
    tx: bool,
    rx: bool,
    /// It is to carry the mark of its quota: [`Gateway::quota_mark`].
    pub(super) marked: bool,
}

impl Gateway {
    /// An engine with empty tables.
    pub fn new(config: Config) -> Self {
        Gateway {
            conntrack: Self::conntrack_of(&config),
            hosts: Hosts::new(config.hosts.clone(), config.hash_key),
            zones: Zones::default(),
            defrag: Some(Box::new(Defrag::new(&config.defrag, config.hash_key))),
            hooks: Hooks::new(),
            program: None,
            effects: Vec::new(),
            random: Random::new(config.seed),
            devices: Devices::default(),
            own: Own::new(&config.local),
            queues: Queues::default(),
            transmits: Transmits::new(config.max_transmits),
            totals: Totals::default(),
            events: Events::new(config.max_events),
            herald: Herald::default(),
            quota_mark: 0,
            now: Instant::ZERO,
            timers_at: Instant::ZERO,
            burst: None,
            config,
        }
    }

    fn conntrack_of(config: &Config) -> Conntrack {
        let Config { conntrack, helpers, hash_key, seed, events, .. } = config;
        let mut conntrack = Conntrack::new(conntrack.clone(), helpers.clone(), *hash_key, *seed);
        if events.expectations {
            conntrack.keep_expectation_changes();
        }
        conntrack
    }

    /// The connections.
    pub fn conntrack(&self) -> &Conntrack {
        &self.conntrack
    }

    /// The hosts.
    pub fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// What happened to the fragments of one family.
    pub fn defrag(&self, family: Family) -> DefragStatistics {
        self.defrag.as_ref().map_or_else(DefragStatistics::default, |defrag| *defrag.statistics(family))
    }

    /// What was seen, and what was not accounted.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The latest time that the engine was told.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Which networks and devices are inside; may be changed at any time. Devices count from the next packet on, prefixes
    /// for connections that begin later: an open one keeps what its first packet was told.
    pub fn inside_mut(&mut self) -> &mut Inside {
        &mut self.config.inside
    }

    /// The host that a connection belongs to and its id there; `None` where its first packet was not accounted.
    pub fn owner(&self, connection: &Connection) -> Option<(&crate::account::Host, u64)> {
        let owner = Owner::from_cookie(connection.cookie())?;
        Some((self.hosts.get(owner), owner.id))
    }

    /// Takes frames in, in the order in which they were seen.
    pub fn receive<'a>(&mut self, frames: impl IntoIterator<Item = Frame<'a>>) {
        self.receive_observed(frames, &mut Unobserved);
    }

    /// Takes frames in and shows each to `observer` right after it has passed.
    pub fn receive_observed<'a>(&mut self, frames: impl IntoIterator<Item = Frame<'a>>, observer: &mut impl Observer) {
        let mut frames = frames.into_iter();
        let mut burst = self.burst.take().unwrap_or_default();
        loop {
            let waiting: ArrayVec<Frame<'a>, BURST> = frames.by_ref().take(BURST).collect();
            if waiting.is_empty() {
                break;
            }
            self.read(&waiting, &mut burst);
            if self.conntrack.count() >= LOOK_AHEAD_FROM {
                self.look_ahead(waiting.len(), &mut burst);
            } else {
                for ahead in burst.0.iter_mut().take(waiting.len()) {
                    (ahead.hash, ahead.likely, ahead.host) = (None, self.conntrack.recent(&ahead.info.tuple), None);
                }
            }
            let plain = self.hooks.are_plain();
            for (frame, ahead) in waiting.iter().zip(&burst.0) {
                match ahead.read {
                    Ok(()) if plain => self.pass(frame, ahead, observer),
                    Ok(()) => self.pass_hooked(frame, ahead, observer),
                    Err(why) => self.set_aside(frame, why, observer),
                }
            }
        }
        self.burst = Some(burst);
    }

    /// Reads the headers of a burst.
    #[inline(never)]
    fn read(&self, frames: &[Frame<'_>], burst: &mut Burst) {
        for (frame, ahead) in frames.iter().zip(&mut burst.0) {
            ahead.read = ahead.info.fill(frame);
            ahead.info.tuple.zone = self.zones.of(frame.device);
        }
    }

    /// Asks for the cache lines of a burst's connections and hosts. Only guesses come of it, so the outcome does not
    /// depend on how the frames were cut into bursts.
    #[inline(never)]
    fn look_ahead(&self, count: usize, burst: &mut Burst) {
        let burst = &mut burst.0[..count.min(BURST)];
        // A loop of its own: the keys of the hash stay in registers.
        let hashes: ArrayVec<Hash, BURST> =
            burst.iter_mut().map(|ahead| *ahead.hash.insert(self.conntrack.hash(&ahead.info.tuple))).collect();
        // Each loop asks for what the next one reads.
        let lines: ArrayVec<Line<'_>, BURST> = hashes.iter().map(|hash| self.conntrack.prefetch_index(*hash)).collect();
        for (line, ahead) in lines.iter().zip(&mut *burst) {
            ahead.likely = line.likely();
            if let Some(place) = ahead.likely {
                self.conntrack.prefetch(place);
            }
        }
        let mut strangers: ArrayVec<(&mut Option<u32>, Line<'_>), BURST> = ArrayVec::new();
        for Ahead { info, likely, host, .. } in &mut *burst {
            match likely {
                Some(place) => *host = Owner::from_cookie(self.conntrack.cookie(*place)).map(|owner| owner.place),
                None => {
                    let Tuple { family, source, destination, .. } = info.tuple;
                    let inside = self.config.inside.has_address(family, source);
                    let hash = self.hosts.hash(family, if inside { source } else { destination });
                    self.conntrack.prefetch_upcoming(strangers.len());
                    strangers.push((host, self.hosts.prefetch_index(hash)));
                }
            };
        }
        for (host, line) in strangers {
            *host = line.likely();
            if let Some(place) = *host {
                self.hosts.prefetch(place);
            }
        }
        for Ahead { info, host, .. } in burst {
            if let Some(place) = host {
                self.hosts.prefetch_class(*place, Class::of(info.tuple.protocol));
            }
        }
    }

    /// Moves time on; a frame that comes late is taken to come now.
    #[inline]
    pub(super) fn advance(&mut self, time: Instant) -> Instant {
        if time < self.now {
            self.totals.time_reversed += 1;
        } else {
            self.now = time;
            if time >= self.timers_at {
                self.timers(Promptness::Tick);
            }
        }
        self.now
    }

    fn set_aside<O: Observer>(&mut self, frame: &Frame<'_>, why: NotIp, observer: &mut O) {
        self.advance(frame.time);
        self.totals.frames.count(frame.wire_len);
        self.totals.unaccounted.count(why, frame.wire_len);
        let seen = Seen {
            time: frame.time,
            packet: Err(why),
            verdict: Verdict::Accept,
            ct_state: None,
            direction: None,
            host: None,
            quota_mark: None,
            connection: None,
            passed: None,
        };
        observer.seen(self, &seen);
    }

    /// One packet's road. A function of its own: the loop around it has enough to remember.
    #[inline(never)]
    fn pass<O: Observer>(&mut self, frame: &Frame<'_>, ahead: &Ahead, observer: &mut O) {
        let packet = Packet { frame, info: &ahead.info };
        let now = self.advance(packet.frame.time);
        self.totals.frames.count(packet.frame.wire_len);
        self.totals.ip.count(packet.info.ip_len);
        if packet.info.fragment != Fragment::None {
            return self.pass_fragment(now, packet, observer);
        }
        if packet.info.transport == Transport::Gre {
            return self.follow_rare(now, packet, packet, observer);
        }
        match self.conntrack.guess(ahead.likely, &packet.info.tuple) {
            Some(found) => self.pass_found(now, packet, found, ahead, observer),
            None => self.pass_unforeseen(now, packet, ahead, observer),
        }
    }

    /// The same where the guess at the connection was wrong, or there was none.
    #[inline(never)]
    fn pass_unforeseen<O: Observer>(&mut self, now: Instant, packet: Packet<'_>, ahead: &Ahead, observer: &mut O) {
        let tuple = &packet.info.tuple;
        let hash = ahead.hash.unwrap_or_else(|| self.conntrack.hash(tuple));
        match self.conntrack.search(hash, tuple) {
            Some(found) => {
                if ahead.hash.is_none() {
                    self.conntrack.remember(tuple, found.0);
                }
                self.pass_found(now, packet, found, ahead, observer);
            }
            None => {
                let known = Known { hash: Some(hash), found: None, host: ahead.host };
                self.follow(now, packet, packet, known, observer);
            }
        }
    }

    #[inline(always)]
    fn pass_found<O: Observer>(
        &mut self,
        now: Instant,
        packet: Packet<'_>,
        found: (u32, Direction),
        ahead: &Ahead,
        observer: &mut O,
    ) {
        match self.conntrack.track_settled(now, packet, found) {
            // Nobody ends, nothing begins, and there is nothing to tell.
            Some(tracked) => match self.account_tracked(now, packet, packet.info, tracked.cookie, tracked.direction) {
                Ok(host) => self.show(packet, Verdict::Accept, Some(tracked), host, tracked.place(), observer),
                Err(QuotaUsedUp) => self.show(packet, Verdict::DROP, None, None, None, observer),
            },
            None => {
                let known = Known { hash: ahead.hash, found: Some(found), host: ahead.host };
                self.follow(now, packet, packet, known, observer);
            }
        }
    }

    /// The road of what is rare: GRE may get its sender's call id from what PPTP announced.
    #[cold]
    fn follow_rare<O: Observer>(&mut self, now: Instant, whole: Packet<'_>, packet: Packet<'_>, observer: &mut O) {
        let mut info = *whole.info;
        if let Some(tuple) = self.conntrack.gre_tuple(&info.tuple) {
            info.tuple = tuple;
        }
        let hash = self.conntrack.hash(&info.tuple);
        let known = Known { hash: Some(hash), found: self.conntrack.search(hash, &info.tuple), host: None };
        self.follow(now, Packet { info: &info, ..whole }, packet, known, observer);
    }

    /// PREROUTING: a fragment waits until its datagram is whole; that goes on in the place of the last one. Each counts for
    /// its hosts as it comes, and the datagram, as the kernel has it, for its connection.
    #[cold]
    fn pass_fragment<O: Observer>(&mut self, now: Instant, packet: Packet<'_>, observer: &mut O) {
        let Some(mut defrag) = self.defrag.take() else { return };
        match defrag.push(now, packet) {
            Outcome::Passed => self.follow_rare(now, packet, packet, observer),
            Outcome::Whole(frame) => match PacketInfo::read(&frame) {
                Ok(mut info) => {
                    info.tuple.zone = packet.info.tuple.zone;
                    let whole = Packet { frame: &frame, info: &info };
                    self.follow_rare(now, whole, packet, observer);
                }
                // No datagram is put together so.
                Err(_) => self.refuse_fragment(packet, observer),
            },
            Outcome::Held => {
                let host = self.account(now, packet, Class::of(packet.info.tuple.protocol), None, Direction::Original);
                self.show(packet, Verdict::Stolen, None, host.unwrap_or(None), None, observer);
            }
            Outcome::Refused(_) => self.refuse_fragment(packet, observer),
        }
        self.defrag = Some(defrag);
    }

    fn refuse_fragment<O: Observer>(&mut self, packet: Packet<'_>, observer: &mut O) {
        self.totals.unaccounted.fragments_refused.count(packet.info.ip_len);
        self.show(packet, Verdict::DROP, None, None, None, observer);
    }

    /// The road of a whole packet, `whole`, which came as, or at last with, `packet`.
    #[inline(never)]
    fn follow<O: Observer>(
        &mut self,
        now: Instant,
        whole: Packet<'_>,
        packet: Packet<'_>,
        known: Known,
        observer: &mut O,
    ) {
        // PREROUTING: conntrack.
        let tracked = self.conntrack.track(now, whole, known.found);
        self.take_ended();
        if tracked.attached == Attached::New {
            return self.open(now, whole, packet, known, observer);
        }
        // FORWARD: account.
        let accounted = self.account_tracked(now, packet, whole.info, tracked.cookie, tracked.direction);
        let Ok(host) = accounted else {
            self.take_changes();
            return self.show(packet, Verdict::DROP, None, None, None, observer);
        };

        // POSTROUTING: helper.
        if tracked.extended && self.help(now, whole, &tracked, None) == helper::Outcome::Drop {
            return self.show(packet, Verdict::DROP, None, host, None, observer);
        }
        self.take_changes();
        self.show(packet, Verdict::Accept, Some(tracked), host, tracked.place(), observer);
    }

    /// Counts a packet for its hosts, when it is known what it is to its connection; `whole` is what it is to conntrack.
    #[inline(always)]
    pub(super) fn account_tracked(
        &mut self,
        now: Instant,
        packet: Packet<'_>,
        whole: &PacketInfo,
        cookie: Cookie,
        direction: Direction,
    ) -> Result<Option<Counted>, QuotaUsedUp> {
        // An error's own ends need not be those of the connection that it is about.
        let own = whole.transport != Transport::IcmpError;
        let owner = if own { Owner::from_cookie(cookie) } else { None };
        self.account(now, packet, Class::of(whole.tuple.protocol), owner, direction)
    }

    /// The road of a packet that no connection has, from [`Gateway::follow`]'s first step on.
    #[inline(never)]
    fn open<O: Observer>(
        &mut self,
        now: Instant,
        whole: Packet<'_>,
        packet: Packet<'_>,
        known: Known,
        observer: &mut O,
    ) {
        // PREROUTING: conntrack.
        let hash = known.hash.unwrap_or_else(|| self.conntrack.hash(&whole.info.tuple));
        let mut begun = self.begin(now, whole, packet.info.ip_len, hash);
        let tracked = match &begun {
            Ok(new) => Tracked { state: new.state(), ..Tracked::NEW },
            Err(Refused::Invalid) => Tracked::INVALID,
            Err(Refused::Full | Refused::HostLimit) => {
                return self.show(packet, Verdict::DROP, None, None, None, observer);
            }
        };

        // FORWARD: account.
        let class = Class::of(whole.info.tuple.protocol);
        let Ok(host) = self.account_any(now, packet, class, None, tracked.direction, known.host) else {
            self.tell_expectations();
            return self.show(packet, Verdict::DROP, None, None, None, observer);
        };

        // POSTROUTING: helper, confirm.
        if let Ok(new) = &mut begun
            && new.is_extended()
        {
            self.tell_expectations();
            if self.help(now, whole, &tracked, Some(new)) == helper::Outcome::Drop {
                return self.show(packet, Verdict::DROP, None, host, None, observer);
            }
        }
        let place = begun.as_mut().ok().and_then(|unconfirmed| self.confirm(unconfirmed, host, class));
        self.take_changes();
        self.show(packet, Verdict::Accept, Some(tracked), host, place, observer);
    }

    /// Shows a packet to the helper of its connection.
    #[cold]
    pub(super) fn help(
        &mut self,
        now: Instant,
        whole: Packet<'_>,
        tracked: &Tracked,
        new: Option<&mut Unconfirmed>,
    ) -> helper::Outcome {
        let outcome = match new {
            Some(new) => self.conntrack.help_new(now, whole, new),
            None => self.conntrack.help(now, whole, tracked),
        };
        self.take_ended();
        self.tell_expectations();
        outcome
    }

    /// Makes events of what changed among the expectations, if anybody wants to know it.
    pub(super) fn tell_expectations(&mut self) {
        if self.config.events.expectations {
            for (change, expectation) in self.conntrack.take_expectation_changes() {
                self.push_event(Event::Expectation { change, expectation: Box::new(expectation) });
            }
        }
    }

    /// The connection that begins with a packet, if there is room for one more.
    #[inline(always)]
    pub(super) fn begin(
        &mut self,
        now: Instant,
        packet: Packet<'_>,
        ip_len: u32,
        hash: Hash,
    ) -> Result<Unconfirmed, Refused> {
        let info = packet.info;
        let Tuple { family, source, .. } = info.tuple;
        let refusal = self.hosts.refusal(now, family, source, || self.own_station(packet));
        // Who is at the limit does not push out anybody.
        let has_room = !self.conntrack.is_full() || (refusal.is_none() && self.make_room(now));
        let begun = self.conntrack.begin(now, packet, hash, has_room);
        match (&begun, refusal) {
            (Err(Refused::Full), _) => self.totals.unaccounted.conntrack_full.count(ip_len),
            (Ok(_), Some(refusal)) => {
                self.totals.unaccounted.count_refused(refusal, ip_len);
                self.tell_refused(refusal, source.to_ip(family));
                return Err(Refused::HostLimit);
            }
            _ => {}
        }
        begun
    }

    /// The table is full: one connection that is not assured has to go, of a host that has many of them; or two, where
    /// there are more than allowed since somebody lowered the limit. Tells whether one did.
    #[cold]
    fn make_room(&mut self, now: Instant) -> bool {
        let made = self.drop_early(now);
        if made && self.conntrack.is_full() {
            self.drop_early(now);
        }
        made
    }

    fn drop_early(&mut self, now: Instant) -> bool {
        let hosts = &self.hosts;
        let dropped = self.conntrack.early_drop(now, |cookie| {
            // Those of nobody are many people's.
            Owner::from_cookie(cookie).map_or(0, |owner| hosts.get(owner).unassured_connections())
        });
        self.take_ended();
        dropped
    }

    /// Where a packet comes from and goes to, seen from inside.
    ///
    /// Prefixes decide by address, once for a connection: it keeps what its first packet was told. An inside device decides by what it received: its sender is inside, and stays known
    /// for the answers. What an inside device sent, or what goes to an address that is known so, goes inside.
    #[inline(always)]
    fn sides(&self, packet: Packet<'_>, owner: Option<Owner>, direction: Direction) -> Sides {
        let tuple = &packet.info.tuple;
        let inside = &self.config.inside;
        if let (Some(Owner { ends, .. }), false) = (owner, inside.has_devices()) {
            let along = direction == Direction::Original;
            let tx = if along { ends.source } else { ends.destination };
            let rx = if along { ends.destination } else { ends.source };
            return Sides { tx, rx, by_device: false };
        }
        let tx = inside.has_address(tuple.family, tuple.source);
        let rx = inside.has_address(tuple.family, tuple.destination);
        if inside.has_devices() { self.sides_by_device(packet, tx, rx) } else { Sides { tx, rx, by_device: false } }
    }

    fn sides_by_device(&self, packet: Packet<'_>, tx: bool, rx: bool) -> Sides {
        let tuple = &packet.info.tuple;
        let known = |address| self.hosts.known_by_device(tuple.family, address);
        let here = self.config.inside.has_device(packet.frame.device);
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

    /// Counts a packet for its hosts and gives the first of them: the sender's, else the receiver's.
    ///
    /// # Errors
    /// [`QuotaUsedUp`]: it is counted as such, and to be dropped.
    #[inline(always)]
    pub(super) fn account(
        &mut self,
        now: Instant,
        packet: Packet<'_>,
        class: Class,
        owner: Option<Owner>,
        direction: Direction,
    ) -> Result<Option<Counted>, QuotaUsedUp> {
        if let Some(Owner { place, ends, .. }) = owner
            && let (Some(side), false) = (ends.only_side(direction), self.config.inside.has_devices())
        {
            return self.count(now, place, class, side, packet.info.ip_len).map(Some);
        }
        self.account_any(now, packet, class, owner, direction, None)
    }

    /// The same where it may be that both sides or none are inside, or that hosts have to be looked up.
    #[inline(never)]
    pub(super) fn account_any(
        &mut self,
        now: Instant,
        packet: Packet<'_>,
        class: Class,
        owner: Option<Owner>,
        direction: Direction,
        guess: Option<u32>,
    ) -> Result<Option<Counted>, QuotaUsedUp> {
        let sides = self.sides(packet, owner, direction);
        // The connection's host stands at one of its ends: that end needs no look-up.
        let linked = |side: Side| {
            let owner = owner?;
            let stands_at_rx = owner.ends.responder ^ (direction == Direction::Reply);
            // The other direction's sender is this one's receiver.
            (stands_at_rx == (side == Side::Rx)).then_some(owner.place)
        };
        if sides.tx && sides.rx {
            let known = [linked(Side::Tx), linked(Side::Rx)];
            return self.account_both(now, packet, class, sides, known, guess);
        }
        if sides.tx == sides.rx {
            self.totals.unaccounted.outside_to_outside.count(packet.info.ip_len);
            return Ok(None);
        }
        let side = if sides.rx { Side::Rx } else { Side::Tx };
        let place = match linked(side) {
            Some(place) => Some(place),
            None => self.look_up(now, packet, side, guess),
        };
        let Some(place) = place else {
            self.totals.unaccounted.host_table_full.count(packet.info.ip_len);
            return Ok(None);
        };
        let counted = self.count(now, place, class, side, packet.info.ip_len)?;
        if sides.by_device {
            self.hosts.set_known_by_device(place);
        }
        Ok(Some(counted))
    }

    /// The same where both sides are inside: neither counts what one of them may not.
    #[inline(never)]
    fn account_both(
        &mut self,
        now: Instant,
        packet: Packet<'_>,
        class: Class,
        sides: Sides,
        linked: [Option<u32>; 2],
        guess: Option<u32>,
    ) -> Result<Option<Counted>, QuotaUsedUp> {
        let bytes = packet.info.ip_len;
        let [tx, rx] = linked;
        let tx = tx.or_else(|| self.look_up(now, packet, Side::Tx, guess));
        let rx = rx.or_else(|| self.look_up(now, packet, Side::Rx, guess));
        let marked = match (tx, rx) {
            (None, None) => {
                self.totals.unaccounted.host_table_full.count(bytes);
                return Ok(None);
            }
            (Some(place), None) | (None, Some(place)) => self.reserve(place, class, bytes, None)?,
            // Who talks to himself counts it twice.
            (Some(tx), Some(rx)) if tx == rx => self.reserve_for(tx, class, bytes.saturating_mul(2), None, bytes)?,
            (Some(tx), Some(rx)) => {
                let first = self.reserve(tx, class, bytes, None)?;
                match self.reserve(rx, class, bytes, Some((tx, class))) {
                    Ok(second) => first || second,
                    Err(QuotaUsedUp) => {
                        self.hosts.give_back(now, tx, class);
                        return Err(QuotaUsedUp);
                    }
                }
            }
        };
        let of = |side, place: Option<u32>| place.map(|place| (side, place));
        for (side, place) in of(Side::Tx, tx).into_iter().chain(of(Side::Rx, rx)) {
            self.totals.sides[side as usize].count(bytes);
            self.hosts.count(now, place, class, side, bytes);
        }
        if tx.is_some() && rx.is_some() {
            self.totals.inside_to_inside.count(bytes);
        }
        if let Some(place) = tx.filter(|_| sides.by_device) {
            self.hosts.set_known_by_device(place);
        }
        let counted = |(side, place)| Counted { place, side, tx: true, rx: true, marked };
        Ok(of(Side::Tx, tx).or(of(Side::Rx, rx)).map(counted))
    }

    /// Counts a packet for the only one of its hosts.
    #[inline(always)]
    fn count(
        &mut self,
        now: Instant,
        place: u32,
        class: Class,
        side: Side,
        bytes: u32,
    ) -> Result<Counted, QuotaUsedUp> {
        if !self.hosts.count_straight(now, place, class, side, bytes) {
            return self.count_slowly(now, place, class, side, bytes);
        }
        self.totals.sides[side as usize].count(bytes);
        Ok(Counted { place, side, tx: side == Side::Tx, rx: side == Side::Rx, marked: false })
    }

    /// The same where somebody has to be asked.
    #[cold]
    #[inline(never)]
    fn count_slowly(
        &mut self,
        now: Instant,
        place: u32,
        class: Class,
        side: Side,
        bytes: u32,
    ) -> Result<Counted, QuotaUsedUp> {
        let marked = self.reserve_for(place, class, bytes, None, bytes)?;
        self.hosts.count(now, place, class, side, bytes);
        self.totals.sides[side as usize].count(bytes);
        Ok(Counted { place, side, tx: side == Side::Tx, rx: side == Side::Rx, marked })
    }

    /// Makes sure that a packet may be counted for a host, and counts it as refused where it may not; what `held` was told
    /// stays true. Tells whether the packet is to carry `quota_mark`.
    #[inline(always)]
    fn reserve(
        &mut self,
        place: u32,
        class: Class,
        bytes: u32,
        held: Option<(u32, Class)>,
    ) -> Result<bool, QuotaUsedUp> {
        if self.hosts.is_straight(place, class, bytes) {
            return Ok(false);
        }
        self.reserve_for(place, class, bytes, held, bytes)
    }

    #[inline(never)]
    fn reserve_for(
        &mut self,
        place: u32,
        class: Class,
        bytes: u32,
        held: Option<(u32, Class)>,
        ip_len: u32,
    ) -> Result<bool, QuotaUsedUp> {
        match self.ask_for_bytes(place, class, bytes, held) {
            Ok(mark) => {
                self.quota_mark = mark.unwrap_or(self.quota_mark);
                Ok(mark.is_some())
            }
            Err(QuotaUsedUp) => {
                self.totals.unaccounted.quota.count(ip_len);
                Err(QuotaUsedUp)
            }
        }
    }

    /// The place of one of a packet's hosts.
    #[inline(always)]
    fn look_up(&mut self, now: Instant, packet: Packet<'_>, side: Side, guess: Option<u32>) -> Option<u32> {
        let tuple = &packet.info.tuple;
        let (address, station) = match side {
            Side::Tx => (tuple.source, self.own_station(packet)),
            Side::Rx => (tuple.destination, Station::UNKNOWN),
        };
        if guess.is_some_and(|place| self.hosts.meets(now, place, tuple.family, address, station)) {
            return guess;
        }
        let entered = self.hosts.enter(now, tuple.family, address, station);
        if entered.is_err() {
            self.totals.hosts_refused += 1;
            self.tell_refused(Refusal::HostTable, address.to_ip(tuple.family));
        }
        entered.ok()
    }

    /// Puts a new connection in the table, in the name of the host that its first packet was accounted to.
    #[inline(always)]
    pub(super) fn confirm(
        &mut self,
        unconfirmed: &mut Unconfirmed,
        host: Option<Counted>,
        class: Class,
    ) -> Option<u32> {
        let owner = host.map(|Counted { place, side, tx, rx, .. }| {
            let ends = Ends { source: tx, destination: rx, responder: side == Side::Rx };
            self.hosts.open(place, class, ends)
        });
        if let Some(owner) = owner {
            unconfirmed.set_cookie(owner.to_cookie());
        }
        let clashes = self.conntrack.statistics().clash_resolve;
        let confirmed = self.conntrack.confirm(unconfirmed).ok();
        if let Some(owner) = owner {
            match confirmed {
                Some(place) if self.conntrack.statistics().clash_resolve == clashes => {
                    self.hosts.confirm(self.now, owner, place)
                }
                // Its packet may have gone over to a connection that came about meanwhile, which has its own.
                _ => self.hosts.forget(owner, class),
            }
        }
        confirmed
    }

    #[inline]
    fn show<O: Observer>(
        &self,
        packet: Packet<'_>,
        verdict: Verdict,
        tracked: Option<Tracked>,
        host: Option<Counted>,
        place: Option<u32>,
        observer: &mut O,
    ) {
        if !O::LOOKS {
            return;
        }
        let connection = place.and_then(|place| self.conntrack.at(place));
        let seen = Seen {
            time: packet.frame.time,
            packet: Ok(packet.info),
            ct_state: tracked.map(|tracked| tracked.state),
            direction: tracked.filter(|tracked| tracked.attached != Attached::None).map(|tracked| tracked.direction),
            host: host.map(|host| self.hosts.at(host.place).address()),
            verdict,
            passed: None,
            quota_mark: host.filter(|host| host.marked).map(|_| self.quota_mark),
            connection: connection
                .map(|connection| (connection, Owner::from_cookie(connection.cookie()).map(|owner| owner.id))),
        };
        observer.seen(self, &seen);
    }

    /// Looks at the timers at the next packet, whenever that comes: they may have changed.
    pub(super) fn look_at_timers(&mut self) {
        self.timers_at = Instant::ZERO;
    }

    fn timers(&mut self, promptness: Promptness) {
        self.timers_at = (self.now + TIMER_INTERVAL).min(self.hosts.turn(self.now));
        while self.conntrack.expire_some(self.now, promptness) {
            self.take_ended();
        }
        if self.conntrack.expire_expectations(self.now) {
            self.tell_expectations();
        }
        if let Some(defrag) = &mut self.defrag {
            defrag.expire(self.now, promptness);
        }
        let (events, totals) = (&mut self.events, &mut self.totals);
        let wanted = self.config.events.host_expired;
        self.hosts.expire(self.now, promptness, |host| {
            if wanted {
                totals.events_lost += u64::from(!events.push(Event::HostExpired(Box::new(host.clone()))));
            }
        });
    }

    /// Tells the hosts, and whoever asked, of connections that ended.
    #[inline]
    pub(super) fn take_ended(&mut self) {
        if self.conntrack.has_ended() {
            self.take_all_ended();
        }
    }

    fn take_all_ended(&mut self) {
        // The hosts' cache lines first: many connections end together.
        for connection in self.conntrack.iter_ended() {
            if let Some(owner) = Owner::from_cookie(connection.cookie()) {
                self.hosts.prefetch_class(owner.place, Class::of(connection.original().protocol));
            }
        }
        while let Some(end) = self.conntrack.take_ended() {
            self.close(end);
        }
        self.tell_expectations();
    }

    fn close(&mut self, end: End) {
        let connection = self.conntrack.ended(end);
        let owner = Owner::from_cookie(connection.cookie());
        if let Some(owner) = owner {
            let assured = connection.status().contains(Status::ASSURED);
            self.hosts.close(owner, Class::of(connection.original().protocol), assured, end.at, end.place);
        }
        if self.config.events.connections.and(end.events).contains(Changes::DESTROY) {
            let owner = owner.map(|owner| (self.hosts.get(owner).address(), owner.id));
            let ended = Box::new(Ended { connection: connection.clone(), at: end.at, reason: end.reason });
            self.push_event(Event::ConnectionEnded { id: end.id, owner, ended });
        }
    }

    /// Tells the host, and whoever asked, of what a packet changed on its connection.
    #[inline(always)]
    pub(super) fn take_changes(&mut self) {
        let wanted = Changes::ASSURED | self.config.events.connections;
        if !self.conntrack.changes().and(wanted).is_empty() {
            self.tell_changes(self.conntrack.changed());
        }
    }

    #[inline(never)]
    fn tell_changes(&mut self, place: u32) {
        let Some((id, connection)) = self.conntrack.named(place) else { return };
        let changes = self.conntrack.changes();
        if changes.contains(Changes::ASSURED)
            && let Some(owner) = Owner::from_cookie(connection.cookie())
        {
            self.hosts.assure(owner, Class::of(connection.original().protocol));
        }
        self.tell(id, place, changes);
    }

    /// Makes an event of what changed on a connection, if anybody wants to know it.
    pub(super) fn tell(&mut self, id: ConnectionId, place: u32, changes: Changes) {
        let changes = self.conntrack.told(place, changes.and(self.config.events.connections));
        let Some(connection) = self.conntrack.at(place).filter(|_| !changes.is_empty()) else { return };
        let owner = Owner::from_cookie(connection.cookie());
        let owner = owner.map(|owner| (self.hosts.get(owner).address(), owner.id));
        let connection = Box::new(connection.clone());
        self.push_event(Event::Connection { changes, id, owner, connection });
    }

    pub(super) fn push_event(&mut self, event: Event) {
        self.totals.events_lost += u64::from(!self.events.push(event));
    }

    /// An event that has not been taken yet, the oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.poll()
    }

    /// When [`Gateway::handle_timeout`] has something to do, if nothing comes before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let defrag = self.defrag.as_ref().and_then(|defrag| defrag.next_timeout());
        let expectations = self.conntrack.next_expectation_timeout();
        [self.conntrack.next_timeout(), expectations, self.hosts.next_timeout(), defrag].into_iter().flatten().min()
    }

    /// Moves time on without a frame and ends all that is over. Time never goes back.
    ///
    /// Exact to the nanosecond, however often it is called.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.timers(Promptness::Exact);
    }
}
