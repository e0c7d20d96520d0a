use std::collections::BTreeSet;

use super::super::context::Context;
use super::super::device::{self, Device, MOST_NESTED};
use super::super::handle::{ClassId, Handle};
use super::super::hooks::{Hook, Hooks};
use super::super::node::Node;
use super::super::options::QdiscOptions;
use super::super::qdisc::{self, ClassRefusal, Classful};
use super::super::scheduler::Scheduler;
use super::error::{DeleteQdiscError, GetQdiscError, SetQdiscError};
use super::kinds;
use super::notify::{Change, Object};
use super::request::{Flags, QdiscRequest, QdiscSpec};
use super::view::QdiscView;
use crate::packet::DeviceId;
use crate::time::Instant;

/// Where a qdisc hangs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Root,
    Hooks,
    Class(ClassId),
}

/// The qdisc that hangs somewhere: its handle and kind.
#[derive(Clone, Copy, Debug)]
struct There {
    handle: Handle,
    kind: &'static str,
}

/// What a request comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    Change(Handle),
    Create(Place),
}

impl Scheduler {
    /// Makes, changes, replaces or links a qdisc, as `RTM_NEWQDISC` does.
    ///
    /// One of the same kind is changed in place: no packet is lost but what a lower limit says. One of another kind takes the
    /// place of the old one, whose packets come back by [`Scheduler::poll_dropped`].
    ///
    /// # Errors
    /// [`SetQdiscError`]; then nothing has changed.
    pub fn set_qdisc(&mut self, now: Instant, request: &QdiscRequest, flags: Flags) -> Result<(), SetQdiscError> {
        let device = self.device(request.device).ok_or(SetQdiscError::NoDevice)?;
        match plan(device, request, flags)? {
            Plan::Change(handle) => self.change_qdisc(now, request.device, handle, &request.spec),
            Plan::Create(place) => self.create_qdisc(now, request, place),
        }
    }

    /// Deletes a qdisc with all below it, as `RTM_DELQDISC` does; what the parent has by default takes its place. What
    /// waited comes back by [`Scheduler::poll_dropped`].
    ///
    /// # Errors
    /// [`DeleteQdiscError`]; then nothing has changed.
    pub fn delete_qdisc(&mut self, now: Instant, request: &QdiscRequest) -> Result<(), DeleteQdiscError> {
        let device = self.device(request.device).ok_or(GetQdiscError::NoDevice)?;
        let (there, place) = find(device, request)?;
        let Some(place) = place else { return Err(DeleteQdiscError::NoParentGiven) };
        if there.handle == Handle::UNSPEC {
            return Err(DeleteQdiscError::IsDefault);
        }
        let old = QdiscView::find(request.device, device, there.handle.major());
        self.work(now, request.device, |device, context| match place {
            Place::Root => {
                // Its options were good enough when the device was added.
                if let Ok(root) = device::default_root(context) {
                    device.replace_root(context, root);
                }
                Ok(())
            }
            Place::Hooks => {
                device.hooks = None;
                Ok(())
            }
            Place::Class(class) => graft(device, context, class, None),
        })
        .unwrap_or(Ok(()))?;
        self.notify(Change::Deleted, old.map(Object::Qdisc));
        Ok(())
    }

    /// One qdisc, as `RTM_GETQDISC` tells it.
    ///
    /// # Errors
    /// [`GetQdiscError`]
    pub fn qdisc(&self, request: &QdiscRequest) -> Result<QdiscView, GetQdiscError> {
        let id = request.device;
        let device = self.device(id).ok_or(GetQdiscError::NoDevice)?;
        let (there, place) = find(device, request)?;
        let view = match place {
            Some(Place::Root) => Some(QdiscView::of_root(id, device)),
            Some(Place::Hooks) => device.hooks.as_ref().map(|hooks| QdiscView::of_hooks(id, hooks)),
            Some(Place::Class(_)) if there.handle == Handle::UNSPEC => return Err(GetQdiscError::NotListed),
            _ => QdiscView::find(id, device, there.handle.major()),
        };
        view.ok_or(GetQdiscError::NotFound)
    }

    fn change_qdisc(
        &mut self,
        now: Instant,
        id: DeviceId,
        handle: Handle,
        spec: &QdiscSpec,
    ) -> Result<(), SetQdiscError> {
        if let QdiscSpec::Options(options) = spec
            && !matches!(options, QdiscOptions::Ingress | QdiscOptions::Clsact)
        {
            let changed = self.work(now, id, |device, context| {
                let before = device.node(handle.major()).map(Device::handles_below).unwrap_or_default();
                let changed = device.at(context, handle.major(), |node, context| node.qdisc.change(context, options));
                // With fewer classes, what was below the others is gone.
                let after = device.node(handle.major()).map(Device::handles_below).unwrap_or_default();
                let after: BTreeSet<Handle> = after.into_iter().collect();
                let gone: Vec<Handle> = before.into_iter().filter(|handle| !after.contains(handle)).collect();
                device.forget(&gone);
                changed
            });
            changed.flatten().ok_or(SetQdiscError::NotFound)??;
        }
        let new = self.device(id).and_then(|device| QdiscView::find(id, device, handle.major()));
        self.notify(Change::New, new.map(Object::Qdisc));
        Ok(())
    }

    fn create_qdisc(&mut self, now: Instant, request: &QdiscRequest, place: Place) -> Result<(), SetQdiscError> {
        let id = request.device;
        let options = kinds::options(&request.spec)?;
        let is_hooks = matches!(options, QdiscOptions::Ingress | QdiscOptions::Clsact);
        match place {
            Place::Hooks if !is_hooks => return Err(SetQdiscError::OnlyIngress),
            // Whatever handle was asked for, it gets its own, which must not be another's.
            Place::Hooks if self.device(id).is_some_and(|device| device.parent_of(Hooks::HANDLE.major()).is_some()) => {
                return Err(SetQdiscError::OtherParent);
            }
            Place::Root | Place::Class(_) if is_hooks => return Err(SetQdiscError::NotIngress),
            _ => {}
        }
        let old = self.device(id).and_then(|device| match place {
            Place::Root => Some(QdiscView::of_root(id, device)),
            Place::Hooks => device.hooks.as_ref().map(|hooks| QdiscView::of_hooks(id, hooks)),
            Place::Class(class) => {
                let handle = device.leaf(class)?.handle;
                QdiscView::find(id, device, handle.major()).filter(|_| handle != Handle::UNSPEC)
            }
        });
        let handle = match (place, request.handle) {
            (Place::Hooks, _) => Hooks::HANDLE,
            (_, Handle::UNSPEC) => self.allocate_handle(id).ok_or(SetQdiscError::NoHandleLeft)?,
            (_, handle) => handle,
        };
        let made = self.work(now, id, |device, context| -> Result<(), SetQdiscError> {
            match place {
                Place::Hooks => {
                    let egress = matches!(options, QdiscOptions::Clsact).then(Hook::default);
                    device.hooks = Some(Hooks { ingress: Hook::default(), egress });
                }
                Place::Root => {
                    let qdisc = qdisc::create(context, handle.major(), &options)?;
                    device.replace_root(context, Node::new(handle, qdisc));
                }
                Place::Class(class) => {
                    let depth = device.path(class.major).map_or(MOST_NESTED, |path| path.len());
                    if depth + 2 > MOST_NESTED {
                        return Err(SetQdiscError::TooDeep);
                    }
                    if matches!(options, QdiscOptions::Noqueue) {
                        return Err(SetQdiscError::Noqueue);
                    }
                    let qdisc = qdisc::create(context, handle.major(), &options)?;
                    graft(device, context, class, Some(Node::new(handle, qdisc))).map_err(|refusal| match refusal {
                        ClassRefusal::NotSupported => SetQdiscError::ParentIsNoLeaf,
                        refusal => SetQdiscError::Refused(refusal),
                    })?;
                }
            }
            Ok(())
        });
        made.ok_or(SetQdiscError::NoDevice)??;
        self.notify(Change::Deleted, old.map(Object::Qdisc));
        let new = self.device(id).and_then(|device| QdiscView::find(id, device, handle.major()));
        self.notify(Change::Placed, new.map(Object::Qdisc));
        Ok(())
    }
}

/// Reads what a request means for what is there: which of it exists decides with the flags, as in the kernel.
fn plan(device: &Device, request: &QdiscRequest, flags: Flags) -> Result<Plan, SetQdiscError> {
    let QdiscRequest { parent, handle, spec, .. } = request;
    let handle = *handle;
    let (place, there) = match *parent {
        Handle::UNSPEC if handle == Handle::UNSPEC => return Err(SetQdiscError::NoHandle),
        Handle::UNSPEC => {
            let (there, _) = by_handle(device, handle).ok_or(SetQdiscError::NotFound)?;
            return change(there, spec, flags);
        }
        Handle::ROOT => (Place::Root, Some(There::of(&device.root))),
        Handle::INGRESS => (Place::Hooks, device.hooks.as_ref().map(There::hooks)),
        parent => {
            let class = ClassId::from(parent);
            let there = there_below(device, class).map_err(|error| match error {
                LeafError::NoParent => SetQdiscError::NoParent,
                LeafError::Hooks => SetQdiscError::ParentIsIngress,
                LeafError::Classless => SetQdiscError::ParentIsClassless,
                LeafError::NoClass => SetQdiscError::NoClass,
            })?;
            (Place::Class(class), there)
        }
    };
    // What is there by default is as good as nothing.
    let there = there.filter(|there| there.handle != Handle::UNSPEC);
    if handle != Handle::UNSPEC && there.is_none_or(|there| there.handle != handle) {
        if there.is_some() && !flags.replace {
            return Err(SetQdiscError::Exists);
        }
        if handle.minor() != 0 {
            return Err(SetQdiscError::MinorNumber);
        }
        return match by_handle(device, handle) {
            None if flags.create => Ok(Plan::Create(place)),
            None => Err(SetQdiscError::NotFound),
            // What has this place as its parent is what hangs there, and that has another handle.
            Some(_) => Err(SetQdiscError::OtherParent),
        };
    }
    match there {
        None if flags.create => Ok(Plan::Create(place)),
        None => Err(SetQdiscError::NotFound),
        // Without a handle, one of another kind takes its place.
        Some(there) if handle == Handle::UNSPEC && spec.kind().is_some_and(|kind| kind != there.kind) => {
            match (flags.create, flags.replace, flags.exclusive) {
                (true, true, _) | (true, _, true) | (false, false, false) => Ok(Plan::Create(place)),
                _ => change(there, spec, flags),
            }
        }
        Some(there) => change(there, spec, flags),
    }
}

fn change(there: There, spec: &QdiscSpec, flags: Flags) -> Result<Plan, SetQdiscError> {
    if flags.exclusive {
        return Err(SetQdiscError::Exists);
    }
    if spec.kind().is_some_and(|kind| kind != there.kind) {
        return Err(SetQdiscError::OtherKind);
    }
    Ok(Plan::Change(there.handle))
}

/// The qdisc that a request to get or to delete means, and where it hangs if the request says so.
fn find(device: &Device, request: &QdiscRequest) -> Result<(There, Option<Place>), GetQdiscError> {
    let (place, there) = match request.parent {
        Handle::UNSPEC => (None, by_handle(device, request.handle).map(|(there, _)| there)),
        Handle::ROOT => (Some(Place::Root), Some(There::of(&device.root))),
        // All of this major number means what is looked at before and after the root.
        parent if parent.major() == Handle::INGRESS.major() => {
            (Some(Place::Hooks), device.hooks.as_ref().map(There::hooks))
        }
        parent => {
            let class = ClassId::from(parent);
            let there = there_below(device, class).map_err(|error| match error {
                LeafError::NoParent | LeafError::Hooks => GetQdiscError::NoParent,
                LeafError::Classless => GetQdiscError::ParentIsClassless,
                LeafError::NoClass => GetQdiscError::NoClass,
            })?;
            (Some(Place::Class(class)), there)
        }
    };
    let there = there.ok_or(GetQdiscError::NotFound)?;
    if place.is_some() && request.handle != Handle::UNSPEC && request.handle != there.handle {
        return Err(GetQdiscError::OtherHandle);
    }
    if request.spec.kind().is_some_and(|kind| kind != there.kind) {
        return Err(GetQdiscError::OtherKind);
    }
    Ok((there, place))
}

impl There {
    fn of(node: &Node) -> There {
        There { handle: node.handle, kind: node.qdisc.options().kind() }
    }

    fn hooks(hooks: &Hooks) -> There {
        There { handle: Hooks::HANDLE, kind: hooks.options().kind() }
    }
}

fn by_handle(device: &Device, handle: Handle) -> Option<(There, Option<Handle>)> {
    if handle == Handle::UNSPEC || handle.minor() != 0 {
        return None;
    }
    if let Some(node) = device.node(handle.major()) {
        return Some((There::of(node), device.parent_of(handle.major())));
    }
    device.hooks.as_ref().filter(|_| handle == Hooks::HANDLE).map(|hooks| (There::hooks(hooks), None))
}

/// Why there is nothing below a class.
enum LeafError {
    NoParent,
    Hooks,
    Classless,
    NoClass,
}

/// What hangs below a class; nothing where it has children of its own.
fn there_below(device: &Device, class: ClassId) -> Result<Option<There>, LeafError> {
    let classful = classes(device, class)?;
    Ok(classful.is_leaf(class).then(|| match classful.leaf(class) {
        Some(leaf) => There::of(leaf),
        None => There { handle: Handle::UNSPEC, kind: device.default_kind },
    }))
}

/// The classes among which one is.
fn classes(device: &Device, class: ClassId) -> Result<&dyn Classful, LeafError> {
    let Some(node) = device.node(class.major) else {
        return Err(if device.knows(class.major) { LeafError::Hooks } else { LeafError::NoParent });
    };
    let classful = node.qdisc.classful().ok_or(LeafError::Classless)?;
    if classful.has(class) { Ok(classful) } else { Err(LeafError::NoClass) }
}

/// Hangs another qdisc below a class, or the default one; what hung there is forgotten with all below it.
fn graft(
    device: &mut Device,
    context: &mut Context<'_>,
    class: ClassId,
    new: Option<Node>,
) -> Result<(), ClassRefusal> {
    let gone = device.leaf(class).map(Device::handles_below).unwrap_or_default();
    let handle = new.as_ref().map_or(Handle::UNSPEC, |new| new.handle);
    let grafted = device.at(context, class.major, |node, context| match node.qdisc.classful_mut() {
        Some(classful) => classful.graft(context, class, new),
        None => Err(ClassRefusal::NotSupported),
    });
    grafted.unwrap_or(Err(ClassRefusal::NotFound))?;
    device.forget(&gone);
    device.placed(class.handle().unwrap_or_default(), handle);
    Ok(())
}
