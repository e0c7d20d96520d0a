use super::super::context::Context;
use super::super::device::Device;
use super::super::handle::{ClassId, Handle};
use super::super::hooks::Hooks;
use super::super::options::{ClassOptions, QdiscOptions};
use super::super::qdisc::{ClassRefusal, Classful};
use super::super::scheduler::Scheduler;
use super::error::{DeleteClassError, GetClassError, SetClassError};
use super::notify::{Change, Object};
use super::request::{ClassRequest, Flags};
use super::view::ClassEntry;
use crate::time::Instant;

/// The first minor number that is allocated for a class without one, where the kind does that.
const FIRST_ALLOCATED: u16 = 0x8000;

/// What a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Named {
    /// The qdisc's number.
    major: u16,
    /// The class; `None` where one is to be allocated.
    class: Option<ClassId>,
    /// Its parent; the qdisc itself for a class at the top.
    parent: ClassId,
}

impl Scheduler {
    /// Makes or changes a class, as `RTM_NEWTCLASS` does. What waits in a class that is changed, its tokens and counters
    /// stay.
    ///
    /// # Errors
    /// [`SetClassError`]; then nothing has changed.
    pub fn set_class(&mut self, now: Instant, request: &ClassRequest, flags: Flags) -> Result<(), SetClassError> {
        let id = request.device;
        let device = self.device(id).ok_or(GetClassError::NoDevice)?;
        let named = name(device, request)?;
        let is_there = named.class.is_some_and(|class| has(device, class));
        if !is_there && !flags.create {
            return Err(GetClassError::NotFound.into());
        }
        if is_there && flags.exclusive {
            return Err(SetClassError::Exists);
        }
        let has_options = device
            .node(named.major)
            .is_some_and(|node| matches!(node.qdisc.options(), QdiscOptions::Htb(_) | QdiscOptions::Cbq(_)));
        if !has_options {
            return Err(ClassRefusal::NotSupported.into());
        }
        let options = request.options.as_ref().ok_or(SetClassError::NoOptions)?;
        let set = self.work(now, id, |device, context| set(device, context, named, is_there, options));
        let class = set.ok_or(GetClassError::NoDevice)??;
        self.notify_class(request, class, Change::New);
        Ok(())
    }

    /// Deletes a class, as `RTM_DELTCLASS` does. What waited in it comes back by [`Scheduler::poll_dropped`].
    ///
    /// # Errors
    /// [`DeleteClassError`]; then nothing has changed.
    pub fn delete_class(&mut self, now: Instant, request: &ClassRequest) -> Result<(), DeleteClassError> {
        let (class, old) = self.find_class(request)?;
        let deleted = self.work(now, request.device, |device, context| {
            let gone = device.leaf(class).map(Device::handles_below).unwrap_or_default();
            let has_filters = at(device, context, class.major, |classful, context| {
                let has_filters = classful.class_block(class).is_some_and(|block| block.view_after(None).is_some());
                classful.delete(context, class)?;
                Ok(has_filters)
            })?;
            device.forget(&gone);
            if has_filters {
                release(device, context, class);
            }
            Ok::<_, ClassRefusal>(())
        });
        deleted.ok_or(GetClassError::NoDevice)??;
        self.notify(Change::Deleted, old.map(Object::Class));
        Ok(())
    }

    /// One class, as `RTM_GETTCLASS` tells it.
    ///
    /// # Errors
    /// [`GetClassError`]
    pub fn class(&self, request: &ClassRequest) -> Result<ClassEntry, GetClassError> {
        let (_, entry) = self.find_class(request)?;
        entry.ok_or(GetClassError::NotFound)
    }

    /// The class that a request names; no view where its qdisc is `ingress` or `clsact`.
    fn find_class(&self, request: &ClassRequest) -> Result<(ClassId, Option<ClassEntry>), GetClassError> {
        let device = self.device(request.device).ok_or(GetClassError::NoDevice)?;
        let named = name(device, request)?;
        let class = named.class.filter(|class| has(device, *class)).ok_or(GetClassError::NotFound)?;
        let entry = device.node(named.major).and_then(|node| ClassEntry::of(request.device, node, class));
        Ok((class, entry))
    }

    fn notify_class(&mut self, request: &ClassRequest, class: ClassId, what: Change) {
        let id = request.device;
        let node = self.device(id).and_then(|device| device.node(class.major));
        let entry = node.and_then(|node| ClassEntry::of(id, node, class));
        self.notify(what, entry.map(Object::Class));
    }
}

/// Reads class and parent: each may have the qdisc's number, and both must agree where both have.
fn name(device: &Device, request: &ClassRequest) -> Result<Named, GetClassError> {
    let ClassRequest { parent, class, .. } = *request;
    let majors = match parent {
        Handle::ROOT => [class.major(), 0],
        parent => [class.major(), parent.major()],
    };
    let major = match majors {
        [0, 0] => device.root.handle.major(),
        [0, major] | [major, 0] => major,
        [class, parent] if class == parent => class,
        _ => return Err(GetClassError::MajorsDiffer),
    };
    if !device.knows(major) {
        return Err(GetClassError::NoQdisc);
    }
    if device.node(major).is_some_and(|node| node.qdisc.classful().is_none()) {
        return Err(GetClassError::Classless);
    }
    let id = |handle: Handle| ClassId { major, minor: handle.minor().into() };
    Ok(Named {
        major,
        // At the root, no id is the qdisc's own.
        class: (class != Handle::UNSPEC || parent == Handle::ROOT).then(|| id(class)),
        parent: if parent == Handle::ROOT { ClassId { major, minor: 0 } } else { id(parent) },
    })
}

/// Whether there is such a class. `ingress` has any, `clsact` those that its filters name.
fn has(device: &Device, class: ClassId) -> bool {
    match (device.node(class.major), &device.hooks) {
        (Some(node), _) => node.qdisc.classful().is_some_and(|classful| classful.has(class)),
        (None, Some(hooks)) => {
            let handle = class.handle();
            hooks.egress.is_none() || handle == Some(Hooks::INGRESS) || handle == Some(Hooks::EGRESS)
        }
        (None, None) => false,
    }
}

/// Works on the classes of a qdisc.
fn at<R>(
    device: &mut Device,
    context: &mut Context<'_>,
    major: u16,
    work: impl FnOnce(&mut dyn Classful, &mut Context<'_>) -> Result<R, ClassRefusal>,
) -> Result<R, ClassRefusal> {
    let done = device.at(context, major, |node, context| match node.qdisc.classful_mut() {
        Some(classful) => work(classful, context),
        None => Err(ClassRefusal::NotSupported),
    });
    done.unwrap_or(Err(ClassRefusal::NotSupported))
}

fn set(
    device: &mut Device,
    context: &mut Context<'_>,
    named: Named,
    is_there: bool,
    options: &ClassOptions,
) -> Result<ClassId, SetClassError> {
    let Named { major, class, parent } = named;
    if let Some(class) = class.filter(|_| is_there) {
        at(device, context, major, |classful, context| classful.change(context, class, options))?;
        return Ok(class);
    }
    let is_htb = matches!(options, ClassOptions::Htb(_));
    let class = match class {
        Some(class) => class,
        // htb has never allocated ids; cbq did.
        None if is_htb => return Err(SetClassError::NoId),
        None => allocate(device, major).ok_or(ClassRefusal::TooMany)?,
    };
    // A parent that is not there is the top for htb, as in the kernel.
    let parent = if is_htb && !has(device, parent) { ClassId { major, minor: 0 } } else { parent };
    // A leaf that gets its first child loses its qdisc.
    let gone = device.leaf(parent).map(Device::handles_below).unwrap_or_default();
    let named = device.named.count(class);
    at(device, context, major, |classful, context| {
        classful.add(context, class, parent, options)?;
        (0..named).for_each(|_| classful.bind(class, true));
        Ok(())
    })?;
    if device.leaf(parent).is_none() {
        device.forget(&gone);
    }
    Ok(class)
}

/// The filters at a class are gone: they name nothing any more.
fn release(device: &mut Device, context: &mut Context<'_>, gone: ClassId) {
    let released = device.named.forget_filters(gone);
    device.at(context, gone.major, |node, _| {
        let Some(classful) = node.qdisc.classful_mut() else { return };
        for (class, count) in released {
            (0..count).for_each(|_| classful.bind(class, false));
        }
    });
}

/// A free id, as `cbq` looked for one: from 8001 on.
fn allocate(device: &Device, major: u16) -> Option<ClassId> {
    let classful = device.node(major)?.qdisc.classful()?;
    let mut ids = (FIRST_ALLOCATED + 1..u16::MAX).map(|minor| ClassId { major, minor: minor.into() });
    ids.find(|class| !classful.has(*class))
}
