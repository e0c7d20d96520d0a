//! Frames from one port to the other.
//!
//! A burst lies in the ring of the port that it came by while the engine judges it: `verdicts` takes note of what goes on. What
//! goes on as it came is sent from where it lies; what was changed, what is cut anew and answers come from a buffer. `exit`
//! is where frames leave by a port, `store` keeps those that wait, and traffic control says in which order they leave: an
//! operator's, or else the one queue that every device has. `ingress` is what traffic control says of frames that come.

mod answer;
mod counts;
mod exit;
#[cfg(test)]
mod fake;
mod ingress;
mod offer;
mod store;
#[cfg(test)]
mod tests;
mod unfinished;
mod verdicts;

use std::os::fd::BorrowedFd;

use arrayvec::ArrayVec;
use tctable::packet::DeviceId;
use tctable::time::Instant;
use tctable_io::port::{Arrival, Departure, Port, PortError};

use crate::shard::Shard;
use exit::Exit;
use offer::{Leaving, offer};
use store::Store;
use verdicts::{Item, Verdicts};

pub use counts::Counts;

/// Frames that are taken from a port at a time.
const BURST: usize = 64;

/// A port that a shard owns.
pub type OwnPort = Box<dyn Port + Send>;

/// What a shard does with frames.
#[derive(Debug)]
pub struct Forwarder {
    sides: Vec<Side>,
    store: Store,
    verdicts: Verdicts,
}

/// A device: its port, and where what comes by it goes.
struct Side {
    /// `None` while it shows what came, and before it was given.
    port: Option<OwnPort>,
    /// The device is down or gone.
    is_down: bool,
    exit: Exit,
    /// The device that frames go on by; `None`: they are only looked at.
    to: Option<usize>,
}

impl std::fmt::Debug for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Side").field("there", &self.port.is_some()).field("to", &self.to).finish_non_exhaustive()
    }
}

/// How a turn went.
#[derive(Debug, Default)]
pub struct Turn {
    /// Frames that came.
    pub received: usize,
    /// Ports that do not work from now on, by their devices, and why.
    pub broken: Vec<(DeviceId, PortError)>,
}

impl Forwarder {
    /// Devices by their numbers, each with the number of the device that its frames go on by, if they do. Their ports are still
    /// to be given.
    pub fn new(to: &[Option<usize>]) -> Forwarder {
        let side = |(at, to): (u16, &Option<usize>)| Side {
            port: None,
            is_down: false,
            exit: Exit::new(DeviceId(at)),
            to: *to,
        };
        Forwarder {
            sides: (0..).zip(to).map(side).collect(),
            store: Store::new(to.len()),
            verdicts: Verdicts::default(),
        }
    }

    /// Gives a device its port.
    pub fn set_port(&mut self, device: DeviceId, port: OwnPort) {
        if let Some(side) = self.sides.get_mut(usize::from(device.0)) {
            (side.port, side.is_down) = (Some(port), false);
            side.exit.wake();
        }
    }

    /// Whether a port does not work.
    pub fn is_down(&self, device: DeviceId) -> bool {
        self.sides.get(usize::from(device.0)).is_none_or(|side| side.is_down || side.port.is_none())
    }

    /// Looks at a port anew; tells whether it works now, and that is new.
    pub fn look_at(&mut self, device: DeviceId) -> bool {
        let Some(side) = self.sides.get_mut(usize::from(device.0)) else { return false };
        let Some(port) = &mut side.port else { return false };
        let was_down = std::mem::replace(&mut side.is_down, port.reopen().is_err());
        let is_back = was_down && !side.is_down;
        if is_back {
            side.exit.wake();
        }
        is_back
    }

    /// What to wait for: the ports that work are readable when frames have come.
    pub fn readable(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.sides
            .iter()
            .filter(|side| !side.is_down)
            .filter_map(|side| side.port.as_deref().map(|port| port.readable()))
    }

    /// The ports that are there, with their devices.
    pub fn ports(&mut self) -> impl Iterator<Item = (DeviceId, &mut OwnPort)> {
        (0..).zip(&mut self.sides).filter_map(|(at, side)| Some((DeviceId(at), side.port.as_mut()?)))
    }

    /// Takes a burst from each port, judges it and sends it on; then sends what waits and may go. Time is told once for all.
    pub fn turn(&mut self, shard: &mut Shard, now: Instant) -> Turn {
        let mut turn = Turn::default();
        shard.now = now;
        for at in 0..self.sides.len() {
            if self.sides[at].is_down || shard.stops {
                continue;
            }
            let Some(mut port) = self.sides[at].port.take() else { continue };
            match port.receive(now, BURST, &mut |arrivals| self.come(shard, now, at, arrivals)) {
                Ok(received) => turn.received += received,
                Err(error) => turn.broken.push((DeviceId(at as u16), error)),
            }
            self.sides[at].port = Some(port);
        }
        turn.broken.iter().for_each(|(device, _)| self.sides[usize::from(device.0)].is_down = true);
        self.flush(shard, now, &mut turn);
        turn
    }

    /// Throws away what has come until now.
    pub fn throw_away(&mut self, now: Instant) {
        for side in &mut self.sides {
            while side
                .port
                .as_mut()
                .is_some_and(|port| port.receive(now, BURST, &mut |_| ()).is_ok_and(|came| came != 0))
            {}
        }
    }

    /// Sends what waits and may go.
    fn flush(&mut self, shard: &mut Shard, now: Instant, turn: &mut Turn) {
        for side in &mut self.sides {
            let Some(port) = side.port.as_mut().filter(|_| !side.is_down) else { continue };
            if let Err(error) = side.exit.flush(shard, &mut self.store, port.as_mut(), now) {
                turn.broken.push((side.exit.device(), error));
                side.is_down = true;
            }
        }
        self.store.forget_dropped(shard);
        shard.counts.waiting = self.store.waiting();
    }

    /// When something that waits may go, if that is known.
    pub fn next(&self) -> Option<Instant> {
        self.sides.iter().filter(|side| !side.is_down).filter_map(|side| side.exit.next()).min()
    }

    /// Traffic control may have been changed from outside: what waited in queues that are gone waits in others, and queues may
    /// have something to send earlier.
    pub fn wake(&mut self, shard: &mut Shard, now: Instant) {
        self.sides.iter_mut().for_each(|side| side.exit.wake());
        self.store.offer_again(shard, now);
        shard.counts.waiting = self.store.waiting();
    }

    /// Frames have come by a device.
    fn come(&mut self, shard: &mut Shard, now: Instant, from: usize, arrivals: &[Arrival<'_>]) {
        for arrivals in arrivals.chunks(BURST) {
            for arrival in arrivals {
                shard.counts.received.count(arrival.frame.data.len() as u32);
            }
            match self.sides[from].to {
                None => self.verdicts.watch(shard, arrivals),
                Some(to) if shard.shaped && shard.scheduler.has_ingress(DeviceId(from as u16)) => {
                    let passed = ingress::admit(shard, &mut self.store, now, DeviceId(from as u16), arrivals);
                    self.verdicts.judge(shard, &passed, true);
                    self.send_on(shard, now, from, to, &passed);
                }
                Some(to) => {
                    let shaped = shard.shaped;
                    self.verdicts.judge(shard, arrivals, shaped);
                    self.send_on(shard, now, from, to, arrivals);
                }
            }
        }
    }

    /// Sends on what was judged.
    fn send_on(&mut self, shard: &mut Shard, now: Instant, from: usize, to: usize, arrivals: &[Arrival<'_>]) {
        let Forwarder { sides, store, verdicts } = self;
        let mut items = verdicts.items.as_slice();
        let side = &mut sides[to];
        if !shard.shaped && store.is_empty(to) {
            while let Some(port) = side.port.as_mut().filter(|_| !side.is_down && !items.is_empty()) {
                let departures: ArrayVec<Departure<'_>, BURST> = items
                    .iter()
                    .take(BURST)
                    .map(|item| Departure { data: verdicts.data(item, arrivals), offload: item.offload })
                    .collect();
                // An error is told again when the port is asked to flush.
                let taken = port.send(&departures).unwrap_or(0);
                for departure in departures.iter().take(taken) {
                    shard.counts.sent.count(departure.data.len() as u32);
                }
                items = &items[taken.min(items.len())..];
                if taken < departures.len() {
                    side.exit.is_full(now);
                    break;
                }
            }
        }
        let mut wait = |item: &Item, to: usize| {
            let arrival = &arrivals[usize::from(item.at)];
            let leaving = Leaving {
                data: verdicts.data(item, arrivals),
                offload: item.offload,
                link: arrival.frame.link,
                input: DeviceId(from as u16),
                meta: item.meta,
            };
            offer(shard, store, now, DeviceId(to as u16), &leaving);
            sides[to].exit.wake();
        };
        items.iter().for_each(|item| wait(item, to));
        // The port that they go back by is busy showing what came.
        verdicts.answers.iter().for_each(|answer| wait(answer, from));
    }
}
