use std::net::IpAddr;

use super::limit::Pace;
use super::links::END;
use super::mac::{MacAddress, Station};
use super::metering::Metering;
use super::rates::Past;
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

/// The traffic of one class of a host or group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassCounters {
    /// What was sent.
    pub tx: Counter,
    /// What was received.
    pub rx: Counter,
}

impl ClassCounters {
    /// Adds what was counted in `to` since it was `from`.
    pub(super) fn add_since(&mut self, from: ClassCounters, to: ClassCounters) {
        let add = |sum: &mut Counter, from: Counter, to: Counter| {
            sum.packets = sum.packets.saturating_add(to.packets.saturating_sub(from.packets));
            sum.bytes = sum.bytes.saturating_add(to.bytes.saturating_sub(from.bytes));
        };
        add(&mut self.tx, from.tx, to.tx);
        add(&mut self.rx, from.rx, to.rx);
    }
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
    /// Bytes that may be counted before somebody looks at quotas again: see `metering`.
    pub(super) allowance: u32,
}

impl ClassEntry {
    /// Bytes of both sides.
    pub(super) fn bytes(&self) -> u64 {
        self.counters[0].bytes + self.counters[1].bytes
    }
}

/// Stands for "no host" in the chains of a group's members.
pub(super) const NOBODY: u32 = u32::MAX;

/// One inside host: a cache line for finding it and for giving it connections, one for each class, and one for what is
/// rarely looked at.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Host {
    pub(super) address: Address,
    pub(super) next_id: u64,
    pub(super) first: Instant,
    /// The last time that its time-out ran out while connections were open.
    pub(super) armed: Instant,
    pub(super) pace: Pace,
    pub(super) station: Station,
    /// The number of its group, or [`NOBODY`].
    pub(super) group: u32,
    pub(super) family: Family,
    /// It was seen to send from an inside device.
    pub(super) by_device: bool,
    /// It is gone: its place is free, but a guess may still lead here.
    pub(super) gone: bool,
    /// By [`Class`].
    pub(super) classes: [ClassEntry; 4],
    /// The id that its first connection got.
    pub(super) first_id: u64,
    /// Where a quota holds for it.
    pub(super) metering: Option<Box<Metering>>,
    /// Where rates are wanted.
    pub(super) past: Option<Box<Past>>,
    /// What it had counted when it came to its group, where that is not nothing.
    pub(super) base: Option<Box<[ClassCounters; 4]>>,
    /// The newest of its connections by its place, where links are kept.
    pub(super) newest: u32,
    /// Its neighbours in the chain of its group's members.
    pub(super) next_member: u32,
    pub(super) previous_member: u32,
}

const _: () = assert!(size_of::<Host>() == 384);

impl Host {
    /// One that has done nothing yet.
    pub(super) fn new(now: Instant, family: Family, address: Address, first_id: u64) -> Host {
        Host {
            address,
            next_id: first_id,
            first: now,
            armed: now,
            pace: Pace::default(),
            station: Station::UNKNOWN,
            group: NOBODY,
            family,
            by_device: false,
            gone: false,
            classes: Default::default(),
            first_id,
            metering: None,
            past: None,
            base: None,
            newest: END,
            next_member: NOBODY,
            previous_member: NOBODY,
        }
    }

    /// Its address.
    pub fn address(&self) -> IpAddr {
        self.address.to_ip(self.family)
    }

    /// The same as it is kept.
    pub(crate) fn key(&self) -> (Family, Address) {
        (self.family, self.address)
    }

    /// Its Ethernet address: the source of the last frame that it opened a connection with, or that was not of a connection
    /// of its own, where that frame came from an inside device, or where no device is said to be inside. So a host behind
    /// a router that is inside itself has the router's.
    pub fn mac(&self) -> Option<MacAddress> {
        self.station.address()
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

    /// All of its traffic by class.
    pub(super) fn all_classes(&self) -> [ClassCounters; 4] {
        Class::ALL.map(|class| self.class(class))
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
