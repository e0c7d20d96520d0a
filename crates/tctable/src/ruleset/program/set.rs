//! Sets of addresses, made ready to be asked whether an address is in them.

use std::collections::BTreeMap;

use crate::packet::{Address, Family};
use crate::ruleset::{Set, Sets};

/// All sets. A set is named by its number, in the order of the names.
#[derive(Clone, Debug, Default)]
pub(crate) struct CompiledSets {
    names: BTreeMap<Box<str>, usize>,
    sets: Vec<Compiled>,
}

/// One set: its entries by the length of their prefix, the longest first, as nothing else decides which of two entries
/// speaks for an address.
#[derive(Clone, Debug)]
struct Compiled {
    family: Family,
    lengths: Vec<Prefixes>,
}

/// Entries of one length: their bits in order, each with whether it is an exception (`nomatch`).
#[derive(Clone, Debug)]
struct Prefixes {
    mask: u128,
    entries: Box<[(u128, bool)]>,
}

impl CompiledSets {
    /// Makes the sets ready.
    pub(crate) fn new(sets: &Sets) -> Self {
        let names = sets.sets.keys().cloned().zip(0..).collect();
        CompiledSets { names, sets: sets.sets.values().map(Compiled::new).collect() }
    }

    /// The number of the set with that name.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    /// Whether the set with that number has that address. One of the other version of IP has it not, and where there is no
    /// such set there is nothing in it.
    pub(crate) fn contains(&self, set: usize, family: Family, address: Address) -> bool {
        self.sets.get(set).is_some_and(|set| set.family == family && set.contains(address))
    }
}

impl Compiled {
    /// Where an entry is there twice, the later one counts.
    fn new(set: &Set) -> Self {
        let mut lengths: BTreeMap<u8, BTreeMap<u128, bool>> = BTreeMap::new();
        let width: u8 = match set.family {
            Family::V4 => 32,
            Family::V6 => 128,
        };
        for entry in &set.entries {
            let length = entry.prefix_len.min(width);
            let bits = entry.address.bits() & mask(width - length);
            lengths.entry(length).or_default().insert(bits, entry.nomatch);
        }
        let prefixes = |(length, entries): (u8, BTreeMap<u128, bool>)| Prefixes {
            mask: mask(width - length),
            entries: entries.into_iter().collect(),
        };
        Compiled { family: set.family, lengths: lengths.into_iter().rev().map(prefixes).collect() }
    }

    fn contains(&self, address: Address) -> bool {
        let bits = address.bits();
        let of_length = |prefixes: &Prefixes| {
            let at = prefixes.entries.binary_search_by_key(&(bits & prefixes.mask), |(bits, _)| *bits).ok()?;
            prefixes.entries.get(at).map(|(_, nomatch)| !nomatch)
        };
        self.lengths.iter().find_map(of_length).unwrap_or(false)
    }
}

/// All bits but the lowest `cleared`.
fn mask(cleared: u8) -> u128 {
    u128::MAX.checked_shl(cleared.into()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::ruleset::{SetEntry, SetKind};

    fn entry(prefix: &str, nomatch: bool) -> SetEntry {
        let (address, length) = prefix.split_once('/').expect("a prefix");
        let address: IpAddr = address.parse().expect("an address");
        SetEntry { address: address.into(), prefix_len: length.parse().expect("a length"), nomatch }
    }

    fn sets(kind: SetKind, family: Family, entries: &[(&str, bool)]) -> CompiledSets {
        let entries = entries.iter().map(|(prefix, nomatch)| entry(prefix, *nomatch)).collect();
        CompiledSets::new(&Sets { sets: [("set".into(), Set { kind, family, entries })].into() })
    }

    fn has(sets: &CompiledSets, address: &str) -> bool {
        let address: IpAddr = address.parse().expect("an address");
        let set = sets.find("set").expect("there is one");
        sets.contains(set, address.into(), address.into())
    }

    #[test]
    fn single_addresses_are_found() {
        let v4 = sets(SetKind::HashIp, Family::V4, &[("10.0.0.1/32", false), ("10.0.0.3/32", false)]);
        assert_eq!(["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3"].map(|ip| has(&v4, ip)), [false, true, false, true]);
        assert!(!has(&v4, "::a00:1"), "the same bits in the other version");
        let v6 = sets(SetKind::HashIp, Family::V6, &[("fd00::1/128", false)]);
        assert!(has(&v6, "fd00::1") && !has(&v6, "fd00::2") && !has(&v6, "10.0.0.1"));
    }

    #[test]
    fn the_longest_prefix_decides() {
        let nets = sets(
            SetKind::HashNet,
            Family::V4,
            &[("10.0.0.0/8", false), ("10.1.0.0/16", true), ("10.1.2.0/24", false), ("10.1.2.3/32", true)],
        );
        let inside = ["10.255.0.1", "10.1.0.1", "10.1.2.1", "10.1.2.3", "11.0.0.0"].map(|ip| has(&nets, ip));
        assert_eq!(inside, [true, false, true, false, false]);
        let nets = sets(SetKind::HashNet, Family::V6, &[("fd00::/16", false), ("fd00:1::/32", true), ("::/0", true)]);
        assert_eq!(["fd00::1", "fd00:1::1", "2001::"].map(|ip| has(&nets, ip)), [true, false, false]);
    }

    #[test]
    fn a_prefix_of_no_bits_has_all() {
        let all = sets(SetKind::HashNet, Family::V4, &[("1.2.3.4/0", false)]);
        assert!(has(&all, "0.0.0.0") && has(&all, "255.255.255.255"));
        assert!(!has(&sets(SetKind::HashNet, Family::V4, &[]), "0.0.0.0"));
    }

    #[test]
    fn sets_are_found_by_name() {
        let set = |address| Set { kind: SetKind::HashIp, family: Family::V4, entries: vec![entry(address, false)] };
        let sets = [("b".into(), set("10.0.0.1/32")), ("a".into(), set("10.0.0.2/32"))].into();
        let sets = CompiledSets::new(&Sets { sets });
        let has = |name, address: &str| {
            let address: IpAddr = address.parse().expect("an address");
            sets.contains(sets.find(name).expect("there is one"), Family::V4, address.into())
        };
        assert!(has("b", "10.0.0.1") && !has("b", "10.0.0.2") && has("a", "10.0.0.2"));
        assert_eq!(sets.find("c"), None);
        assert!(!sets.contains(2, Family::V4, Address::default()), "no such set");
    }

    /// The obvious: of all entries that have the address, the longest.
    fn model(entries: &[SetEntry], address: u32) -> bool {
        let covers = |entry: &&SetEntry| {
            let mask = u32::MAX.checked_shl(32 - u32::from(entry.prefix_len)).unwrap_or(0);
            address & mask == entry.address.bits() as u32 & mask
        };
        let longest = entries.iter().filter(covers).max_by_key(|entry| entry.prefix_len);
        longest.is_some_and(|entry| !entry.nomatch)
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_the_obvious(
            entries in proptest::collection::vec((0u32..256, 24u8..=32, proptest::bool::ANY), 0..40),
        ) {
            let entries: Vec<SetEntry> = entries
                .into_iter()
                .map(|(bits, prefix_len, nomatch)| SetEntry { address: Address::from_v4_bits(bits), prefix_len, nomatch })
                .collect();
            let set = Set { kind: SetKind::HashNet, family: Family::V4, entries: entries.clone() };
            let sets = CompiledSets::new(&Sets { sets: [("set".into(), set)].into() });
            for address in 0..256 {
                let bits = Address::from_v4_bits(address);
                // The same prefix twice, once as an exception, has no longest one.
                let mask = |entry: &SetEntry| bits.bits() as u32 >> (32 - entry.prefix_len).min(31);
                let twice = entries.iter().any(|one| entries.iter().any(|other| {
                    one.prefix_len == other.prefix_len
                        && one.nomatch != other.nomatch
                        && one.address.bits() as u32 >> (32 - one.prefix_len) == mask(other)
                }));
                if !twice {
                    proptest::prop_assert_eq!(sets.contains(0, Family::V4, bits), model(&entries, address));
                }
            }
        }
    }
}
