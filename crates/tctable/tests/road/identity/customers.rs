//! What hosts and groups may, and what they did, counted beside the engine.

use std::collections::BTreeMap;
use std::net::IpAddr;

use tctable::Gateway;
use tctable::account::{Class, Host, OverQuota, Quota, Usage};
use tctable::packet::{Fragment, PacketInfo};

use super::steps::{GROUPS, Terms, World};

/// The numbers of the groups that an address belongs to.
fn groups_of(ip: IpAddr) -> impl Iterator<Item = usize> + Clone {
    let has = |members: &[&str]| members.iter().any(|net| net.parse::<ipnet::IpNet>().expect("a prefix").contains(&ip));
    let own = GROUPS.iter().position(|(_, _, members)| has(members));
    let parent =
        own.and_then(|own| GROUPS[own].1).and_then(|parent| GROUPS.iter().position(|(name, ..)| *name == parent));
    own.into_iter().chain(parent)
}

/// Packets and bytes of each class, sent and received.
type Classes = [[u64; 4]; 4];

fn classes(host: &Host) -> Classes {
    let numbers = |class| {
        let counters = host.class(class);
        [counters.tx.packets, counters.tx.bytes, counters.rx.packets, counters.rx.bytes]
    };
    Class::ALL.map(numbers)
}

fn add(sum: &mut Classes, more: Classes) {
    sum.iter_mut().flatten().zip(more.into_iter().flatten()).for_each(|(sum, more)| *sum += more);
}

/// The bytes of a day, and of the day before.
#[derive(Clone, Copy, Default)]
struct Used {
    day: u64,
    today: u64,
    yesterday: u64,
}

impl Used {
    fn on(self, day: u64) -> Used {
        match day - self.day {
            0 => self,
            1 => Used { day, today: 0, yesterday: self.today },
            _ => Used { day, today: 0, yesterday: 0 },
        }
    }

    fn count(&mut self, day: u64, bytes: u64) {
        *self = self.on(day);
        self.today += bytes;
    }
}

#[derive(Default)]
pub struct Customers {
    terms: Option<Terms>,
    /// The totals as they were before the present packet: sent, received, refused for a quota.
    before: [u64; 3],
    dropped_fragments: u64,
    hosts: BTreeMap<IpAddr, Used>,
    groups: [Used; 3],
    /// What each group's members counted that are gone.
    expired: [Classes; 3],
}

impl Customers {
    pub fn of(world: &World) -> Customers {
        Customers { terms: Some(world.terms().clone()), ..Customers::default() }
    }

    fn terms(&self) -> &Terms {
        self.terms.as_ref().expect("a world")
    }

    pub fn dropped_fragments(&self) -> u64 {
        self.dropped_fragments
    }

    pub fn expired(&mut self, host: &Host) {
        for number in groups_of(host.address()) {
            add(&mut self.expired[number], classes(host));
        }
    }

    /// Counts a packet that has passed. Tells whether it was dropped because of a quota.
    pub fn count(&mut self, gateway: &Gateway, info: &PacketInfo) -> bool {
        let totals = gateway.totals();
        let after = [totals.tx().packets, totals.rx().packets, totals.unaccounted.quota.packets];
        let [tx, rx, dropped] = [0, 1, 2].map(|nth| after[nth] - self.before[nth] == 1);
        self.before = after;
        let ends = [info.tuple.source, info.tuple.destination].map(|end| end.to_ip(info.tuple.family));
        if dropped {
            assert!(!tx && !rx, "neither end counts it");
            self.dropped_fragments += u64::from(info.fragment != Fragment::None);
            assert!(ends.iter().any(|ip| self.is_used_up(gateway, *ip)), "nobody has used up his quota");
        }
        let day = self.day(gateway);
        for (ip, _) in ends.into_iter().zip([tx, rx]).filter(|(_, counts)| *counts) {
            self.hosts.entry(ip).or_default().count(day, info.ip_len.into());
            groups_of(ip).for_each(|number| self.groups[number].count(day, info.ip_len.into()));
        }
        dropped
    }

    fn day(&self, gateway: &Gateway) -> u64 {
        let offset = gateway.hosts().config().utc_offset.as_secs();
        (gateway.now().as_nanos() / 1_000_000_000).saturating_add_signed(offset.into()) / 86_400
    }

    /// Whether somebody who pays for a host has come to a mark beyond which packets are dropped.
    fn is_used_up(&self, gateway: &Gateway, ip: IpAddr) -> bool {
        let drops = |quota: Option<Quota>, usage: Option<Usage>| {
            let verdict = quota.and_then(|quota| quota.hard).map(|hard| hard.verdict);
            verdict == Some(OverQuota::Drop) && usage.is_some_and(|usage| usage.hard)
        };
        let groups: Vec<Option<Usage>> = gateway.groups().map(|group| group.usage).collect();
        let quotas = self.terms().quotas;
        drops(quotas[0], gateway.host_usage(ip))
            || groups_of(ip).any(|number| drops(quotas[1 + number], groups[number]))
    }

    /// That what was used is known, that nobody uses more than he may, and that all are told when they come to a mark.
    pub fn check(&self, gateway: &Gateway) {
        let day = self.day(gateway);
        let check = |usage: Usage, quota: Quota, used: Used| {
            let used = used.on(day);
            assert_eq!(usage.used, used.today);
            assert!(usage.span.begins <= gateway.now() && gateway.now() < usage.span.ends);
            assert!(usage.soft || used.today == 0 || quota.soft.is_none_or(|soft| used.today < soft));
            assert!(!usage.soft || quota.soft.is_some_and(|soft| used.today + 3_000 > soft));
            assert!(!usage.hard || quota.hard.is_some_and(|hard| used.today + 3_000 > hard.bytes));
            if let Some(hard) = quota.hard {
                let may_go_on = usage.hard && hard.verdict != OverQuota::Drop;
                assert!(used.today <= hard.bytes || may_go_on, "{usage:?} {quota:?}");
            }
            used.yesterday
        };
        let [of_hosts, of_groups @ ..] = self.terms().quotas;
        for host in gateway.hosts().iter() {
            let usage = gateway.host_usage(host.address());
            assert_eq!(usage.is_some(), of_hosts.is_some());
            let limit = self.terms().limits[0].connections;
            assert!(limit == 0 || host.initiated_connections() <= limit.into());
            // A host that went may have been forgotten.
            if let (Some(usage), Some(quota), 0) = (usage, of_hosts, gateway.hosts().usages_forgotten()) {
                let yesterday = check(usage, quota, self.hosts.get(&host.address()).copied().unwrap_or_default());
                assert!(usage.previous == yesterday || usage.previous == 0);
            }
        }
        for (number, group) in gateway.groups().enumerate() {
            assert_eq!(group.usage.is_some(), of_groups[number].is_some());
            if let (Some(usage), Some(quota)) = (group.usage, of_groups[number]) {
                assert_eq!(check(usage, quota, self.groups[number]), usage.previous);
            }
            let limit = self.terms().limits[1 + number].connections;
            assert!(limit == 0 || group.connections <= limit.into());
            let is_member = |host: &&Host| groups_of(host.address()).any(|of| of == number);
            let members: Vec<&Host> = gateway.hosts().iter().filter(is_member).collect();
            let initiated = members.iter().map(|host| host.initiated_connections()).sum::<u64>();
            assert_eq!((group.members, group.connections), (members.len() as u32, initiated));
        }
    }

    /// That each group has what its members have, those that are gone included.
    pub fn check_groups(&self, gateway: &Gateway) {
        for (number, group) in gateway.groups().enumerate() {
            let mut expected = self.expired[number];
            for host in gateway.hosts().iter().filter(|host| groups_of(host.address()).any(|of| of == number)) {
                add(&mut expected, classes(host));
            }
            let counted =
                group.classes.map(|class| [class.tx.packets, class.tx.bytes, class.rx.packets, class.rx.bytes]);
            assert_eq!(counted, expected, "{}", group.name);
        }
    }
}
