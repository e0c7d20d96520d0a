use std::net::IpAddr;

use crate::conntrack::Counter;
use crate::packet::{Address, Family, protocol};
use crate::time::{Duration, Instant};

/// The protocol classes that a host's traffic is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Class {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP and ICMPv6.
    Icmp,
    /// All others.
    Other,
}

impl Class {
    /// Every class, in the order of the tc_counter line.
    pub const ALL: [Class; 4] = [Class::Tcp, Class::Udp, Class::Icmp, Class::Other];

    /// The class of a transport protocol number.
    #[inline]
    pub const fn of(number: u8) -> Class {
        const CLASSES: [Class; 256] = {
            let mut all = [Class::Other; 256];
            all[protocol::TCP as usize] = Class::Tcp;
            all[protocol::UDP as usize] = Class::Udp;
            all[protocol::ICMP as usize] = Class::Icmp;
            all[protocol::ICMPV6 as usize] = Class::Icmp;
            all
        };
        CLASSES[number as usize]
    }

    /// The class's name in the tc_counter line.
    pub const fn name(self) -> &'static str {
        match self {
            Class::Tcp => "tcp",
            Class::Udp => "udp",
            Class::Icmp => "icmp",
            Class::Other => "other",
        }
    }
}

/// Which way traffic goes, as the host sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Side {
    /// The host sent it.
    Tx = 0,
    /// The host received it.
    Rx = 1,
}

/// A host's traffic of one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassCounters {
    /// What it sent.
    pub tx: Counter,
    /// What it received.
    pub rx: Counter,
}

/// A host's traffic and connections of one class: a cache line, the only one that a packet of a connection touches, and
/// the only one that a connection's end touches.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub(super) struct ClassEntry {
    /// By [`Side`].
    pub(super) counters: [Counter; 2],
    /// The last packet.
    pub(super) last: Instant,
    /// The last connection's end.
    pub(super) ended: Instant,
    /// Open connections.
    pub(super) open: u32,
    /// Those of them that it opened itself.
    pub(super) initiated: u32,
    /// Those of them that are not assured.
    pub(super) unassured: u32,
}

/// One inside host: a cache line for finding it and for giving it connections, and one for each class.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Host {
    pub(super) address: Address,
    pub(super) next_id: u64,
    /// The id that its first connection got.
    pub(super) first_id: u64,
    pub(super) first: Instant,
    /// The last time that its time-out ran out while connections were open.
    pub(super) armed: Instant,
    pub(super) family: Family,
    /// It was seen to send from an inside device.
    pub(super) by_device: bool,
    /// It expired: its place is free, but a guess may still lead here.
    pub(super) gone: bool,
    /// By [`Class`].
    pub(super) classes: [ClassEntry; 4],
}

impl Host {
    /// Its address.
    pub fn address(&self) -> IpAddr {
        self.address.to_ip(self.family)
    }

    /// Its traffic of one class.
    pub fn class(&self, class: Class) -> ClassCounters {
        let [tx, rx] = self.classes[class as usize].counters;
        ClassCounters { tx, rx }
    }

    /// Its connections of one class that are open now.
    pub fn connections(&self, class: Class) -> u32 {
        self.classes[class as usize].open
    }

    /// Its connections that are open now.
    pub fn open_connections(&self) -> u64 {
        self.classes.iter().map(|class| u64::from(class.open)).sum()
    }

    /// Its open connections that it opened itself: what [`super::Config::max_connections`] limits.
    pub fn initiated_connections(&self) -> u64 {
        self.classes.iter().map(|class| u64::from(class.initiated)).sum()
    }

    /// Its open connections that are not assured: who has many of them loses them first when the table is full.
    pub fn unassured_connections(&self) -> u64 {
        self.classes.iter().map(|class| u64::from(class.unassured)).sum()
    }

    /// The connections that it ever had.
    pub fn connections_opened(&self) -> u64 {
        self.next_id - self.first_id
    }

    /// The id that its next connection will get.
    pub fn next_id(&self) -> u64 {
        self.next_id
    }

    /// When its first packet was counted.
    pub fn first_seen(&self) -> Instant {
        self.first
    }

    /// When its last packet was counted.
    pub fn last_seen(&self) -> Instant {
        self.classes.iter().map(|class| class.last).fold(self.first, Instant::max)
    }

    /// When the entry expires unless something happens.
    pub fn expires(&self, timeout: Duration) -> Instant {
        let busy = self.classes.iter().map(|class| class.last.max(class.ended)).fold(self.first, Instant::max);
        busy.max(self.armed) + timeout
    }
}
