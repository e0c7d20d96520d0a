//! SipHash-1-3 over a few 64-bit words.
//!
//! The hash of wire input is keyed: whoever can send packets must not be able to choose which entries share a bucket.
//! SipHash (Aumasson and Bernstein, 2012) is made for that; one compression round and three final ones are what the
//! standard libraries of several languages settled on for tables. Messages here have a fixed, known length, so the
//! words are fed directly.

use crate::packet::{Address, Family, Tuple};

/// The secret that keys a table's hash. It changes where entries lie, never what the engine answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HashKey(pub [u64; 2]);

/// A hash as the index uses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hash(pub(crate) u32);

struct Sip([u64; 4]);

impl Sip {
    #[inline(always)]
    fn new(HashKey([k0, k1]): HashKey) -> Self {
        Sip([
            k0 ^ 0x736f_6d65_7073_6575,
            k1 ^ 0x646f_7261_6e64_6f6d,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ])
    }

    #[inline(always)]
    fn round(&mut self) {
        let [mut v0, mut v1, mut v2, mut v3] = self.0;
        v0 = v0.wrapping_add(v1);
        v2 = v2.wrapping_add(v3);
        v1 = v1.rotate_left(13) ^ v0;
        v3 = v3.rotate_left(16) ^ v2;
        v0 = v0.rotate_left(32).wrapping_add(v3);
        v2 = v2.wrapping_add(v1);
        v3 = v3.rotate_left(21) ^ v0;
        v1 = v1.rotate_left(17) ^ v2;
        v2 = v2.rotate_left(32);
        self.0 = [v0, v1, v2, v3];
    }

    #[inline(always)]
    fn word(&mut self, word: u64) {
        self.0[3] ^= word;
        self.round();
        self.0[0] ^= word;
    }

    #[inline(always)]
    fn finish(mut self) -> u64 {
        self.0[2] ^= 0xff;
        self.round();
        self.round();
        self.round();
        let [v0, v1, v2, v3] = self.0;
        v0 ^ v1 ^ v2 ^ v3
    }
}

/// The last word of a message: its length in bytes stands in the highest byte.
const fn last_word(length: u64, rest: u64) -> u64 {
    length << 56 | rest
}

impl HashKey {
    /// The same hash for both directions of a connection that is not translated, so one index entry finds both.
    #[inline]
    pub(crate) fn connection(self, tuple: &Tuple) -> Hash {
        let (low, high, low_port, high_port) = canonical(tuple);
        let ports = u64::from(low_port) | u64::from(high_port) << 16 | u64::from(tuple.protocol) << 32;
        let mut sip = Sip::new(self);
        match tuple.family {
            Family::V4 => {
                sip.word(low.low << 32 | high.low);
                sip.word(last_word(13, ports));
            }
            Family::V6 => {
                sip.word(low.high);
                sip.word(low.low);
                sip.word(high.high);
                sip.word(high.low);
                sip.word(last_word(37, ports));
            }
        }
        Hash((sip.finish() >> 32) as u32)
    }

    /// The hash of one host's address.
    #[inline]
    pub(crate) fn host(self, family: Family, address: Address) -> Hash {
        let mut sip = Sip::new(self);
        if family == Family::V6 {
            sip.word(address.high);
        }
        sip.word(address.low);
        sip.word(last_word(9, family as u64));
        Hash((sip.finish() >> 32) as u32)
    }
}

/// The tuple with its two ends in order, so that both directions give the same.
#[inline(always)]
fn canonical(tuple: &Tuple) -> (Address, Address, u16, u16) {
    let Tuple { source, destination, source_port, destination_port, .. } = *tuple;
    if tuple.is_icmp() {
        // The identifier stays, the type turns into its answer's: take the smaller of the two.
        let answer = tuple.inverted().map_or(destination_port, |inverted| inverted.destination_port);
        (source.min(destination), source.max(destination), source_port, destination_port.min(answer))
    } else if tuple.family == Family::V4 {
        let (a, b) = (source.low << 16 | u64::from(source_port), destination.low << 16 | u64::from(destination_port));
        let (a, b) = (a.min(b), a.max(b));
        (Address { high: 0, low: a >> 16 }, Address { high: 0, low: b >> 16 }, a as u16, b as u16)
    } else if (source, source_port) <= (destination, destination_port) {
        (source, destination, source_port, destination_port)
    } else {
        (destination, source, destination_port, source_port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use siphasher::sip::SipHasher13;
    use std::hash::Hasher;

    proptest! {
        #[test]
        fn is_siphash_1_3(k0: u64, k1: u64, words in proptest::collection::vec(any::<u64>(), 0..5), tail in 0u64..1 << 56) {
            let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            bytes.extend_from_slice(&tail.to_le_bytes()[..7]);
            let mut theirs = SipHasher13::new_with_keys(k0, k1);
            theirs.write(&bytes);

            let mut ours = Sip::new(HashKey([k0, k1]));
            words.iter().for_each(|word| ours.word(*word));
            ours.word(last_word(bytes.len() as u64 & 0xff, tail));
            prop_assert_eq!(ours.finish(), theirs.finish());
        }

        #[test]
        fn both_directions_hash_alike(v6: bool, source: u128, destination: u128, ports: (u16, u16), proto in 0u8..60) {
            let family = if v6 { Family::V6 } else { Family::V4 };
            let mask = if v6 { u128::MAX } else { u128::from(u32::MAX) };
            let tuple = Tuple {
                source: Address::from_v6_bits(source & mask),
                destination: Address::from_v6_bits(destination & mask),
                source_port: ports.0,
                destination_port: ports.1,
                protocol: proto,
                family,
            };
            let key = HashKey([1, 2]);
            if let Some(inverted) = tuple.inverted() {
                prop_assert_eq!(key.connection(&tuple), key.connection(&inverted));
                prop_assert_eq!(inverted.inverted(), Some(tuple));
            }
        }
    }
}
