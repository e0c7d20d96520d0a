//! Any other talk, with a transport checksum broken now and then.

use super::{Talk, tape::Tape};
use crate::{packets::checksum_field, rng::Rng};

/// One packet in that many is broken.
const ONE_IN: u64 = 6;

/// A talk over a line that flips bits of checksums.
pub(super) struct Flipping {
    talk: Box<dyn Talk>,
}

impl Flipping {
    pub(super) fn new(talk: Box<dyn Talk>) -> Self {
        Self { talk }
    }
}

impl Talk for Flipping {
    fn step(&mut self, rng: &mut Rng, tape: &mut Tape) -> bool {
        let first = tape.len();
        let more = self.talk.step(rng, tape);
        for step in tape.since_mut(first) {
            let Some(field) = checksum_field(&step.packet) else { continue };
            if rng.one_in(ONE_IN) {
                let at = field.start + rng.below(field.len() as u64) as usize;
                step.packet[at] ^= 1 << rng.below(8);
            }
        }
        more
    }
}
