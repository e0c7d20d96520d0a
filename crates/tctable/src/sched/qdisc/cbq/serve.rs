//! Which class sends.

use super::class::{Class, Place};
use super::estimator::time_of;
use super::{Cbq, PRIOS, ROOT};
use crate::sched::context::Context;
use crate::sched::qdisc::Dequeue;
use crate::sched::queued::Queued;
use crate::time::Instant;

/// What a class finds that asks whether it may send.
enum Leave {
    /// This class gives it, perhaps itself.
    From(Place),
    /// A class of a higher level would, if nobody else could send.
    Above,
    /// None does before that time.
    At(Instant),
}

/// What was found out on the way to the class that sends.
#[derive(Default)]
struct Search {
    /// When the first of those may send that may not now.
    due: Option<Instant>,
    /// Whether somebody might borrow from a higher level.
    is_above: bool,
    /// Classes whose own qdisc gave nothing.
    stalled: Vec<Place>,
}

impl Search {
    fn later(&mut self, when: Instant) {
        self.due = Some(self.due.map_or(when, |due| due.min(when)));
    }
}

impl Cbq {
    /// Takes a packet from the class whose turn it is.
    pub(super) fn serve(&mut self, context: &mut Context<'_>) -> Dequeue {
        if self.backlog.is_empty() {
            return Dequeue::Empty;
        }
        if std::mem::take(&mut self.are_quanta_stale) {
            self.share_out(context.mtu);
        }
        let mut search = Search::default();
        let top = self.class(ROOT).map_or(0, |root| root.level);
        for level in 0..=top {
            search.is_above = false;
            for prio in 0..PRIOS {
                if let Some(queued) = self.serve_prio(context, prio, level, &mut search) {
                    return Dequeue::Packet(queued);
                }
            }
            if !search.is_above {
                break;
            }
        }
        if self.backlog.is_empty() {
            return Dequeue::Empty;
        }
        self.overlimits += 1;
        search.due.map_or(Dequeue::Empty, Dequeue::Later)
    }

    /// One priority's round, in which no more is borrowed than from classes of a level.
    fn serve_prio(&mut self, context: &mut Context<'_>, prio: usize, level: u8, search: &mut Search) -> Option<Queued> {
        let mut is_first = level == 0;
        loop {
            // The first class that may send and has some of its share left; else, after how many rounds one would have.
            let (mut turn, mut rounds) = (None, i64::MAX);
            for index in 0..self.active[prio].len() {
                let place = self.active[prio][index];
                if search.stalled.contains(&place) {
                    continue;
                }
                match self.leave(place, level, context.now) {
                    Leave::From(lender) => {
                        let Some(class) = self.class(place) else { continue };
                        let share = usize::from(lender != place);
                        if class.deficits[share] > 0 {
                            turn = Some((index, place, lender));
                            break;
                        }
                        rounds = rounds.min(class.rounds(share));
                    }
                    Leave::Above => search.is_above = true,
                    Leave::At(when) => {
                        search.later(when);
                        if let Some(class) = self.class_mut(place).filter(|_| is_first) {
                            class.refuse();
                        }
                    }
                }
            }
            if turn.is_none() && rounds == i64::MAX {
                return None;
            }
            is_first = false;
            let Some((index, place, lender)) = turn else {
                self.give(prio, level, rounds, context.now);
                continue;
            };
            let queued = self.take(context, prio, index, lender, search);
            if let Some(queued) = queued {
                self.charge(context.now, place, lender, queued.len);
                return Some(queued);
            }
            search.stalled.push(place);
        }
    }

    /// So many rounds go by in which all that may send have spent what they had.
    fn give(&mut self, prio: usize, level: u8, rounds: i64, now: Instant) {
        for index in 0..self.active[prio].len() {
            let place = self.active[prio][index];
            if let Leave::From(lender) = self.leave(place, level, now)
                && let Some(class) = self.class_mut(place)
            {
                let deficit = &mut class.deficits[usize::from(lender != place)];
                *deficit = deficit.saturating_add(class.quantum.saturating_mul(rounds));
            }
        }
    }

    /// Whether a class may send, if no more is borrowed than from classes of a level.
    fn leave(&self, place: Place, level: u8, now: Instant) -> Leave {
        let (mut at, mut first) = (place, Instant::MAX);
        while let Some(class) = self.class(at) {
            let lends_all = at == ROOT && class.isolated_children == 0;
            match class.estimator.due(now).filter(|_| !lends_all) {
                None if class.level <= level => return Leave::From(at),
                None => return Leave::Above,
                Some(due) => first = first.min(due),
            }
            match class.parent {
                Some(parent) if !class.options.bounded => at = parent,
                _ => break,
            }
        }
        Leave::At(first)
    }

    /// Takes a packet of a class whose turn it is, and ends its turn where its share is spent or nothing is left.
    fn take(
        &mut self,
        context: &mut Context<'_>,
        prio: usize,
        index: usize,
        lender: Place,
        search: &mut Search,
    ) -> Option<Queued> {
        let place = *self.active[prio].get(index)?;
        let class = self.classes.get_mut(place as usize)?.as_mut()?;
        let node = class.node.as_mut()?;
        let (before, dropped) = (node.backlog(), node.dropped);
        let dequeue = node.dequeue(context);
        let after = node.backlog();
        class.dropped += node.dropped - dropped;
        self.backlog.follow(before, after);
        let queued = match dequeue {
            Dequeue::Packet(queued) => Some(queued),
            Dequeue::Later(when) => {
                search.later(when);
                None
            }
            Dequeue::Empty => None,
        };
        if queued.is_some() {
            class.wake();
        }
        let deficit = &mut class.deficits[usize::from(lender != place)];
        if let Some(queued) = &queued {
            *deficit -= i64::from(queued.len);
        }
        if after.is_empty() {
            class.is_active = false;
            self.active[prio].remove(index);
        } else if *deficit <= 0 {
            self.active[prio].remove(index);
            self.active[prio].push_back(place);
        }
        queued
    }

    /// A packet is sent at a lender's expense: it and all classes above it are charged, but for those above an isolated one.
    fn charge(&mut self, now: Instant, place: Place, lender: Place, len: u32) {
        let on_link = time_of(self.options.bandwidth, len).unwrap_or(0);
        // The lender comes only once, so what an isolated class ends does not begin anew.
        let (mut at, mut is_charged) = (Some(place), false);
        while let Some(class) = at.and_then(|at| self.classes.get_mut(at as usize)?.as_mut()) {
            class.sent.count(len);
            let is_lender = at == Some(lender);
            is_charged |= is_lender;
            if is_charged {
                class.estimator.send(now, len, on_link);
            }
            if lender != place && (is_lender || at == Some(place)) {
                class.borrows = class.borrows.wrapping_add(1);
            }
            at = class.parent;
            is_charged &= !class.options.isolated;
        }
    }

    /// Shares a round out by weight among the classes of each priority, as the kernel does: each gets its `allot` on average.
    fn share_out(&mut self, mtu: u32) {
        let (mut weights, mut counts) = ([0u128; PRIOS], [0u128; PRIOS]);
        let prio = |class: &Class| usize::from(class.options.prio).clamp(1, PRIOS) - 1;
        for class in self.classes.iter().flatten() {
            weights[prio(class)] += u128::from(class.weight());
            counts[prio(class)] += 1;
        }
        for class in self.classes.iter_mut().flatten() {
            let share = u128::from(class.weight()) * u128::from(class.options.allot) * counts[prio(class)];
            let quantum = share / weights[prio(class)].max(1);
            let is_sensible = (1..=32 * u128::from(mtu)).contains(&quantum);
            class.quantum = if is_sensible { quantum as i64 } else { i64::from(mtu / 2 + 1) };
        }
    }
}
