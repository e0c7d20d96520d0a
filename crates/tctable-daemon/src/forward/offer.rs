use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType, PacketInfo};
use tctable::sched::{Offer, Redirected, Skb};
use tctable::time::Instant;
use tctable_io::port::Offload;

use super::store::Store;
use super::verdicts::Meta;
use crate::shard::Shard;

/// A frame that is to leave when traffic control says so.
#[derive(Debug)]
pub(super) struct Leaving<'a> {
    pub(super) data: &'a [u8],
    pub(super) offload: Offload,
    pub(super) link: LinkType,
    pub(super) input: DeviceId,
    pub(super) meta: Meta,
}

/// Offers a frame to a device: it waits there, or is counted as shed.
pub(super) fn offer(shard: &mut Shard, store: &mut Store, now: Instant, device: DeviceId, leaving: &Leaving<'_>) {
    let (token, offer) = with_skb(shard, store, now, leaving, |shard, skb| shard.scheduler.offer(now, device, skb));
    match offer {
        Offer::Queued { .. } => store.hold(token, device),
        Offer::Redirected(Redirected::Queued { device, .. }) => store.hold(token, device),
        // There is no way on for what an action wants to come in once more.
        Offer::Dropped { .. } | Offer::Stolen | Offer::Redirected(Redirected::Received { .. }) => {
            shard.counts.shed.count(leaving.data.len() as u32);
        }
    }
    store.settle(token);
}

/// Shows a frame to traffic control under a token of its own, and keeps the copies that actions make of it. Gives the token,
/// which is still to be settled.
pub(super) fn with_skb<R>(
    shard: &mut Shard,
    store: &mut Store,
    now: Instant,
    leaving: &Leaving<'_>,
    show: impl FnOnce(&mut Shard, &mut Skb<'_>) -> R,
) -> (u64, R) {
    let Leaving { data, link, input, meta, .. } = *leaving;
    let frame =
        Frame { time: now, device: input, direction: FrameDirection::Unknown, link, wire_len: data.len() as u32, data };
    let read = PacketInfo::read(&frame);
    let (network_offset, protocol) = frame.network(read.as_ref().map_err(|error| *error));
    let token = store.insert(leaving, network_offset);
    let mut skb = Skb {
        token,
        data,
        network_offset,
        protocol,
        len: data.len() as u32,
        info: read.as_ref().ok(),
        mark: meta.mark,
        priority: meta.priority,
        input: Some(input),
        ct: meta.ct,
        host: meta.host,
    };
    let shown = show(shard, &mut skb);
    for copy in shard.scheduler.copies() {
        if let Redirected::Queued { device, .. } = copy {
            store.hold(token, *device);
            shard.counts.copies.count(data.len() as u32);
        }
    }
    (token, shown)
}
