//! What a qdisc needs around it, for tests: virtual time, and packets that are only numbers.

use super::action::Redirect;
use super::backlog::Backlog;
use super::context::{Context, DropCause};
use super::fifo::Pool;
use super::flows::Flows;
use super::options::{FqCodelOptions, QdiscOptions};
use super::qdisc::{Dequeue, Enqueue, Qdisc, create};
use super::queued::{Ecn, Queued};
use super::skb::Skb;
use crate::table::Random;
use crate::time::{Duration, Instant};

/// Everything around a qdisc.
pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) pool: Pool,
    pub(crate) flows: Flows,
    pub(crate) random: Random,
    pub(crate) dropped: Vec<(Queued, DropCause)>,
    pub(crate) redirects: Vec<Redirect>,
    pub(crate) default_leaf: QdiscOptions,
    pub(crate) mtu: u32,
    pub(crate) queue_len: u32,
}

impl World {
    pub(crate) fn new() -> World {
        World {
            now: Instant::from_secs(1_000),
            pool: Pool::new(),
            flows: Flows::new(),
            random: Random::new(1),
            dropped: Vec::new(),
            redirects: Vec::new(),
            default_leaf: QdiscOptions::FqCodel(FqCodelOptions::default()),
            mtu: 1500,
            queue_len: 1000,
        }
    }

    pub(crate) fn context(&mut self) -> Context<'_> {
        Context {
            now: self.now,
            pool: &mut self.pool,
            flows: &mut self.flows,
            random: &mut self.random,
            dropped: &mut self.dropped,
            redirects: &mut self.redirects,
            depth: 0,
            class: None,
            default_leaf: &self.default_leaf,
            mtu: self.mtu,
            queue_len: self.queue_len,
        }
    }

    /// A qdisc with the handle `1:`.
    pub(crate) fn create(&mut self, options: &QdiscOptions) -> Box<dyn Qdisc> {
        create(&mut self.context(), 1, options).expect("valid options")
    }

    pub(crate) fn pass(&mut self, span: Duration) {
        self.now += span;
    }

    pub(crate) fn offer(&mut self, qdisc: &mut dyn Qdisc, packet: Packet) -> Enqueue {
        let queued = packet.queued(self.now);
        qdisc.enqueue(&mut self.context(), &mut packet.skb(), queued)
    }

    /// The packet that leaves now, if there is one.
    pub(crate) fn take(&mut self, qdisc: &mut dyn Qdisc) -> Option<Queued> {
        match qdisc.dequeue(&mut self.context()) {
            Dequeue::Packet(queued) => Some(queued),
            Dequeue::Later(_) | Dequeue::Empty => None,
        }
    }

    /// The tokens of all packets that leave now, in their order.
    pub(crate) fn take_all(&mut self, qdisc: &mut dyn Qdisc) -> Vec<u64> {
        std::iter::from_fn(|| self.take(qdisc)).map(|queued| queued.token).collect()
    }

    /// The tokens of what was dropped since the last call, all for the same cause.
    pub(crate) fn dropped_for(&mut self, cause: DropCause) -> Vec<u64> {
        let dropped = std::mem::take(&mut self.dropped);
        assert!(dropped.iter().all(|(_, each)| *each == cause), "{dropped:?}");
        dropped.into_iter().map(|(queued, _)| queued.token).collect()
    }
}

/// A packet to offer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet {
    pub(crate) token: u64,
    pub(crate) len: u32,
    pub(crate) flow: u32,
    pub(crate) priority: u32,
    pub(crate) ecn: Ecn,
}

impl Packet {
    pub(crate) fn skb(self) -> Skb<'static> {
        Skb {
            token: self.token,
            data: &[],
            network_offset: 0,
            protocol: 0x0800,
            len: self.len,
            info: None,
            mark: 0,
            priority: self.priority,
            input: None,
            ct: None,
            host: None,
        }
    }

    pub(crate) fn queued(self, arrived: Instant) -> Queued {
        let Packet { token, len, flow, ecn, .. } = self;
        Queued { token, arrived, len, flow, ecn, is_marked: false }
    }
}

/// A packet of 1,000 bytes.
pub(crate) fn packet(token: u64) -> Packet {
    Packet { token, len: 1000, flow: 0, priority: 0, ecn: Ecn::NotEct }
}

pub(crate) fn waiting(packets: u32, bytes: u64) -> Backlog {
    Backlog { packets, bytes }
}

/// A link in virtual time, and what a qdisc did with what went over it.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// Each packet with the time at which it began to leave.
    pub(crate) packets: Vec<(Instant, Queued)>,
}

impl Sent {
    pub(crate) fn bytes(&self, which: impl Fn(&Queued) -> bool) -> u64 {
        self.packets.iter().filter(|(_, queued)| which(queued)).map(|(_, queued)| u64::from(queued.len)).sum()
    }

    /// The delays of these packets in milliseconds, in ascending order.
    pub(crate) fn delays(&self, which: impl Fn(&Queued) -> bool) -> Vec<f64> {
        let delay = |(left, queued): &(Instant, Queued)| (*left - queued.arrived).as_nanos() as f64 / 1e6;
        let mut delays: Vec<f64> = self.packets.iter().filter(|(_, queued)| which(queued)).map(delay).collect();
        delays.sort_by(f64::total_cmp);
        delays
    }
}
