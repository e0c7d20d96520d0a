//! The keyed hash of wire input.
//!
//! Whoever can send packets must not be able to choose which entries share a bucket. The hash is NH, the universal hash
//! of UMAC (RFC 4418 section 5.2; Black, Halevi, Krawczyk, Krovetz, Rogaway 1999): for any two different messages the
//! chance over the keys that their 64-bit sums are equal is at most 2^-32, whatever the messages. NH alone is a sum of
//! products, whose bits are not all equally mixed, so a bijection on 64 bits (the finaliser of splitmix64) follows,
//! which adds no collisions before the upper half is taken.
//!
//! SipHash, which the kernel uses, also withstands those who can watch collisions happen; SipHash-1-3 took about 160
//! instructions for an IPv4 tuple where this takes about 80, putting the ends in order included. A sender sees one packet's delay, in which one more cache line cannot be told from the noise.

use crate::packet::{Address, Family, Tuple};

/// The secret that keys a table's hash. It changes where entries lie, never what the engine answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HashKey(pub [u64; 2]);

/// A hash as the index uses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hash(pub(crate) u32);

/// A [`HashKey`] made ready: one key for each 32-bit word of the longest message.
#[derive(Clone, Debug)]
pub(crate) struct Hasher {
    keys: [u32; Self::WORDS],
    mask: u64,
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    finalise(*state)
}

/// The finaliser of splitmix64 (Steele, Lea, Flood 2014): a bijection that lets each bit depend on all.
#[inline(always)]
fn finalise(mut value: u64) -> u64 {
    value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

impl Hasher {
    /// Two IPv6 addresses, two ports, the protocol.
    const WORDS: usize = 10;

    pub(crate) fn new(HashKey([low, high]): HashKey) -> Self {
        let (mut one, mut other) = (low, high);
        let mut next = || (split_mix(&mut one) ^ split_mix(&mut other).rotate_left(32)) as u32;
        let mut keys = [0; Self::WORDS];
        keys.fill_with(&mut next);
        let mask = u64::from(next()) << 32 | u64::from(next());
        Hasher { keys, mask }
    }

    /// One step of NH: two words with their keys.
    #[inline(always)]
    fn pair(&self, at: usize, first: u32, second: u32) -> u64 {
        let first = first.wrapping_add(self.keys[at]);
        let second = second.wrapping_add(self.keys[at + 1]);
        u64::from(first).wrapping_mul(u64::from(second))
    }

    #[inline(always)]
    fn finish(&self, sum: u64) -> Hash {
        Hash((finalise(sum ^ self.mask) >> 32) as u32)
    }

    /// The same hash for both directions of a connection that is not translated, so one index entry finds both.
    #[inline(always)]
    pub(crate) fn connection(&self, tuple: &Tuple) -> Hash {
        let (low, high, ports) = canonical(tuple);
        let rest =
            self.pair(0, ports, u32::from(tuple.protocol) | (tuple.family as u32) << 8 | u32::from(tuple.zone) << 16);
        let addresses = match tuple.family {
            Family::V4 => self.pair(2, low.low as u32, high.low as u32),
            Family::V6 => [low.high, low.low, high.high, high.low]
                .into_iter()
                .zip([2, 4, 6, 8])
                .fold(0u64, |sum, (word, at)| sum.wrapping_add(self.pair(at, word as u32, (word >> 32) as u32))),
        };
        self.finish(rest.wrapping_add(addresses))
    }

    /// The hash of one host's address.
    #[inline]
    pub(crate) fn host(&self, family: Family, address: Address) -> Hash {
        let low = self.pair(0, address.low as u32, (address.low >> 32) as u32);
        let high = self.pair(2, address.high as u32, (address.high >> 32) as u32);
        self.finish(low.wrapping_add(high).wrapping_add(self.pair(4, family as u32, 0)))
    }
}

/// The tuple with its two ends in order, so that both directions give the same: the addresses, and both ports in one
/// word.
#[inline(always)]
fn canonical(tuple: &Tuple) -> (Address, Address, u32) {
    let Tuple { source, destination, source_port, destination_port, .. } = *tuple;
    let word = |low: u16, high: u16| u32::from(low) | u32::from(high) << 16;
    if tuple.is_icmp() {
        // The identifier stays, the type turns into its answer's: take the smaller of the two.
        let answer = tuple.inverted().map_or(destination_port, |inverted| inverted.destination_port);
        let ports = word(source_port, destination_port.min(answer));
        (source.min(destination), source.max(destination), ports)
    } else if tuple.family == Family::V4 {
        let end = |address: Address, port: u16| address.low << 16 | u64::from(port);
        let (a, b) = (end(source, source_port), end(destination, destination_port));
        let (a, b) = (a.min(b), a.max(b));
        (Address { high: 0, low: a >> 16 }, Address { high: 0, low: b >> 16 }, word(a as u16, b as u16))
    } else {
        // Which end is the smaller one is hard to foresee: no branch on it.
        let smaller = |low: u64, high: u64| (low < high, low == high);
        let (high_less, high_same) = smaller(source.high, destination.high);
        let (low_less, low_same) = smaller(source.low, destination.low);
        let in_order = high_less | (high_same & (low_less | (low_same & (source_port <= destination_port))));
        let swap = 0u64.wrapping_sub(u64::from(!in_order));
        let high_swap = (source.high ^ destination.high) & swap;
        let low_swap = (source.low ^ destination.low) & swap;
        (
            Address { high: source.high ^ high_swap, low: source.low ^ low_swap },
            Address { high: destination.high ^ high_swap, low: destination.low ^ low_swap },
            word(source_port, destination_port).rotate_left(16 & swap as u32),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tuple(source: u32, source_port: u16) -> Tuple {
        Tuple::new(Family::V4, 6, Address::from_v4_bits(source), Address::from_v4_bits(0xc633_6401))
            .with_ports(source_port, 443)
    }

    proptest! {
        #[test]
        fn both_directions_hash_alike(v6: bool, source: u128, destination: u128, ports: (u16, u16), proto in 0u8..60) {
            let family = if v6 { Family::V6 } else { Family::V4 };
            let mask = if v6 { u128::MAX } else { u128::from(u32::MAX) };
            let tuple = Tuple::new(family, proto, Address::from_v6_bits(source & mask), Address::from_v6_bits(destination & mask)).with_ports(ports.0, ports.1);
            let hasher = Hasher::new(HashKey([1, 2]));
            if let Some(inverted) = tuple.inverted() {
                prop_assert_eq!(hasher.connection(&tuple), hasher.connection(&inverted));
                prop_assert_eq!(inverted.inverted(), Some(tuple));
            }
        }
    }

    /// The fullest of 4,096 buckets when 16,384 tuples are hashed: about 14 for a random function.
    fn fullest(key: u64, tuples: impl Iterator<Item = Tuple>) -> usize {
        let hasher = Hasher::new(HashKey([key, !key]));
        let mut buckets = vec![0usize; 4096];
        tuples.for_each(|tuple| buckets[(hasher.connection(&tuple).0 >> 20) as usize] += 1);
        buckets.into_iter().max().unwrap_or(0)
    }

    #[test]
    fn tuples_in_a_row_are_spread_evenly_under_any_key() {
        for key in 0..100u64 {
            let addresses = fullest(key, (0..16_384).map(|n| tuple(0x0a00_0000 + n, 1024)));
            let ports = fullest(key, (0..16_384).map(|n| tuple(0x0a00_0001, 1024 + n as u16)));
            let stride = fullest(key, (0..16_384).map(|n| tuple(n << 16, 1024)));
            assert!(addresses.max(ports).max(stride) < 24, "key {key}: {addresses} {ports} {stride}");
        }
    }

    #[test]
    fn tuples_that_collide_under_one_key_are_spread_under_another() {
        // An attacker who knows the code tries it with a key of his own.
        let his = Hasher::new(HashKey([7, 7]));
        let chosen: Vec<Tuple> = (0..u32::MAX)
            .flat_map(|n| [tuple(n, 1), tuple(n, 2)])
            .filter(|tuple| his.connection(tuple).0 >> 20 == 0)
            .take(2_000)
            .collect();
        for key in 0..20u64 {
            assert!(fullest(key, chosen.iter().copied()) < 12);
        }
    }
}
