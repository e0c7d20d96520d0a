//! First in, first out: `pfifo`, `bfifo`, `pfifo_head_drop`; and `noqueue`, which is one that nobody lets wait.

use super::{Dequeue, Enqueue, OptionsError, Qdisc};
use crate::sched::backlog::Backlog;
use crate::sched::context::{Context, DropCause};
use crate::sched::fifo::{Fifo, Pool};
use crate::sched::options::QdiscOptions;
use crate::sched::queued::Queued;
use crate::sched::skb::Skb;
use crate::table::prefetch;

/// What is limited, and what goes where there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Packets,
    Bytes,
    HeadDrop,
    /// A packet waits for the next call only, so the limit is what a burst may have: the device's `txqueuelen`.
    Noqueue,
}

/// One list with a limit.
#[derive(Debug)]
pub(super) struct FifoQdisc {
    fifo: Fifo,
    limit: u32,
    kind: Kind,
}

impl FifoQdisc {
    pub(super) fn new(context: &Context<'_>, options: &QdiscOptions) -> Result<FifoQdisc, OptionsError> {
        let (kind, limit) = FifoQdisc::read(context, options)?;
        Ok(FifoQdisc { fifo: Fifo::new(), limit, kind })
    }

    fn read(context: &Context<'_>, options: &QdiscOptions) -> Result<(Kind, u32), OptionsError> {
        let packets = context.queue_len;
        match *options {
            QdiscOptions::Pfifo { limit } => Ok((Kind::Packets, limit.unwrap_or(packets))),
            QdiscOptions::Bfifo { limit } => {
                Ok((Kind::Bytes, limit.unwrap_or(packets.saturating_mul(context.longest_frame()))))
            }
            QdiscOptions::PfifoHeadDrop { limit } => Ok((Kind::HeadDrop, limit.unwrap_or(packets))),
            QdiscOptions::Noqueue => Ok((Kind::Noqueue, packets.max(1))),
            _ => Err(OptionsError::OtherKind),
        }
    }

    /// Gives a qdisc another limit, if it is one of these.
    pub(super) fn limit(qdisc: &mut dyn Qdisc, context: &mut Context<'_>, limit: u32) {
        let limit = Some(limit);
        let options = match qdisc.options() {
            QdiscOptions::Pfifo { .. } => QdiscOptions::Pfifo { limit },
            QdiscOptions::Bfifo { .. } => QdiscOptions::Bfifo { limit },
            QdiscOptions::PfifoHeadDrop { .. } => QdiscOptions::PfifoHeadDrop { limit },
            _ => return,
        };
        // These are options of its own kind, which it takes.
        let _ = qdisc.change(context, &options);
    }

    fn has_room(&self, len: u32) -> bool {
        let Backlog { packets, bytes } = self.fifo.backlog();
        match self.kind {
            Kind::Bytes => bytes + u64::from(len) <= u64::from(self.limit),
            Kind::Packets | Kind::HeadDrop | Kind::Noqueue => packets < self.limit,
        }
    }
}

impl Qdisc for FifoQdisc {
    fn options(&self) -> QdiscOptions {
        let limit = Some(self.limit);
        match self.kind {
            Kind::Packets => QdiscOptions::Pfifo { limit },
            Kind::Bytes => QdiscOptions::Bfifo { limit },
            Kind::HeadDrop => QdiscOptions::PfifoHeadDrop { limit },
            Kind::Noqueue => QdiscOptions::Noqueue,
        }
    }

    fn enqueue(&mut self, context: &mut Context<'_>, _skb: &mut Skb<'_>, queued: Queued) -> Enqueue {
        let mut told = Enqueue::Queued;
        if !self.has_room(queued.len) {
            if self.kind != Kind::HeadDrop || self.limit == 0 {
                return Enqueue::Dropped(DropCause::Limit);
            }
            if let Some(oldest) = self.fifo.pop(context.pool) {
                context.drop(oldest, DropCause::Limit);
                told = Enqueue::Congested;
            }
        }
        match self.fifo.push(context.pool, queued) {
            Ok(()) => told,
            Err(_) => Enqueue::Dropped(DropCause::Limit),
        }
    }

    fn dequeue(&mut self, context: &mut Context<'_>) -> Dequeue {
        self.fifo.pop(context.pool).map_or(Dequeue::Empty, Dequeue::Packet)
    }

    fn front(&self, pool: &Pool) -> Option<Queued> {
        self.fifo.front(pool)
    }

    fn backlog(&self) -> Backlog {
        self.fifo.backlog()
    }

    fn prefetch(&self) {
        prefetch(self);
    }

    fn prefetch_packets(&self, pool: &Pool) {
        self.fifo.prefetch(pool);
    }

    fn drain(&mut self, context: &mut Context<'_>, cause: DropCause) {
        while let Some(queued) = self.fifo.pop(context.pool) {
            context.drop(queued, cause);
        }
    }

    /// As in the kernel, a lower limit drops nothing of what waits already.
    fn change(&mut self, context: &mut Context<'_>, options: &QdiscOptions) -> Result<(), OptionsError> {
        let (kind, limit) = FifoQdisc::read(context, options)?;
        if kind != self.kind {
            return Err(OptionsError::OtherKind);
        }
        self.limit = limit;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sched::testing::{Packet, World, packet, waiting};

    #[test]
    fn pfifo_refuses_what_comes_when_it_is_full() {
        let mut world = World::new();
        let mut qdisc = world.create(&QdiscOptions::Pfifo { limit: Some(2) });
        assert_eq!(world.offer(&mut *qdisc, packet(1)), Enqueue::Queued);
        assert_eq!(world.offer(&mut *qdisc, packet(2)), Enqueue::Queued);
        assert_eq!(world.offer(&mut *qdisc, packet(3)), Enqueue::Dropped(DropCause::Limit));
        assert_eq!(qdisc.backlog(), waiting(2, 2000));
        assert_eq!(world.take_all(&mut *qdisc), [1, 2]);
        assert_eq!(qdisc.backlog(), waiting(0, 0));
    }

    #[test]
    fn bfifo_counts_bytes_and_has_room_up_to_its_limit_inclusive() {
        let mut world = World::new();
        let mut qdisc = world.create(&QdiscOptions::Bfifo { limit: Some(2500) });
        for (token, len, told) in [
            (1, 1000, Enqueue::Queued),
            (2, 1501, Enqueue::Dropped(DropCause::Limit)),
            (3, 1500, Enqueue::Queued),
            (4, 1, Enqueue::Dropped(DropCause::Limit)),
        ] {
            assert_eq!(world.offer(&mut *qdisc, Packet { len, ..packet(token) }), told, "{token}");
        }
        assert_eq!(world.take_all(&mut *qdisc), [1, 3]);
    }

    #[test]
    fn pfifo_head_drop_drops_the_oldest_for_the_newest() {
        let mut world = World::new();
        let mut qdisc = world.create(&QdiscOptions::PfifoHeadDrop { limit: Some(2) });
        world.offer(&mut *qdisc, packet(1));
        world.offer(&mut *qdisc, packet(2));
        assert_eq!(world.offer(&mut *qdisc, packet(3)), Enqueue::Congested);
        assert_eq!(world.dropped_for(DropCause::Limit), [1]);
        assert_eq!(world.take_all(&mut *qdisc), [2, 3]);
        let mut none = world.create(&QdiscOptions::PfifoHeadDrop { limit: Some(0) });
        assert_eq!(world.offer(&mut *none, packet(4)), Enqueue::Dropped(DropCause::Limit));
    }

    #[test]
    fn limits_that_are_not_given_come_from_the_device() {
        let mut world = World::new();
        for (given, limit) in [
            (QdiscOptions::Pfifo { limit: None }, QdiscOptions::Pfifo { limit: Some(1000) }),
            (QdiscOptions::Bfifo { limit: None }, QdiscOptions::Bfifo { limit: Some(1_514_000) }),
            (QdiscOptions::PfifoHeadDrop { limit: None }, QdiscOptions::PfifoHeadDrop { limit: Some(1000) }),
        ] {
            assert_eq!(world.create(&given).options(), limit);
        }
    }

    #[test]
    fn a_lower_limit_drops_nothing_that_waits() {
        let mut world = World::new();
        let mut qdisc = world.create(&QdiscOptions::Pfifo { limit: Some(5) });
        (1..=3).for_each(|token| assert_eq!(world.offer(&mut *qdisc, packet(token)), Enqueue::Queued));
        assert_eq!(qdisc.change(&mut world.context(), &QdiscOptions::Pfifo { limit: Some(1) }), Ok(()));
        assert_eq!(qdisc.options(), QdiscOptions::Pfifo { limit: Some(1) });
        assert_eq!(world.offer(&mut *qdisc, packet(4)), Enqueue::Dropped(DropCause::Limit));
        assert_eq!(world.take_all(&mut *qdisc), [1, 2, 3]);
        let other = QdiscOptions::Bfifo { limit: Some(1) };
        assert_eq!(qdisc.change(&mut world.context(), &other), Err(OptionsError::OtherKind));
    }

    #[test]
    fn noqueue_takes_a_burst_of_the_device_s_queue_length() {
        let mut world = World { queue_len: 2, ..World::new() };
        let mut qdisc = world.create(&QdiscOptions::Noqueue);
        world.offer(&mut *qdisc, packet(1));
        world.offer(&mut *qdisc, packet(2));
        assert_eq!(world.offer(&mut *qdisc, packet(3)), Enqueue::Dropped(DropCause::Limit));
        assert_eq!(world.take_all(&mut *qdisc), [1, 2]);
        assert_eq!(qdisc.options(), QdiscOptions::Noqueue);
    }
}
