//! The straight road: one packet after the other, where nobody looks but the engine itself.

use super::accounting::Counted;
use super::burst::Ahead;
use super::engine::Gateway;
use super::observer::{Observer, Seen, Whole};
use crate::account::{Class, Ends, Owner, QuotaUsedUp, Side};
use crate::conntrack::helper;
use crate::conntrack::{Attached, Direction, Refused, Tracked, Unconfirmed};
use crate::defrag::{Outcome, Seams};
use crate::hook::Verdict;
use crate::packet::{Fragment, Frame, NotIp, Packet, PacketInfo, Transport, Tuple};
use crate::table::Hash;
use crate::time::{Instant, Promptness};

/// What was looked up for a packet before it is judged.
#[derive(Clone, Copy)]
struct Known {
    /// Its tuple's hash, if anybody needed it.
    hash: Option<Hash>,
    /// Its connection and its direction there.
    found: Option<(u32, Direction)>,
    /// A guess at the place of the host that a new connection will belong to.
    host: Option<u32>,
    /// Where it was put together of fragments.
    seams: Option<Seams>,
}

/// What is shown of a packet.
#[derive(Clone, Copy)]
struct Shown<'a> {
    /// As it came.
    packet: Packet<'a>,
    /// The datagram that it made whole.
    whole: Option<Whole<'a>>,
}

impl<'a> From<Packet<'a>> for Shown<'a> {
    #[inline(always)]
    fn from(packet: Packet<'a>) -> Self {
        Shown { packet, whole: None }
    }
}

impl<'a> Shown<'a> {
    #[inline(always)]
    fn of(whole: Packet<'a>, packet: Packet<'a>, known: &Known) -> Self {
        let whole = known.seams.map(|seams| Whole { data: whole.frame.data, info: whole.info, seams });
        Shown { packet, whole }
    }
}

impl Gateway {
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

    pub(super) fn set_aside<O: Observer>(&mut self, frame: &Frame<'_>, why: NotIp, observer: &mut O) {
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
            whole: None,
        };
        observer.seen(self, &seen);
    }

    /// One packet's road. A function of its own: the loop around it has enough to remember.
    #[inline(never)]
    pub(super) fn pass<O: Observer>(&mut self, frame: &Frame<'_>, ahead: &Ahead, observer: &mut O) {
        let packet = Packet { frame, info: &ahead.info };
        let now = self.advance(packet.frame.time);
        self.totals.frames.count(packet.frame.wire_len);
        self.totals.ip.count(packet.info.ip_len);
        if packet.info.fragment != Fragment::None {
            return self.pass_fragment(now, packet, observer);
        }
        if packet.info.transport == Transport::Gre {
            return self.follow_rare(now, packet, packet, None, observer);
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
                let known = Known { hash: Some(hash), found: None, host: ahead.host, seams: None };
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
                Ok(host) => self.show(packet.into(), Verdict::Accept, Some(tracked), host, tracked.place(), observer),
                Err(QuotaUsedUp) => self.show(packet.into(), Verdict::DROP, None, None, None, observer),
            },
            None => {
                let known = Known { hash: ahead.hash, found: Some(found), host: ahead.host, seams: None };
                self.follow(now, packet, packet, known, observer);
            }
        }
    }

    /// The road of what is rare: GRE may get its sender's call id from what PPTP announced.
    #[cold]
    fn follow_rare<O: Observer>(
        &mut self,
        now: Instant,
        whole: Packet<'_>,
        packet: Packet<'_>,
        seams: Option<Seams>,
        observer: &mut O,
    ) {
        let mut info = *whole.info;
        if let Some(tuple) = self.conntrack.gre_tuple(&info.tuple) {
            info.tuple = tuple;
        }
        let hash = self.conntrack.hash(&info.tuple);
        let known = Known { hash: Some(hash), found: self.conntrack.search(hash, &info.tuple), host: None, seams };
        self.follow(now, Packet { info: &info, ..whole }, packet, known, observer);
    }

    /// PREROUTING: a fragment waits until its datagram is whole; that goes on in the place of the last one. Each counts for
    /// its hosts as it comes, and the datagram, as the kernel has it, for its connection.
    #[cold]
    fn pass_fragment<O: Observer>(&mut self, now: Instant, packet: Packet<'_>, observer: &mut O) {
        let Some(mut defrag) = self.defrag.take() else { return };
        match defrag.push(now, packet) {
            Outcome::Passed => self.follow_rare(now, packet, packet, None, observer),
            Outcome::Whole(frame, seams) => match PacketInfo::read(&frame) {
                Ok(mut info) => {
                    info.tuple.zone = packet.info.tuple.zone;
                    let whole = Packet { frame: &frame, info: &info };
                    self.follow_rare(now, whole, packet, Some(seams), observer);
                }
                // No datagram is put together so.
                Err(_) => self.refuse_fragment(packet, observer),
            },
            Outcome::Held => {
                let class = Class::of(packet.info.tuple.protocol);
                let host = self.account_any(now, packet, class, None, Direction::Original, None);
                self.show(packet.into(), Verdict::Stolen, None, host.unwrap_or(None), None, observer);
            }
            Outcome::Refused(_) => self.refuse_fragment(packet, observer),
        }
        self.defrag = Some(defrag);
    }

    fn refuse_fragment<O: Observer>(&mut self, packet: Packet<'_>, observer: &mut O) {
        self.totals.unaccounted.fragments_refused.count(packet.info.ip_len);
        self.show(packet.into(), Verdict::DROP, None, None, None, observer);
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
        let shown = Shown::of(whole, packet, &known);
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
            return self.show(shown, Verdict::DROP, None, None, None, observer);
        };

        // POSTROUTING: helper.
        if tracked.extended && self.help(now, whole, &tracked, None) == helper::Outcome::Drop {
            return self.show(shown, Verdict::DROP, None, host, None, observer);
        }
        self.take_changes();
        self.show(shown, Verdict::Accept, Some(tracked), host, tracked.place(), observer);
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
        let shown = Shown::of(whole, packet, &known);
        // PREROUTING: conntrack.
        let hash = known.hash.unwrap_or_else(|| self.conntrack.hash(&whole.info.tuple));
        let mut slot = None;
        let mut begun = self.begin(now, whole, packet.info.ip_len, hash, &mut slot);
        let tracked = match &begun {
            Ok(new) => Tracked { state: new.state(), ..Tracked::NEW },
            Err(Refused::Invalid) => Tracked::INVALID,
            Err(Refused::Full | Refused::HostLimit) => {
                return self.show(shown, Verdict::DROP, None, None, None, observer);
            }
        };

        // FORWARD: account.
        let class = Class::of(whole.info.tuple.protocol);
        let Ok(host) = self.account_any(now, packet, class, None, tracked.direction, known.host) else {
            self.tell_expectations();
            return self.show(shown, Verdict::DROP, None, None, None, observer);
        };

        // POSTROUTING: helper, confirm.
        if let Ok(new) = &mut begun
            && new.is_extended()
        {
            self.tell_expectations();
            if self.help(now, whole, &tracked, Some(new)) == helper::Outcome::Drop {
                return self.show(shown, Verdict::DROP, None, host, None, observer);
            }
        }
        let place = begun.ok().and_then(|unconfirmed| self.confirm(unconfirmed, host, class));
        self.take_changes();
        self.show(shown, Verdict::Accept, Some(tracked), host, place, observer);
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

    /// The connection that begins with a packet, if there is room for one more.
    #[inline(always)]
    pub(super) fn begin<'a>(
        &mut self,
        now: Instant,
        packet: Packet<'_>,
        ip_len: u32,
        hash: Hash,
        begun: &'a mut Option<Unconfirmed>,
    ) -> Result<&'a mut Unconfirmed, Refused> {
        let info = packet.info;
        let Tuple { family, source, .. } = info.tuple;
        let refusal = self.hosts.refusal(now, family, source, || self.own_station(packet));
        // Who is at the limit does not push out anybody.
        let has_room = !self.conntrack.is_full() || (refusal.is_none() && self.make_room(now));
        let begun = self.conntrack.begin(now, packet, hash, has_room, begun);
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
        Shown { packet, whole }: Shown<'_>,
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
            whole,
            quota_mark: host.filter(|host| host.marked).map(|_| self.quota_mark),
            connection: connection
                .map(|connection| (connection, Owner::from_cookie(connection.cookie()).map(|owner| owner.id))),
        };
        observer.seen(self, &seen);
    }
}
