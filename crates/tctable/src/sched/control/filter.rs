use super::super::context::Context;
use super::super::device::Device;
use super::super::filter::{
    Block, EtherType, FilterChange, FilterError, FilterKey, FilterKinds, FilterQuery, FilterRequest, FilterView,
};
use super::super::handle::{ClassId, Handle};
use super::super::hooks::Hooks;
use super::super::node::Node;
use super::super::scheduler::Scheduler;
use super::error::{FilterPlaceError, FilterRequestError};
use super::notify::{Change, Object};
use super::request::Flags;
use super::view::FilterEntry;
use crate::packet::DeviceId;
use crate::time::Instant;

/// Where filters hang.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// A qdisc, or a class below one: `major:0` is the qdisc.
    Tree(ClassId),
    Ingress,
    Egress,
}

impl Scheduler {
    /// The kinds of filters, to which others can be added.
    pub fn filter_kinds(&mut self) -> &mut FilterKinds {
        &mut self.kinds
    }

    /// Makes or changes a filter, as `RTM_NEWTFILTER` does, and tells where it is.
    ///
    /// # Errors
    /// [`FilterRequestError`]; then nothing has changed.
    pub fn set_filter(
        &mut self,
        now: Instant,
        request: &FilterRequest,
        flags: Flags,
    ) -> Result<FilterKey, FilterRequestError> {
        if request.priority == 0 && !flags.create {
            return Err(FilterError::NoPriority.into());
        }
        let (parent, place) = self.filter_place(request.device, request.parent)?;
        let (device, mut context, kinds) = self.parts(now, request.device).ok_or(FilterPlaceError::NoDevice)?;
        let qdisc = Handle::new(parent.major(), 0);
        let (change, view) = with_block(device, &mut context, place, |block| {
            let change = block.change(kinds, now, qdisc, request, flags)?;
            let view = view_of(block, request, change.key);
            Ok((change, view))
        })?;
        rename(device, &mut context, place, &change);
        let device = request.device;
        self.notify(Change::New, view.map(|view| Object::Filter(FilterEntry { device, parent, view })));
        Ok(change.key)
    }

    /// Deletes a filter, all of a priority or all of a chain, as `RTM_DELTFILTER` does.
    ///
    /// # Errors
    /// [`FilterRequestError`]; then nothing has changed.
    pub fn delete_filter(&mut self, now: Instant, query: &FilterQuery) -> Result<(), FilterRequestError> {
        let FilterQuery { protocol, priority, handle, ref kind, .. } = *query;
        if priority == 0 && (protocol != EtherType::UNSPEC || handle != 0 || kind.is_some()) {
            return Err(FilterError::NotAll.into());
        }
        let (parent, place) = self.filter_place(query.device, query.parent)?;
        let (device, mut context, _) = self.parts(now, query.device).ok_or(FilterPlaceError::NoDevice)?;
        let qdisc = Handle::new(parent.major(), 0);
        let mut change = with_block(device, &mut context, place, |block| Ok(block.delete(now, qdisc, query)?))?;
        rename(device, &mut context, place, &change);
        let device = query.device;
        for view in change.deleted.drain(..) {
            self.notify(Change::Deleted, Some(Object::Filter(FilterEntry { device, parent, view })));
        }
        Ok(())
    }

    /// One filter, as `RTM_GETTFILTER` tells it.
    ///
    /// # Errors
    /// [`FilterRequestError`]
    pub fn filter(&mut self, query: &FilterQuery) -> Result<FilterEntry, FilterRequestError> {
        if query.priority == 0 {
            return Err(FilterError::NoPriority.into());
        }
        let (parent, place) = self.filter_place(query.device, query.parent)?;
        let view = self.look_at_block(query.device, place, |block| Ok(block.get(query)?))?;
        Ok(FilterEntry { device: query.device, parent, view })
    }

    /// The filter that is listed behind that one, or the first of all; `None` where nothing can hang, too.
    pub(super) fn filter_after(
        &mut self,
        device: DeviceId,
        parent: Handle,
        after: Option<FilterKey>,
    ) -> Option<FilterEntry> {
        let (parent, place) = self.filter_place(device, parent).ok()?;
        let view = self.look_at_block(device, place, |block| Ok(block.view_after(after))).ok()??;
        Some(FilterEntry { device, parent, view })
    }

    fn look_at_block<R>(
        &mut self,
        id: DeviceId,
        place: Place,
        look: impl FnOnce(&Block) -> Result<R, FilterRequestError>,
    ) -> Result<R, FilterRequestError> {
        // No time passes by looking.
        let (device, mut context, _) = self.parts(Instant::ZERO, id).ok_or(FilterPlaceError::NoDevice)?;
        with_block(device, &mut context, place, |block| look(block))
    }

    /// The full name of where a request wants filters, and what that is.
    fn filter_place(&self, id: DeviceId, parent: Handle) -> Result<(Handle, Place), FilterPlaceError> {
        let device = self.device(id).ok_or(FilterPlaceError::NoDevice)?;
        if parent == Handle::UNSPEC {
            let root = device.root.handle;
            // The root that a device has by default has no handle to be found by.
            return match root {
                Handle::UNSPEC => Err(FilterPlaceError::Classless),
                root => Ok((root, Place::Tree(root.into()))),
            };
        }
        if device.parent_of(parent.major()).is_some() {
            return Ok((parent, Place::Tree(parent.into())));
        }
        let hooks = device.hooks.as_ref().filter(|_| parent.major() == Hooks::HANDLE.major());
        match hooks.ok_or(FilterPlaceError::NoQdisc)? {
            // All that names `ingress` names the one place that it has.
            Hooks { egress: None, .. } => Ok((parent, Place::Ingress)),
            _ if parent == Hooks::INGRESS => Ok((parent, Place::Ingress)),
            _ if parent == Hooks::EGRESS => Ok((parent, Place::Egress)),
            _ if parent.minor() == 0 => Err(FilterPlaceError::NoFilters),
            _ => Err(FilterPlaceError::NoClass),
        }
    }
}

fn view_of(block: &Block, request: &FilterRequest, key: FilterKey) -> Option<FilterView> {
    let FilterKey { chain, priority, protocol, handle } = key;
    let FilterRequest { device, parent, .. } = *request;
    block.get(&FilterQuery { device, parent, protocol, priority, chain, handle, kind: None }).ok()
}

/// Works on the filters that hang somewhere.
fn with_block<R>(
    device: &mut Device,
    context: &mut Context<'_>,
    place: Place,
    work: impl FnOnce(&mut Block) -> Result<R, FilterRequestError>,
) -> Result<R, FilterRequestError> {
    let hooks = device.hooks.as_mut();
    match place {
        Place::Ingress => work(&mut hooks.ok_or(FilterPlaceError::NoQdisc)?.ingress.block),
        Place::Egress => {
            let egress = hooks.and_then(|hooks| hooks.egress.as_mut());
            work(&mut egress.ok_or(FilterPlaceError::NoQdisc)?.block)
        }
        Place::Tree(class) => {
            let worked =
                device.at(context, class.major, |node, _| block(node, class).map_err(Into::into).and_then(work));
            worked.unwrap_or(Err(FilterPlaceError::NoQdisc.into()))
        }
    }
}

/// The filters of a qdisc or of one of its classes.
fn block(node: &mut Node, class: ClassId) -> Result<&mut Block, FilterPlaceError> {
    if node.qdisc.block().is_none() {
        let is_classful = node.qdisc.classful().is_some();
        return Err(if is_classful { FilterPlaceError::NotSupported } else { FilterPlaceError::Classless });
    }
    if class.minor == 0 {
        return node.qdisc.block().ok_or(FilterPlaceError::NotSupported);
    }
    let classful = node.qdisc.classful_mut().filter(|classful| classful.has(class));
    classful.ok_or(FilterPlaceError::NoClass)?.class_block(class).ok_or(FilterPlaceError::NoFilters)
}

/// Classes of the qdisc that filters name cannot be deleted.
fn rename(device: &mut Device, context: &mut Context<'_>, place: Place, change: &FilterChange) {
    let Place::Tree(at) = place else { return };
    let of_qdisc = |names: &[Handle]| -> Vec<ClassId> {
        names.iter().filter(|class| class.major() == at.major).map(|class| ClassId::from(*class)).collect()
    };
    let (named, released) = (of_qdisc(&change.named), of_qdisc(&change.released));
    for class in &named {
        device.named.name(*class, at);
    }
    for class in &released {
        device.named.release(*class, at);
    }
    device.at(context, at.major, |node, _| {
        let Some(classful) = node.qdisc.classful_mut() else { return };
        named.iter().for_each(|class| classful.bind(*class, true));
        released.iter().for_each(|class| classful.bind(*class, false));
    });
}
