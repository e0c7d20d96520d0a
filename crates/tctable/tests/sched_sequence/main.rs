//! Random operations on the tree of traffic control, with packets between them: what must hold holds after each.

mod choices;
mod invariants;
mod sequence;

use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_tree_and_its_packets_stay_whole(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
        sequence::run(&bytes);
    }
}
