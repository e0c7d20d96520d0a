use std::collections::BTreeMap;

use super::outcome::Cause;

/// Which bytes of a datagram are there, in runs, as the kernel keeps them: a fragment that begins where the highest run
/// ends makes that one longer; any other becomes a run of its own, also where it touches others.
///
/// That is seen from outside: a fragment inside one run is a duplicate, one that lies across two is an overlap.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs {
    /// The highest run, which is the only one of a datagram that comes in order.
    highest: Option<(u32, u32)>,
    /// The others, from where they begin to where they end.
    lower: BTreeMap<u32, u32>,
}

impl Runs {
    pub(super) fn is_empty(&self) -> bool {
        self.highest.is_none()
    }

    /// Takes in the bytes from `start` to `end`, which are at least one.
    pub(super) fn insert(&mut self, start: u32, end: u32) -> Result<(), Cause> {
        let Some((highest, limit)) = &mut self.highest else {
            self.highest = Some((start, end));
            return Ok(());
        };
        if end > *limit {
            if start < *limit {
                return Err(Cause::Overlap);
            }
            if start > *limit {
                self.lower.insert(*highest, *limit);
                *highest = start;
            }
            *limit = end;
            return Ok(());
        }
        if end > *highest {
            return Err(if start >= *highest { Cause::Duplicate } else { Cause::Overlap });
        }
        match self.lower.range(..end).next_back() {
            Some((other, limit)) if *limit > start => {
                Err(if start >= *other && end <= *limit { Cause::Duplicate } else { Cause::Overlap })
            }
            _ => {
                self.lower.insert(start, end);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The rule as it is said: look at every run.
    fn naive(runs: &mut Vec<(u32, u32)>, start: u32, end: u32) -> Result<(), Cause> {
        for (other, limit) in runs.iter() {
            if start >= *other && end <= *limit {
                return Err(Cause::Duplicate);
            }
            if start < *limit && end > *other {
                return Err(Cause::Overlap);
            }
        }
        match runs.iter_mut().max_by_key(|(_, limit)| *limit) {
            Some((_, limit)) if *limit == start => *limit = end,
            _ => runs.push((start, end)),
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn agrees_with_a_list(pieces in proptest::collection::vec((0u32..40, 1u32..8), 0..60)) {
            let (mut runs, mut list) = (Runs::default(), Vec::new());
            for (start, len) in pieces {
                prop_assert_eq!(runs.insert(start, start + len), naive(&mut list, start, start + len));
                prop_assert_eq!(runs.is_empty(), list.is_empty());
            }
        }
    }
}
