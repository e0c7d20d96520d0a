use std::net::IpAddr;
use std::sync::Arc;

use tctable::packet::DeviceId;
use tctable::sched::{self, ClassDump, ClassEntry, Handle, HostKey, QdiscDump};

use super::PLACES;
use crate::shard::{Gone, Shard, Shards};

/// Qdiscs or classes that one job lists.
const ENTRIES: usize = PLACES / 8;

/// A qdisc, of all shards together where each has it.
#[derive(Clone, Debug)]
pub(crate) struct QdiscView {
    /// The device's name.
    pub(crate) device: Arc<str>,
    /// As traffic control lists it.
    pub(crate) view: sched::QdiscView,
}

/// A class, of all shards together where each has it.
#[derive(Clone, Debug)]
pub(crate) struct ClassView {
    /// The device's name.
    pub(crate) device: Arc<str>,
    /// As traffic control lists it.
    pub(crate) entry: ClassEntry,
    /// The host that it was made for, or the number of a group.
    pub(crate) host: Option<ClassHost>,
}

/// Who a class was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClassHost {
    /// An address.
    Address(IpAddr),
    /// A group, by its number.
    Group(u32),
}

/// Every qdisc.
///
/// # Errors
/// [`Gone`]
pub(crate) async fn qdiscs(shards: &Shards) -> Result<Vec<QdiscView>, Gone> {
    let mut all: Vec<QdiscView> = Vec::new();
    for shard in 0..shards.count() {
        let mut dump = QdiscDump::new(None);
        loop {
            let list = move |shard: &mut Shard| {
                let views = shard.scheduler.dump_qdiscs(&mut dump, ENTRIES);
                let views = views.into_iter().map(|view| QdiscView { device: name(shard, view.device), view });
                (views.collect::<Vec<_>>(), dump)
            };
            let (views, then) = shards.ask(shard, list).await?;
            dump = then;
            if views.is_empty() {
                break;
            }
            views.into_iter().for_each(|more| add_qdisc(&mut all, more));
        }
    }
    Ok(all)
}

/// Every class.
///
/// # Errors
/// [`Gone`]
pub(crate) async fn classes(shards: &Shards) -> Result<Vec<ClassView>, Gone> {
    let mut devices: Vec<DeviceId> = qdiscs(shards).await?.iter().map(|qdisc| qdisc.view.device).collect();
    devices.dedup();
    let mut all: Vec<ClassView> = Vec::new();
    // More than one shard have no classes: each would give out the whole rate.
    for shard in 0..shards.count() {
        for device in &devices {
            all.extend(classes_of(shards, shard, *device).await?);
        }
    }
    Ok(all)
}

async fn classes_of(shards: &Shards, shard: usize, device: DeviceId) -> Result<Vec<ClassView>, Gone> {
    let mut all = Vec::new();
    let mut dump = ClassDump::new(device);
    loop {
        let list = move |shard: &mut Shard| {
            let entries = shard.scheduler.dump_classes(&mut dump, ENTRIES);
            let views = entries.into_iter().map(|entry| ClassView {
                device: name(shard, device),
                host: shard.scheduler.host_of_class(device, entry.view.id).map(ClassHost::from),
                entry,
            });
            (views.collect::<Vec<_>>(), dump)
        };
        let (views, then) = shards.ask(shard, list).await?;
        dump = then;
        if views.is_empty() {
            return Ok(all);
        }
        all.extend(views);
    }
}

fn name(shard: &Shard, device: DeviceId) -> Arc<str> {
    let port = shard.ports.get(usize::from(device.0));
    port.map_or_else(|| device.0.to_string().into(), |port| Arc::clone(&port.name))
}

/// A few for each device: what hangs there by default.
fn add_qdisc(all: &mut Vec<QdiscView>, more: QdiscView) {
    let key = |qdisc: &QdiscView| (qdisc.view.device, qdisc.view.handle, qdisc.view.parent);
    let Some(sum) = all.iter_mut().find(|sum| more.view.handle == Handle::UNSPEC && key(sum) == key(&more)) else {
        all.push(more);
        return;
    };
    let (sum, more) = (&mut sum.view, more.view);
    sum.sent.packets += more.sent.packets;
    sum.sent.bytes += more.sent.bytes;
    sum.dropped += more.dropped;
    sum.overlimits += more.overlimits;
    sum.requeues += more.requeues;
    sum.backlog.packets += more.backlog.packets;
    sum.backlog.bytes += more.backlog.bytes;
}

impl From<HostKey> for ClassHost {
    fn from(key: HostKey) -> ClassHost {
        match key {
            HostKey::Address(family, address) => ClassHost::Address(address.to_ip(family)),
            HostKey::Group(number) => ClassHost::Group(number),
        }
    }
}
