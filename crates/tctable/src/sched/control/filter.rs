use thiserror::Error;

use super::super::device::Device;
use super::super::filter::{
    Block, FilterChange, FilterError, FilterKey, FilterKinds, FilterQuery, FilterRequest, FilterView,
};
use super::super::handle::{ClassId, Handle};
use super::super::hooks::Hooks;
use super::super::scheduler::Scheduler;
use super::errno::Errno;
use super::notify::{Change, Object};
use super::request::Flags;
use crate::packet::DeviceId;
use crate::time::Instant;

/// A filter as it is listed, with where it hangs.
#[derive(Clone, Debug, PartialEq)]
pub struct FilterEntry {
    /// The device.
    pub device: DeviceId,
    /// The qdisc, the class or the hook at which it hangs.
    pub parent: Handle,
    /// The filter.
    pub view: FilterView,
}

/// Why an operation on a filter failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SetFilterError {
    /// `ENODEV`
    #[error("no such device")]
    NoDevice,
    /// `EINVAL`: the parent is no qdisc's, or there is no root qdisc with a handle.
    #[error("no such parent qdisc")]
    NoQdisc,
    /// `EINVAL`: the qdisc has neither classes nor filters.
    #[error("the qdisc has no classes")]
    Classless,
    /// `ENOENT`
    #[error("no such parent class")]
    NoClass,
    /// `EINVAL`: the class has no filters of its own.
    #[error("the class takes no filters")]
    NoFilters,
    /// The filters there refuse it.
    #[error(transparent)]
    Filter(#[from] FilterError),
}

impl SetFilterError {
    /// The kernel's number for it.
    pub fn errno(&self) -> Errno {
        match self {
            SetFilterError::NoDevice => Errno::ENODEV,
            SetFilterError::NoQdisc | SetFilterError::Classless | SetFilterError::NoFilters => Errno::EINVAL,
            SetFilterError::NoClass => Errno::ENOENT,
            SetFilterError::Filter(error) => error.errno(),
        }
    }
}

/// A list of the filters of one place that is read in parts, by chain, priority and handle. The filters may change between
/// them: what is there all the time is listed once.
#[derive(Clone, Debug)]
pub struct FilterDump {
    device: DeviceId,
    parent: Handle,
    after: Option<FilterKey>,
}

impl FilterDump {
    /// The filters of a qdisc, a class or a hook; [`Handle::UNSPEC`] is the device's root qdisc.
    pub fn new(device: DeviceId, parent: Handle) -> FilterDump {
        FilterDump { device, parent, after: None }
    }
}

impl Scheduler {
    /// The kinds of filters, to which more can be added.
    pub fn filter_kinds_mut(&mut self) -> &mut FilterKinds {
        &mut self.kinds
    }

    /// Makes or changes a filter, as `RTM_NEWTFILTER` does, and tells where it is: with the priority and the handle that
    /// it was given.
    ///
    /// # Errors
    /// [`SetFilterError`]; then nothing has changed.
    pub fn set_filter(
        &mut self,
        now: Instant,
        request: &FilterRequest,
        flags: Flags,
    ) -> Result<FilterKey, SetFilterError> {
        let id = request.device;
        let device = self.devices.get_mut(usize::from(id.0)).and_then(Option::as_deref_mut);
        let device = device.ok_or(SetFilterError::NoDevice)?;
        let parent = parent(device, request.parent)?;
        let qdisc = Handle::new(parent.major(), 0);
        let change = block(device, parent)?.change(&self.kinds, now, qdisc, request, flags)?;
        bind(device, qdisc, &change);
        let view = block(device, parent)?.find(change.key);
        let entry = view.map(|view| Object::Filter(FilterEntry { device: id, parent, view }));
        self.notify(Change::New, entry);
        Ok(change.key)
    }

    /// Deletes a filter, a priority or all filters of a chain, as `RTM_DELTFILTER` does.
    ///
    /// # Errors
    /// [`SetFilterError`]; then nothing has changed.
    pub fn delete_filter(&mut self, now: Instant, query: &FilterQuery) -> Result<(), SetFilterError> {
        let id = query.device;
        let device = self.devices.get_mut(usize::from(id.0)).and_then(Option::as_deref_mut);
        let device = device.ok_or(SetFilterError::NoDevice)?;
        let parent = parent(device, query.parent)?;
        let qdisc = Handle::new(parent.major(), 0);
        let change = block(device, parent)?.delete(now, qdisc, query)?;
        bind(device, qdisc, &change);
        for view in change.deleted {
            self.notify(Change::Deleted, Some(Object::Filter(FilterEntry { device: id, parent, view })));
        }
        Ok(())
    }

    /// One filter, as `RTM_GETTFILTER` tells it.
    ///
    /// # Errors
    /// [`SetFilterError`]
    pub fn filter(&mut self, query: &FilterQuery) -> Result<FilterEntry, SetFilterError> {
        let id = query.device;
        let device = self.devices.get_mut(usize::from(id.0)).and_then(Option::as_deref_mut);
        let device = device.ok_or(SetFilterError::NoDevice)?;
        let parent = parent(device, query.parent)?;
        let view = block(device, parent)?.get(query)?;
        Ok(FilterEntry { device: id, parent, view })
    }

    /// The next filters of a list, `most` at most; none at its end, or where nothing has filters.
    pub fn dump_filters(&mut self, dump: &mut FilterDump, most: usize) -> Vec<FilterEntry> {
        let mut entries = Vec::new();
        let device = self.devices.get_mut(usize::from(dump.device.0)).and_then(Option::as_deref_mut);
        let Some(device) = device else { return entries };
        let Ok(parent) = parent(device, dump.parent) else { return entries };
        let Ok(block) = block(device, parent) else { return entries };
        while entries.len() < most
            && let Some(view) = block.view_after(dump.after)
        {
            dump.after = Some(view.key);
            entries.push(FilterEntry { device: dump.device, parent, view });
        }
        entries
    }
}

/// The place that a request names.
fn parent(device: &Device, parent: Handle) -> Result<Handle, SetFilterError> {
    match parent {
        Handle::UNSPEC if device.root.handle == Handle::UNSPEC => Err(SetFilterError::Classless),
        Handle::UNSPEC => Ok(device.root.handle),
        parent if device.knows(parent.major()) => Ok(parent),
        _ => Err(SetFilterError::NoQdisc),
    }
}

/// The filters of a qdisc, a class or a hook.
fn block(device: &mut Device, parent: Handle) -> Result<&mut Block, SetFilterError> {
    if parent.major() == Hooks::HANDLE.major() {
        let hooks = device.hooks.as_mut().ok_or(SetFilterError::NoQdisc)?;
        return match (parent, &mut hooks.egress) {
            (Hooks::EGRESS, Some(egress)) => Ok(&mut egress.block),
            // All that `ingress` can be asked for are incoming packets.
            (Hooks::INGRESS, _) | (_, None) => Ok(&mut hooks.ingress.block),
            (_, Some(_)) => Err(SetFilterError::NoFilters),
        };
    }
    let node = device.node_mut(parent.major()).ok_or(SetFilterError::NoQdisc)?;
    if parent.minor() == 0 {
        return node.qdisc.block().ok_or(SetFilterError::Classless);
    }
    let classful = node.qdisc.classful_mut().ok_or(SetFilterError::Classless)?;
    let class = ClassId::from(parent);
    if !classful.has(class) {
        return Err(SetFilterError::NoClass);
    }
    classful.class_block(class).ok_or(SetFilterError::NoFilters)
}

/// Classes of the filters' own qdisc that are named cannot be deleted.
fn bind(device: &mut Device, qdisc: Handle, change: &FilterChange) {
    let names = change.named.iter().map(|class| (*class, true));
    let releases = change.released.iter().map(|class| (*class, false));
    for (class, is_named) in names.chain(releases).filter(|(class, _)| class.major() == qdisc.major()) {
        device.bind(class, is_named);
    }
}
