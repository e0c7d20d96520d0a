//! One engine, one thread, and how others reach it.

mod inbox;

use tctable::Gateway;
use tctable::sched::Scheduler;

pub use inbox::{Gone, Inbox, Shards};

/// What one thread owns.
#[derive(Debug)]
pub struct Shard {
    /// Which one it is, from 0 on.
    pub number: usize,
    /// Connections and hosts.
    pub gateway: Gateway,
    /// Traffic control.
    pub scheduler: Scheduler,
}
