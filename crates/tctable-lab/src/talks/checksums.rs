//! Any other talk, with a transport checksum broken now and then.

use super::{Talk, tape::Tape};
use crate::rng::Rng;

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
        tape.flip_checksums = true;
        let more = self.talk.step(rng, tape);
        tape.flip_checksums = false;
        more
    }
}
