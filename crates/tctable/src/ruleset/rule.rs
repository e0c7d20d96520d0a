use super::{Match, Target};
use crate::conntrack::Counter;
use crate::hook::Hook;
use crate::packet::{Address, Family};

/// The rules of one version of IP, as they were read: one `iptables-save` or `ip6tables-save`.
#[derive(Clone, Debug, PartialEq)]
pub struct Ruleset {
    /// The version of IP that they are for.
    pub family: Family,
    /// The tables that were named, each once, in the order of [`TableName`].
    pub tables: Vec<Table>,
}

/// A table's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TableName {
    /// `raw`, before connections are tracked.
    Raw,
    /// `mangle`, which changes packets.
    Mangle,
    /// `filter`, which lets them pass or not.
    Filter,
}

impl TableName {
    /// Every table.
    pub const ALL: [TableName; 3] = [TableName::Raw, TableName::Mangle, TableName::Filter];

    /// The name after the asterisk.
    pub const fn as_str(self) -> &'static str {
        match self {
            TableName::Raw => "raw",
            TableName::Mangle => "mangle",
            TableName::Filter => "filter",
        }
    }

    /// The hooks at which it has a chain.
    pub const fn hooks(self) -> &'static [Hook] {
        match self {
            TableName::Raw => &[Hook::PreRouting, Hook::LocalOut],
            TableName::Mangle => &Hook::ALL,
            TableName::Filter => &[Hook::LocalIn, Hook::Forward, Hook::LocalOut],
        }
    }
}

/// A table: its built-in chains first, in the order of their hooks, then those that the user made, by name, as the kernel
/// keeps them.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Its name.
    pub name: TableName,
    /// Its chains. Every hook of the table has its built-in chain, also where the text names none.
    pub chains: Vec<Chain>,
}

/// A chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// Its name, at most 28 bytes.
    pub name: Box<str>,
    /// What a built-in chain has.
    pub base: Option<Base>,
    /// Its rules in order.
    pub rules: Vec<Rule>,
}

/// What a built-in chain has and a user's has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    /// Where it hangs.
    pub hook: Hook,
    /// What becomes of a packet that comes to its end.
    pub policy: Policy,
    /// The packets that did.
    pub counter: Counter,
}

/// What becomes of a packet at the end of a built-in chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// It passes.
    Accept,
    /// It is dropped.
    Drop,
}

/// A rule: where everything that it asks for holds, its target says what is done.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What it asks of the IP header and of the devices.
    pub header: Header,
    /// What else it asks, in the order of the text: a match that counts, such as `limit`, sees the packets alone that
    /// all before it let through.
    pub matches: Vec<Match>,
    /// What is done.
    pub target: Target,
    /// The packets that met all of it.
    pub counter: Counter,
    /// The line that it was read from; 0 where it was not read.
    pub line: u32,
}

/// Something that is asked, or whose opposite is asked (`!`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Not<T> {
    /// The opposite.
    pub negated: bool,
    /// What is asked.
    pub value: T,
}

impl<T> Not<T> {
    /// Without `!`.
    pub const fn plain(value: T) -> Self {
        Not { negated: false, value }
    }

    /// Whether `holds` is what is wanted.
    pub const fn wants(&self, holds: bool) -> bool {
        holds != self.negated
    }
}

/// What a rule asks of the IP header and of the devices (`struct ipt_ip`). What is not asked is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// `-s`
    pub source: Option<Not<Masked>>,
    /// `-d`
    pub destination: Option<Not<Masked>>,
    /// `-i`
    pub input: Option<Not<DevicePattern>>,
    /// `-o`
    pub output: Option<Not<DevicePattern>>,
    /// `-p`: the number of a transport protocol, never 0, which iptables takes for any. In IPv6 that of the last header.
    pub protocol: Option<Not<u8>>,
    /// `-f`, IPv4 alone: second and further fragments; `Some(false)` is `! -f`, heads and whole packets.
    pub fragment: Option<bool>,
}

/// An address under a mask, which need not be a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Masked {
    /// The address; bits outside the mask are zero.
    pub address: Address,
    /// The bits that count; for IPv4 the lowest 32 of them.
    pub mask: Address,
}

/// A device's name, or with a `+` at its end the beginning of one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DevicePattern {
    /// The name without the `+`, at most 15 bytes.
    pub name: Box<str>,
    /// There was a `+`.
    pub wildcard: bool,
}
