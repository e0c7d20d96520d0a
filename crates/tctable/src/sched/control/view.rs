use super::super::backlog::{Backlog, Count};
use super::super::device::Device;
use super::super::filter::FilterView;
use super::super::handle::{ClassId, Handle};
use super::super::hooks::Hooks;
use super::super::node::Node;
use super::super::options::QdiscOptions;
use super::super::qdisc::{ClassView, QdiscXstats};
use crate::packet::DeviceId;

/// A qdisc as it is listed.
#[derive(Clone, Debug, PartialEq)]
pub struct QdiscView {
    /// The device.
    pub device: DeviceId,
    /// Its handle; [`Handle::UNSPEC`] where it is there by default.
    pub handle: Handle,
    /// Where it hangs: [`Handle::ROOT`], [`Handle::INGRESS`] or a class.
    pub parent: Handle,
    /// Its kind and options.
    pub options: QdiscOptions,
    /// What left it; for `ingress` and `clsact`, what came by.
    pub sent: Count,
    /// Packets that it, or what is below it, dropped.
    pub dropped: u64,
    /// How often it could not give a packet although it had one.
    pub overlimits: u64,
    /// Packets that came back from the device.
    pub requeues: u64,
    /// What waits, here and below.
    pub backlog: Backlog,
    /// What only its kind counts.
    pub xstats: QdiscXstats,
}

/// A class as it is listed, with what it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassEntry {
    /// The device.
    pub device: DeviceId,
    /// The qdisc's kind.
    pub kind: &'static str,
    /// The class.
    pub view: ClassView,
}

/// A filter as it is listed, with where it hangs.
#[derive(Clone, Debug, PartialEq)]
pub struct FilterEntry {
    /// The device.
    pub device: DeviceId,
    /// The qdisc or class.
    pub parent: Handle,
    /// The filter.
    pub view: FilterView,
}

impl QdiscView {
    pub(super) fn of_node(device: DeviceId, parent: Handle, node: &Node) -> QdiscView {
        QdiscView {
            device,
            handle: node.handle,
            parent,
            options: node.qdisc.options(),
            sent: node.sent,
            dropped: node.dropped,
            overlimits: node.qdisc.overlimits(),
            requeues: 0,
            backlog: node.backlog(),
            xstats: node.qdisc.xstats(),
        }
    }

    pub(super) fn of_root(id: DeviceId, device: &Device) -> QdiscView {
        QdiscView {
            requeues: device.requeues,
            backlog: device.backlog(),
            ..QdiscView::of_node(id, Handle::ROOT, &device.root)
        }
    }

    pub(super) fn of_hooks(device: DeviceId, hooks: &Hooks) -> QdiscView {
        let egress = hooks.egress.as_ref();
        let seen = egress.map_or_else(Count::default, |egress| egress.seen);
        QdiscView {
            device,
            handle: Hooks::HANDLE,
            parent: Handle::INGRESS,
            options: hooks.options(),
            sent: Count {
                packets: hooks.ingress.seen.packets + seen.packets,
                bytes: hooks.ingress.seen.bytes + seen.bytes,
            },
            dropped: hooks.ingress.dropped + egress.map_or(0, |egress| egress.dropped),
            overlimits: 0,
            requeues: 0,
            backlog: Backlog::default(),
            xstats: QdiscXstats::None,
        }
    }

    /// The qdisc of that number, wherever it hangs.
    pub(super) fn find(id: DeviceId, device: &Device, major: u16) -> Option<QdiscView> {
        match (device.parent_of(major), &device.hooks) {
            (Some(Handle::ROOT), _) => Some(QdiscView::of_root(id, device)),
            (Some(parent), _) => Some(QdiscView::of_node(id, parent, device.node(major)?)),
            (None, Some(hooks)) if major == Hooks::HANDLE.major() => Some(QdiscView::of_hooks(id, hooks)),
            (None, _) => None,
        }
    }
}

impl ClassEntry {
    pub(super) fn of(device: DeviceId, node: &Node, class: ClassId) -> Option<ClassEntry> {
        let view = node.qdisc.classful()?.view(class)?;
        Some(ClassEntry { device, kind: node.qdisc.options().kind(), view })
    }
}
