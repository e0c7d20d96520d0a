//! Sets of addresses, as an `ipset save` file has them.

use std::collections::BTreeMap;

use crate::packet::{Address, Family};

/// All sets, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sets {
    /// The sets.
    pub sets: BTreeMap<Box<str>, Set>,
}

/// One set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// What it holds.
    pub kind: SetKind,
    /// The version of IP of its addresses.
    pub family: Family,
    /// Its entries.
    pub entries: Vec<SetEntry>,
}

/// What a set holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetKind {
    /// `hash:ip`
    HashIp,
    /// `hash:net`
    HashNet,
}

/// An entry of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetEntry {
    /// The address.
    pub address: Address,
    /// The bits of it that count.
    pub prefix_len: u8,
    /// `nomatch`: addresses under it are not in the set.
    pub nomatch: bool,
}
