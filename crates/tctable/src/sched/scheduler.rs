use std::collections::VecDeque;

use super::action::Redirect;
use super::context::{Context, DropCause};
use super::control::{Change, Notification, Notifications, Object};
use super::device::{Device, DeviceConfig};
use super::fifo::Pool;
use super::filter::FilterKinds;
use super::flows::Flows;
use super::handle::Handle;
use super::options::{FqCodelOptions, QdiscOptions};
use super::outcome::{Departure, Dropped, Poll, Redirected};
use super::qdisc::{Dequeue, OptionsError};
use super::queued::Queued;
use crate::packet::DeviceId;
use crate::table::{HashKey, Hasher, Random};
use crate::time::Instant;

/// What traffic control is like as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Random choices come of it: the same seed, the same choices.
    pub seed: u64,
    /// Keys the hash of flows.
    pub hash_key: HashKey,
    /// What a device and a class get that have no qdisc of their own.
    pub default_leaf: QdiscOptions,
    /// Devices that there may be.
    pub max_devices: usize,
    /// Packets that may wait in all qdiscs of all devices together, and dropped ones that were not asked for yet: what is
    /// offered beyond is dropped.
    pub max_waiting: usize,
    /// Notifications that wait to be asked for: further ones are lost and counted. 0: nobody will ask.
    pub max_notifications: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            seed: 0,
            hash_key: HashKey::default(),
            default_leaf: QdiscOptions::FqCodel(FqCodelOptions::default()),
            max_devices: 1024,
            max_waiting: 1 << 22,
            max_notifications: 0,
        }
    }
}

/// Traffic control of a few devices: packets are offered, wait, and leave when the time has come.
///
/// It reads no clock: each call is told the time, which must not go back.
#[derive(Debug)]
pub struct Scheduler {
    pub(super) devices: Vec<Option<Box<Device>>>,
    pub(super) shared: Shared,
    pub(super) kinds: FilterKinds,
    /// Packets that wait, in all devices.
    waiting: usize,
    /// Packets that were dropped while they waited, to be given back.
    gone: VecDeque<Dropped>,
    /// Where copies of the last packet went.
    pub(super) copies: Vec<Redirected>,
    notifications: Notifications,
    /// The number that was allocated last for a qdisc without one.
    allocated: u16,
}

/// What all qdiscs of all devices share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) pool: Pool,
    flows: Flows,
    random: Random,
    pub(super) hasher: Hasher,
    dropped: Vec<(Queued, DropCause)>,
    /// Where filters want the packet on offer to go too.
    pub(super) redirects: Vec<Redirect>,
}

impl Shared {
    pub(super) fn context(&mut self, now: Instant, device: &DeviceConfig) -> Context<'_> {
        Context {
            now,
            pool: &mut self.pool,
            flows: &mut self.flows,
            random: &mut self.random,
            dropped: &mut self.dropped,
            redirects: &mut self.redirects,
            depth: 0,
            class: None,
            default_leaf: &self.config.default_leaf,
            mtu: device.mtu,
            queue_len: device.queue_len,
        }
    }
}

/// Why a device cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// It is there already.
    #[error("there is such a device already")]
    Exists,
    /// There are [`Config::max_devices`].
    #[error("too many devices")]
    TooMany,
    /// [`Config::default_leaf`] cannot be made.
    #[error(transparent)]
    Default(#[from] OptionsError),
}

/// Whether a kind has nothing below it: what hangs below classes by default must not have its like below it in turn.
fn is_leaf(options: &QdiscOptions) -> bool {
    match options {
        QdiscOptions::Pfifo { .. }
        | QdiscOptions::Bfifo { .. }
        | QdiscOptions::PfifoHeadDrop { .. }
        | QdiscOptions::PfifoFast
        | QdiscOptions::Sfq(_)
        | QdiscOptions::FqCodel(_)
        | QdiscOptions::Codel(_) => true,
        QdiscOptions::Htb(_)
        | QdiscOptions::Prio(_)
        | QdiscOptions::Tbf(_)
        | QdiscOptions::Red(_)
        | QdiscOptions::Cbq(_)
        | QdiscOptions::Ingress
        | QdiscOptions::Clsact
        | QdiscOptions::Noqueue => false,
    }
}

impl Scheduler {
    /// Traffic control without devices.
    pub fn new(config: Config) -> Scheduler {
        Scheduler {
            devices: Vec::new(),
            kinds: FilterKinds::default(),
            notifications: Notifications::new(config.max_notifications),
            shared: Shared {
                pool: Pool::new(),
                flows: Flows::new(),
                random: Random::new(config.seed),
                hasher: Hasher::new(config.hash_key),
                dropped: Vec::new(),
                redirects: Vec::new(),
                config,
            },
            waiting: 0,
            gone: VecDeque::new(),
            copies: Vec::new(),
            allocated: 0x8000,
        }
    }

    /// Adds a device. Its root is a qdisc as [`Config::default_leaf`] says, without a handle.
    ///
    /// # Errors
    /// [`DeviceError`]
    pub fn add_device(&mut self, id: DeviceId, config: DeviceConfig) -> Result<(), DeviceError> {
        if self.device(id).is_some() {
            return Err(DeviceError::Exists);
        }
        if self.devices.iter().flatten().count() >= self.shared.config.max_devices {
            return Err(DeviceError::TooMany);
        }
        if !is_leaf(&self.shared.config.default_leaf) {
            return Err(OptionsError::Invalid("a qdisc with others below it cannot be what all have by default").into());
        }
        let mut context = self.shared.context(Instant::ZERO, &config);
        let device = Device::new(config.clone(), &mut context)?;
        let place = usize::from(id.0);
        if self.devices.len() <= place {
            self.devices.resize_with(place + 1, || None);
        }
        self.devices[place] = Some(Box::new(device));
        Ok(())
    }

    /// A device's MTU is another from now on, for what is configured later; qdiscs that are there keep what they were made with, as the
    /// kernel's do. Nothing happens where there is no such device.
    pub fn set_mtu(&mut self, id: DeviceId, mtu: u32) {
        if let Some(Some(device)) = self.devices.get_mut(usize::from(id.0)) {
            device.config.mtu = mtu;
        }
    }

    pub(super) fn device(&self, id: DeviceId) -> Option<&Device> {
        self.devices.get(usize::from(id.0))?.as_deref()
    }

    /// Asks a device for the packet that is next to leave.
    pub fn poll(&mut self, now: Instant, id: DeviceId) -> Poll {
        let Some(Some(device)) = self.devices.get_mut(usize::from(id.0)) else { return Poll::Empty };
        if let Some(queued) = device.take_requeued() {
            self.waiting -= 1;
            return Poll::Packet(queued.into());
        }
        let mut context = self.shared.context(now, &device.config);
        let before = device.root.backlog().packets;
        let dequeue = device.root.dequeue(&mut context);
        let after = device.root.backlog().packets;
        self.follow(id, before, after);
        match dequeue {
            Dequeue::Packet(queued) => Poll::Packet(queued.into()),
            Dequeue::Later(at) => Poll::Later(at),
            Dequeue::Empty => Poll::Empty,
        }
    }

    /// Takes a packet back for which the device had no room: it is the next to leave. It counts as sent by the qdiscs that
    /// it passed, as in the kernel, and in the root's requeues.
    pub fn requeue(&mut self, device: DeviceId, departure: Departure) {
        match self.devices.get_mut(usize::from(device.0)) {
            Some(Some(device)) => {
                device.requeue(departure.into());
                self.waiting += 1;
            }
            _ => self.gone.push_back(Dropped::new(departure.into(), device, DropCause::NoDevice)),
        }
    }

    /// A packet that was queued, and was dropped since.
    pub fn poll_dropped(&mut self) -> Option<Dropped> {
        self.gone.pop_front()
    }

    /// Whether no more packets may wait.
    pub(super) fn is_full(&self) -> bool {
        self.waiting + self.gone.len() >= self.shared.config.max_waiting
    }

    /// Follows what a call changed of a device's backlog, and keeps what was dropped for the caller.
    pub(super) fn follow(&mut self, device: DeviceId, before: u32, after: u32) {
        self.waiting = self.waiting + after as usize - before as usize;
        for (queued, cause) in self.shared.dropped.drain(..) {
            self.gone.push_back(Dropped::new(queued, device, cause));
        }
    }

    /// The oldest change of the tree that was not asked for yet.
    pub fn poll_notification(&mut self) -> Option<Notification> {
        self.notifications.pop()
    }

    /// Notifications that were lost for want of room.
    pub fn lost_notifications(&self) -> u64 {
        self.notifications.lost()
    }

    pub(super) fn notify(&mut self, what: Change, object: Option<Object>) {
        if let Some(object) = object {
            self.notifications.push(what, object);
        }
    }

    /// The numbers of devices from that one on.
    pub(super) fn devices_from(&self, first: u32) -> impl Iterator<Item = u32> + '_ {
        (first..self.devices.len() as u32).filter(|id| self.devices[*id as usize].is_some())
    }

    /// Works on a device, and follows what became of its packets.
    pub(super) fn work<R>(
        &mut self,
        now: Instant,
        id: DeviceId,
        work: impl FnOnce(&mut Device, &mut Context<'_>) -> R,
    ) -> Option<R> {
        let device = self.devices.get_mut(usize::from(id.0))?.as_deref_mut()?;
        let before = device.backlog().packets;
        let mut context = self.shared.context(now, &device.config);
        let result = work(device, &mut context);
        let after = device.backlog().packets;
        self.follow(id, before, after);
        Some(result)
    }

    /// A device, with what is needed to work on it. Whoever changes what waits there takes `work` instead.
    pub(super) fn parts(&mut self, now: Instant, id: DeviceId) -> Option<(&mut Device, Context<'_>, &FilterKinds)> {
        let device = self.devices.get_mut(usize::from(id.0))?.as_deref_mut()?;
        let context = self.shared.context(now, &device.config);
        Some((device, context, &self.kinds))
    }

    /// A number for a qdisc without one, as the kernel goes through them: from 8001 to fffe, and round again. `None` where
    /// all are taken.
    pub(super) fn allocate_handle(&mut self, id: DeviceId) -> Option<Handle> {
        for _ in 0x8000..0xffff_u32 {
            self.allocated = if self.allocated >= 0xfffe { 0x8000 } else { self.allocated + 1 };
            if !self.device(id)?.knows(self.allocated) {
                return Some(Handle::new(self.allocated, 0));
            }
        }
        None
    }
}
