use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tctable::packet::DeviceId;
use tctable::time::{Duration, Instant};
use tctable_io::port::{Next, Pace};
use tracing::{info, warn};

use super::{Inbox, Shard};
use crate::clock::Clock;
use crate::forward::{Forwarder, Turn};
use crate::supervise::Pulse;

/// How often ports that do not work are tried again.
const RETRY: Duration = Duration::from_millis(100);

/// A shard's thread.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) shard: Shard,
    pub(crate) forwarder: Forwarder,
    pub(crate) inbox: Inbox,
    pub(crate) clock: Clock,
    /// For who watches over the whole.
    pub(crate) pulse: Pulse,
    /// It is to end.
    pub(crate) end: Arc<AtomicBool>,
}

impl Worker {
    /// Works until it is told to end.
    pub(crate) fn run(mut self) {
        let (mut pace, mut retry) = (Pace::default(), None);
        loop {
            let now = self.clock.now();
            self.pulse.beat(std::time::Instant::now());
            self.jobs(now);
            if self.end.load(Ordering::Relaxed) {
                break;
            }
            let turn = self.forwarder.turn(&mut self.shard, now);
            self.tell_broken(&turn);
            if !turn.broken.is_empty() || retry.is_some_and(|at| at <= now) {
                retry = self.retry(now);
            }
            match pace.next(turn.received) {
                Next::Look => {}
                Next::Rest(rest) => {
                    self.time_passes(now);
                    std::thread::sleep(rest);
                }
                Next::Wait => {
                    self.time_passes(now);
                    self.sleep(retry);
                }
            }
        }
        self.inbox.work(&mut self.shard);
    }

    /// Does what was asked for.
    fn jobs(&mut self, now: Instant) {
        if !self.inbox.has_rung() {
            return;
        }
        self.shard.now = now;
        for (device, port) in self.forwarder.ports() {
            self.shard.ports[usize::from(device.0)].statistics = port.statistics();
        }
        if self.inbox.work(&mut self.shard) != 0 {
            self.forwarder.wake(&mut self.shard, now);
        }
    }

    /// Lets the engine see to what is over.
    fn time_passes(&mut self, now: Instant) {
        if self.shard.gateway.poll_timeout().is_some_and(|due| due <= now) {
            self.shard.gateway.handle_timeout(now);
        }
    }

    /// Sleeps until there is something to do.
    fn sleep(&mut self, earliest: Option<Instant>) {
        let beat = self.pulse.limit().map(|limit| self.clock.now() + Duration::from_nanos(limit.as_nanos() as u64));
        let due = [self.forwarder.next(), self.shard.gateway.poll_timeout(), earliest, beat];
        let due = due.into_iter().flatten().min();
        let left = due.map(|due| due.since(self.clock.now()));
        if left == Some(Duration::ZERO) {
            return;
        }
        let timeout = left.map(|left| Timespec {
            tv_sec: (left.as_nanos() / 1_000_000_000) as i64,
            tv_nsec: (left.as_nanos() % 1_000_000_000) as i64,
        });
        let mut waits = vec![PollFd::from_borrowed_fd(self.inbox.bell(), PollFlags::IN)];
        waits.extend(self.forwarder.readable().map(|port| PollFd::from_borrowed_fd(port, PollFlags::IN)));
        // Whatever it says, everything is looked at.
        let _ = poll(&mut waits, timeout.as_ref());
    }

    fn tell_broken(&mut self, turn: &Turn) {
        for (device, error) in &turn.broken {
            let view = &mut self.shard.ports[usize::from(device.0)];
            view.up = false;
            warn!(shard = self.shard.number, "{error}: waiting for it");
        }
    }

    /// Tries ports that do not work; gives when to try again.
    fn retry(&mut self, now: Instant) -> Option<Instant> {
        for device in self.forwarder.retry() {
            let view = &mut self.shard.ports[usize::from(device.0)];
            view.up = true;
            info!(shard = self.shard.number, "{}: is back", view.name);
        }
        let ports = self.shard.ports.len() as u16;
        (0..ports).any(|device| self.forwarder.is_down(DeviceId(device))).then(|| now + RETRY)
    }
}
