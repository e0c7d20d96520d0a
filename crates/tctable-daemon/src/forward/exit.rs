use arrayvec::ArrayVec;
use tctable::packet::{DeviceId, mark_congested};
use tctable::sched::{self, Poll};
use tctable::time::{Duration, Instant};
use tctable_io::port::{Departure, Port, PortError};

use super::BURST;
use super::store::Store;
use crate::shard::Shard;

/// How long a port that has no room is left alone.
const PATIENCE: Duration = Duration::from_nanos(50_000);

/// Where frames leave that waited.
#[derive(Debug)]
pub(super) struct Exit {
    device: DeviceId,
    /// When it is to be looked at.
    next: Option<Instant>,
}

impl Exit {
    pub(super) fn new(device: DeviceId) -> Exit {
        Exit { device, next: None }
    }

    pub(super) fn device(&self) -> DeviceId {
        self.device
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// There may be something to send.
    pub(super) fn wake(&mut self) {
        self.next = Some(Instant::ZERO);
    }

    /// The port has no room.
    pub(super) fn is_full(&mut self, now: Instant) {
        self.next = Some(now + PATIENCE);
    }

    /// Sends what traffic control lets leave by now, as far as the port has room.
    pub(super) fn flush(
        &mut self,
        shard: &mut Shard,
        store: &mut Store,
        port: &mut dyn Port,
        now: Instant,
    ) -> Result<(), PortError> {
        while self.next.is_some_and(|next| next <= now) {
            let mut leaving: ArrayVec<sched::Departure, BURST> = ArrayVec::new();
            self.next = loop {
                if leaving.is_full() {
                    break Some(now);
                }
                match shard.scheduler.poll(now, self.device) {
                    Poll::Packet(departure) => leaving.push(departure),
                    // Time goes on, whatever is said.
                    Poll::Later(later) => break Some(later.max(now + Duration::from_nanos(1))),
                    Poll::Empty => break None,
                }
            };
            for departure in leaving.iter().filter(|departure| departure.is_marked) {
                mark_congested(store.packet_mut(departure.token));
            }
            let departures: ArrayVec<Departure<'_>, BURST> = leaving
                .iter()
                .map(|departure| {
                    let (data, offload) = store.get(departure.token);
                    Departure { data, offload }
                })
                .collect();
            let sent = if departures.is_empty() { Ok(0) } else { port.send(&departures) };
            drop(departures);
            let taken = *sent.as_ref().unwrap_or(&0);
            let total = leaving.len();
            for (at, departure) in leaving.into_iter().enumerate() {
                if at < taken {
                    let len = store.release(departure.token, self.device);
                    shard.counts.sent.count(len);
                } else {
                    shard.scheduler.requeue(self.device, departure);
                }
            }
            sent?;
            if taken < total {
                self.is_full(now);
            }
        }
        Ok(())
    }
}
