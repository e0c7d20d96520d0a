use std::fmt;

use crate::packet::Family;

/// A point on a packet's road where functions look at it (`enum nf_inet_hooks`, with its values).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Hook {
    /// After the packet came in, before it is known where it goes.
    PreRouting = 0,
    /// It is for the gateway itself.
    LocalIn = 1,
    /// It goes through.
    Forward = 2,
    /// The gateway itself made it.
    LocalOut = 3,
    /// Before it leaves.
    PostRouting = 4,
}

impl Hook {
    /// Every hook, by its value.
    pub const ALL: [Hook; 5] = [Hook::PreRouting, Hook::LocalIn, Hook::Forward, Hook::LocalOut, Hook::PostRouting];

    /// The name of the chain of iptables that hangs there.
    pub const fn chain(self) -> &'static str {
        match self {
            Hook::PreRouting => "PREROUTING",
            Hook::LocalIn => "INPUT",
            Hook::Forward => "FORWARD",
            Hook::LocalOut => "OUTPUT",
            Hook::PostRouting => "POSTROUTING",
        }
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.chain())
    }
}

/// Which versions of IP a function is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Families {
    /// IPv4 alone.
    V4,
    /// IPv6 alone.
    V6,
    /// Both (`NFPROTO_INET`).
    Both,
}

impl Families {
    /// Whether it is shown packets of that version.
    pub fn has(self, family: Family) -> bool {
        match self {
            Families::V4 => family == Family::V4,
            Families::V6 => family == Family::V6,
            Families::Both => true,
        }
    }
}

/// The priorities that netfilter has names for (`enum nf_ip_hook_priorities`): lower ones come first.
pub mod priority {
    /// Fragments become datagrams.
    pub const CONNTRACK_DEFRAG: i32 = -400;
    /// Table `raw`.
    pub const RAW: i32 = -300;
    /// A packet finds its connection.
    pub const CONNTRACK: i32 = -200;
    /// Table `mangle`.
    pub const MANGLE: i32 = -150;
    /// Destinations are translated.
    pub const NAT_DST: i32 = -100;
    /// Table `filter`.
    pub const FILTER: i32 = 0;
    /// Packets count for their hosts, after `filter`.
    pub const ACCOUNT: i32 = FILTER + 10;
    /// Sources are translated.
    pub const NAT_SRC: i32 = 100;
    /// Helpers read.
    pub const CONNTRACK_HELPER: i32 = 300;
    /// A new connection comes into the table.
    pub const CONNTRACK_CONFIRM: i32 = i32::MAX;
}
