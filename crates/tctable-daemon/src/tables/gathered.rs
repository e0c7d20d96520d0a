use std::sync::Arc;

use tctable::conntrack::{Counter, Statistics, expect};
use tctable::defrag::Statistics as Fragments;
use tctable::gateway::Totals;
use tctable::packet::Family;
use tctable::time::Instant;

use crate::forward::Counts;
use crate::shard::{Gone, PortView, Shard, Shards};

/// What all shards counted, together, and how each of them is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gathered {
    /// What the engines saw.
    pub(crate) totals: Totals,
    /// What happened to connections.
    pub(crate) conntrack: Statistics,
    /// What happened to fragments of IPv4 and of IPv6.
    pub(crate) fragments: [Fragments; 2],
    /// What happened to expectations.
    pub(crate) expected: expect::Statistics,
    /// Connections that may be open in all shards together.
    pub(crate) connections_max: u64,
    /// Hosts that there may be in all shards together.
    pub(crate) hosts_max: u64,
    /// Expectations that wait.
    pub(crate) expectations: u64,
    /// What became of frames.
    pub(crate) counts: Counts,
    /// The ports, what all shards counted there together.
    pub(crate) ports: Vec<PortView>,
    /// The shards.
    pub(crate) shards: Vec<ShardView>,
    /// The latest time that an engine was told.
    pub(crate) now: Instant,
}

/// How a shard is.
#[derive(Clone, Debug, Default)]
pub(crate) struct ShardView {
    /// Which one it is.
    pub(crate) number: usize,
    /// Its open connections.
    pub(crate) connections: u64,
    /// Entries in its table of hosts.
    pub(crate) hosts: u64,
    /// Frames that its engine saw.
    pub(crate) frames: Counter,
}

impl Gathered {
    /// Open connections.
    pub(crate) fn connections(&self) -> u64 {
        self.shards.iter().map(|shard| shard.connections).sum()
    }

    /// Entries of hosts; one that several shards know has one in each.
    pub(crate) fn hosts(&self) -> u64 {
        self.shards.iter().map(|shard| shard.hosts).sum()
    }

    fn of(shard: &mut Shard) -> Gathered {
        let gateway = &shard.gateway;
        let conntrack = gateway.conntrack();
        Gathered {
            totals: gateway.totals().clone(),
            conntrack: *conntrack.statistics(),
            fragments: [gateway.defrag(Family::V4), gateway.defrag(Family::V6)],
            expected: *conntrack.expectations().statistics(),
            connections_max: conntrack.config().max.into(),
            hosts_max: gateway.hosts().config().max.into(),
            expectations: conntrack.expectations().len() as u64,
            counts: shard.counts,
            ports: shard.ports.clone(),
            shards: vec![ShardView {
                number: shard.number,
                connections: conntrack.count() as u64,
                hosts: gateway.hosts().len() as u64,
                frames: gateway.totals().frames,
            }],
            now: gateway.now(),
        }
    }

    fn add(&mut self, other: Gathered) {
        self.totals += &other.totals;
        self.conntrack += &other.conntrack;
        for (sum, more) in self.fragments.iter_mut().zip(other.fragments) {
            add_fragments(sum, more);
        }
        self.expected.new += other.expected.new;
        self.expected.create += other.expected.create;
        self.expected.delete += other.expected.delete;
        self.connections_max += other.connections_max;
        self.hosts_max += other.hosts_max;
        self.expectations += other.expectations;
        self.counts += other.counts;
        for (place, port) in other.ports.into_iter().enumerate() {
            match self.ports.get_mut(place) {
                Some(sum) => add_port(sum, &port),
                None => self.ports.push(port),
            }
        }
        self.shards.extend(other.shards);
        self.now = self.now.max(other.now);
    }
}

fn add_fragments(sum: &mut Fragments, more: Fragments) {
    let Fragments { requests, oks, fails, timeouts, overlaps, cut, transport_cut, queues, memory } = more;
    sum.requests += requests;
    sum.oks += oks;
    sum.fails += fails;
    sum.timeouts += timeouts;
    sum.overlaps += overlaps;
    sum.cut += cut;
    sum.transport_cut += transport_cut;
    sum.queues += queues;
    sum.memory += memory;
}

fn add_port(sum: &mut PortView, more: &PortView) {
    if sum.name.is_empty() {
        sum.name = Arc::clone(&more.name);
    }
    sum.up &= more.up;
    let (sum, more) = (&mut sum.statistics, &more.statistics);
    sum.received += more.received;
    sum.receive_dropped += more.receive_dropped;
    sum.sent += more.sent;
    sum.send_full += more.send_full;
    sum.send_refused += more.send_refused;
}

/// Asks all shards.
///
/// # Errors
/// [`Gone`]
pub(crate) async fn gather(shards: &Shards) -> Result<Gathered, Gone> {
    let mut all = shards.ask_all(Gathered::of).await?.into_iter();
    let mut sum = all.next().unwrap_or_default();
    all.for_each(|more| sum.add(more));
    Ok(sum)
}
