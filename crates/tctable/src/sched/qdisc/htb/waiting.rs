//! Classes that wait for a time.

use crate::time::Instant;

/// No place.
const NONE: u32 = u32::MAX;
/// Children of a place. They fill one cache line.
const CHILDREN: usize = 4;
/// The first place: those before it are never used, so that the children of any place begin with a line.
const ROOT: usize = 3;

/// A class, and what it waits for; none of them, and for ever, where a place is empty.
type Entry = (Instant, u32);

const EMPTY: Entry = (Instant::MAX, NONE);

/// The children of one place.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Line([Entry; CHILDREN]);

/// A heap of classes by the time that they wait for, each of them at most once: setting and removing a time takes
/// O(log n) steps, each of them in one cache line of the heap, and O(1) for a time later than most.
#[derive(Debug)]
pub(super) struct Waiting {
    lines: Vec<Line>,
    /// The place behind the last one that is in use.
    end: usize,
    /// Where in the heap a class is.
    places: Vec<u32>,
    /// The place below the first to which another class moved up when the first one went.
    upcoming: usize,
}

impl Default for Waiting {
    fn default() -> Waiting {
        Waiting { lines: vec![Line([EMPTY; CHILDREN])], end: ROOT, places: Vec::new(), upcoming: ROOT }
    }
}

impl Waiting {
    #[inline]
    fn entry(&self, place: usize) -> Entry {
        self.lines[place / CHILDREN].0[place % CHILDREN]
    }

    /// The class that waits for the earliest time.
    #[inline]
    pub(super) fn first(&self) -> Option<(Instant, u32)> {
        (self.end > ROOT).then(|| self.entry(ROOT))
    }

    /// A class waits for that time, and not for another that it waited for.
    pub(super) fn set(&mut self, class: u32, due: Instant) {
        if self.places.len() <= class as usize {
            self.places.resize(class as usize + 1, NONE);
        }
        let mut place = self.places[class as usize] as usize;
        if place == NONE as usize {
            place = self.end;
            self.end += 1;
            if self.lines.len() <= place / CHILDREN {
                self.lines.push(Line([EMPTY; CHILDREN]));
            }
        }
        self.settle(place, (due, class));
    }

    /// One of those that will soon be the first, as long as it changes with the first one.
    #[inline]
    pub(super) fn upcoming(&self) -> Option<u32> {
        (self.upcoming < self.end).then(|| self.entry(self.upcoming).1)
    }

    /// A class does not wait any more.
    pub(super) fn remove(&mut self, class: u32) {
        let Some(place) = self.places.get_mut(class as usize).filter(|place| **place != NONE) else { return };
        let place = std::mem::replace(place, NONE) as usize;
        self.end -= 1;
        let last = self.entry(self.end);
        self.lines[self.end / CHILDREN].0[self.end % CHILDREN] = EMPTY;
        if place != self.end {
            self.settle(place, last);
        }
    }

    /// Puts an entry in a place, or where it belongs above or below it.
    fn settle(&mut self, place: usize, entry: Entry) {
        let mut at = place;
        while at != ROOT {
            let above = at / CHILDREN + 2;
            let parent = self.entry(above);
            if parent.0 <= entry.0 {
                break;
            }
            self.put(at, parent);
            at = above;
        }
        while let Some(Line(children)) = self.lines.get(at - 2) {
            let [a, b, c, d] = children.map(|(due, _)| due);
            let (one, other) = (usize::from(b < a), 2 + usize::from(d < c));
            let least = if children[other].0 < children[one].0 { other } else { one };
            let child = children[least];
            if entry.0 <= child.0 {
                break;
            }
            let below = (at - 2) * CHILDREN + least;
            if at == ROOT {
                self.upcoming = below;
            }
            self.put(at, child);
            at = below;
        }
        self.put(at, entry);
    }

    #[inline]
    fn put(&mut self, at: usize, entry: Entry) {
        self.lines[at / CHILDREN].0[at % CHILDREN] = entry;
        self.places[entry.1 as usize] = at as u32;
    }

    /// All that wait.
    pub(super) fn classes(&self) -> Vec<u32> {
        (ROOT..self.end).map(|place| self.entry(place).1).collect()
    }

    /// Whether a class waits.
    #[cfg(test)]
    pub(super) fn has(&self, class: u32) -> bool {
        self.places.get(class as usize).is_some_and(|place| *place != NONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn the_first_one_is_the_earliest(steps in proptest::collection::vec((0u32..40, 0u64..100, 0u8..3), 0..400)) {
            let (mut waiting, mut model) = (Waiting::default(), BTreeMap::new());
            for (class, due, what) in steps {
                if what == 0 {
                    waiting.remove(class);
                    model.remove(&class);
                } else {
                    waiting.set(class, Instant::from_nanos(due));
                    model.insert(class, due);
                }
                prop_assert_eq!(waiting.first().map(|(due, _)| due.as_nanos()), model.values().min().copied());
                if let Some((due, class)) = waiting.first() {
                    prop_assert_eq!(model[&class], due.as_nanos());
                }
                prop_assert_eq!(waiting.has(class), model.contains_key(&class));
            }
        }
    }
}
