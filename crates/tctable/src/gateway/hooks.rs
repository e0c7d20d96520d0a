//! Which functions look at packets, where and in which order: the road's own, the tables of rules, and those that a user
//! registers.

use std::fmt;

use crate::conntrack::Conntrack;
use crate::hook::{Devices, Families, Hook, PacketBuf, Verdict, priority};
use crate::ruleset::TableName;
use crate::time::Instant;

/// What a function at a hook is shown (`struct nf_hook_state`).
#[derive(Debug)]
pub struct Passing<'r, 'p> {
    /// Where the packet is.
    pub hook: Hook,
    /// The time.
    pub now: Instant,
    /// The packet, which the function may change.
    pub packet: &'r mut PacketBuf<'p>,
    /// The connections, as they are before the packet's own one is confirmed.
    pub conntrack: &'r Conntrack,
    /// The names of the devices.
    pub devices: &'r Devices,
}

/// A function at a hook. Every closure that takes what passes and gives a verdict is one.
pub trait HookFn: Send {
    /// One packet passes.
    fn packet(&mut self, passing: &mut Passing<'_, '_>) -> Verdict;
}

impl<F: FnMut(&mut Passing<'_, '_>) -> Verdict + Send> HookFn for F {
    fn packet(&mut self, passing: &mut Passing<'_, '_>) -> Verdict {
        self(passing)
    }
}

/// Names a registered function, to take it out again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HookHandle(u64);

/// What happens at one place of a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Fragments become datagrams.
    Defrag,
    /// The packet finds its connection.
    Track,
    /// The rules of a table.
    Table(TableName),
    /// The packet counts for its hosts.
    Account,
    /// The helper of its connection reads it.
    Help,
    /// A connection that begins with it comes into the table.
    Confirm,
    /// A registered function, by its handle.
    Function(HookHandle),
}

/// A place of a hook. The lower priority comes first; of equals the one that was registered last, as in the kernel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) at: Position,
    pub(super) families: Families,
    pub(super) what: What,
}

/// Where a step stands in its hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    priority: i32,
    /// The later ones first.
    reversed_age: std::cmp::Reverse<HookHandle>,
}

impl Position {
    /// A position right before this one.
    pub(super) fn before(self) -> Position {
        // Handles rise: a step with the next one would stand right before this one.
        let HookHandle(handle) = self.reversed_age.0;
        Position { reversed_age: std::cmp::Reverse(HookHandle(handle + 1)), ..self }
    }
}

/// The steps of all hooks.
pub(super) struct Hooks {
    steps: [Vec<Step>; 5],
    functions: Vec<(HookHandle, Box<dyn HookFn>)>,
    last: u64,
    with_rules: bool,
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").field("steps", &self.steps).finish_non_exhaustive()
    }
}

/// The road's own steps.
const OWN: &[(Hook, i32, What)] = &[
    (Hook::PreRouting, priority::CONNTRACK_DEFRAG, What::Defrag),
    (Hook::PreRouting, priority::CONNTRACK, What::Track),
    (Hook::LocalIn, priority::ACCOUNT, What::Account),
    (Hook::LocalIn, priority::CONNTRACK_HELPER, What::Help),
    (Hook::LocalIn, priority::CONNTRACK_CONFIRM, What::Confirm),
    (Hook::Forward, priority::ACCOUNT, What::Account),
    (Hook::LocalOut, priority::CONNTRACK_DEFRAG, What::Defrag),
    (Hook::LocalOut, priority::CONNTRACK, What::Track),
    (Hook::LocalOut, priority::ACCOUNT, What::Account),
    (Hook::PostRouting, priority::CONNTRACK_HELPER, What::Help),
    (Hook::PostRouting, priority::CONNTRACK_CONFIRM, What::Confirm),
];

fn priority_of(table: TableName) -> i32 {
    match table {
        TableName::Raw => priority::RAW,
        TableName::Mangle => priority::MANGLE,
        TableName::Filter => priority::FILTER,
    }
}

impl Hooks {
    pub(super) fn new() -> Self {
        let mut hooks = Hooks { steps: Default::default(), functions: Vec::new(), last: 0, with_rules: false };
        for (hook, priority, what) in OWN {
            hooks.insert(*hook, *priority, Families::Both, *what, HookHandle(0));
        }
        hooks
    }

    /// Whether nobody looks but the road itself.
    #[inline]
    pub(super) fn are_plain(&self) -> bool {
        self.functions.is_empty() && !self.with_rules
    }

    fn insert(&mut self, hook: Hook, priority: i32, families: Families, what: What, handle: HookHandle) {
        let at = Position { priority, reversed_age: std::cmp::Reverse(handle) };
        let steps = &mut self.steps[hook as usize];
        let place = steps.partition_point(|step| step.at <= at);
        steps.insert(place, Step { at, families, what });
    }

    /// Puts the tables of rules at their hooks, or takes them away.
    pub(super) fn set_rules(&mut self, with_rules: bool) {
        self.with_rules = with_rules;
        self.steps.iter_mut().for_each(|steps| steps.retain(|step| !matches!(step.what, What::Table(_))));
        if !with_rules {
            return;
        }
        for table in TableName::ALL {
            for hook in table.hooks() {
                self.insert(*hook, priority_of(table), Families::Both, What::Table(table), HookHandle(0));
            }
        }
    }

    pub(super) fn register(
        &mut self,
        hook: Hook,
        priority: i32,
        families: Families,
        function: Box<dyn HookFn>,
    ) -> HookHandle {
        self.last += 1;
        let handle = HookHandle(self.last);
        self.functions.push((handle, function));
        self.insert(hook, priority, families, What::Function(handle), handle);
        handle
    }

    pub(super) fn unregister(&mut self, handle: HookHandle) -> Option<Box<dyn HookFn>> {
        let at = self.functions.iter().position(|(other, _)| *other == handle)?;
        self.steps.iter_mut().for_each(|steps| steps.retain(|step| step.what != What::Function(handle)));
        Some(self.functions.remove(at).1)
    }

    /// The first step of a hook, or the first one behind a position, which may be there no longer.
    pub(super) fn first(&self, hook: Hook, behind: Option<Position>) -> usize {
        behind.map_or(0, |behind| self.steps[hook as usize].partition_point(|step| step.at <= behind))
    }

    #[inline]
    pub(super) fn step(&self, hook: Hook, nth: usize) -> Option<Step> {
        self.steps[hook as usize].get(nth).copied()
    }

    pub(super) fn function(&mut self, handle: HookHandle) -> Option<&mut Box<dyn HookFn>> {
        // Handles rise.
        let at = self.functions.binary_search_by_key(&handle, |(handle, _)| *handle).ok()?;
        Some(&mut self.functions[at].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(hooks: &Hooks, hook: Hook) -> Vec<What> {
        hooks.steps[hook as usize].iter().map(|step| step.what).collect()
    }

    fn pass(_: &mut Passing<'_, '_>) -> Verdict {
        Verdict::Accept
    }

    #[test]
    fn tables_lie_between_the_roads_own_steps() {
        let mut hooks = Hooks::new();
        assert!(hooks.are_plain());
        hooks.set_rules(true);
        assert!(!hooks.are_plain());
        let table = What::Table;
        let (raw, mangle, filter) = (table(TableName::Raw), table(TableName::Mangle), table(TableName::Filter));
        assert_eq!(order(&hooks, Hook::PreRouting), [What::Defrag, raw, What::Track, mangle]);
        assert_eq!(order(&hooks, Hook::Forward), [mangle, filter, What::Account]);
        assert_eq!(order(&hooks, Hook::LocalIn), [mangle, filter, What::Account, What::Help, What::Confirm]);
        let made = [What::Defrag, raw, What::Track, mangle, filter, What::Account];
        assert_eq!(order(&hooks, Hook::LocalOut), made);
        assert_eq!(order(&hooks, Hook::PostRouting), [mangle, What::Help, What::Confirm]);
        hooks.set_rules(false);
        assert_eq!(order(&hooks, Hook::Forward), [What::Account]);
        assert!(hooks.are_plain());
    }

    #[test]
    fn of_equals_the_latest_comes_first() {
        let mut hooks = Hooks::new();
        let mut register = |priority| hooks.register(Hook::Forward, priority, Families::Both, Box::new(pass));
        let [a, b, c, d] = [0, 10, 10, 11].map(&mut register);
        let function = What::Function;
        assert_eq!(order(&hooks, Hook::Forward), [function(a), function(c), function(b), What::Account, function(d)]);
        // Who waited behind one that has gone goes on where it stood.
        let behind = hooks.step(Hook::Forward, 1).map(|step| step.at);
        assert!(hooks.unregister(c).is_some() && hooks.unregister(c).is_none());
        assert_eq!(hooks.first(Hook::Forward, behind), 1);
        assert_eq!(hooks.first(Hook::Forward, None), 0);
        assert!(hooks.function(b).is_some() && hooks.function(c).is_none());
    }
}
