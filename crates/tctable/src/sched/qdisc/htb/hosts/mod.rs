//! Classes that come with a host's first packet and go after a time without any.
//!
//! A template says where they are and what they are like. A packet that no filter puts in a leaf, and that names an inside
//! host, goes to the class of that host, its prefix or its group, which is made if there is none. Their numbers are beyond
//! those that a [`Handle`](crate::sched::Handle) can name, so that a qdisc has room for more than 65,535 of them. One without
//! a packet for the time that the template says goes with the next call after that time, or a 64th of it later, and its
//! counters are kept until somebody asks for them.

mod table;

use std::collections::VecDeque;

use arrayvec::ArrayVec;

use super::Htb;
use super::class::{NONE, Resolved};
use crate::packet::{Address, Family};
use crate::sched::context::Context;
use crate::sched::handle::ClassId;
use crate::sched::options::HtbClassOptions;
use crate::sched::qdisc::{ClassRefusal, ClassView, OptionsError};
use crate::sched::skb::HostKey;
use crate::table::HashKey;
use crate::time::{Duration, Instant};
use table::Table;

/// Host classes have numbers from here on.
pub(super) const FIRST: u32 = 0x1_0000;
/// Expired classes that wait to be asked for; further ones are lost, and counted.
const RECORDS: usize = 4096;
/// Classes that may go in one call: more than may come, so that they go faster than they come.
const EACH: u32 = 2;

/// What classes of hosts are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostClassOptions {
    /// Their parent; the qdisc (minor number 0) at the top.
    pub parent: ClassId,
    /// The length of the prefix whose hosts share a class, for IPv4: 32 is a class for each address.
    pub prefix_v4: u8,
    /// The same for IPv6: 128 is a class for each address.
    pub prefix_v6: u8,
    /// For how long a class has no packet before it goes.
    pub timeout: Duration,
    /// Classes that there may be. A host that finds none left goes where it would without a template, and its packets are counted.
    pub max: u32,
    /// What each of them gets.
    pub class: HtbClassOptions,
}

/// What became of classes of hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostClassStats {
    /// Those that there are.
    pub classes: u32,
    /// Those that were made.
    pub made: u64,
    /// Those that went after a time without traffic.
    pub expired: u64,
    /// Packets that found no class and no room for another one.
    pub refused: u64,
    /// Expired ones whose counters nobody asked for in time.
    pub lost: u64,
}

/// A host's class that is gone, with its last counters.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpiredHostClass {
    /// Whose it was.
    pub host: HostKey,
    /// What it was, and had counted.
    pub class: ClassView,
}

/// Classes of hosts, for qdiscs that have them.
pub(crate) trait HostClasses {
    /// The template that is in force.
    fn host_options(&self) -> Option<HostClassOptions>;

    /// Sets the template, or changes it: classes that there are keep what waits in them, their tokens and counters. `None`
    /// deletes it with all its classes; what waits there is dropped as
    /// [`DropCause::Deleted`](crate::sched::DropCause::Deleted).
    ///
    /// # Errors
    /// [`ClassRefusal`]: another parent or prefix length than before is [`OptionsError::Fixed`].
    fn set_host_options(
        &mut self,
        context: &mut Context<'_>,
        options: Option<&HostClassOptions>,
    ) -> Result<(), ClassRefusal>;

    /// The class of a host, if it has one at present.
    fn class_of(&self, host: HostKey) -> Option<ClassId>;

    /// The host of a class, if it was made for one.
    fn host_of(&self, class: ClassId) -> Option<HostKey>;

    /// What was counted since the template was set.
    fn host_stats(&self) -> HostClassStats;

    /// A class that went after a time without traffic, the first one first.
    fn poll_expired(&mut self) -> Option<ExpiredHostClass>;
}

/// A template with its classes.
#[derive(Debug)]
pub(super) struct Hosts {
    options: HostClassOptions,
    resolved: Resolved,
    pub(super) parent: u32,
    table: Table,
    /// No class goes before.
    next_look: Instant,
    expired: VecDeque<ExpiredHostClass>,
    stats: HostClassStats,
}

impl HostClassOptions {
    /// Who shares a class with a host.
    fn key(&self, host: HostKey) -> HostKey {
        let HostKey::Address(family, address) = host else { return host };
        let (bits, prefix) = match family {
            Family::V4 => (32, self.prefix_v4),
            Family::V6 => (128, self.prefix_v6),
        };
        let mask = u128::MAX.checked_shl(bits - u32::from(prefix).min(bits)).unwrap_or(0);
        HostKey::Address(family, Address::from_v6_bits(address.bits() & mask))
    }

    fn check(&self) -> Result<(), OptionsError> {
        match self {
            _ if self.prefix_v4 > 32 || self.prefix_v6 > 128 => Err(OptionsError::Invalid("a prefix that is too long")),
            _ if self.timeout == Duration::ZERO => Err(OptionsError::Invalid("a timeout of 0")),
            _ => Ok(()),
        }
    }
}

impl Hosts {
    /// Tells the classes of hosts, a step at a time for all of them.
    pub(super) fn expected<const N: usize>(&mut self, hosts: &ArrayVec<HostKey, N>, tell: impl FnMut(u32)) {
        let keys: ArrayVec<HostKey, N> = hosts.iter().map(|host| self.options.key(*host)).collect();
        self.table.look_up(&keys).into_iter().for_each(tell);
    }
}

impl Htb {
    /// The class of a host, made if there is none; its minor number too.
    #[inline]
    pub(super) fn host_class(&mut self, context: &mut Context<'_>, host: HostKey) -> Option<(u32, u32)> {
        let hosts = self.hosts.as_deref_mut()?;
        let key = hosts.options.key(host);
        match hosts.table.find(&key) {
            Some(place) => Some((hosts.table.touch(place, context.now, hosts.options.timeout), FIRST + place)),
            None => self.make_host_class(context, key),
        }
    }

    #[cold]
    fn make_host_class(&mut self, context: &mut Context<'_>, key: HostKey) -> Option<(u32, u32)> {
        let hosts = self.hosts.as_deref()?;
        let (place, parent, resolved) = (hosts.table.next_place(), hosts.parent, hosts.resolved);
        let minor = FIRST.checked_add(place)?;
        let class = match hosts.table.len() < hosts.options.max as usize {
            true => self.insert(context, minor, parent, &resolved).ok(),
            false => None,
        };
        let hosts = self.hosts.as_deref_mut()?;
        let entered = class.and_then(|class| hosts.table.insert(key, class, context.now));
        if entered.is_some() {
            hosts.stats.made += 1;
        } else {
            hosts.stats.refused += 1;
            if let Some(class) = class {
                self.remove(context, class);
            }
            return None;
        }
        Some((class?, minor))
    }

    /// Lets classes go that had no traffic for long enough.
    #[inline]
    pub(super) fn expire_hosts(&mut self, context: &mut Context<'_>) {
        if self.hosts.as_deref().is_some_and(|hosts| hosts.next_look <= context.now) {
            (0..EACH).for_each(|_| self.expire_host(context));
        }
    }

    #[cold]
    fn expire_host(&mut self, context: &mut Context<'_>) {
        let now = context.now;
        let Some(hosts) = self.hosts.as_deref_mut() else { return };
        let timeout = hosts.options.timeout;
        let Some((place, seen)) = hosts.table.oldest() else {
            hosts.next_look = now + timeout;
            return;
        };
        hosts.next_look = seen + timeout;
        if hosts.next_look > now {
            return;
        }
        let Some(entry) = hosts.table.get(place) else { return };
        let (host, class) = (entry.key, entry.class);
        let is_idle = self.classes[class].leaf().is_some_and(|leaf| !leaf.has_packets());
        if !is_idle || self.classes.terms[class].named != 0 {
            // What waits is traffic.
            hosts.table.touch(place, now, timeout);
            return;
        }
        let class_view = self.show(class);
        self.remove(context, class);
        let Some(hosts) = self.hosts.as_deref_mut() else { return };
        hosts.stats.expired += 1;
        if hosts.expired.len() < RECORDS {
            hosts.expired.push_back(ExpiredHostClass { host, class: class_view });
        } else {
            hosts.stats.lost += 1;
        }
    }

    /// Whether children that go leave a class a leaf: not where the template's ones will come.
    pub(super) fn is_host_parent(&self, class: u32) -> bool {
        self.hosts.as_deref().is_some_and(|hosts| hosts.parent == class)
    }

    /// A class is gone.
    pub(super) fn forget_host(&mut self, class: u32, minor: u32) {
        let Some(hosts) = self.hosts.as_deref_mut() else { return };
        let Some(place) = minor.checked_sub(FIRST) else { return };
        if hosts.table.get(place).is_some_and(|entry| entry.class == class) {
            hosts.table.remove(place);
        }
    }

    fn make_hosts(&mut self, context: &mut Context<'_>, options: &HostClassOptions) -> Result<(), ClassRefusal> {
        let resolved = Resolved::new(&options.class, self.r2q)?;
        let parent = self.find_parent(options.parent)?;
        if parent != NONE {
            // What waits in a leaf is dropped now, when somebody looks, and not at a host's first packet.
            self.make_inner(context, parent)?;
        }
        let mut word = || u64::from(context.random.bits()) << 32 | u64::from(context.random.bits());
        let (options, table) = (*options, Table::new(HashKey([word(), word()])));
        let (next_look, expired, stats) = (context.now, VecDeque::new(), HostClassStats::default());
        self.hosts = Some(Box::new(Hosts { options, resolved, parent, table, next_look, expired, stats }));
        Ok(())
    }

    fn change_hosts(&mut self, context: &mut Context<'_>, options: &HostClassOptions) -> Result<(), ClassRefusal> {
        let resolved = Resolved::new(&options.class, self.r2q)?;
        let Some(hosts) = self.hosts.as_deref_mut() else { return Err(ClassRefusal::NotFound) };
        let HostClassOptions { parent, prefix_v4, prefix_v6, .. } = hosts.options;
        if (parent, prefix_v4, prefix_v6) != (options.parent, options.prefix_v4, options.prefix_v6) {
            return Err(OptionsError::Fixed.into());
        }
        (hosts.options, hosts.resolved, hosts.next_look) = (*options, resolved, context.now);
        let classes: Vec<u32> = hosts.table.classes().collect();
        classes.into_iter().for_each(|class| self.apply(context, class, &resolved));
        Ok(())
    }
}

impl HostClasses for Htb {
    fn host_options(&self) -> Option<HostClassOptions> {
        Some(self.hosts.as_deref()?.options)
    }

    fn set_host_options(
        &mut self,
        context: &mut Context<'_>,
        options: Option<&HostClassOptions>,
    ) -> Result<(), ClassRefusal> {
        let Some(options) = options else {
            let Some(hosts) = self.hosts.take() else { return Err(ClassRefusal::NotFound) };
            hosts.table.classes().for_each(|class| self.remove(context, class));
            self.make_leaf(hosts.parent);
            return Ok(());
        };
        options.check()?;
        match self.hosts {
            Some(_) => self.change_hosts(context, options),
            None => self.make_hosts(context, options),
        }
    }

    fn class_of(&self, host: HostKey) -> Option<ClassId> {
        let hosts = self.hosts.as_deref()?;
        let place = hosts.table.find(&hosts.options.key(host))?;
        Some(self.name(FIRST + place))
    }

    fn host_of(&self, class: ClassId) -> Option<HostKey> {
        let number = self.find(class).ok()?;
        let entry = self.hosts.as_deref()?.table.get(class.minor.checked_sub(FIRST)?)?;
        (entry.class == number).then_some(entry.key)
    }

    fn host_stats(&self) -> HostClassStats {
        let Some(hosts) = self.hosts.as_deref() else { return HostClassStats::default() };
        HostClassStats { classes: hosts.table.len() as u32, ..hosts.stats }
    }

    fn poll_expired(&mut self) -> Option<ExpiredHostClass> {
        self.hosts.as_deref_mut()?.expired.pop_front()
    }
}
