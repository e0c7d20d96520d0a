//! `NFQUEUE`

use crate::hook::Verdict;
use crate::packet::Tuple;
use crate::ruleset::Nfqueue;

/// Which queue a packet goes to: with several, both directions between two hosts to the same one, by their addresses
/// and the protocol. Which one is nobody's to foresee; here it is the same in each run.
pub(super) fn verdict(target: &Nfqueue, tuple: &Tuple) -> Verdict {
    let nth = if target.count > 1 { share(tuple, target.count) } else { 0 };
    Verdict::Queue { number: target.first.wrapping_add(nth), bypass: target.bypass }
}

fn share(tuple: &Tuple, count: u16) -> u16 {
    let (low, high) = (tuple.source.min(tuple.destination), tuple.source.max(tuple.destination));
    let words = [low.high, low.low, high.high, high.low, u64::from(tuple.protocol)];
    let hash = words.into_iter().fold(0, |hash, word| mix(hash ^ word));
    ((u128::from(hash) * u128::from(count)) >> 64) as u16
}

/// The finaliser of splitmix64 (Steele, Lea, Flood 2014), after a step.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}
