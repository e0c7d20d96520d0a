//! What holds between any two calls.

use super::super::class::{Kind, Mode, NONE};
use super::Bench;
use crate::sched::backlog::Backlog;
use crate::sched::qdisc::Qdisc;
use crate::time::Instant;

impl Bench {
    /// Checks that each class stands where it belongs.
    pub(super) fn check(&mut self) {
        let now = self.world.now;
        let mut backlog = self.htb.direct.backlog();
        let mut ready = 0;
        for number in 0..self.htb.classes.numbers() {
            if self.htb.classes.terms[number].minor == 0 {
                assert_eq!(self.htb.waiting.due(number), Instant::MAX, "what is gone waits for nothing");
                continue;
            }
            let class = &mut self.htb.classes[number];
            assert!(class.checked <= now);
            match &mut class.kind {
                Kind::Leaf(leaf) => {
                    let waiting = leaf.node.as_ref().map_or(Backlog::default(), |node| node.backlog());
                    backlog.follow(Backlog::default(), waiting);
                    assert_eq!(
                        class.activity != 0 || class.is_asleep,
                        !waiting.is_empty(),
                        "active while it has packets"
                    );
                    assert!(class.activity == 0 || class.activity == 1 << class.prio);
                }
                Kind::Inner(inner) => {
                    for prio in 0..8 {
                        let feeds = !inner.feed(prio).is_empty();
                        assert_eq!(class.activity & 1 << prio != 0, feeds, "active while somebody would borrow");
                    }
                    assert!(!class.is_asleep);
                }
            }
            let (activity, mode, parent, slot) = (class.activity, class.mode, class.parent, class.slot);
            let class = &self.htb.classes[number];
            if class.waits() {
                let latest = if class.is_asleep { Instant::MAX } else { self.htb.ready_at(number).max(class.due()) };
                assert!(self.htb.waiting.due(number) <= latest, "it is looked at in time");
            }
            let class = &mut self.htb.classes[number];
            if activity != 0 {
                let order = |mode| [Mode::CantSend, Mode::MayBorrow, Mode::CanSend].iter().position(|one| *one == mode);
                assert!(order(class.mode_at(now)) >= order(mode), "it may not do less than it is said to");
            }
            let level = class.level();
            for prio in 0..8 {
                let is_active = activity & 1 << prio != 0;
                let stands = self.htb.rows.ring(level, prio).has(number);
                assert_eq!(stands, is_active && mode == Mode::CanSend);
                ready += u32::from(stands);
                if parent != NONE {
                    let above = self.htb.classes[parent].inner_mut().expect("a parent has children");
                    assert_eq!(above.child(slot), number);
                    assert_eq!(above.feed(prio).has(slot), is_active && mode == Mode::MayBorrow);
                    assert!(level < above.level);
                }
            }
        }
        assert_eq!(self.htb.backlog(), backlog, "the whole is the sum of its parts");
        assert_eq!(self.htb.rows.first().is_some(), ready > 0);
    }
}
