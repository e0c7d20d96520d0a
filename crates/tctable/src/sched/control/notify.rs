use std::collections::VecDeque;

use super::view::{ClassEntry, FilterEntry, QdiscView};

/// What an operation changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    /// What became of it.
    pub what: Change,
    /// What it is, after it was made or changed, or before it was deleted.
    pub object: Object,
}

/// What became of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// It was made or changed (`RTM_NEW...`).
    New,
    /// A qdisc was made and took the place of another (`RTM_NEWQDISC` with `NLM_F_REPLACE`): of one whose deletion was told
    /// just before, or of what was there by default.
    Placed,
    /// It was deleted (`RTM_DEL...`).
    Deleted,
}

/// A part of the tree.
#[derive(Clone, Debug, PartialEq)]
pub enum Object {
    /// A qdisc.
    Qdisc(QdiscView),
    /// A class.
    Class(ClassEntry),
    /// A filter, or all of a priority.
    Filter(FilterEntry),
}

/// Notifications that wait to be asked for.
#[derive(Debug, Default)]
pub(crate) struct Notifications {
    waiting: VecDeque<Notification>,
    most: usize,
    lost: u64,
}

impl Notifications {
    pub(crate) fn new(most: usize) -> Notifications {
        Notifications { waiting: VecDeque::new(), most, lost: 0 }
    }

    /// Whether anybody asks at all.
    pub(crate) fn is_wanted(&self) -> bool {
        self.most > 0
    }

    /// Keeps one; where there is no room it is lost, and counted.
    pub(crate) fn push(&mut self, what: Change, object: Object) {
        if self.waiting.len() < self.most {
            self.waiting.push_back(Notification { what, object });
        } else if self.is_wanted() {
            self.lost += 1;
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Notification> {
        self.waiting.pop_front()
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }
}
