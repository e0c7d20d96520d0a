//! Rule sets made ready for packets: what ip_tables and ip6_tables do with theirs.
//!
//! A packet goes through a table's chains in `walk`; `matches` and `target` have one file beside them for each match and
//! target with something to it. In long chains `index` says which rules are worth a look.

mod connbytes;
mod connlimit;
mod connmark;
mod conntrack;
mod ct;
mod hashlimit;
mod header;
mod icmp;
mod index;
mod ip_header;
mod iprange;
mod limit;
mod log;
mod mac;
mod mangle;
mod matches;
mod multiport;
mod nfqueue;
mod outcome;
pub(super) mod reject;
#[cfg(test)]
mod sample;
mod set;
mod statistic;
mod swap;
mod target;
mod tcp;
#[cfg(test)]
mod tests;
mod time;
mod trace;
mod transport;
mod udp;
mod walk;

use std::net::IpAddr;
use std::sync::Arc;

pub use log::LogRecord;
pub(crate) use set::CompiledSets;
pub use trace::{TraceKind, TraceRecord};

use self::index::Index;
use self::matches::State;
use super::{Ruleset, TableName};
use crate::conntrack::{ConnectionId, Conntrack};
use crate::hook::{Devices, Hook, PacketBuf, Verdict};
use crate::packet::Family;
use crate::table::Random;
use crate::time::Instant;

/// Rules, ready for packets: those of both versions of IP, with what they remember between packets.
#[derive(Debug)]
pub(crate) struct Program {
    v4: Option<Rules>,
    v6: Option<Rules>,
    shared: Shared,
}

/// What is there beside the packet.
pub(crate) struct Env<'a> {
    /// The packet's time.
    pub(crate) now: Instant,
    pub(crate) conntrack: &'a mut Conntrack,
    pub(crate) devices: &'a Devices,
    pub(crate) random: &'a mut Random,
    /// What else is to be done, in order.
    pub(crate) effects: &'a mut Vec<Effect>,
    /// Local time less UTC, in seconds.
    pub(crate) utc_offset: i32,
    /// The gateway's address on the device that the packet came in by: where ICMP errors come from.
    pub(crate) own: Option<IpAddr>,
    /// The lesser MTU of the packet's ways there and back: what `TCPMSS --clamp-mss-to-pmtu` goes by.
    pub(crate) mtu: u16,
}

/// What a rule wants done beside its verdict.
#[derive(Debug)]
pub(crate) enum Effect {
    /// An answer to the sender: an IP packet.
    Reject(Vec<u8>),
    /// Something to be told.
    Log(Box<LogRecord>),
    /// A traced packet met a rule or a chain's end.
    Trace(TraceRecord),
    /// A connection in the table has another mark.
    Marked(ConnectionId),
}

/// The rules of one version of IP.
#[derive(Debug)]
struct Rules {
    /// The rules as they were read, with their counters as they are now.
    ruleset: Ruleset,
    /// What goes with its tables, in their order.
    tables: Vec<TableRoom>,
}

/// What goes with a table: its chains' rooms, in their order.
#[derive(Debug)]
struct TableRoom {
    /// The number of the chain that hangs at each hook.
    entries: [Option<u16>; Hook::ALL.len()],
    chains: Vec<ChainRoom>,
}

/// What goes with a chain.
#[derive(Debug)]
struct ChainRoom {
    name: Arc<str>,
    /// What the matches of each rule remember, in their order.
    states: Vec<Box<[State]>>,
    /// Where the chain is long.
    index: Option<Index>,
}

/// What all rules share.
#[derive(Debug)]
struct Shared {
    sets: CompiledSets,
    hashlimits: hashlimit::HashlimitTables,
    trail: walk::Trail,
}

impl Program {
    /// Makes rules ready. They are right: each set that they name is there, each jump leads to a chain of its table, none
    /// in a circle.
    pub(crate) fn new(v4: Option<Ruleset>, v6: Option<Ruleset>, sets: CompiledSets) -> Program {
        let mut shared = Shared { sets, hashlimits: hashlimit::HashlimitTables::new(), trail: walk::Trail::default() };
        let mut ready = |ruleset: Option<Ruleset>| ruleset.map(|ruleset| Rules::new(ruleset, &mut shared));
        let (v4, v6) = (ready(v4), ready(v6));
        Program { v4, v6, shared }
    }

    /// Takes a packet through a table's chain at a hook.
    pub(crate) fn run(
        &mut self,
        table: TableName,
        hook: Hook,
        packet: &mut PacketBuf<'_>,
        env: &mut Env<'_>,
    ) -> Verdict {
        let rules = match packet.info().tuple.family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        };
        let Some(rules) = rules else { return Verdict::Accept };
        let Some(at) = rules.ruleset.tables.iter().position(|own| own.name == table) else { return Verdict::Accept };
        walk::walk(&mut rules.ruleset.tables[at], &mut rules.tables[at], hook, packet, env, &mut self.shared)
    }

    /// The rules with their counters as they are now.
    pub(crate) fn rulesets(&self) -> (Option<&Ruleset>, Option<&Ruleset>) {
        (self.v4.as_ref().map(|rules| &rules.ruleset), self.v6.as_ref().map(|rules| &rules.ruleset))
    }
}

impl Rules {
    fn new(ruleset: Ruleset, shared: &mut Shared) -> Rules {
        let family = ruleset.family;
        let tables = ruleset.tables.iter().map(|table| {
            let mut entries = [None; Hook::ALL.len()];
            for (number, chain) in table.chains.iter().enumerate() {
                if let Some(base) = chain.base {
                    entries[base.hook as usize] = Some(number as u16);
                }
            }
            let chains = table.chains.iter().map(|chain| ChainRoom {
                name: Arc::from(&*chain.name),
                states: chain.rules.iter().map(|rule| State::of(rule, family, shared)).collect(),
                index: Index::new(&chain.rules, family),
            });
            TableRoom { entries, chains: chains.collect() }
        });
        Rules { tables: tables.collect(), ruleset }
    }
}
