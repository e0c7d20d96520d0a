use super::super::device::Device;
use super::super::filter::{EtherType, FilterKey};
use super::super::handle::{ClassId, Handle};
use super::super::scheduler::Scheduler;
use super::view::{ClassEntry, FilterEntry, QdiscView};
use crate::packet::DeviceId;

/// A list of qdiscs that is read in parts. The tree may change between them: what is there all the time is listed once, what
/// comes or goes meanwhile once or not at all.
///
/// Devices come in the order of their numbers; of each its root, then what is below it by handle, then `ingress` or
/// `clsact`. What hangs below a class by default, without a handle, is not listed, as in the kernel.
#[derive(Clone, Debug)]
pub struct QdiscDump {
    device: u32,
    last: u32,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Root,
    /// Those from that number on.
    Below(u32),
    Hooks,
}

impl QdiscDump {
    /// The qdiscs of one device, or of all.
    pub fn new(device: Option<DeviceId>) -> QdiscDump {
        let (device, last) = match device {
            Some(device) => (device.0.into(), device.0.into()),
            None => (0, u16::MAX.into()),
        };
        QdiscDump { device, last, stage: Stage::Root }
    }
}

/// A list of a device's classes that is read in parts, as [`QdiscDump`]: by their qdiscs' handles, then by their ids.
#[derive(Clone, Debug)]
pub struct ClassDump {
    device: DeviceId,
    /// The qdisc that is next, and the one that is last.
    major: u32,
    last: u32,
    after: Option<ClassId>,
}

impl ClassDump {
    /// All classes of a device.
    pub fn new(device: DeviceId) -> ClassDump {
        ClassDump { device, major: 0, last: u16::MAX.into(), after: None }
    }

    /// The classes of one of its qdiscs.
    pub fn of_qdisc(device: DeviceId, qdisc: Handle) -> ClassDump {
        let major = qdisc.major().into();
        ClassDump { device, major, last: major, after: None }
    }
}

/// A list of filters that is read in parts, as [`QdiscDump`]: by chain, priority and handle; a priority is listed before
/// its filters. Where nothing can hang, the list is empty, as in the kernel.
#[derive(Clone, Debug)]
pub struct FilterDump {
    device: DeviceId,
    parent: Handle,
    after: Option<FilterKey>,
    /// Only these, where they are given.
    pub chain: Option<u32>,
    /// Only this priority; 0: any.
    pub priority: u16,
    /// Only this protocol; [`EtherType::UNSPEC`]: any.
    pub protocol: EtherType,
}

impl FilterDump {
    /// All filters at a qdisc, a class, ingress or egress; [`Handle::UNSPEC`]: at the device's root.
    pub fn new(device: DeviceId, parent: Handle) -> FilterDump {
        FilterDump { device, parent, after: None, chain: None, priority: 0, protocol: EtherType::UNSPEC }
    }

    fn wants(&self, key: &FilterKey) -> bool {
        self.chain.is_none_or(|chain| chain == key.chain)
            && (self.priority == 0 || self.priority == key.priority)
            && (self.protocol == EtherType::UNSPEC || self.protocol == key.protocol)
    }
}

impl Scheduler {
    /// The next filters of a list, `most` at most; none at its end.
    pub fn dump_filters(&mut self, dump: &mut FilterDump, most: usize) -> Vec<FilterEntry> {
        let mut entries = Vec::new();
        while entries.len() < most
            && let Some(entry) = self.filter_after(dump.device, dump.parent, dump.after)
        {
            dump.after = Some(entry.view.key);
            if dump.wants(&entry.view.key) {
                entries.push(entry);
            }
        }
        entries
    }

    /// The next qdiscs of a list, `most` at most; none at its end.
    pub fn dump_qdiscs(&self, dump: &mut QdiscDump, most: usize) -> Vec<QdiscView> {
        let mut views = Vec::new();
        while views.len() < most && dump.device <= dump.last {
            let id = DeviceId(dump.device as u16);
            let Some(device) = self.device(id) else {
                let next = self.devices_from(dump.device + 1).next();
                dump.device = next.unwrap_or(u32::from(u16::MAX) + 1);
                dump.stage = Stage::Root;
                continue;
            };
            match dump.stage {
                Stage::Root => {
                    views.push(QdiscView::of_root(id, device));
                    dump.stage = Stage::Below(0);
                }
                Stage::Below(first) => match next_below(device, first) {
                    Some(major) => {
                        views.extend(QdiscView::find(id, device, major));
                        dump.stage = Stage::Below(u32::from(major) + 1);
                    }
                    None => dump.stage = Stage::Hooks,
                },
                Stage::Hooks => {
                    views.extend(device.hooks.as_ref().map(|hooks| QdiscView::of_hooks(id, hooks)));
                    dump.device += 1;
                    dump.stage = Stage::Root;
                }
            }
        }
        views
    }

    /// The next classes of a list, `most` at most; none at its end.
    pub fn dump_classes(&self, dump: &mut ClassDump, most: usize) -> Vec<ClassEntry> {
        let mut entries = Vec::new();
        let Some(device) = self.device(dump.device) else { return entries };
        while entries.len() < most && dump.major <= dump.last {
            let major = dump.major as u16;
            let node = device.node(major);
            let view = node.and_then(|node| node.qdisc.classful()).and_then(|classes| classes.view_after(dump.after));
            match (node, view) {
                (Some(node), Some(view)) => {
                    dump.after = Some(view.id);
                    entries.push(ClassEntry { device: dump.device, kind: node.qdisc.options().kind(), view });
                }
                _ => {
                    let next = u16::try_from(dump.major + 1).ok();
                    let next = next.and_then(|next| device.majors_from(next).next());
                    dump.major = next.map_or(u32::from(u16::MAX) + 1, u32::from);
                    dump.after = None;
                }
            }
        }
        entries
    }
}

/// The first qdisc below the root from that number on.
fn next_below(device: &Device, first: u32) -> Option<u16> {
    let first = u16::try_from(first).ok()?;
    device.majors_from(first).find(|major| device.parent_of(*major) != Some(Handle::ROOT))
}
