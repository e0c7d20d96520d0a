//! Who has something to send, and whom it may ask for leave.
//!
//! A class is active while a leaf below it has packets that reach it: each class between would borrow. An active class that
//! may send stands in the row of its level and priority, one that would borrow in the feed of its parent; one that may do
//! neither, or would rather send at its own cost, waits for the time when it may. A class that is not active stands nowhere,
//! so idle ones cost nothing; what it may do is reckoned up when it becomes active.
//!
//! A time that a class waits for moves on with each packet that it sends. It stays filed under the first such time until that
//! has come, and only then under the next; so does a class that waits for nothing any more.

use super::Htb;
use super::class::{Kind, Mode, NONE};
use super::rows::Bits;
use crate::sched::context::Context;
use crate::time::Instant;

impl Htb {
    /// A leaf has packets to give.
    #[inline]
    pub(super) fn activate(&mut self, class: u32, now: Instant) {
        let one = &mut self.classes[class];
        if one.is_active() {
            return;
        }
        one.is_asleep = false;
        let prios = 1 << one.prio;
        self.rouse(class, prios, now);
        self.link(class, prios, now);
    }

    /// A leaf has none to give.
    pub(super) fn deactivate(&mut self, class: u32) {
        let prios = self.classes[class].activity;
        if prios != 0 {
            self.unlink(class, prios);
            self.classes[class].activity = 0;
        }
        self.classes[class].is_asleep = false;
    }

    /// A leaf has packets, and gives none before a time.
    pub(super) fn sleep(&mut self, class: u32, until: Instant) {
        self.deactivate(class);
        self.classes[class].is_asleep = true;
        self.waiting.set(class, until);
    }

    /// A class that waits, if it does, looks again.
    pub(super) fn file_anew(&mut self, class: u32) {
        let one = &self.classes[class];
        if one.waits() && !one.is_asleep {
            self.waiting.set_by(class, one.due());
        }
    }

    /// A class that was not active becomes so: what may it do?
    #[inline]
    fn rouse(&mut self, class: u32, prios: u8, now: Instant) {
        let one = &mut self.classes[class];
        one.activity = prios;
        one.mode = one.mode_at(now);
        if one.mode != Mode::CanSend {
            self.waiting.set_by(class, one.due());
        }
    }

    /// Puts an active class where its mode says, for some priorities, and those above it that become active for them.
    pub(super) fn link(&mut self, class: u32, prios: u8, now: Instant) {
        let (mut class, mut prios) = (class, prios);
        loop {
            let one = &self.classes[class];
            let (slot, above) = (one.slot, one.parent);
            match one.mode {
                Mode::CantSend => return,
                Mode::CanSend => {
                    let level = one.level();
                    return Bits(prios).for_each(|prio| self.rows.insert(level, prio, class));
                }
                Mode::MayBorrow if above == NONE => return,
                Mode::MayBorrow => {}
            }
            let parent = &mut self.classes[above];
            let was_active = parent.is_active();
            let Kind::Inner(inner) = &mut parent.kind else { return };
            let mut fresh = 0;
            for prio in Bits(prios) {
                let feed = inner.feed(prio);
                fresh |= u8::from(feed.is_empty()) << prio;
                feed.insert(slot);
            }
            if fresh == 0 {
                return;
            }
            match was_active {
                true => parent.activity |= fresh,
                false => self.rouse(above, fresh, now),
            }
            (class, prios) = (above, fresh);
        }
    }

    /// Takes an active class from where its mode says, for some priorities; those above it that had only this one for them
    /// cease to be active for them.
    pub(super) fn unlink(&mut self, class: u32, prios: u8) {
        let (mut class, mut prios) = (class, prios);
        loop {
            let one = &self.classes[class];
            let (slot, above) = (one.slot, one.parent);
            match one.mode {
                Mode::CantSend => return,
                Mode::CanSend => {
                    let level = one.level();
                    return Bits(prios).for_each(|prio| self.rows.remove(level, prio, class));
                }
                Mode::MayBorrow if above == NONE => return,
                Mode::MayBorrow => {}
            }
            let parent = &mut self.classes[above];
            let Kind::Inner(inner) = &mut parent.kind else { return };
            let mut emptied = 0;
            for prio in Bits(prios) {
                let feed = inner.feed(prio);
                feed.remove(slot);
                emptied |= u8::from(feed.is_empty()) << prio;
            }
            if emptied == 0 {
                return;
            }
            parent.activity &= !emptied;
            (class, prios) = (above, emptied);
        }
    }

    /// A class may do something else from now on.
    pub(super) fn set_mode(&mut self, class: u32, mode: Mode, now: Instant) {
        let one = &mut self.classes[class];
        let (prios, before) = (one.activity, one.mode);
        if mode == Mode::CantSend && before != Mode::CantSend {
            one.overlimits = one.overlimits.wrapping_add(1);
            self.overlimits += 1;
        }
        if prios == 0 {
            one.mode = mode;
            return;
        }
        if before != Mode::CantSend {
            self.unlink(class, prios);
        }
        self.classes[class].mode = mode;
        self.file_anew(class);
        if mode != Mode::CantSend {
            self.link(class, prios, now);
        }
    }

    /// Those whose time has come do what they may now.
    pub(super) fn handle_due(&mut self, context: &Context<'_>) {
        let now = context.now;
        while let Some((_, class)) = self.waiting.first().filter(|(due, _)| *due <= now) {
            let one = &self.classes[class];
            if one.is_asleep {
                self.waiting.remove(class);
                self.activate(class, now);
            } else if !one.waits() {
                self.waiting.remove(class);
            } else {
                match one.mode_at(now) {
                    mode if mode == one.mode => self.waiting.set(class, one.due()),
                    // It is looked at once more for what it waits for then, if it does: where nobody else's time has come,
                    // not before it has sent, most likely, and waits for that alone.
                    mode => {
                        self.set_mode(class, mode, now);
                        if !self.waiting.second_is_due(now) {
                            return;
                        }
                    }
                }
            }
            if let Some(class) = self.waiting.upcoming() {
                self.foresee(context.pool, class);
            }
        }
    }

    /// When something may be sent, where nothing may be now: not a nanosecond before or after.
    ///
    /// A class whose ceil allows it to borrow before there is anybody to borrow from waits for whoever that is.
    pub(super) fn next_due(&mut self) -> Option<Instant> {
        loop {
            let (due, class) = self.waiting.first()?;
            let one = &self.classes[class];
            if !one.waits() {
                self.waiting.remove(class);
                continue;
            }
            let ready = match one.mode {
                _ if one.is_asleep => self.ready_at(class).max(due),
                Mode::CantSend => self.ready_at(class),
                Mode::MayBorrow | Mode::CanSend => one.due(),
            };
            if ready <= due {
                return Some(due);
            }
            self.waiting.set(class, ready);
        }
    }

    /// When a class may send at its own cost or at that of one above it.
    pub(super) fn ready_at(&self, class: u32) -> Instant {
        let one = &self.classes[class];
        let (mut asked, mut ready, mut above) = (one.borrows_at(), one.sends_at(), one.parent);
        while above != NONE {
            let one = &self.classes[above];
            ready = ready.min(asked.max(one.sends_at()));
            asked = asked.max(one.borrows_at());
            above = one.parent;
        }
        ready
    }

    /// After a class may do more than was foreseen: each one that waits for those above it looks again.
    pub(super) fn forget_due(&mut self) {
        for class in self.waiting.classes() {
            self.file_anew(class);
        }
    }
}
