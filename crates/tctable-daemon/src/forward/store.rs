use tctable::conntrack::Counter;
use tctable::packet::{DeviceId, LinkType};
use tctable::sched::{DropCause, Dropped};
use tctable::time::Instant;
use tctable_io::port::Offload;

use super::offer::{Leaving, offer};
use super::verdicts::Meta;
use crate::shard::Shard;

/// Bytes of a slot's buffer that are kept for the next frame.
const KEPT: usize = 2048;

/// Frames that wait in queues. Traffic control knows them by their tokens, which are their places here.
#[derive(Debug)]
pub(super) struct Store {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Frames that wait, by device.
    waiting: Vec<usize>,
    all: Counter,
    /// Rises with each frame.
    serial: u64,
}

#[derive(Debug)]
struct Slot {
    data: Vec<u8>,
    network_offset: u16,
    /// What traffic control is to know if it is asked once more.
    offload: Offload,
    link: LinkType,
    input: DeviceId,
    meta: Meta,
    serial: u64,
    /// Queues in which it waits: an action may have made copies.
    uses: u32,
}

impl Store {
    pub(super) fn new(devices: usize) -> Store {
        Store { slots: Vec::new(), free: Vec::new(), waiting: vec![0; devices], all: Counter::default(), serial: 0 }
    }

    /// Keeps a frame until [`Store::settle`] or, where it waits, [`Store::release`].
    pub(super) fn insert(&mut self, leaving: &Leaving<'_>, network_offset: u16) -> u64 {
        let Leaving { data, offload, link, input, meta } = *leaving;
        self.serial += 1;
        let slot = Slot { data: Vec::new(), network_offset, offload, link, input, meta, serial: self.serial, uses: 0 };
        let place = match self.free.pop() {
            Some(place) => {
                let old = &mut self.slots[place as usize];
                *old = Slot { data: std::mem::take(&mut old.data), ..slot };
                place
            }
            None => {
                self.slots.push(slot);
                (self.slots.len() - 1) as u32
            }
        };
        let slot = &mut self.slots[place as usize];
        slot.data.clear();
        slot.data.extend_from_slice(data);
        place.into()
    }

    /// It waits at a device.
    pub(super) fn hold(&mut self, token: u64, device: DeviceId) {
        let slot = &mut self.slots[token as usize];
        slot.uses += 1;
        self.all.count(slot.data.len() as u32);
        if let Some(waiting) = self.waiting.get_mut(usize::from(device.0)) {
            *waiting += 1;
        }
    }

    /// It waits there no longer; gives its length.
    pub(super) fn release(&mut self, token: u64, device: DeviceId) -> u32 {
        let slot = &mut self.slots[token as usize];
        let len = slot.data.len();
        slot.uses -= 1;
        self.all.packets -= 1;
        self.all.bytes -= len as u64;
        if let Some(waiting) = self.waiting.get_mut(usize::from(device.0)) {
            *waiting -= 1;
        }
        self.settle(token);
        len as u32
    }

    /// Forgets a frame that waits nowhere.
    pub(super) fn settle(&mut self, token: u64) {
        let slot = &mut self.slots[token as usize];
        if slot.uses == 0 {
            if slot.data.capacity() > KEPT {
                slot.data = Vec::new();
            }
            self.free.push(token as u32);
        }
    }

    pub(super) fn get(&self, token: u64) -> (&[u8], Offload) {
        let slot = &self.slots[token as usize];
        (&slot.data, slot.offload)
    }

    /// The packet in a frame, from its network header on.
    pub(super) fn packet_mut(&mut self, token: u64) -> &mut [u8] {
        let slot = &mut self.slots[token as usize];
        slot.data.get_mut(usize::from(slot.network_offset)..).unwrap_or_default()
    }

    /// Whether nothing waits at a device.
    pub(super) fn is_empty(&self, device: usize) -> bool {
        self.waiting.get(device).is_none_or(|waiting| *waiting == 0)
    }

    /// What waits.
    pub(super) fn waiting(&self) -> Counter {
        self.all
    }

    /// Forgets what traffic control dropped of what waited.
    pub(super) fn forget_dropped(&mut self, shard: &mut Shard) {
        while let Some(dropped) = shard.scheduler.poll_dropped() {
            self.shed(shard, &dropped);
        }
    }

    /// Traffic control was changed from outside: what waited in queues that are not there any more waits in those that are, in the
    /// order in which it came, as far as they have room. It is put in a class anew.
    pub(super) fn offer_again(&mut self, shard: &mut Shard, now: Instant) {
        let mut homeless = Vec::new();
        while let Some(dropped) = shard.scheduler.poll_dropped() {
            match dropped.cause {
                DropCause::Deleted => homeless.push(dropped),
                _ => self.shed(shard, &dropped),
            }
        }
        homeless.sort_by_key(|dropped| self.slots[dropped.token as usize].serial);
        for Dropped { token, device, .. } in homeless {
            let slot = &mut self.slots[token as usize];
            let (offload, link, input, meta) = (slot.offload, slot.link, slot.input, slot.meta);
            // It may wait elsewhere too.
            let data = slot.data.clone();
            self.release(token, device);
            offer(shard, self, now, device, &Leaving { data: &data, offload, link, input, meta });
        }
        // What took another one's place.
        self.forget_dropped(shard);
    }

    fn shed(&mut self, shard: &mut Shard, dropped: &Dropped) {
        let len = self.release(dropped.token, dropped.device);
        shard.counts.shed.count(len);
    }
}
