//! Sources that react as TCP does, for tests of queues that want them to.

use std::collections::BTreeMap;

use super::qdisc::{Dequeue, Enqueue, Qdisc};
use super::testing::{Packet, Sent, World, packet};
use crate::time::{Duration, Instant};

/// Sources that raise their window by one packet a round trip and halve it where one was lost or marked (AIMD), over one link.
pub(crate) struct Sources {
    /// How long a packet takes on the link.
    pub(crate) slot: Duration,
    /// The round-trip time without a queue.
    pub(crate) round_trip: Duration,
    pub(crate) packet: Packet,
    pub(crate) count: u32,
}

struct Window {
    size: f64,
    flying: u32,
    /// Up to when losses are taken for one.
    recovering: Instant,
}

enum Event {
    Acknowledged { flow: u32, marked: bool },
    Lost { flow: u32 },
}

impl Sources {
    /// Lets them send for a while; what left the queue after the time that they need to find their windows.
    pub(crate) fn run(&self, world: &mut World, qdisc: &mut dyn Qdisc, warm_up: Duration, span: Duration) -> Sent {
        let begin = world.now + warm_up;
        let end = begin + span;
        let mut windows: Vec<Window> =
            (0..self.count).map(|_| Window { size: 2.0, flying: 0, recovering: Instant::ZERO }).collect();
        let mut events: BTreeMap<(Instant, u64), Event> = BTreeMap::new();
        let (mut token, mut sent, mut number) = (0, Sent::default(), 0);
        let mut after = |events: &mut BTreeMap<_, _>, when: Instant, event| {
            number += 1;
            events.insert((when, number), event);
        };
        while world.now < end {
            while let Some(entry) = events.first_entry().filter(|entry| entry.key().0 <= world.now) {
                let (flow, congested) = match entry.remove() {
                    Event::Acknowledged { flow, marked } => (flow, marked),
                    Event::Lost { flow } => (flow, true),
                };
                let window = &mut windows[flow as usize];
                window.flying -= 1;
                if !congested {
                    window.size += 1.0 / window.size;
                } else if world.now >= window.recovering {
                    window.size = (window.size / 2.0).max(2.0);
                    window.recovering = world.now + self.round_trip;
                }
            }
            for (flow, window) in windows.iter_mut().enumerate() {
                while f64::from(window.flying) < window.size.floor() {
                    let flow = flow as u32;
                    token += 1;
                    window.flying += 1;
                    let hash = flow.wrapping_mul(0x9e37_79b9);
                    let offered = Packet { flow: hash, token: token << 8 | u64::from(flow), ..self.packet };
                    if let Enqueue::Dropped(_) = world.offer(qdisc, offered) {
                        after(&mut events, world.now + self.round_trip, Event::Lost { flow });
                    }
                }
            }
            if let Dequeue::Packet(queued) = qdisc.dequeue(&mut world.context()) {
                let flow = (queued.token & 255) as u32;
                after(&mut events, world.now + self.round_trip, Event::Acknowledged { flow, marked: queued.is_marked });
                if world.now >= begin {
                    sent.packets.push((world.now, queued));
                }
            }
            for (queued, _) in std::mem::take(&mut world.dropped) {
                let flow = (queued.token & 255) as u32;
                after(&mut events, world.now + self.round_trip, Event::Lost { flow });
            }
            world.pass(self.slot);
        }
        sent
    }

    /// Over a link of 10 Mbit/s with a round-trip time of 50 ms, packets of 1,250 bytes: one a millisecond.
    pub(crate) fn over_10_mbit(count: u32) -> Sources {
        Sources {
            slot: Duration::from_millis(1),
            round_trip: Duration::from_millis(50),
            packet: Packet { len: 1250, ..packet(0) },
            count,
        }
    }
}
