/// No flow.
const NONE: u32 = u32::MAX;

/// Flows by how many packets they have: which one has most is known without a search.
///
/// A flow is its place in a list that its owner keeps. Of two that have as many packets, the one that came to have them later
/// is nearer at hand.
#[derive(Debug)]
pub(super) struct Depths {
    /// The first flow that has so many packets; none has 0.
    heads: Vec<u32>,
    links: Vec<Link>,
    deepest: usize,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    next: u32,
    previous: u32,
}

impl Depths {
    /// For flows of at most so many packets.
    pub(super) fn new(most: u32) -> Depths {
        Depths { heads: vec![NONE; most as usize + 1], links: Vec::new(), deepest: 0 }
    }

    /// A flow that had `before` packets has one more or one less. `before` is at most what it was made for, and so is `after`.
    pub(super) fn move_on(&mut self, flow: u32, before: u32, after: u32) {
        if before > 0 {
            self.take(flow, before as usize);
        }
        if after > 0 {
            self.put(flow, after as usize);
        }
        self.deepest = self.deepest.max(after as usize);
        while self.deepest > 0 && self.heads[self.deepest] == NONE {
            self.deepest -= 1;
        }
    }

    /// The flow that has most packets.
    pub(super) fn deepest(&self) -> Option<u32> {
        Some(self.heads[self.deepest]).filter(|flow| *flow != NONE)
    }

    fn take(&mut self, flow: u32, depth: usize) {
        let Link { next, previous } = self.links[flow as usize];
        match previous {
            NONE => self.heads[depth] = next,
            previous => self.links[previous as usize].next = next,
        }
        if next != NONE {
            self.links[next as usize].previous = previous;
        }
    }

    fn put(&mut self, flow: u32, depth: usize) {
        if self.links.len() <= flow as usize {
            self.links.resize(flow as usize + 1, Link { next: NONE, previous: NONE });
        }
        let next = std::mem::replace(&mut self.heads[depth], flow);
        if next != NONE {
            self.links[next as usize].previous = flow;
        }
        self.links[flow as usize] = Link { next, previous: NONE };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_deepest_is_found_as_by_a_search(steps in proptest::collection::vec((0usize..6, any::<bool>()), 0..200)) {
            let mut depths = Depths::new(5);
            let mut model = [(0u32, 0usize); 6];
            for (turn, (flow, up)) in steps.into_iter().enumerate() {
                let before = model[flow].0;
                let after = if up { (before + 1).min(5) } else { before.saturating_sub(1) };
                if after == before {
                    continue;
                }
                depths.move_on(flow as u32, before, after);
                model[flow] = (after, turn);
                let deepest = (0..6).filter(|flow| model[*flow].0 > 0).max_by_key(|flow| model[*flow]);
                prop_assert_eq!(depths.deepest(), deepest.map(|flow| flow as u32));
            }
        }
    }
}
