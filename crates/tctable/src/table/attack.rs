//! What somebody can do to the index who knows the code and chooses the packets, with and without the key.

use super::hash::HashKey;
use super::index::ChainTooLong;
use super::{Hash, Hasher, Index};
use crate::packet::{Address, Family, Tuple};

const TUPLES: u32 = 1_000_000;
const KEYS: [[u64; 2]; 4] =
    [[0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210], [1, 2], [u64::MAX, 0x5555_5555_5555_5555], [0, 1 << 63]];
/// Buckets in a row that a search may have to look at, whatever the tuples. A million entries fill the table nearly as far as it
/// goes; of a random generator's hashes the longest such rows were of 18 to 31 then.
const LONGEST: usize = 36;

fn v4(source: u32, destination: u32, ports: (u16, u16)) -> Tuple {
    let [source, destination] = [source, destination].map(Address::from_v4_bits);
    Tuple::new(Family::V4, 6, source, destination).with_ports(ports.0, ports.1)
}

fn v6(source: u128, destination: u128, ports: (u16, u16)) -> Tuple {
    let [source, destination] = [source, destination].map(Address::from_v6_bits);
    Tuple::new(Family::V6, 17, source, destination).with_ports(ports.0, ports.1)
}

/// Tuples in a pattern by their numbers: different ones for different numbers, also with the ends exchanged.
type Pattern = fn(u32) -> Tuple;

const PATTERNS: [(&str, Pattern); 9] = [
    ("addresses in a row", |n| v4(0x0a00_0000 + n, 0xc633_6401, (1024, 443))),
    ("ports in a row, then addresses", |n| v4(0x0a00_0000 + (n >> 16), 0xc633_6401, (n as u16, 443))),
    ("both ports", |n| v4(0x0a00_0001, 0xc633_6401, (n as u16, 1 + (n >> 16) as u16))),
    ("the same low bits", |n| v4(n << 12, 0xc633_6400, (4096, 8192))),
    ("addresses that are each other's opposite", |n| v4(n, !n, (1, 1))),
    ("addresses that are alike", |n| v4(n, n ^ 1 << 31, (7, 7))),
    ("the sum of the words stays the same", |n| v4(0x4000_0000 + n, 0xc000_0000 - n, (5, 5))),
    ("high halves of long addresses", |n| v6(u128::from(n) << 96, 1, (9, 9))),
    ("long addresses, bits far apart", |n| {
        v6(u128::from(n) << 64 | u128::from(!n), u128::from(n) << 32 | 1 << 127, (9, 9))
    }),
];

/// Puts tuples in the index; gives the longest walk and how many were refused.
fn fill(key: HashKey, tuples: impl Iterator<Item = Tuple>) -> (usize, usize) {
    let hasher = Hasher::new(key);
    let mut index = Index::new();
    let refused = (0u32..)
        .zip(tuples)
        .filter(|(entry, tuple)| index.insert(hasher.connection(tuple), *entry) == Err(ChainTooLong))
        .count();
    (index.longest_walk(), refused)
}

#[test]
fn chance_makes_no_chains_that_are_as_long() {
    for seed in 1..=20u64 {
        let mut state = seed;
        let mut index = Index::new();
        for entry in 0..TUPLES {
            // Knuth's MMIX generator, of which the upper half is taken.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            assert_eq!(index.insert(Hash((state >> 32) as u32), entry), Ok(()));
        }
        let longest = index.longest_walk();
        assert!(longest <= LONGEST, "{seed}: {longest}");
    }
}

#[test]
fn patterns_make_no_long_chains_under_any_key() {
    for key in KEYS {
        for (name, pattern) in PATTERNS {
            let (longest, refused) = fill(HashKey(key), (0..TUPLES).map(pattern));
            assert!(longest <= LONGEST && refused == 0, "{name} under {key:x?}: {longest}, {refused}");
        }
    }
}

/// The tuples, in a row, whose hashes under a key lie in the lowest 1024th of all.
fn crowded(key: HashKey, count: usize) -> Vec<Tuple> {
    let hasher = Hasher::new(key);
    let low = |tuple: &Tuple| hasher.connection(tuple).0 < 1 << 22;
    (0..u32::MAX).map(|n| v4(n, 0xc633_6401, (n as u16, 443))).filter(low).take(count).collect()
}

#[test]
fn only_who_knows_the_key_makes_chains_long() {
    let [mine, others @ ..] = KEYS.map(HashKey);
    let chosen = crowded(mine, 5_000);
    // He has the key: his tuples are refused once they would make chains too long, and the others' are not.
    let (longest, refused) = fill(mine, chosen.iter().copied());
    assert!(longest >= 64 && refused > 1000, "{longest}, {refused}");
    for key in others {
        let (longest, refused) = fill(key, chosen.iter().copied());
        assert!(longest <= LONGEST && refused == 0, "{key:x?}: {longest}, {refused}");
    }
}

#[test]
fn both_directions_of_a_connection_lie_together_and_nothing_else_does() {
    for key in KEYS.map(HashKey) {
        let hasher = Hasher::new(key);
        let mut hashes: Vec<u32> = (0..TUPLES)
            .map(|n| {
                let tuple = v4(n, !n, (n as u16, 1));
                let inverted = tuple.inverted().unwrap();
                assert_eq!(hasher.connection(&tuple), hasher.connection(&inverted));
                // Exchanging only the addresses, or only the ports, makes another connection.
                let crossed = v4(!n, n, (n as u16, 1));
                assert!(hasher.connection(&tuple) != hasher.connection(&crossed) || n as u16 == 1);
                hasher.connection(&tuple).0
            })
            .collect();
        hashes.sort_unstable();
        hashes.dedup();
        // By chance some 116 of a million hashes of 32 bits are alike.
        assert!(TUPLES as usize - hashes.len() < 300, "{}", hashes.len());
    }
}
