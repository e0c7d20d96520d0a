//! The road's `account` step: which hosts a packet counts for.

use super::engine::Gateway;
use super::route::Route;
use crate::account::{Class, Owner, QuotaUsedUp, Refusal, Side, Station};
use crate::conntrack::{Cookie, Direction};
use crate::packet::{DeviceId, FrameDirection, Packet, PacketInfo, Transport};
use crate::time::Instant;

/// Which hosts a packet counts for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sides {
    pub(super) tx: bool,
    pub(super) rx: bool,
    /// The sender was told by its device, not by its address.
    by_device: bool,
}

/// A host that a packet was counted for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    pub(super) place: u32,
    pub(super) side: Side,
    /// Whether the packet's source and destination are inside.
    pub(super) tx: bool,
    pub(super) rx: bool,
    /// It is to carry the mark of its quota: [`Gateway::quota_mark`].
    pub(super) marked: bool,
}

impl Gateway {
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
        let class = Class::of(whole.tuple.protocol);
        // An error's own ends need not be those of the connection that it is about.
        let own = whole.transport != Transport::IcmpError;
        if own
            && let Some((place, side)) = Owner::only_end(cookie, direction)
            && (!self.config.inside.has_devices() || self.crosses(packet.frame.device, side))
        {
            return self.count(now, place, class, side, packet.info.ip_len).map(Some);
        }
        let owner = if own { Owner::from_cookie(cookie) } else { None };
        self.account_any(now, packet, class, owner, direction, None)
    }

    /// Where a packet comes from and goes to, seen from inside.
    ///
    /// Prefixes decide by address, once for a connection: it keeps what its first packet was told. An inside device decides by
    /// what it received: its sender is inside, and stays known for the answers. What an inside device sent, or what goes to an
    /// address that is known so, goes inside.
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

    /// Whether a packet that came in by a device goes that way between inside and outside, since the gateway stands between
    /// the two.
    #[inline]
    fn crosses(&self, device: DeviceId, side: Side) -> bool {
        let Route::Between(one, other) = self.config.route else { return false };
        let (from, to) = if device == one { (one, other) } else { (other, one) };
        let inside = &self.config.inside;
        device == from && inside.has_device(from) == (side == Side::Tx) && inside.has_device(to) == (side == Side::Rx)
    }

    fn sides_by_device(&self, packet: Packet<'_>, tx: bool, rx: bool) -> Sides {
        let tuple = &packet.info.tuple;
        let known = |address| self.hosts.known_by_device(tuple.family, address);
        let here = self.config.inside.has_device(packet.frame.device);
        let (received, sent) = match packet.info.direction {
            // Where it leaves is known, whoever it is for: but many are no host.
            FrameDirection::Inbound => {
                let crosses = self.crosses(packet.frame.device, Side::Rx);
                (here, crosses && !tuple.destination.is_of_many(tuple.family))
            }
            FrameDirection::Outbound => (false, here),
            // Not told: a packet from a stranger to a known host is one that the device sent.
            FrameDirection::Unknown => {
                let sent = here && (rx || known(tuple.destination)) && !(tx || known(tuple.source));
                (here && !sent, sent)
            }
        };
        Sides { tx: tx || received, rx: rx || sent || known(tuple.destination), by_device: received && !tx }
    }

    /// Counts a packet for its hosts and gives the first of them: the sender's, else the receiver's. It may be that both
    /// sides or none are inside, or that hosts have to be looked up.
    ///
    /// # Errors
    /// [`QuotaUsedUp`]: it is counted as such, and to be dropped.
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
}
