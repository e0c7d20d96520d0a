//! A packet's walk through a table's chains: `ipt_do_table` and `ip6t_do_table`.

use std::sync::Arc;

use super::header::DeviceNames;
use super::index::{Cursor, Index};
use super::matches;
use super::outcome::Outcome;
use super::target::{self, Next};
use super::trace::{TraceKind, TraceRecord};
use super::{ChainRoom, Effect, Env, Shared, TableRoom};
use crate::hook::{Hook, PacketBuf, Verdict};
use crate::ruleset::{Chain, Policy, Table};

/// Where a packet is on its walk; kept between packets for its memory alone.
#[derive(Debug, Default)]
pub(super) struct Trail {
    /// The chains that it comes back to.
    frames: Vec<Frame>,
    /// The candidates of indexed chains, of those frames and of the present one.
    cursors: Vec<Cursor>,
}

/// A chain on the way.
#[derive(Clone, Copy, Debug)]
struct Frame {
    chain: u16,
    /// The rule that comes next; of an indexed chain its cursors tell.
    next: u32,
    /// Where its cursors begin; `None` where every rule is looked at.
    cursors: Option<u32>,
}

impl Trail {
    /// Into a chain.
    fn enter(&mut self, chain: u16, room: &ChainRoom, packet: &PacketBuf<'_>) -> Frame {
        let first = self.cursors.len() as u32;
        let candidates = room.index.as_ref().and_then(|index| index.candidates(packet.info(), &mut self.cursors));
        Frame { chain, next: 0, cursors: candidates.map(|()| first) }
    }

    /// Out of a chain.
    fn leave(&mut self, frame: Frame) {
        if let Some(first) = frame.cursors {
            self.cursors.truncate(first as usize);
        }
    }

    /// The number of the next rule that is worth a look.
    fn next(&mut self, frame: &mut Frame, index: Option<&Index>, rules: usize) -> Option<usize> {
        match (frame.cursors, index) {
            (Some(first), Some(index)) => index.next(self.cursors.get_mut(first as usize..).unwrap_or_default()),
            _ => {
                let next = frame.next as usize;
                frame.next += 1;
                (next < rules).then_some(next)
            }
        }
    }
}

/// Takes a packet through the chain that hangs at a hook.
pub(super) fn walk(
    table: &mut Table,
    room: &mut TableRoom,
    hook: Hook,
    packet: &mut PacketBuf<'_>,
    env: &mut Env<'_>,
    shared: &mut Shared,
) -> Verdict {
    let Some(entry) = room.entries[hook as usize] else { return Verdict::Accept };
    let mut trail = std::mem::take(&mut shared.trail);
    trail.frames.clear();
    trail.cursors.clear();
    let verdict = Walk { table, room, hook, entry, trail: &mut trail }.go(packet, env, shared);
    shared.trail = trail;
    verdict
}

struct Walk<'w> {
    table: &'w mut Table,
    room: &'w mut TableRoom,
    hook: Hook,
    /// The chain that hangs at the hook.
    entry: u16,
    trail: &'w mut Trail,
}

impl Walk<'_> {
    fn go(self, packet: &mut PacketBuf<'_>, env: &mut Env<'_>, shared: &mut Shared) -> Verdict {
        let Walk { table, room, hook, entry, trail } = self;
        let devices = env.devices;
        let devices = DeviceNames { input: devices.name(packet.input()), output: devices.name(packet.output()) };
        let mut frame = trail.enter(entry, &room.chains[usize::from(entry)], packet);
        loop {
            let at = usize::from(frame.chain);
            let (chain, own) = (&mut table.chains[at], &mut room.chains[at]);
            let next = match trail.next(&mut frame, own.index.as_ref(), chain.rules.len()) {
                Some(number) => {
                    let (rule, states) = (&mut chain.rules[number], &mut own.states[number]);
                    match matches::all(rule, states, packet, devices, env, shared) {
                        Outcome::Differs => continue,
                        Outcome::HotDrop => return Verdict::DROP,
                        Outcome::Matches => {}
                    }
                    rule.counter.count(packet.info().ip_len);
                    if packet.traced {
                        env.effects.push(met_rule(table, room, at, number));
                    }
                    target::apply(&table.chains[at].rules[number].target, hook, packet, env)
                }
                None => {
                    if packet.traced && frame.chain != entry {
                        env.effects.push(met_end(table, room, at, "RETURN"));
                    }
                    Next::Return
                }
            };
            match next {
                Next::Rule => {}
                Next::Verdict(verdict) => return verdict,
                Next::Return => {
                    trail.leave(frame);
                    match trail.frames.pop() {
                        Some(caller) => frame = caller,
                        None => break,
                    }
                }
                Next::Jump(to) => {
                    // No chain is on the way twice.
                    if trail.frames.len() >= table.chains.len() {
                        return Verdict::DROP;
                    }
                    trail.frames.push(frame);
                    frame = trail.enter(to, &room.chains[usize::from(to)], packet);
                }
                Next::Goto(to) => {
                    trail.leave(frame);
                    frame = trail.enter(to, &room.chains[usize::from(to)], packet);
                }
            }
        }
        let at = usize::from(entry);
        let Some(base) = &mut table.chains[at].base else { return Verdict::Accept };
        base.counter.count(packet.info().ip_len);
        let (verdict, word) = match base.policy {
            Policy::Accept => (Verdict::Accept, "ACCEPT"),
            Policy::Drop => (Verdict::DROP, "DROP"),
        };
        if packet.traced {
            env.effects.push(met_end(table, room, at, word));
        }
        verdict
    }
}

#[cold]
fn met_rule(table: &Table, room: &TableRoom, chain: usize, number: usize) -> Effect {
    let Chain { base, rules, .. } = &table.chains[chain];
    let rule = &rules[number];
    let verdict = match target::name(&rule.target) {
        Ok(name) => Arc::from(name),
        Err(chain) => room.chains[usize::from(chain)].name.clone(),
    };
    let kind = TraceKind::of(rule, base.is_some());
    Effect::Trace(TraceRecord {
        table: table.name,
        chain: room.chains[chain].name.clone(),
        kind,
        number: number as u32 + 1,
        verdict,
    })
}

#[cold]
fn met_end(table: &Table, room: &TableRoom, chain: usize, verdict: &str) -> Effect {
    let Chain { base, rules, .. } = &table.chains[chain];
    Effect::Trace(TraceRecord {
        table: table.name,
        chain: room.chains[chain].name.clone(),
        kind: TraceKind::end(base.is_some()),
        number: rules.len() as u32 + 1,
        verdict: Arc::from(verdict),
    })
}
