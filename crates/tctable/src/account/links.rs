//! From a host to its connections: a chain through the places of the connection table.
//!
//! Eight bytes for each place, in chunks of 64 KiB, and only where somebody asked for it.

use crate::table::Chunked;

/// Ends a chain.
pub(super) const END: u32 = u32::MAX;

/// Places to a chunk.
const CHUNK: usize = 1 << 13;

/// The connections before and after one in its host's chain, by their places.
#[derive(Clone, Copy, Debug)]
struct Link {
    newer: u32,
    older: u32,
}

/// See the head of this file.
#[derive(Debug)]
pub(super) struct Links(Chunked<Link, CHUNK>);

impl Links {
    pub(super) const fn new() -> Self {
        Links(Chunked::new())
    }

    /// Puts a connection at the head of a chain.
    pub(super) fn push(&mut self, head: &mut u32, place: u32) {
        while self.0.len() <= place as usize {
            self.0.push(Link { newer: END, older: END });
        }
        self.0[place as usize] = Link { newer: END, older: *head };
        if *head != END {
            self.0[*head as usize].newer = place;
        }
        *head = place;
    }

    /// Takes a connection out of the chain that it is in.
    pub(super) fn remove(&mut self, head: &mut u32, place: u32) {
        let Link { newer, older } = self.0[place as usize];
        match newer {
            END => *head = older,
            newer => self.0[newer as usize].older = older,
        }
        if older != END {
            self.0[older as usize].newer = newer;
        }
    }

    /// A chain's places, the newest first.
    pub(super) fn iter(&self, head: u32) -> impl Iterator<Item = u32> {
        let real = |place: u32| (place != END).then_some(place);
        std::iter::successors(real(head), move |place| real(self.0[*place as usize].older))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_lists(steps in proptest::collection::vec((0u32..40, 0usize..3, any::<bool>()), 0..300)) {
            let mut links = Links::new();
            let mut heads = [END; 3];
            let mut model: [Vec<u32>; 3] = Default::default();
            for (place, chain, add) in steps {
                let there = model.iter().position(|list| list.contains(&place));
                match (there, add) {
                    (None, true) => {
                        links.push(&mut heads[chain], place);
                        model[chain].insert(0, place);
                    }
                    (Some(chain), false) => {
                        links.remove(&mut heads[chain], place);
                        model[chain].retain(|other| *other != place);
                    }
                    _ => {}
                }
                for (head, list) in heads.iter().zip(&model) {
                    prop_assert_eq!(&links.iter(*head).collect::<Vec<_>>(), list);
                }
            }
        }
    }
}
