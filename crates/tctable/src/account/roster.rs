//! The groups as they stand: who belongs to them, and what they counted.
//!
//! No packet touches a group. What its members count is theirs, and is the group's as long as they are members: a group
//! keeps only what members had counted when they left, and adds up the others when it is asked. So the sum over its
//! members is what the group has, whatever happens. (Quotas need to know sooner: see `metering`.)

use std::sync::Arc;

use super::group::{Group, Groups};
use super::host::{ClassCounters, Host, NOBODY};
use super::limit::{Limits, Pace};
use super::period::UtcOffset;
use super::quota::{Meter, Quota, Usage};
use super::table::Hosts;
use crate::table::Slab;
use crate::time::Instant;

/// One group as it stands.
#[derive(Debug)]
pub(super) struct State {
    pub(super) name: Arc<str>,
    pub(super) parent: Option<u32>,
    pub(super) parts: Vec<u32>,
    pub(super) limits: Limits,
    pub(super) quota: Option<Quota>,
    pub(super) meter: Option<Meter>,
    pub(super) pace: Pace,
    /// What hosts counted as members that are none any more, by class.
    pub(super) departed: [ClassCounters; 4],
    /// The chain of its own members.
    pub(super) first_member: u32,
    /// Its own members and those of its parts.
    pub(super) members: u32,
    /// Connections that those opened and that are open, as long as anything is limited ([`Hosts::limited`]).
    pub(super) initiated: u64,
}

/// See the head of this file.
#[derive(Debug, Default)]
pub(super) struct Roster {
    pub(super) groups: Groups,
    /// By the groups' numbers.
    pub(super) states: Vec<State>,
}

/// A group, its members and what they did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupReport {
    /// Its name.
    pub name: Arc<str>,
    /// The group that it is a part of.
    pub parent: Option<Arc<str>>,
    /// What hosts sent and received while they were members, those of its parts included: by [`super::Class`].
    pub classes: [ClassCounters; 4],
    /// Hosts in the table that are members of it or of its parts.
    pub members: u32,
    /// Connections that these opened themselves and that are open: what [`Limits::connections`] limits.
    pub connections: u64,
    /// What was used of its quota, if it has one.
    pub usage: Option<Usage>,
}

impl Roster {
    pub(super) fn new(groups: Groups, now: Instant, offset: UtcOffset) -> Roster {
        let mut states: Vec<State> = groups
            .with_parents()
            .map(|(group, parent)| State {
                name: group.name.clone(),
                parent,
                parts: Vec::new(),
                limits: group.limits,
                quota: group.quota,
                meter: group.quota.map(|quota| Meter::new(now, &quota, offset)),
                pace: Pace::default(),
                departed: Default::default(),
                first_member: NOBODY,
                members: 0,
                initiated: 0,
            })
            .collect();
        let parts: Vec<(u32, u32)> =
            (0u32..).zip(&states).filter_map(|(part, state)| Some((state.parent?, part))).collect();
        for (parent, part) in parts {
            if let Some(state) = states.get_mut(parent as usize) {
                state.parts.push(part);
            }
        }
        Roster { groups, states }
    }

    pub(super) fn get(&self, number: u32) -> Option<&State> {
        self.states.get(number as usize)
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut State> {
        self.states.get_mut(number as usize)
    }

    pub(super) fn number(&self, name: &str) -> Option<u32> {
        (0u32..).zip(&self.states).find(|(_, state)| *state.name == *name).map(|(number, _)| number)
    }

    /// A group and the one that it is a part of.
    pub(super) fn chain(&self, number: u32) -> impl Iterator<Item = u32> + use<> {
        let own = self.get(number);
        own.map(|_| number).into_iter().chain(own.and_then(|state| state.parent))
    }

    /// What changes for a group and the one that it is a part of.
    pub(super) fn change(&mut self, number: u32, change: impl Fn(&mut State)) {
        let Some(state) = self.get_mut(number) else { return };
        change(state);
        if let Some(parent) = state.parent.and_then(|parent| self.get_mut(parent)) {
            change(parent);
        }
    }

    /// A group and its parts.
    pub(super) fn with_parts(&self, number: u32) -> impl Iterator<Item = &State> {
        let own = self.get(number);
        let parts = own.map(|state| &state.parts[..]).unwrap_or_default();
        own.into_iter().chain(parts.iter().filter_map(|part| self.get(*part)))
    }

    /// The places of the members of a group and of its parts.
    pub(super) fn members<'a>(&'a self, slab: &'a Slab<Host>, number: u32) -> impl Iterator<Item = u32> + 'a {
        let real = |place: u32| (place != NOBODY).then_some(place);
        let chain = move |state: &State| {
            std::iter::successors(real(state.first_member), move |place| real(slab[*place].next_member))
        };
        self.with_parts(number).flat_map(chain)
    }

    /// Whether a quota holds for the members of a group.
    pub(super) fn is_metered(&self, number: u32) -> bool {
        self.chain(number).any(|number| self.get(number).is_some_and(|state| state.meter.is_some()))
    }

    /// Whether any group limits its members.
    pub(super) fn has_limits(&self) -> bool {
        self.states.iter().any(|state| state.limits.is_any())
    }

    /// What a host counted as a member of its group, where it had counted `base` before.
    fn share(host: &Host, base: Option<&[ClassCounters; 4]>, sum: &mut [ClassCounters; 4]) {
        let base = base.copied().unwrap_or_default();
        for ((sum, from), to) in sum.iter_mut().zip(base).zip(host.all_classes()) {
            sum.add_since(from, to);
        }
    }
}

impl Hosts {
    /// Makes a host a member of a group. Nothing is lent to it.
    pub(super) fn join(&mut self, place: u32, number: u32) {
        let Some(state) = self.roster.get_mut(number) else { return };
        let next = std::mem::replace(&mut state.first_member, place);
        if next != NOBODY {
            self.slab[next].previous_member = place;
        }
        let host = &mut self.slab[place];
        (host.group, host.next_member, host.previous_member) = (number, next, NOBODY);
        let initiated = if self.limited { host.initiated_connections() } else { 0 };
        self.roster.change(number, |state| {
            state.members += 1;
            state.initiated += initiated;
        });
    }

    /// Takes a host out of its group, which keeps what it counted there. Nothing is lent to it.
    pub(super) fn leave(&mut self, place: u32) {
        let host = &mut self.slab[place];
        let number = std::mem::replace(&mut host.group, NOBODY);
        let Some(state) = self.roster.get_mut(number) else { return };
        Roster::share(host, host.base.as_deref(), &mut state.departed);
        host.base = None;
        let (next, previous) = (host.next_member, host.previous_member);
        let initiated = if self.limited { host.initiated_connections() } else { 0 };
        match previous {
            NOBODY => state.first_member = next,
            previous => self.slab[previous].next_member = next,
        }
        if next != NOBODY {
            self.slab[next].previous_member = previous;
        }
        self.roster.change(number, |state| {
            state.members -= 1;
            state.initiated -= initiated;
        });
    }

    /// Counts what the members of each group have opened, when that comes to be limited.
    pub(super) fn count_initiated(&mut self) {
        self.roster.states.iter_mut().for_each(|state| state.initiated = 0);
        for place in self.places() {
            let host = &self.slab[place];
            let initiated = host.initiated_connections();
            self.roster.change(host.group, |state| state.initiated += initiated);
        }
    }

    /// Takes a host to another group, or to none: what it counted before stays where it was.
    pub(super) fn move_to(&mut self, place: u32, number: Option<u32>) {
        self.leave(place);
        if let Some(number) = number {
            self.join(place, number);
            let counted = self.slab[place].all_classes();
            if counted != <[ClassCounters; 4]>::default() {
                self.slab[place].base = Some(Box::new(counted));
            }
        }
    }

    /// Other groups. Those that keep their name keep what they counted, and the others are gone with it. Nothing is lent.
    pub(super) fn regroup(&mut self, now: Instant, groups: Groups) {
        let mut old = std::mem::replace(&mut self.roster, Roster::new(groups, now, self.config.utc_offset));
        for place in self.places() {
            let host = &mut self.slab[place];
            let number = self.roster.groups.decide(host.family, host.address, host.mac());
            // The old groups' numbers mean nothing from here on.
            let before = old.get_mut(std::mem::replace(&mut host.group, NOBODY));
            let name = number.and_then(|number| self.roster.get(number)).map(|state| &state.name);
            let stays = before.as_ref().is_some_and(|before| Some(&before.name) == name);
            let base = host.base.take();
            if let (Some(before), false) = (before, stays) {
                Roster::share(host, base.as_deref(), &mut before.departed);
            }
            self.move_to(place, number);
            if stays {
                self.slab[place].base = base;
            }
        }
        for state in old.states {
            let Some(new) = self.roster.states.iter_mut().find(|new| new.name == state.name) else { continue };
            (new.departed, new.pace) = (state.departed, state.pace);
            if let (Some(before), Some(after)) = (state.quota, new.quota)
                && before.period == after.period
            {
                new.meter = state.meter;
            }
        }
    }

    /// A group as it stands.
    pub(crate) fn group(&self, now: Instant, name: &str) -> Option<GroupReport> {
        self.report(now, self.roster.number(name)?)
    }

    /// All groups as they stand, in the order in which they were given.
    pub(crate) fn groups(&self, now: Instant) -> impl Iterator<Item = GroupReport> {
        (0..self.roster.states.len() as u32).filter_map(move |number| self.report(now, number))
    }

    fn report(&self, now: Instant, number: u32) -> Option<GroupReport> {
        let state = self.roster.get(number)?;
        let mut classes = <[ClassCounters; 4]>::default();
        let mut connections = 0;
        for part in self.roster.with_parts(number) {
            for (sum, class) in classes.iter_mut().zip(part.departed) {
                sum.add_since(ClassCounters::default(), class);
            }
        }
        for place in self.roster.members(&self.slab, number) {
            let host = &self.slab[place];
            Roster::share(host, host.base.as_deref(), &mut classes);
            connections += host.initiated_connections();
        }
        Some(GroupReport {
            name: state.name.clone(),
            parent: state.parent.and_then(|parent| self.roster.get(parent)).map(|parent| parent.name.clone()),
            classes,
            members: state.members,
            connections,
            usage: self.group_meter(now, number).zip(state.quota).map(|(meter, quota)| meter.usage(&quota)),
        })
    }

    /// A group as it stands; it and its parts count from zero again. Its quota goes on.
    pub(crate) fn zero_group(&mut self, now: Instant, name: &str) -> Option<GroupReport> {
        let number = self.roster.number(name)?;
        let report = self.report(now, number)?;
        let members: Vec<u32> = self.roster.members(&self.slab, number).collect();
        for place in members {
            let host = &mut self.slab[place];
            host.base = Some(Box::new(host.all_classes()));
        }
        let parts = self.roster.get(number).map(|state| state.parts.clone()).unwrap_or_default();
        for number in parts.into_iter().chain([number]) {
            if let Some(state) = self.roster.get_mut(number) {
                state.departed = Default::default();
            }
        }
        Some(report)
    }

    /// The group that a host belongs to.
    pub fn group_of(&self, host: &Host) -> Option<&Group> {
        self.roster.groups.iter().nth(host.group as usize).filter(|_| host.group != NOBODY)
    }
}
