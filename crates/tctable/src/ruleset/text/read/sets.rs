//! Sets of addresses: the text of `ipset save`.

use std::collections::{BTreeMap, BTreeSet};

use super::addresses::{address, masked, prefix_length, prefix_mask, width};
use super::numbers::{between, number};
use super::words::words;
use crate::packet::{Address, Family};
use crate::ruleset::sets::{Set, SetEntry, SetKind, Sets};
use crate::words::ParseError;
use crate::words::Word;

/// The longest name of a set (`IPSET_MAXNAMELEN` without its end).
const LONGEST_NAME: usize = 31;

/// Types that the kernel has beside ours.
const OTHERS: [&str; 12] = [
    "bitmap:ip",
    "bitmap:ip,mac",
    "bitmap:port",
    "hash:ip,port",
    "hash:ip,port,ip",
    "hash:ip,port,net",
    "hash:mac",
    "hash:net,net",
    "hash:net,port",
    "hash:net,iface",
    "hash:net,port,net",
    "list:set",
];

/// A set while it is read.
struct Draft {
    set: Set,
    /// What is in it, so that nothing is there twice.
    seen: BTreeSet<(Address, u8)>,
    /// Addresses are cut to so many bits (`netmask`).
    bits: u8,
    /// The most entries (`maxelem`).
    most: u64,
}

/// Reads sets.
pub(in crate::ruleset::text) fn sets(text: &str) -> Result<Sets, ParseError> {
    let mut drafts: BTreeMap<Box<str>, Draft> = BTreeMap::new();
    for (line, number) in text.lines().zip(1..) {
        let mut words = words(line, number)?.into_iter();
        let Some(command) = words.next().filter(|word| !word.text.starts_with('#')) else { continue };
        match &*command.text {
            "create" | "-N" | "--create" => {
                let name = words.next().ok_or_else(|| command.missing("the name of a set"))?;
                let fits = (1..=LONGEST_NAME).contains(&name.text.len()) && !name.text.contains([' ', '\t', '"']);
                if !fits {
                    return Err(name.invalid("the name of a set, 1 to 31 bytes"));
                }
                if drafts.contains_key(&*name.text) {
                    return Err(name.misplaced("is a set already"));
                }
                drafts.insert((*name.text).into(), create(&name, words)?);
            }
            "add" | "-A" | "--add" => {
                let name = words.next().ok_or_else(|| command.missing("the name of a set"))?;
                match drafts.get_mut(&*name.text) {
                    Some(draft) => add(draft, &name, words)?,
                    None => return Err(name.unknown("set", drafts.keys().map(|name| &**name))),
                }
            }
            _ => return Err(command.unknown("command", ["create", "add"])),
        }
    }
    Ok(Sets { sets: drafts.into_iter().map(|(name, draft)| (name, draft.set)).collect() })
}

fn create<'a>(name: &Word<'a>, mut words: impl Iterator<Item = Word<'a>>) -> Result<Draft, ParseError> {
    let kind = words.next().ok_or_else(|| name.missing("a type, hash:ip or hash:net"))?;
    let kind = match &*kind.text {
        "hash:ip" | "iphash" => SetKind::HashIp,
        "hash:net" | "nethash" => SetKind::HashNet,
        other if OTHERS.contains(&other) => return Err(kind.not_handled("sets are of hash:ip or hash:net")),
        _ => return Err(kind.unknown("type", ["hash:ip", "hash:net"])),
    };
    let set = Set { kind, family: Family::V4, entries: Vec::new() };
    let mut draft = Draft { set, seen: BTreeSet::new(), bits: 0, most: 65_536 };
    let mut netmask = None;
    while let Some(option) = words.next() {
        let mut value = || words.next().ok_or_else(|| option.missing("a value behind it"));
        match &*option.text {
            "family" => {
                let family = value()?;
                draft.set.family = match &*family.text {
                    "inet" => Family::V4,
                    "inet6" => Family::V6,
                    _ => return Err(family.unknown("family", ["inet", "inet6"])),
                };
            }
            "maxelem" => draft.most = between(&value()?, (1, u64::from(u32::MAX)), "a number of 32 bits")?,
            "netmask" if kind == SetKind::HashIp => netmask = Some(value()?),
            // How the kernel lays its table out.
            "hashsize" | "bucketsize" | "initval" => {
                let value = value()?;
                number(&value.text).ok_or_else(|| value.invalid("a number"))?;
            }
            "timeout" | "counters" | "comment" | "skbinfo" | "forceadd" | "bitmask" => {
                return Err(option.not_handled("sets have addresses alone, which stay"));
            }
            _ => return Err(option.unknown("option", ["family", "hashsize", "maxelem", "netmask", "bucketsize"])),
        }
    }
    let whole = width(draft.set.family);
    draft.bits = match netmask {
        None => whole,
        Some(word) => between(&word, (1, whole.into()), "the length of a prefix")?,
    };
    Ok(draft)
}

fn add<'a>(draft: &mut Draft, name: &Word<'_>, mut words: impl Iterator<Item = Word<'a>>) -> Result<(), ParseError> {
    let word = words.next().ok_or_else(|| name.missing("an entry behind it"))?;
    let mut nomatch = false;
    for option in words {
        match &*option.text {
            "nomatch" if draft.set.kind == SetKind::HashNet => nomatch = true,
            "nomatch" => return Err(option.misplaced("belongs to hash:net")),
            "timeout" | "packets" | "bytes" | "comment" | "skbmark" | "skbprio" | "skbqueue" => {
                return Err(option.not_handled("sets have addresses alone, which stay"));
            }
            _ => return Err(option.unknown("option", ["nomatch"])),
        }
    }
    let (address, prefix_len) = entry(draft, &word)?;
    if draft.seen.len() as u64 >= draft.most {
        return Err(word.misplaced("is one entry more than the set's maxelem"));
    }
    if !draft.seen.insert((address, prefix_len)) {
        return Err(word.misplaced("is in the set already"));
    }
    draft.set.entries.push(SetEntry { address, prefix_len, nomatch });
    Ok(())
}

fn entry(draft: &Draft, word: &Word<'_>) -> Result<(Address, u8), ParseError> {
    let family = draft.set.family;
    let (bits, whole) = (draft.bits, width(family));
    match draft.set.kind {
        SetKind::HashIp => {
            let (first, length) = word.split_once('/');
            if let Some(length) = length
                && number(&length.text) != Some(whole.into())
            {
                return Err(word.not_handled("an entry of hash:ip is one address: write out what a range stands for"));
            }
            let address = address(&first, family)?.bits() & prefix_mask(family, bits).bits();
            Ok((Address::from_v6_bits(address), bits))
        }
        SetKind::HashNet => {
            let masked = masked(word, family)?;
            match prefix_length(family, masked.mask) {
                Some(length @ 1..) => Ok((masked.address, length)),
                _ => Err(word.invalid("a prefix, of 1 bit or more")),
            }
        }
    }
}
