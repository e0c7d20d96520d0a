//! Classes that wait for a time.

use crate::time::Instant;

/// No place.
const NONE: u32 = u32::MAX;
/// Children of a place: with four, those that are compared lie in one or two cache lines.
const CHILDREN: usize = 4;

/// A heap of classes by the time that they wait for, each of them at most once: setting and removing a time takes
/// O(log n) steps, and O(1) for a time later than most.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    heap: Vec<(Instant, u32)>,
    /// Where in the heap a class is.
    places: Vec<u32>,
    /// The place below the first to which another class moved up when the first one went.
    upcoming: usize,
}

impl Waiting {
    /// The class that waits for the earliest time.
    #[inline]
    pub(super) fn first(&self) -> Option<(Instant, u32)> {
        self.heap.first().copied()
    }

    /// A class waits for that time, and not for another that it waited for.
    pub(super) fn set(&mut self, class: u32, due: Instant) {
        if self.places.len() <= class as usize {
            self.places.resize(class as usize + 1, NONE);
        }
        let place = match self.places[class as usize] {
            NONE => {
                self.heap.push((due, class));
                self.heap.len() - 1
            }
            place => place as usize,
        };
        self.heap[place].0 = due;
        self.settle(place);
    }

    /// One of those that will soon be the first, as long as it changes with the first one.
    #[inline]
    pub(super) fn upcoming(&self) -> Option<u32> {
        self.heap.get(self.upcoming).map(|(_, class)| *class)
    }

    /// A class does not wait any more.
    pub(super) fn remove(&mut self, class: u32) {
        let Some(place) = self.places.get_mut(class as usize).filter(|place| **place != NONE) else { return };
        let at = *place as usize;
        *place = NONE;
        self.heap.swap_remove(at);
        if at < self.heap.len() {
            self.settle(at);
        }
    }

    /// Moves the entry of a place to where it belongs.
    fn settle(&mut self, mut at: usize) {
        let entry = self.heap[at];
        while let Some(above) = at.checked_sub(1).map(|before| before / CHILDREN) {
            if self.heap[above].0 <= entry.0 {
                break;
            }
            self.put(at, self.heap[above]);
            at = above;
        }
        while let Some(least) = self.least_child(at) {
            let child = self.heap[least];
            if entry.0 <= child.0 {
                break;
            }
            if at == 0 {
                self.upcoming = least;
            }
            self.put(at, child);
            at = least;
        }
        self.put(at, entry);
    }

    /// The child of a place that waits for the earliest time.
    #[inline]
    fn least_child(&self, at: usize) -> Option<usize> {
        let first = at * CHILDREN + 1;
        if let Some([a, b, c, d]) = self.heap.get(first..first + CHILDREN) {
            let (one, other) = (usize::from(b.0 < a.0), 2 + usize::from(d.0 < c.0));
            let one_is_later = self.heap[first + other].0 < self.heap[first + one].0;
            return Some(first + if one_is_later { other } else { one });
        }
        (first..self.heap.len()).min_by_key(|child| self.heap[*child].0)
    }

    #[inline]
    fn put(&mut self, at: usize, entry: (Instant, u32)) {
        self.heap[at] = entry;
        self.places[entry.1 as usize] = at as u32;
    }

    /// All that wait.
    pub(super) fn classes(&self) -> Vec<u32> {
        self.heap.iter().map(|(_, class)| *class).collect()
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
