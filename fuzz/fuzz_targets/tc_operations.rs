//! Operations on the tree of traffic control with packets between them, in any order: never a panic, no packet is lost or
//! doubled, the tree is whole and is listed as it is. The same as the property test `sched_sequence`.
//!
//! Deep trees take long inputs: begin with a corpus of random files of 2048 bytes each.
#![no_main]

#[path = "../../crates/tctable/tests/sched_sequence/choices.rs"]
mod choices;
#[path = "../../crates/tctable/tests/sched_sequence/invariants.rs"]
mod invariants;
#[path = "../../crates/tctable/tests/sched_sequence/sequence.rs"]
mod sequence;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| sequence::run(input));
