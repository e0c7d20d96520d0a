//! Delta debugging (Zeller, Hildebrandt: "Simplifying and isolating failure-inducing input", 2002).

use super::edit;
use crate::step::Step;

/// Calls of the test at most: one against the kernel takes a while.
const MOST_CALLS: usize = 2_000;

/// The test, and how often it may still be asked.
struct Test<F> {
    fails: F,
    left: usize,
}

impl<F: FnMut(&[Step]) -> bool> Test<F> {
    /// Whether the steps still fail; nothing does once there were too many calls.
    fn fails(&mut self, steps: &[Step]) -> bool {
        let Some(left) = self.left.checked_sub(1) else { return false };
        self.left = left;
        (self.fails)(steps)
    }
}

/// Drops steps as long as what is left still fails, then makes what is left simpler: without payload, without options.
///
/// Of the result no single step can be dropped, unless `fails` was called 2,000 times before that was clear. Steps that do
/// not fail are given back as they are. `fails` should answer the same for the same steps.
pub fn shrink(steps: Vec<Step>, fails: impl FnMut(&[Step]) -> bool) -> Vec<Step> {
    let mut test = Test { fails, left: MOST_CALLS };
    if !test.fails(&steps) {
        return steps;
    }
    let mut steps = shortest_beginning(steps, &mut test);
    loop {
        let before = steps.clone();
        drop_chunks(&mut steps, &mut test);
        simplify(&mut steps, &mut test);
        if steps == before || test.left == 0 {
            return steps;
        }
    }
}

/// What comes after the failure has no part in it: halving finds where it is.
fn shortest_beginning<F: FnMut(&[Step]) -> bool>(mut steps: Vec<Step>, test: &mut Test<F>) -> Vec<Step> {
    let (mut passes, mut fails) = (0, steps.len());
    while passes + 1 < fails {
        let middle = passes + (fails - passes) / 2;
        if test.fails(&steps[..middle]) { fails = middle } else { passes = middle }
    }
    steps.truncate(fails);
    steps
}

/// Drops chunks of half the steps, then of a quarter, and so on down to single ones, until no single one can go.
fn drop_chunks<F: FnMut(&[Step]) -> bool>(steps: &mut Vec<Step>, test: &mut Test<F>) {
    let mut size = steps.len().div_ceil(2).max(1);
    loop {
        let mut dropped = false;
        // From the end: what is left of the beginning keeps its meaning.
        let mut end = steps.len();
        while end > 0 {
            let start = end.saturating_sub(size);
            let rest = [&steps[..start], &steps[end..]].concat();
            if !rest.is_empty() && test.fails(&rest) {
                *steps = rest;
                dropped = true;
            }
            end = start;
        }
        match size {
            1 if !dropped => return,
            1 => {}
            _ => size = size.div_ceil(2),
        }
    }
}

/// Takes the simplest form of each packet that still fails.
fn simplify<F: FnMut(&[Step]) -> bool>(steps: &mut [Step], test: &mut Test<F>) {
    for at in 0..steps.len() {
        for edit in edit::ALL {
            let Some(packet) = edit(&steps[at].packet) else { continue };
            let kept = std::mem::replace(&mut steps[at].packet, packet);
            if !test.fails(steps) {
                steps[at].packet = kept;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::Side;

    /// Steps of one byte each: no edit knows what to do with them.
    fn steps(count: u8) -> Vec<Step> {
        (0..count).map(|byte| Step { side: Side::Left, packet: vec![byte] }).collect()
    }

    fn bytes(steps: &[Step]) -> Vec<u8> {
        steps.iter().map(|step| step.packet[0]).collect()
    }

    #[test]
    fn a_pair_in_order_is_found() {
        for pair in [[0, 1], [3, 200], [198, 199], [0, 254], [77, 78]] {
            let mut calls = 0;
            let shrunk = shrink(steps(255), |steps| {
                calls += 1;
                let at = |byte| steps.iter().position(|step| step.packet == [byte]);
                matches!((at(pair[0]), at(pair[1])), (Some(one), Some(two)) if one < two)
            });
            assert_eq!(bytes(&shrunk), pair);
            assert!(calls < 100, "{calls}");
        }
    }

    #[test]
    fn what_does_not_fail_comes_back_whole() {
        assert_eq!(shrink(steps(9), |_| false), steps(9));
        assert_eq!(shrink(Vec::new(), |_| true), []);
    }

    #[test]
    fn a_count_that_must_be_reached_leaves_just_that_many() {
        assert_eq!(shrink(steps(200), |steps| steps.len() >= 7).len(), 7);
    }

    #[test]
    fn calls_are_bounded_and_the_result_fails_in_any_case() {
        let mut calls = 0;
        // Only an even number of steps fails: single ones cannot go, and each try costs a call.
        let shrunk = shrink(steps(254), |steps| {
            calls += 1;
            steps.len() >= 250 && steps.len().is_multiple_of(2)
        });
        assert!(calls <= MOST_CALLS && shrunk.len() == 250, "{calls} {}", shrunk.len());
    }
}
