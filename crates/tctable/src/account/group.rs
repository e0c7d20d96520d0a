//! Groups: hosts that count as one customer.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::IpNet;
use thiserror::Error;

use super::limit::Limits;
use super::mac::MacAddress;
use super::quota::Quota;
use crate::packet::{Address, Family};

/// What makes a host a member of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    /// Its address lies in this prefix; of several groups' prefixes the longest decides.
    Prefix(IpNet),
    /// Frames come from it with this source: see [`super::Host::mac`]. Decides before any prefix.
    Mac(MacAddress),
}

/// A named set of hosts that counts as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: Arc<str>,
    /// The group that it is a part of: what counts for this one counts for that one too.
    pub parent: Option<Arc<str>>,
    /// Who belongs to it.
    pub members: Vec<Member>,
    /// What its members may open, taken together.
    pub limits: Limits,
    /// How many bytes they may send and receive, taken together.
    pub quota: Option<Quota>,
}

impl Group {
    /// A group without members, limits and quota.
    pub fn new(name: &str) -> Group {
        Group { name: name.into(), parent: None, members: Vec::new(), limits: Limits::default(), quota: None }
    }
}

/// Why groups make no sense together.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GroupError {
    /// Two have the same name.
    #[error("two groups are called {0:?}")]
    SameName(Arc<str>),
    /// A parent is no group.
    #[error("group {group:?} is to be part of {parent:?}, which is no group")]
    UnknownParent {
        /// The group.
        group: Arc<str>,
        /// What it names as its parent.
        parent: Arc<str>,
    },
    /// A parent is a part of another group itself.
    #[error("group {group:?} is to be part of {parent:?}, which is a part of a group itself")]
    TooDeep {
        /// The group.
        group: Arc<str>,
        /// What it names as its parent.
        parent: Arc<str>,
    },
    /// Two groups name the same member.
    #[error("groups {0:?} and {1:?} have the same member")]
    SameMember(Arc<str>, Arc<str>),
}

/// Groups that make sense together. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Groups(Arc<Checked>);

#[derive(Debug, Default)]
struct Checked {
    groups: Vec<Numbered>,
    by_mac: BTreeMap<MacAddress, u32>,
    v4: Prefixes,
    v6: Prefixes,
}

/// A group and the number of its parent.
#[derive(Debug)]
struct Numbered {
    group: Group,
    parent: Option<u32>,
}

/// Ranges of addresses that do not touch each other's, sorted, each with the group of the longest prefix that holds it.
#[derive(Debug, Default)]
struct Prefixes(Vec<(u128, u128, u32)>);

impl Prefixes {
    /// From prefixes as their first and last address: of two one holds the other, or they have nothing in common.
    fn new(mut prefixes: Vec<(u128, u128, u32)>) -> Prefixes {
        // Those that hold others before them.
        prefixes.sort_unstable_by_key(|(first, last, _)| (*first, std::cmp::Reverse(*last)));
        let mut ranges = Vec::new();
        let mut around: Vec<(u128, u32)> = Vec::new();
        let mut next = 0;
        let mut cover = |next: u128, upto: u128, group: u32| {
            if next <= upto {
                ranges.push((next, upto, group));
            }
        };
        for (first, last, group) in prefixes {
            while let Some((end, outer)) = around.last().copied().filter(|(end, _)| *end < first) {
                cover(next, end, outer);
                next = end + 1;
                around.pop();
            }
            if let (Some((_, outer)), Some(before)) = (around.last(), first.checked_sub(1)) {
                cover(next, before, *outer);
            }
            next = first;
            around.push((last, group));
        }
        for (end, outer) in around.into_iter().rev() {
            cover(next, end, outer);
            // Nothing lies behind the last address of all.
            let Some(after) = end.checked_add(1) else { break };
            next = after;
        }
        Prefixes(ranges)
    }

    fn find(&self, bits: u128) -> Option<u32> {
        let after = self.0.partition_point(|(first, _, _)| *first <= bits);
        let (_, last, group) = self.0.get(after.checked_sub(1)?)?;
        (bits <= *last).then_some(*group)
    }
}

impl Groups {
    /// Groups that make sense together.
    ///
    /// # Errors
    /// [`GroupError`]
    pub fn new(groups: Vec<Group>) -> Result<Groups, GroupError> {
        let mut by_name = BTreeMap::new();
        for (number, group) in (0u32..).zip(&groups) {
            if by_name.insert(group.name.clone(), number).is_some() {
                return Err(GroupError::SameName(group.name.clone()));
            }
        }
        let mut checked = Checked::default();
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        let mut prefixes: BTreeMap<IpNet, Arc<str>> = BTreeMap::new();
        for (number, group) in (0u32..).zip(&groups) {
            for member in &group.members {
                let other = match member {
                    Member::Mac(mac) => {
                        checked.by_mac.insert(*mac, number).and_then(|other| groups.get(other as usize))
                    }
                    Member::Prefix(prefix) => {
                        let named = |name: Arc<str>| groups.iter().find(|group| group.name == name);
                        prefixes.insert(prefix.trunc(), group.name.clone()).and_then(named)
                    }
                };
                if let Some(other) = other {
                    return Err(GroupError::SameMember(other.name.clone(), group.name.clone()));
                }
                match member {
                    Member::Mac(_) => {}
                    Member::Prefix(IpNet::V4(net)) => {
                        v4.push((net.network().to_bits().into(), net.broadcast().to_bits().into(), number));
                    }
                    Member::Prefix(IpNet::V6(net)) => {
                        v6.push((net.network().to_bits(), net.broadcast().to_bits(), number));
                    }
                }
            }
        }
        (checked.v4, checked.v6) = (Prefixes::new(v4), Prefixes::new(v6));
        for group in &groups {
            let parent = match &group.parent {
                None => None,
                Some(name) => {
                    let (group, parent) = (group.name.clone(), name.clone());
                    let Some(number) = by_name.get(name) else {
                        return Err(GroupError::UnknownParent { group, parent });
                    };
                    if groups.get(*number as usize).is_none_or(|parent| parent.parent.is_some()) {
                        return Err(GroupError::TooDeep { group, parent });
                    }
                    Some(*number)
                }
            };
            checked.groups.push(Numbered { group: group.clone(), parent });
        }
        Ok(Groups(Arc::new(checked)))
    }

    /// The groups.
    pub fn iter(&self) -> impl Iterator<Item = &Group> {
        self.0.groups.iter().map(|checked| &checked.group)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.groups.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.groups.is_empty()
    }

    /// The groups with the numbers of their parents.
    pub(super) fn with_parents(&self) -> impl Iterator<Item = (&Group, Option<u32>)> {
        self.0.groups.iter().map(|checked| (&checked.group, checked.parent))
    }

    /// Whether it is the very same set.
    pub(super) fn is(&self, other: &Groups) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The number of the group that a host belongs to.
    pub(super) fn decide(&self, family: Family, address: Address, mac: Option<MacAddress>) -> Option<u32> {
        let by_mac = mac.and_then(|mac| self.0.by_mac.get(&mac).copied());
        by_mac.or_else(|| match family {
            Family::V4 => self.0.v4.find(address.low.into()),
            Family::V6 => self.0.v6.find(address.bits()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{IpAddr, Ipv6Addr};

    fn group(name: &str, members: &[&str]) -> Group {
        let members = members.iter().map(|prefix| Member::Prefix(prefix.parse().unwrap())).collect();
        Group { members, ..Group::new(name) }
    }

    fn of(groups: &Groups, ip: &str) -> Option<u32> {
        let ip: IpAddr = ip.parse().unwrap();
        groups.decide(ip.into(), ip.into(), None)
    }

    #[test]
    fn the_longest_prefix_decides_and_a_mac_before_it() {
        let mac = MacAddress([2, 0, 0, 0, 0, 7]);
        let mut fourth = Group::new("d");
        fourth.members.push(Member::Mac(mac));
        let groups = vec![
            group("a", &["10.0.0.0/8", "fd00::/16"]),
            group("b", &["10.1.0.0/16", "fd00:1::/32"]),
            group("c", &["10.1.2.3/32", "fd00:1::5/128"]),
            fourth,
        ];
        let groups = Groups::new(groups).unwrap();
        for (ip, expected) in [
            ("10.0.0.1", Some(0)),
            ("10.1.0.1", Some(1)),
            ("10.1.2.2", Some(1)),
            ("10.1.2.3", Some(2)),
            ("10.1.2.4", Some(1)),
            ("10.255.255.255", Some(0)),
            ("11.0.0.0", None),
            ("9.255.255.255", None),
            ("fd00::1", Some(0)),
            ("fd00:1::5", Some(2)),
            ("fd00:1::6", Some(1)),
            ("::10.1.2.3", None),
        ] {
            assert_eq!(of(&groups, ip), expected, "{ip}");
        }
        let ip: IpAddr = "10.1.2.3".parse().unwrap();
        assert_eq!(groups.decide(ip.into(), ip.into(), Some(mac)), Some(3));
        assert_eq!(groups.decide(ip.into(), ip.into(), Some(MacAddress([2, 0, 0, 0, 0, 8]))), Some(2));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let text = |groups: Vec<Group>| Groups::new(groups).unwrap_err().to_string();
        let part = |name: &str, parent: &str| Group { parent: Some(parent.into()), ..Group::new(name) };
        assert_eq!(text(vec![group("a", &[]), group("a", &[])]), "two groups are called \"a\"");
        assert_eq!(text(vec![part("a", "b")]), "group \"a\" is to be part of \"b\", which is no group");
        let deep = "group \"a\" is to be part of \"b\", which is a part of a group itself";
        assert_eq!(text(vec![part("a", "b"), part("b", "c"), group("c", &[])]), deep);
        assert!(Groups::new(vec![part("a", "a")]).is_err());
        // Bits to the right of the length do not count.
        let same = text(vec![group("a", &["10.0.0.1/8"]), group("b", &["10.0.0.0/8"])]);
        assert_eq!(same, "groups \"a\" and \"b\" have the same member");
        let mac = |name: &str| Group { members: vec![Member::Mac(MacAddress([2; 6]))], ..Group::new(name) };
        assert!(matches!(Groups::new(vec![mac("a"), mac("b")]), Err(GroupError::SameMember(..))));
        assert!(Groups::new(vec![part("a", "b"), group("b", &[])]).is_ok());
    }

    proptest! {
        #[test]
        fn agrees_with_asking_each_prefix(nets in proptest::collection::vec((any::<u128>(), 0u8..=128), 0..30), flips in proptest::collection::vec(0u32..128, 0..30)) {
            let mut seen = std::collections::BTreeSet::new();
            let nets: Vec<IpNet> = nets
                .iter()
                // Few bits differ, so that many lie in each other.
                .map(|(bits, length)| IpNet::new(Ipv6Addr::from(bits & 0x8000_4001_0000_0000_0000_0000_0000_0003).into(), *length).unwrap().trunc())
                .filter(|net| seen.insert(*net))
                .collect();
            let groups = nets.iter().enumerate().map(|(n, net)| Group { members: vec![Member::Prefix(*net)], ..Group::new(&n.to_string()) });
            let groups = Groups::new(groups.collect()).unwrap();
            let asked = nets.iter().flat_map(|net| {
                let IpAddr::V6(first) = net.addr() else { unreachable!() };
                flips.iter().map(move |bit| first.to_bits() ^ 1 << bit).chain([first.to_bits()])
            });
            for bits in asked.chain([0, u128::MAX]) {
                let ip = IpAddr::from(Ipv6Addr::from(bits));
                let longest = nets.iter().enumerate().filter(|(_, net)| net.contains(&ip)).max_by_key(|(_, net)| net.prefix_len());
                prop_assert_eq!(groups.decide(ip.into(), ip.into(), None), longest.map(|(n, _)| n as u32));
            }
        }
    }
}
