//! One engine, one thread, and how others reach it.

mod inbox;
mod worker;

use std::sync::Arc;

use tctable::Gateway;
use tctable::packet::DeviceId;
use tctable::sched::Scheduler;
use tctable::time::Instant;
use tctable_io::port::PortStatistics;

use crate::forward::Counts;

pub use inbox::{Gone, Inbox, Shards};
pub(crate) use worker::Worker;

/// What one thread owns.
#[derive(Debug)]
pub struct Shard {
    /// Which one it is, from 0 on.
    pub number: usize,
    /// Connections and hosts.
    pub gateway: Gateway,
    /// Traffic control.
    pub scheduler: Scheduler,
    /// The ports, by the numbers of their devices: as they were when the job began that looks at them.
    pub ports: Vec<PortView>,
    /// What became of frames.
    pub counts: Counts,
    /// Whether an operator's traffic control holds: else queues are only for what a port has no room for.
    pub shaped: bool,
    /// No more frames are taken in: what waits leaves.
    pub(crate) stops: bool,
    /// Devices that something has happened to: their ports are to be looked at.
    pub(crate) look_at: Vec<DeviceId>,
    /// The present time on the gateway's clock.
    pub now: Instant,
}

/// How a port is.
#[derive(Clone, Debug, Default)]
pub struct PortView {
    /// The interface's name.
    pub name: Arc<str>,
    /// Whether it is there and up.
    pub up: bool,
    /// What it counted, in all the times that it was opened.
    pub statistics: PortStatistics,
}

impl Shard {
    /// One without ports.
    pub fn new(number: usize, gateway: Gateway, scheduler: Scheduler) -> Shard {
        Shard {
            number,
            gateway,
            scheduler,
            ports: Vec::new(),
            counts: Counts::default(),
            shaped: false,
            stops: false,
            look_at: Vec::new(),
            now: Instant::ZERO,
        }
    }
}
