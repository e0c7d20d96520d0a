use std::collections::BTreeMap;

use crate::packet::{Address, Family};

/// Sets of addresses by name, as `ipset save` tells them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sets {
    /// The sets.
    pub sets: BTreeMap<Box<str>, Set>,
}

/// A set of addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// What its entries are.
    pub kind: SetKind,
    /// The version of IP that they are of.
    pub family: Family,
    /// The entries, each once, in the order of the text.
    pub entries: Vec<SetEntry>,
}

/// What the entries of a set are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetKind {
    /// `hash:ip`: addresses, or with `netmask` prefixes of one length.
    HashIp,
    /// `hash:net`: prefixes. The longest one that an address is in decides.
    HashNet,
}

/// A prefix of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetEntry {
    /// The address; bits outside the prefix are zero.
    pub address: Address,
    /// The length of the prefix; an address has all its bits.
    pub prefix_len: u8,
    /// Addresses in it are not in the set (`nomatch`), which `hash:net` has.
    pub nomatch: bool,
}
