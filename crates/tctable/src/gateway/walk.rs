//! The road with all its hooks: taken where rules are loaded or functions registered. Without, packets take the straight one
//! in `road`, which does the same with nobody looking on.

use super::accounting::Counted;
use super::burst::Ahead;
use super::engine::Gateway;
use super::hooks::{Passing, Position, What};
use super::observer::{Observer, Passed, Seen, Whole};
use super::route::Route;
use crate::account::{Class, Owner, QuotaUsedUp, Side};
use crate::conntrack::{Attached, Conntrack, Cookie, CtState, Direction, Refused, Tracked, helper};
use crate::defrag::{Outcome, Seams};
use crate::hook::{Ct, DropReason, Hook, PacketBuf, Tracking, Verdict};
use crate::packet::{DeviceId, Family, Fragment, Frame, FrameDirection, Packet, PacketInfo, Transport};
use crate::ruleset::TraceRecord;
use crate::time::Instant;

/// How often a packet may be told to begin anew at one hook. The kernel has no limit, and hangs.
const MAX_REPEATS: u32 = 16;

/// A packet on its way through the hooks.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    pub(super) packet: PacketBuf<'a>,
    /// The IP packet's length in bytes as it came: of a datagram that was split, the last fragment's. What hosts count.
    came: u32,
    /// A guess at the place of its connection.
    likely: Option<u32>,
    /// A guess at the place of the host that a new connection will belong to.
    host: Option<u32>,
    /// The host that it was counted for.
    counted: Option<Counted>,
    /// It was counted, for a host or for none.
    pub(super) accounted: bool,
    /// The gateway made it, to answer another one.
    pub(super) made: bool,
    /// Connection tracking has looked at it, and let it pass.
    tracked: bool,
    /// Where it was put together of fragments.
    seams: Option<Seams>,
    /// The rules that it met, if it is traced.
    pub(super) met: Vec<TraceRecord>,
}

/// How a packet's walk went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Walked {
    /// To the end.
    Passed,
    /// As far as here: dropped, or somebody keeps it.
    Ended(Verdict),
    /// It is a fragment, which waits for others.
    Held,
    /// It is to wait for a program.
    Queued {
        /// In that queue.
        number: u16,
        /// At that hook.
        hook: Hook,
        /// Behind that place.
        at: Position,
    },
}

/// What one step says.
enum Stepped {
    Verdict(Verdict),
    /// It is a fragment, which waits for others.
    Held,
    /// It is dropped, and counted already.
    Refused,
}

impl<'a> Walk<'a> {
    pub(super) fn new(frame: Frame<'a>, info: PacketInfo, likely: Option<u32>, host: Option<u32>) -> Self {
        let came = info.ip_len;
        let packet = PacketBuf::new(frame, info);
        Walk {
            packet,
            came,
            likely,
            host,
            counted: None,
            accounted: false,
            made: false,
            tracked: false,
            seams: None,
            met: Vec::new(),
        }
    }

    /// The walk of a packet that the gateway makes.
    pub(super) fn made(frame: Frame<'a>, info: PacketInfo) -> Self {
        Walk { made: true, ..Walk::new(frame, info, None, None) }
    }

    pub(super) fn into_owned(self) -> Walk<'static> {
        Walk { packet: self.packet.into_owned(), ..self }
    }

    /// Its connection ended while it waited.
    pub(super) fn forget_connection(&mut self) {
        self.packet.tracking.connection = Ct::None;
        self.packet.tracking.cookie = Cookie::NONE;
    }

    /// The IP packet's length in bytes as it came.
    pub(super) fn came(&self) -> u32 {
        self.came
    }
}

impl Gateway {
    /// One packet's road.
    #[inline(never)]
    pub(super) fn pass_hooked<O: Observer>(&mut self, frame: &Frame<'_>, ahead: &Ahead, observer: &mut O) {
        let now = self.advance(frame.time);
        self.totals.frames.count(frame.wire_len);
        self.totals.ip.count(ahead.info.ip_len);
        let mut walk = Walk::new(*frame, ahead.info, ahead.likely, ahead.host);
        walk.packet.traced = self.config.trace;
        let tuple = &ahead.info.tuple;
        let made = self.own.has(tuple.family, tuple.source);
        walk.packet.input = if made { None } else { self.input(&walk.packet) };
        let first = if made { Hook::LocalOut } else { Hook::PreRouting };
        if made {
            walk.packet.output = self.output(&walk.packet);
        }
        let walked = self.go_on(now, &mut walk, first, None);
        self.arrive(walk, walked, observer);
    }

    /// Takes a packet from a hook on as far as it goes: from its beginning, or from behind a position there.
    pub(super) fn go_on(
        &mut self,
        now: Instant,
        walk: &mut Walk<'_>,
        mut hook: Hook,
        mut behind: Option<Position>,
    ) -> Walked {
        loop {
            let walked = self.traverse(now, walk, hook, behind);
            if walked != Walked::Passed {
                return walked;
            }
            behind = None;
            hook = match hook {
                Hook::PreRouting => {
                    let tuple = &walk.packet.info().tuple;
                    if self.own.has(tuple.family, tuple.destination) {
                        Hook::LocalIn
                    } else {
                        walk.packet.output = self.output(&walk.packet);
                        if self.config.decrement_ttl && !decrement_ttl(&mut walk.packet) {
                            return Walked::Ended(Verdict::DROP);
                        }
                        Hook::Forward
                    }
                }
                Hook::Forward | Hook::LocalOut => Hook::PostRouting,
                Hook::LocalIn | Hook::PostRouting => return Walked::Passed,
            };
        }
    }

    /// Takes a packet through one hook.
    fn traverse(&mut self, now: Instant, walk: &mut Walk<'_>, hook: Hook, behind: Option<Position>) -> Walked {
        let mut nth = self.hooks.first(hook, behind);
        let mut repeats = 0;
        while let Some(step) = self.hooks.step(hook, nth) {
            if !step.families.has(walk.packet.info().tuple.family) {
                nth += 1;
                continue;
            }
            let mut verdict = match self.step(now, walk, hook, step.what) {
                Stepped::Verdict(verdict) => verdict,
                Stepped::Held => return Walked::Held,
                Stepped::Refused => {
                    walk.accounted = true;
                    return Walked::Ended(Verdict::DROP);
                }
            };
            if verdict == Verdict::Repeat {
                repeats += 1;
                self.totals.repeats += 1;
                if repeats <= MAX_REPEATS {
                    continue;
                }
                verdict = Verdict::Drop(DropReason::TooManyRepeats);
            }
            if let Verdict::Queue { number, bypass } = verdict {
                match self.send_to_queue(number, bypass, hook, step.at) {
                    Some(walked) => return walked,
                    None => verdict = Verdict::Accept,
                }
            }
            match verdict {
                Verdict::Accept => nth += 1,
                ended => return Walked::Ended(ended),
            }
        }
        Walked::Passed
    }

    fn step(&mut self, now: Instant, walk: &mut Walk<'_>, hook: Hook, what: What) -> Stepped {
        Stepped::Verdict(match what {
            What::Defrag => return self.step_defrag(now, walk),
            What::Track => return self.step_track(now, walk),
            What::Table(table) => self.step_table(now, walk, hook, table),
            What::Account => return self.step_account(now, walk),
            What::Help => self.step_help(now, walk),
            What::Confirm => return self.step_confirm(now, walk),
            What::Function(handle) => {
                let Gateway { hooks, conntrack, devices, .. } = self;
                let Some(function) = hooks.function(handle) else { return Stepped::Verdict(Verdict::Accept) };
                function.packet(&mut Passing { hook, now, packet: &mut walk.packet, conntrack, devices })
            }
        })
    }

    fn step_defrag(&mut self, now: Instant, walk: &mut Walk<'_>) -> Stepped {
        if walk.packet.info().fragment == Fragment::None {
            return Stepped::Verdict(Verdict::Accept);
        }
        let Some(mut defrag) = self.defrag.take() else { return Stepped::Verdict(Verdict::Accept) };
        let view = walk.packet.packet();
        let (zone, came) = (view.info.tuple.zone, view.info.ip_len);
        let whole = match defrag.push(now, view.as_packet()) {
            Outcome::Passed => Some(None),
            Outcome::Whole(frame, seams) => PacketInfo::read(&frame).ok().map(|info| Some((frame, info, seams))),
            Outcome::Held => {
                let class = Class::of(view.info.tuple.protocol);
                let counted = self.account_any(now, view.as_packet(), class, None, Direction::Original, None);
                walk.counted = counted.unwrap_or(None);
                walk.accounted = true;
                self.defrag = Some(defrag);
                return Stepped::Held;
            }
            Outcome::Refused(_) => None,
        };
        let stepped = match whole {
            None => {
                self.totals.unaccounted.fragments_refused.count(came);
                Stepped::Refused
            }
            Some(datagram) => {
                if let Some((frame, mut info, seams)) = datagram {
                    info.tuple.zone = zone;
                    walk.packet.replace(&frame, info);
                    // It was made for a fragment.
                    walk.likely = None;
                    walk.seams = Some(seams);
                }
                Stepped::Verdict(Verdict::Accept)
            }
        };
        self.defrag = Some(defrag);
        stepped
    }

    fn step_track(&mut self, now: Instant, walk: &mut Walk<'_>) -> Stepped {
        walk.tracked = true;
        let packet = &mut walk.packet;
        if let Some(template) = &packet.template {
            if template.notrack {
                self.conntrack.leave_untracked();
                packet.tracking.state = CtState::Untracked;
                return Stepped::Verdict(Verdict::Accept);
            }
            if let Some(zone) = template.zone {
                packet.tuple_mut().zone = zone;
            }
        } else if matches!(packet.tracking.connection, Ct::Confirmed(_) | Ct::New(_)) {
            // The gateway made it for a packet that has one.
            return Stepped::Verdict(Verdict::Accept);
        }
        if packet.info().transport == Transport::Gre
            && let Some(tuple) = self.conntrack.gre_tuple(&packet.info().tuple)
        {
            *packet.tuple_mut() = tuple;
        }
        let tuple = packet.info().tuple;
        let hash = self.conntrack.hash(&tuple);
        let guess = self.conntrack.guess(walk.likely, &tuple);
        let found = guess.or_else(|| self.conntrack.search(hash, &tuple));
        let tracked = self.conntrack.track(now, packet.packet().as_packet(), found);
        self.take_ended();
        let mut begun = None;
        packet.tracking = match tracked.attached {
            Attached::New => match self.begin(now, packet.packet().as_packet(), walk.came, hash, &mut begun) {
                Ok(new) => {
                    let (helper, events) =
                        packet.template.as_ref().map_or((None, None), |template| (template.helper, template.events));
                    if let Some(name) = helper {
                        self.conntrack.assign(new, name);
                    }
                    if let Some(events) = events {
                        Conntrack::choose_events(new, events);
                    }
                    let state = new.state();
                    let connection = begun.map_or(Ct::None, |new| Ct::New(Box::new(new)));
                    Tracking { state, connection, ..Tracking::NONE }
                }
                Err(Refused::Invalid) => Tracking::NONE,
                // Counted by its cause.
                Err(Refused::Full | Refused::HostLimit) => {
                    walk.tracked = false;
                    return Stepped::Refused;
                }
            },
            Attached::Confirmed(place) => Tracking {
                state: tracked.state,
                direction: tracked.direction,
                connection: Ct::Confirmed(place),
                cookie: tracked.cookie,
            },
            Attached::None => Tracking { state: tracked.state, ..Tracking::NONE },
        };
        Stepped::Verdict(Verdict::Accept)
    }

    fn step_account(&mut self, now: Instant, walk: &mut Walk<'_>) -> Stepped {
        let view = walk.packet.packet();
        // What crossed the line counts, whatever became of it since.
        let info = PacketInfo { ip_len: walk.came, ..*view.info };
        let packet = Packet { frame: &view.frame, info: &info };
        let class = Class::of(info.tuple.protocol);
        let tracking = &walk.packet.tracking;
        let counted = match tracking.connection {
            Ct::Confirmed(_) => self.account_tracked(now, packet, &info, tracking.cookie, tracking.direction),
            Ct::New(_) | Ct::None => self.account_any(now, packet, class, None, tracking.direction, walk.host),
        };
        match counted {
            Ok(counted) => {
                if counted.is_some_and(|counted| counted.marked) {
                    walk.packet.mark = self.quota_mark;
                }
                (walk.counted, walk.accounted) = (counted, true);
                Stepped::Verdict(Verdict::Accept)
            }
            Err(QuotaUsedUp) => {
                walk.tracked = false;
                Stepped::Refused
            }
        }
    }

    fn step_help(&mut self, now: Instant, walk: &mut Walk<'_>) -> Verdict {
        // A connection that begins is shown to its helper right before it is confirmed.
        let Ct::Confirmed(place) = walk.packet.tracking.connection else { return Verdict::Accept };
        let tracking = &walk.packet.tracking;
        let extended = self.conntrack.at(place).is_some_and(|connection| connection.status().is_extended());
        if !extended {
            return Verdict::Accept;
        }
        let tracked = Tracked {
            state: tracking.state,
            direction: tracking.direction,
            attached: Attached::Confirmed(place),
            cookie: Cookie::NONE,
            extended,
        };
        match self.help(now, walk.packet.packet().as_packet(), &tracked, None) {
            helper::Outcome::Accept => Verdict::Accept,
            helper::Outcome::Drop => {
                walk.tracked = false;
                Verdict::DROP
            }
        }
    }

    fn step_confirm(&mut self, now: Instant, walk: &mut Walk<'_>) -> Stepped {
        let connection = std::mem::replace(&mut walk.packet.tracking.connection, Ct::None);
        let Ct::New(mut new) = connection else {
            walk.packet.tracking.connection = connection;
            return Stepped::Verdict(Verdict::Accept);
        };
        // What answers a packet in the gateway's name goes against its connection, which is not confirmed by it.
        if walk.packet.tracking.direction == Direction::Reply {
            return Stepped::Verdict(Verdict::Accept);
        }
        if new.is_extended() {
            self.tell_expectations();
            let tracked = Tracked { state: new.state(), ..Tracked::NEW };
            let outcome = self.help(now, walk.packet.packet().as_packet(), &tracked, Some(&mut new));
            if outcome == helper::Outcome::Drop {
                walk.tracked = false;
                return Stepped::Verdict(Verdict::DROP);
            }
        }
        let class = Class::of(walk.packet.info().tuple.protocol);
        match self.confirm(&mut new, walk.counted, class) {
            Some(place) => {
                walk.packet.tracking.connection = Ct::Confirmed(place);
                Stepped::Verdict(Verdict::Accept)
            }
            None => Stepped::Verdict(Verdict::DROP),
        }
    }

    /// After a packet has waited: the host that it was counted for may have gone.
    pub(super) fn recall_host(&self, walk: &mut Walk<'_>) {
        let tuple = &walk.packet.info().tuple;
        walk.counted = walk.counted.filter(|counted| {
            let address = match counted.side {
                Side::Tx => tuple.source,
                Side::Rx => tuple.destination,
            };
            self.hosts.find(tuple.family, address) == Some(counted.place)
        });
        (walk.likely, walk.host) = (None, None);
    }

    /// The end of a packet's walk: what it changed is told, what was not counted for a host is counted by its cause.
    pub(super) fn arrive<O: Observer>(&mut self, walk: Walk<'_>, walked: Walked, observer: &mut O) {
        self.take_changes();
        self.conntrack.clear_changes();
        let verdict = match walked {
            Walked::Passed => Verdict::Accept,
            Walked::Ended(verdict) => verdict,
            Walked::Queued { number, hook, at } => {
                self.show_walk(&walk, Verdict::Queue { number, bypass: false }, observer);
                return self.enqueue(walk, number, hook, at);
            }
            Walked::Held => Verdict::Stolen,
        };
        self.settle(&walk, verdict);
        self.show_walk(&walk, verdict, observer);
    }

    /// Counts a packet that no host was counted for, because it ended before that.
    pub(super) fn settle(&mut self, walk: &Walk<'_>, verdict: Verdict) {
        if walk.accounted {
            return;
        }
        let unaccounted = &mut self.totals.unaccounted;
        match verdict {
            Verdict::Stolen => unaccounted.stolen.count(walk.came),
            Verdict::Drop(DropReason::NoQueue) => unaccounted.queue_dropped.count(walk.came),
            // A packet that passes was counted on its way.
            _ => unaccounted.dropped.count(walk.came),
        }
    }

    fn input(&self, packet: &PacketBuf<'_>) -> Option<DeviceId> {
        let (info, device) = (packet.info(), packet.packet().frame.device);
        Some(match self.config.route {
            Route::Unknown if info.direction == FrameDirection::Outbound => return None,
            Route::Unknown | Route::Between(..) => device,
            Route::Sides { lan, wan } => {
                let inside = self.config.inside.has_address(info.tuple.family, info.tuple.source);
                if inside { lan } else { wan }
            }
        })
    }

    fn output(&self, packet: &PacketBuf<'_>) -> Option<DeviceId> {
        let (info, device) = (packet.info(), packet.packet().frame.device);
        match self.config.route {
            Route::Unknown => (info.direction == FrameDirection::Outbound).then_some(device),
            Route::Between(one, other) => Some(match packet.input {
                Some(input) if input == one => other,
                Some(_) => one,
                // The gateway made it: it was seen where it leaves.
                None => device,
            }),
            Route::Sides { lan, wan } => {
                let inside = self.config.inside.has_address(info.tuple.family, info.tuple.destination);
                Some(if inside { lan } else { wan })
            }
        }
    }

    fn show_walk<O: Observer>(&self, walk: &Walk<'_>, verdict: Verdict, observer: &mut O) {
        if !O::LOOKS {
            return;
        }
        let packet = &walk.packet;
        let Tracking { state, direction, connection, .. } = &packet.tracking;
        let place = match connection {
            Ct::Confirmed(place) if walk.tracked => Some(*place),
            _ => None,
        };
        let confirmed = place.and_then(|place| self.conntrack.at(place));
        let host = walk.counted.filter(|_| walk.accounted).map(|counted| self.hosts.at(counted.place).address());
        let seen = Seen {
            time: packet.packet().frame.time,
            packet: Ok(packet.info()),
            verdict,
            ct_state: walk.tracked.then_some(*state),
            direction: (walk.tracked && !matches!(connection, Ct::None)).then_some(*direction),
            host,
            quota_mark: walk.counted.filter(|counted| counted.marked).map(|_| self.quota_mark),
            connection: confirmed
                .map(|connection| (connection, Owner::from_cookie(connection.cookie()).map(|owner| owner.id))),
            passed: Some(Passed { packet, met: &walk.met }),
            whole: walk.seams.map(|seams| Whole { data: packet.data(), info: packet.info(), seams }),
        };
        observer.seen(self, &seen);
    }
}

/// Takes one from a packet's TTL or hop limit; tells whether any is left.
fn decrement_ttl(packet: &mut PacketBuf<'_>) -> bool {
    let (offset, family) = (usize::from(packet.info().network_offset), packet.info().tuple.family);
    let field = offset + if family == Family::V4 { 8 } else { 7 };
    if packet.data().get(field).is_none_or(|ttl| *ttl <= 1) {
        return false;
    }
    let edited = packet.edit(|data| {
        data[field] -= 1;
        if family == Family::V4 {
            // RFC 1141: the checksum of a header that is less by 0x0100 is more by that. Of the two zeros of such sums it
            // is the one without a bit, as in the kernel.
            let sum = u32::from(u16::from_be_bytes([data[offset + 10], data[offset + 11]])) + 0x0100;
            data[offset + 10..offset + 12].copy_from_slice(&((sum + u32::from(sum >= 0xffff)) as u16).to_be_bytes());
        }
    });
    edited.is_ok()
}
