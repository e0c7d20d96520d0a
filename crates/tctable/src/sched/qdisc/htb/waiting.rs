//! Classes that wait for a time.

use std::ops::Range;

use crate::table::prefetch;
use crate::time::Instant;

/// No class.
const NONE: u32 = u32::MAX;
/// Children of a place. They fill one cache line.
const CHILDREN: usize = 4;
/// The first place: those before it are never used, so that the children of any place begin with a line.
const ROOT: usize = 3;
/// No place.
const NOWHERE: usize = usize::MAX;
/// Places two steps below the first: what moves up there will be the first one about ten times later.
const SOON: Range<usize> = 8..24;
/// Places from here on, four steps below the first, have grandchildren beyond the first 16 KiB.
const FAR: usize = 88;
/// Entries that are always kept, however few classes there are.
const FEW: usize = 64;

/// A class, and what it waited for when it was put there; none of them, and for ever, where a place is empty.
type Entry = (Instant, u32);

const EMPTY: Entry = (Instant::MAX, NONE);

/// The children of one place.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Line([Entry; CHILDREN]);

/// Classes by the time that they wait for, each of them for one at most.
///
/// A heap which nothing but the first entry ever leaves: a class that waits for another time gets another entry, and one that
/// is not its latest is passed over when it is the first. So setting a time takes O(1) steps for a time later than most, taking
/// the first one out O(log n), each of them in one cache line, and nothing has to know where in the heap a class is. Where more
/// than half of the entries are old ones these are taken out, so that few classes that wait make a small heap, however many
/// there are.
#[derive(Debug)]
pub(super) struct Waiting {
    lines: Vec<Line>,
    /// The place behind the last one that is in use.
    end: usize,
    /// What each class waits for; [`Instant::MAX`] for nothing.
    dues: Vec<Instant>,
    /// Classes that wait for something.
    count: usize,
    /// The place of [`SOON`] to which an entry moved up last, until that was told.
    upcoming: usize,
}

impl Default for Waiting {
    fn default() -> Waiting {
        Waiting { lines: vec![Line([EMPTY; CHILDREN])], end: ROOT, dues: Vec::new(), count: 0, upcoming: NOWHERE }
    }
}

impl Waiting {
    #[inline]
    fn entry(&self, place: usize) -> Entry {
        self.lines[place / CHILDREN].0[place % CHILDREN]
    }

    #[inline]
    fn put(&mut self, place: usize, entry: Entry) {
        self.lines[place / CHILDREN].0[place % CHILDREN] = entry;
    }

    /// What a class waits for; [`Instant::MAX`] for nothing.
    #[inline]
    pub(super) fn due(&self, class: u32) -> Instant {
        self.dues.get(class as usize).copied().unwrap_or(Instant::MAX)
    }

    /// The class that waits for the earliest time.
    #[inline]
    pub(super) fn first(&mut self) -> Option<Entry> {
        while self.end > ROOT {
            let first = self.entry(ROOT);
            if self.due(first.1) == first.0 {
                return Some(first);
            }
            self.pop();
        }
        None
    }

    /// Whether the time of any but the first one may have come.
    #[inline]
    pub(super) fn second_is_due(&self, now: Instant) -> bool {
        self.lines.get(ROOT - 2).is_some_and(|Line(children)| children.iter().any(|(due, _)| *due <= now))
    }

    /// A class waits for that time, and not for another that it waited for.
    #[inline]
    pub(super) fn set(&mut self, class: u32, due: Instant) {
        let index = class as usize;
        if due == Instant::MAX {
            return self.remove(class);
        }
        if self.dues.len() <= index {
            self.dues.resize(index + 1, Instant::MAX);
        }
        let before = std::mem::replace(&mut self.dues[index], due);
        if before == due {
            return;
        }
        self.count += usize::from(before == Instant::MAX);
        if self.end > ROOT && self.entry(ROOT) == (before, class) {
            return self.sink(ROOT, (due, class));
        }
        self.push((due, class));
        self.limit_old();
    }

    /// A class waits for that time, or for an earlier one if it does already.
    #[inline]
    pub(super) fn set_by(&mut self, class: u32, due: Instant) {
        if due < self.due(class) {
            self.set(class, due);
        }
    }

    /// A class does not wait any more.
    #[inline]
    pub(super) fn remove(&mut self, class: u32) {
        if let Some(due) = self.dues.get_mut(class as usize) {
            self.count -= usize::from(*due != Instant::MAX);
            *due = Instant::MAX;
            self.limit_old();
        }
    }

    /// One that will soon be the first, told once: most often there is another one after each time that the first one went.
    #[inline]
    pub(super) fn upcoming(&mut self) -> Option<u32> {
        let place = std::mem::replace(&mut self.upcoming, NOWHERE);
        (place < self.end).then(|| self.entry(place).1)
    }

    /// Asks for what is kept for a class.
    #[inline]
    pub(super) fn prefetch(&self, class: u32) {
        if let Some(due) = self.dues.get(class as usize) {
            prefetch(due);
        }
    }

    /// All that wait.
    pub(super) fn classes(&self) -> Vec<u32> {
        (0..).zip(&self.dues).filter(|(_, due)| **due != Instant::MAX).map(|(class, _)| class).collect()
    }

    fn push(&mut self, entry: Entry) {
        let mut at = self.end;
        self.end += 1;
        if self.lines.len() <= at / CHILDREN {
            self.lines.push(Line([EMPTY; CHILDREN]));
        }
        while at != ROOT {
            let above = at / CHILDREN + 2;
            let parent = self.entry(above);
            if parent.0 <= entry.0 {
                break;
            }
            self.put(at, parent);
            at = above;
        }
        self.put(at, entry);
    }

    fn pop(&mut self) {
        self.end -= 1;
        let last = self.entry(self.end);
        self.put(self.end, EMPTY);
        if self.end > ROOT {
            self.sink(ROOT, last);
        }
    }

    /// Puts an entry in a place that is free, or below it where it belongs.
    fn sink(&mut self, place: usize, entry: Entry) {
        let mut at = place;
        while let Some(Line(children)) = self.lines.get(at - 2) {
            // One of the four lines behind theirs comes next. Those near the first place are in a cache.
            if at >= FAR
                && let Some(next) = self.lines.get((at - 2) * CHILDREN - 2..)
            {
                next.iter().take(CHILDREN).for_each(prefetch);
            }
            let [a, b, c, d] = children.map(|(due, _)| due);
            let (one, other) = (usize::from(b < a), 2 + usize::from(d < c));
            let least = if children[other].0 < children[one].0 { other } else { one };
            let child = children[least];
            if entry.0 <= child.0 {
                break;
            }
            let below = (at - 2) * CHILDREN + least;
            if SOON.contains(&at) {
                self.upcoming = at;
            }
            self.put(at, child);
            at = below;
        }
        self.put(at, entry);
    }

    #[inline]
    fn limit_old(&mut self) {
        if self.end - ROOT > 2 * self.count + FEW {
            self.renew();
        }
    }

    /// Leaves one entry for each class that waits, and no other.
    #[cold]
    fn renew(&mut self) {
        let old = ROOT..std::mem::replace(&mut self.end, ROOT);
        for place in old.clone() {
            let (due, class) = self.entry(place);
            let kept = &mut self.dues[class as usize];
            // Where the same time was set twice, a second entry says the same.
            if *kept == due {
                *kept = Instant::MAX;
                self.put(self.end, (due, class));
                self.end += 1;
            }
        }
        (self.end..old.end).for_each(|place| self.put(place, EMPTY));
        for place in (ROOT..self.end).rev() {
            let (due, class) = self.entry(place);
            self.dues[class as usize] = due;
            self.sink(place, (due, class));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn the_first_one_is_the_earliest(steps in proptest::collection::vec((0u32..40, 0u64..100, 0u8..4), 0..2000)) {
            let (mut waiting, mut model) = (Waiting::default(), BTreeMap::new());
            for (class, due, what) in steps {
                match what {
                    0 => {
                        waiting.remove(class);
                        model.remove(&class);
                    }
                    1 => {
                        waiting.set_by(class, Instant::from_nanos(due));
                        let before = model.get(&class).copied().unwrap_or(u64::MAX);
                        model.insert(class, due.min(before));
                    }
                    _ => {
                        waiting.set(class, Instant::from_nanos(due));
                        model.insert(class, due);
                    }
                }
                prop_assert_eq!(waiting.first().map(|(due, _)| due.as_nanos()), model.values().min().copied());
                if let Some((due, class)) = waiting.first() {
                    prop_assert_eq!(model[&class], due.as_nanos());
                }
                prop_assert_eq!(waiting.due(class).as_nanos(), model.get(&class).copied().unwrap_or(u64::MAX));
                prop_assert!(waiting.classes().iter().eq(model.keys()));
                prop_assert!(waiting.end - ROOT <= 2 * model.len() + FEW, "old entries go");
            }
        }
    }
}
