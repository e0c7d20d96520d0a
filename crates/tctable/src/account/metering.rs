//! Quotas without a look at them for each packet.
//!
//! Each class of a host has an allowance: bytes that it may count before it comes back here. The allowance was lent by
//! all who pay for the host, each with a quota of its own: the host, its group, and the group that that one is a part of.
//! They never lend more than what is left below their next mark, and when a packet does not fit any more they call back
//! what others borrowed, so a mark is reached at the very packet that reaches it. Each call leaves less than half of what
//! was left before it, so there are few of them.
//!
//! Where no quota holds, allowances are as large as can be.
//!
//! When a period is over, or a second where rates are wanted, each class comes back with its first packet after that
//! (`boundary`): until then all that it counted since it was here lies in one period, that of its last packet.

use arrayvec::ArrayVec;

use super::host::{Class, NOBODY};
use super::period::Span;
use super::quota::{Customer, MarkReached, Meter, OverQuota, Quota, QuotaMark, Usage};
use super::rates::Past;
use super::table::Hosts;
use crate::packet::{Address, Family};
use crate::time::{Duration, Instant};

/// What is kept of a host for which a quota holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Metering {
    /// The bytes of each class that were charged.
    pub(super) charged: [u64; 4],
    /// The host's own.
    pub(super) meter: Option<Meter>,
}

/// Whose meter.
#[derive(Clone, Copy, Debug)]
enum Payer {
    /// The host at that place.
    Host(u32),
    /// The group of that number.
    Group(u32),
}

/// A class of a host whose allowance is spoken for.
pub(crate) type Held = Option<(u32, Class)>;

/// A packet beyond a quota, which is to be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QuotaUsedUp;

/// When all classes have to come back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turns {
    /// Whoever counted nothing since then comes back.
    pub(super) boundary: Instant,
    /// The latest beginning and the soonest end of a quota's period.
    period: Span,
}

impl Turns {
    /// What is known before the first packet, and after a change.
    pub(super) const UNKNOWN: Turns =
        Turns { boundary: Instant::ZERO, period: Span { begins: Instant::ZERO, ends: Instant::ZERO } };
}

impl Hosts {
    /// Begins a second or a period, if it is time to; gives the time of the next one. To be called before anything of that
    /// time is counted.
    pub(crate) fn turn(&mut self, now: Instant) -> Instant {
        if now >= self.turns.period.ends {
            self.turn_period(now);
        }
        let Turns { boundary, period } = &mut self.turns;
        *boundary = period.begins;
        if !self.config.rates {
            return period.ends;
        }
        let second = Instant::from_secs(now.as_nanos() / 1_000_000_000);
        *boundary = second.max(period.begins);
        (second + Duration::from_secs(1)).min(period.ends)
    }

    fn turn_period(&mut self, now: Instant) {
        let groups = self.roster.states.iter().filter_map(|state| state.quota);
        let spans = groups.chain(self.config.quota).map(|quota| quota.period.span(now, self.config.utc_offset));
        let all = Span { begins: Instant::ZERO, ends: Instant::MAX };
        self.turns.period =
            spans.fold(all, |sum, span| Span { begins: sum.begins.max(span.begins), ends: sum.ends.min(span.ends) });
        self.remembered.retain(|_, meter| meter.span.ends > now);
    }

    /// Whether a packet may be counted for a class of a host with no more ado.
    #[inline(always)]
    pub(crate) fn is_straight(&self, place: u32, class: Class, bytes: u32) -> bool {
        let entry = &self.slab[place].classes[class as usize];
        entry.allowance >= bytes && entry.last >= self.turns.boundary
    }

    /// Makes room for a packet in the allowance of a host's class. What `held` has stays with it. Gives the mark that the
    /// packet is to carry, if any.
    ///
    /// # Errors
    /// [`QuotaUsedUp`]
    pub(crate) fn reserve(
        &mut self,
        now: Instant,
        place: u32,
        class: Class,
        bytes: u32,
        held: Held,
    ) -> Result<Option<u32>, QuotaUsedUp> {
        if self.is_straight(place, class, bytes) {
            return Ok(None);
        }
        self.roll_past(now, place);
        if self.slab[place].metering.is_none() {
            self.slab[place].classes[class as usize].allowance = u32::MAX;
            return Ok(None);
        }
        self.charge(place, class as usize, None);
        let payers = self.payers(place);
        let offset = self.config.utc_offset;
        for payer in &payers {
            if let Some((meter, quota)) = self.meter_mut(*payer) {
                meter.roll(now, &quota, offset);
            }
        }
        let mut mark = None;
        for payer in &payers {
            if self.reaches(*payer, held, |meter, quota| meter.may_pass_hard(quota, bytes.into())) {
                self.reach(*payer, QuotaMark::Hard);
            }
            match self.meter_mut(*payer).and_then(|(meter, quota)| meter.verdict(&quota)) {
                Some(OverQuota::Drop) => return Err(QuotaUsedUp),
                Some(OverQuota::Mark(value)) => mark = mark.or(Some(value)),
                None => {}
            }
        }
        let mut spare = if mark.is_some() { 0 } else { u64::MAX };
        for payer in &payers {
            if self.reaches(*payer, held, |meter, quota| meter.may_reach_soft(quota, bytes.into())) {
                self.reach(*payer, QuotaMark::Soft);
            }
            let borrowers = 4 * match payer {
                Payer::Host(_) => 1,
                Payer::Group(number) => self.roster.get(*number).map_or(1, |state| u64::from(state.members)),
            };
            if let Some((meter, quota)) = self.meter_mut(*payer) {
                spare = spare.min(meter.spare(&quota, bytes.into(), borrowers));
            }
        }
        let loan = bytes.saturating_add(u32::try_from(spare).unwrap_or(u32::MAX));
        for payer in &payers {
            if let Some((meter, _)) = self.meter_mut(*payer) {
                meter.lent = meter.lent.saturating_add(loan.into());
            }
        }
        self.slab[place].classes[class as usize].allowance = loan;
        Ok(mark)
    }

    /// Gives back what was made room for: the packet is not counted after all.
    pub(crate) fn give_back(&mut self, now: Instant, place: u32, class: Class) {
        self.charge(place, class as usize, Some(now));
    }

    /// Whether a packet comes to a mark, also when all that was lent is called back.
    fn reaches(&mut self, payer: Payer, held: Held, does: impl Fn(&Meter, &Quota) -> bool) -> bool {
        let asks = |hosts: &mut Hosts| {
            hosts.meter_mut(payer).filter(|(meter, quota)| does(meter, quota)).map(|(meter, _)| meter.lent)
        };
        match asks(self) {
            None => false,
            Some(0) => true,
            Some(_) => {
                self.call_back(payer, held);
                asks(self).is_some()
            }
        }
    }

    fn reach(&mut self, payer: Payer, mark: QuotaMark) {
        let customer = match payer {
            Payer::Host(place) => Some(Customer::Host(self.slab[place].address())),
            Payer::Group(number) => self.roster.get(number).map(|state| Customer::Group(state.name.clone())),
        };
        let (Some((meter, quota)), Some(customer)) = (self.meter_mut(payer), customer) else { return };
        match mark {
            QuotaMark::Soft => meter.soft = quota.soft,
            QuotaMark::Hard => meter.hard = quota.hard.map(|hard| hard.bytes),
        }
        let Meter { span, used, .. } = *meter;
        self.marks_reached.push(MarkReached { customer, mark, used, span });
    }

    /// A mark that was reached since the last call.
    pub(crate) fn take_mark_reached(&mut self) -> Option<MarkReached> {
        (!self.marks_reached.is_empty()).then(|| self.marks_reached.remove(0))
    }

    /// Calls back what was lent, but to `held`.
    fn call_back(&mut self, payer: Payer, held: Held) {
        let places: Vec<u32> = match payer {
            Payer::Host(place) => vec![place],
            Payer::Group(number) => self.roster.members(&self.slab, number).collect(),
        };
        for place in places {
            for class in Class::ALL {
                if held != Some((place, class)) {
                    self.charge(place, class as usize, None);
                }
            }
        }
    }

    /// Charges whoever pays for a host with what a class counted since the last time, and takes its allowance back. That
    /// was lent at the time of its last packet, where nobody knows better.
    fn charge(&mut self, place: u32, class: usize, at: Option<Instant>) {
        let host = &mut self.slab[place];
        let Some(entry) = host.classes.get_mut(class) else { return };
        let allowance = std::mem::take(&mut entry.allowance);
        let Some(metering) = &mut host.metering else { return };
        let Some(charged) = metering.charged.get_mut(class) else { return };
        let total = entry.bytes();
        let counted = total.saturating_sub(std::mem::replace(charged, total));
        if counted == 0 && allowance == 0 {
            return;
        }
        // A packet that its sender sent to itself counts twice, and may be larger than any loan.
        let lent = (counted + u64::from(allowance)).min(u32::MAX.into());
        let at = at.unwrap_or(entry.last);
        if let Some(meter) = &mut metering.meter {
            meter.charge(at, counted, lent);
        }
        let group = host.group;
        self.roster.change(group, |state| {
            if let Some(meter) = &mut state.meter {
                meter.charge(at, counted, lent);
            }
        });
    }

    /// Charges for all classes of a host: nothing is lent to it then.
    pub(super) fn charge_all(&mut self, place: u32) {
        (0..Class::ALL.len()).for_each(|class| self.charge(place, class, None));
    }

    /// Whoever pays for a host.
    fn payers(&self, place: u32) -> ArrayVec<Payer, 3> {
        let host = &self.slab[place];
        let own = host.metering.as_ref().and_then(|metering| metering.meter.as_ref());
        let groups = self.roster.chain(host.group).filter(|number| {
            // Those without a quota do not.
            self.roster.get(*number).is_some_and(|state| state.meter.is_some())
        });
        own.map(|_| Payer::Host(place)).into_iter().chain(groups.map(Payer::Group)).collect()
    }

    fn meter_mut(&mut self, payer: Payer) -> Option<(&mut Meter, Quota)> {
        match payer {
            Payer::Host(place) => {
                let quota = self.config.quota?;
                Some((self.slab[place].metering.as_mut()?.meter.as_mut()?, quota))
            }
            Payer::Group(number) => {
                let state = self.roster.get_mut(number)?;
                Some((state.meter.as_mut()?, state.quota?))
            }
        }
    }

    /// Sets a host up for the quotas that hold for it, with nothing charged so far. Nothing is lent to it.
    pub(super) fn meter(&mut self, now: Instant, place: u32) {
        let offset = self.config.utc_offset;
        let host = &mut self.slab[place];
        let quota = self.config.quota;
        if quota.is_none() && (host.group == NOBODY || !self.roster.is_metered(host.group)) {
            host.metering = None;
            if !self.config.rates {
                // Nobody has to look at this host's first packets, then.
                host.classes.iter_mut().for_each(|entry| entry.allowance = u32::MAX);
            }
            return;
        }
        let metering = host.metering.get_or_insert_default();
        metering.charged = Class::ALL.map(|class| host.classes[class as usize].bytes());
        metering.meter = quota.map(|quota| {
            let known = metering.meter.take().or_else(|| self.remembered.remove(&(host.family, host.address)));
            let mut meter = known.unwrap_or_else(|| Meter::new(now, &quota, offset));
            meter.roll(now, &quota, offset);
            meter
        });
    }

    /// Keeps what a host used of its quota when it goes, so that it does not begin anew when it comes back. Nothing is lent
    /// to it.
    pub(super) fn remember(&mut self, place: u32) {
        let host = &mut self.slab[place];
        let Some(meter) = host.metering.take().and_then(|metering| metering.meter) else { return };
        if meter.used == 0 {
            return;
        }
        if self.remembered.len() >= self.config.max as usize {
            self.forgotten += 1;
            return;
        }
        self.remembered.insert((host.family, host.address), meter);
    }

    /// Hosts whose usage of their quota was forgotten before the period's end, because they had gone and
    /// [`super::Config::max`] others of that kind were remembered.
    pub fn usages_forgotten(&self) -> u64 {
        self.forgotten
    }

    fn roll_past(&mut self, now: Instant, place: u32) {
        if !self.config.rates {
            return;
        }
        let host = &mut self.slab[place];
        let total = host.traffic();
        match &mut host.past {
            Some(past) => past.roll(now, total),
            None => host.past = Some(Box::new(Past::new(now, total))),
        }
    }

    /// A host's own meter as it stands: with what was not charged yet, and nothing lent.
    pub(super) fn host_meter(&self, now: Instant, place: u32) -> Option<Meter> {
        let quota = self.config.quota?;
        let mut meter = self.slab[place].metering.as_ref()?.meter.clone()?;
        self.charge_to(&mut meter, place);
        meter.lent = 0;
        meter.roll(now, &quota, self.config.utc_offset);
        Some(meter)
    }

    /// The same of a group.
    pub(super) fn group_meter(&self, now: Instant, number: u32) -> Option<Meter> {
        let state = self.roster.get(number)?;
        let (mut meter, quota) = (state.meter.clone()?, state.quota?);
        for place in self.roster.members(&self.slab, number) {
            self.charge_to(&mut meter, place);
        }
        meter.lent = 0;
        meter.roll(now, &quota, self.config.utc_offset);
        Some(meter)
    }

    /// Charges a meter with what a host counted since the last time.
    fn charge_to(&self, meter: &mut Meter, place: u32) {
        let host = &self.slab[place];
        let Some(metering) = &host.metering else { return };
        for (entry, charged) in host.classes.iter().zip(metering.charged) {
            meter.charge(entry.last, entry.bytes().saturating_sub(charged), 0);
        }
    }

    /// What an address used of its quota, also if it is not in the table.
    pub(crate) fn usage(&self, now: Instant, family: Family, address: Address) -> Option<Usage> {
        let quota = self.config.quota?;
        let meter = match self.find(family, address) {
            Some(place) => self.host_meter(now, place)?,
            None => {
                let mut meter = self.remembered.get(&(family, address))?.clone();
                meter.roll(now, &quota, self.config.utc_offset);
                meter
            }
        };
        Some(meter.usage(&quota))
    }
}
