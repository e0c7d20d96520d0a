//! `pfifo_fast`: three bands by priority.

use super::{Dequeue, Enqueue, OptionsError, Qdisc};
use crate::sched::backlog::Backlog;
use crate::sched::context::{Context, DropCause};
use crate::sched::fifo::Fifo;
use crate::sched::options::{PrioOptions, QdiscOptions};
use crate::sched::queued::Queued;
use crate::sched::skb::Skb;

const BANDS: usize = 3;

/// Three lists, of which the first one that has packets sends. Which one a packet waits in says its priority, by the map
/// that is also `prio`'s default and cannot be changed.
#[derive(Debug)]
pub(super) struct PfifoFast {
    bands: [Fifo; BANDS],
    map: [u8; 16],
    /// Packets that may wait in each band.
    limit: u32,
}

impl PfifoFast {
    pub(super) fn new(context: &Context<'_>) -> Result<PfifoFast, OptionsError> {
        if context.queue_len == 0 {
            return Err(OptionsError::Invalid("pfifo_fast needs a txqueuelen"));
        }
        Ok(PfifoFast { bands: Default::default(), map: PrioOptions::default().map, limit: context.queue_len })
    }
}

impl Qdisc for PfifoFast {
    fn options(&self) -> QdiscOptions {
        QdiscOptions::PfifoFast
    }

    fn enqueue(&mut self, context: &mut Context<'_>, skb: &mut Skb<'_>, queued: Queued) -> Enqueue {
        let band = self.map[(skb.priority & 15) as usize];
        let Some(fifo) = self.bands.get_mut(usize::from(band)).filter(|fifo| fifo.backlog().packets < self.limit)
        else {
            return Enqueue::Dropped(DropCause::Limit);
        };
        match fifo.push(context.pool, queued) {
            Ok(()) => Enqueue::Queued,
            Err(_) => Enqueue::Dropped(DropCause::Limit),
        }
    }

    fn dequeue(&mut self, context: &mut Context<'_>) -> Dequeue {
        let queued = self.bands.iter_mut().find_map(|fifo| fifo.pop(context.pool));
        queued.map_or(Dequeue::Empty, Dequeue::Packet)
    }

    fn backlog(&self) -> Backlog {
        let mut backlog = Backlog::default();
        for fifo in &self.bands {
            backlog.follow(Backlog::default(), fifo.backlog());
        }
        backlog
    }

    fn drain(&mut self, context: &mut Context<'_>, cause: DropCause) {
        for fifo in &mut self.bands {
            while let Some(queued) = fifo.pop(context.pool) {
                context.drop(queued, cause);
            }
        }
    }

    /// It has no options; but the device's `txqueuelen` may have changed.
    fn change(&mut self, context: &mut Context<'_>, options: &QdiscOptions) -> Result<(), OptionsError> {
        if *options != QdiscOptions::PfifoFast {
            return Err(OptionsError::OtherKind);
        }
        self.limit = context.queue_len.max(1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sched::testing::{Packet, World, packet, waiting};

    #[test]
    fn each_priority_has_the_band_that_tc_pfifo_fast_documents() {
        // tc-pfifo_fast(8): the priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1.
        let bands = [1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1];
        let mut world = World::new();
        let mut qdisc = world.create(&QdiscOptions::PfifoFast);
        for priority in 0..16 {
            // Only the lowest four bits count.
            let offered = Packet { priority: 0x10_0010 | priority, ..packet(priority.into()) };
            assert_eq!(world.offer(&mut *qdisc, offered), Enqueue::Queued);
        }
        assert_eq!(qdisc.backlog(), waiting(16, 16_000));
        let order = (0..3).flat_map(|band| (0..16).filter(move |token| bands[*token as usize] == band));
        assert_eq!(world.take_all(&mut *qdisc), order.collect::<Vec<u64>>());
    }

    #[test]
    fn each_band_has_the_device_s_queue_length() {
        let mut world = World { queue_len: 1, ..World::new() };
        let mut qdisc = world.create(&QdiscOptions::PfifoFast);
        let with = |token, priority| Packet { priority, ..packet(token) };
        assert_eq!(world.offer(&mut *qdisc, with(1, 0)), Enqueue::Queued);
        assert_eq!(world.offer(&mut *qdisc, with(2, 8)), Enqueue::Dropped(DropCause::Limit));
        assert_eq!(world.offer(&mut *qdisc, with(3, 6)), Enqueue::Queued);
        assert_eq!(world.take_all(&mut *qdisc), [3, 1]);
    }
}
