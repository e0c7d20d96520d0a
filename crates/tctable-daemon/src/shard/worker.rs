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

/// Pauses before a port that does not work is looked at again, the first and the last, each a few times as long as the one before. It is
/// looked at at once when the kernel tells that something has happened to its interface, so this is for what the kernel refuses for a
/// while, and for the other shards' sockets.
const PAUSES: [Duration; 2] = [Duration::from_millis(5), Duration::from_secs(5)];
const LONGER: u64 = 4;

/// When ports that do not work are looked at again.
#[derive(Debug)]
struct Retry {
    at: Option<Instant>,
    pause: Duration,
}

impl Retry {
    /// None has to be.
    const NEVER: Retry = Retry { at: None, pause: PAUSES[0] };

    /// Something has happened: soon.
    fn soon(&mut self, now: Instant) {
        *self = Retry { at: Some(now), pause: PAUSES[0] };
    }

    /// It was in vain.
    fn later(&mut self, now: Instant) {
        self.at = Some(now + self.pause);
        self.pause = Duration::from_nanos(self.pause.as_nanos().saturating_mul(LONGER)).min(PAUSES[1]);
    }
}

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
        let (mut pace, mut retry) = (Pace::default(), Retry::NEVER);
        loop {
            let now = self.clock.now();
            self.pulse.beat(std::time::Instant::now());
            self.jobs(now);
            self.look_at_changed(now, &mut retry);
            if self.end.load(Ordering::Relaxed) {
                break;
            }
            let turn = self.forwarder.turn(&mut self.shard, now);
            self.tell_broken(&turn);
            if !turn.broken.is_empty() {
                retry.soon(now);
            }
            if retry.at.is_some_and(|at| at <= now) {
                self.retry(now, &mut retry);
            }
            match pace.next(turn.received) {
                Next::Look => {}
                Next::Rest(rest) => {
                    self.time_passes(now);
                    std::thread::sleep(rest);
                }
                Next::Wait => {
                    self.time_passes(now);
                    self.sleep(retry.at);
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

    /// Looks at the ports of devices that something has happened to.
    fn look_at_changed(&mut self, now: Instant, retry: &mut Retry) {
        for device in std::mem::take(&mut self.shard.look_at) {
            self.look_at(device);
            if self.forwarder.is_down(device) {
                retry.soon(now);
            }
        }
    }

    /// Looks at the ports that do not work.
    fn retry(&mut self, now: Instant, retry: &mut Retry) {
        let ports = (0..self.shard.ports.len() as u16).map(DeviceId);
        let down: Vec<DeviceId> = ports.filter(|device| self.forwarder.is_down(*device)).collect();
        down.iter().for_each(|device| self.look_at(*device));
        if down.iter().any(|device| self.forwarder.is_down(*device)) {
            retry.later(now);
        } else {
            *retry = Retry::NEVER;
        }
    }

    fn look_at(&mut self, device: DeviceId) {
        let is_back = self.forwarder.look_at(device);
        let Some(view) = self.shard.ports.get_mut(usize::from(device.0)) else { return };
        view.up = !self.forwarder.is_down(device);
        if is_back {
            info!(shard = self.shard.number, "{}: is back", view.name);
        }
    }
}
