use arrayvec::ArrayVec;
use tctable::packet::DeviceId;
use tctable::sched::{Ingress, Redirected};
use tctable::time::Instant;
use tctable_io::port::Arrival;

use super::BURST;
use super::offer::{Leaving, with_skb};
use super::store::Store;
use super::verdicts::Meta;
use crate::shard::Shard;

/// The frames of a burst that a device's ingress filters let in. The engine does not see the others, as in the kernel.
pub(super) fn admit<'a>(
    shard: &mut Shard,
    store: &mut Store,
    now: Instant,
    device: DeviceId,
    arrivals: &[Arrival<'a>],
) -> ArrayVec<Arrival<'a>, BURST> {
    let mut admitted = ArrayVec::new();
    for arrival in arrivals {
        let leaving = Leaving {
            data: arrival.frame.data,
            offload: arrival.offload,
            link: arrival.frame.link,
            input: device,
            meta: Meta::default(),
        };
        let (token, ingress) =
            with_skb(shard, store, now, &leaving, |shard, skb| shard.scheduler.receive(now, device, skb));
        let len = arrival.frame.data.len() as u32;
        match ingress {
            Ingress::Pass => admitted.push(*arrival),
            Ingress::Redirected(Redirected::Queued { device, .. }) => {
                store.hold(token, device);
                shard.counts.filtered.count(len);
                shard.counts.copies.count(len);
            }
            Ingress::Redirected(Redirected::Received { .. }) | Ingress::Dropped(_) | Ingress::Stolen => {
                shard.counts.filtered.count(len);
            }
        }
        store.settle(token);
    }
    admitted
}
