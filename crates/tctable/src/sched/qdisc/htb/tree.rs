//! What changes classes.

use super::Htb;
use super::class::{Class, Inner, Kind, LEVELS, Leaf, NONE, Past, Resolved, Terms};
use super::view::plus;
use crate::sched::backlog::Backlog;
use crate::sched::context::{Context, DropCause};
use crate::sched::filter::Block;
use crate::sched::handle::ClassId;
use crate::sched::node::Node;
use crate::sched::options::ClassOptions;
use crate::sched::qdisc::{ClassRefusal, ClassView, Classful, OptionsError};

/// Classes that there may be.
const MOST: usize = 1 << 24;
/// Numbers that a handle can name.
const NAMEABLE: u32 = 0xffff;

impl Htb {
    pub(super) fn find(&self, class: ClassId) -> Result<u32, ClassRefusal> {
        if class.major != self.major {
            return Err(ClassRefusal::NotFound);
        }
        self.names.get(class.minor).ok_or(ClassRefusal::NotFound)
    }

    pub(super) fn find_parent(&self, parent: ClassId) -> Result<u32, ClassRefusal> {
        if parent == self.name(0) {
            return Ok(NONE);
        }
        self.find(parent).map_err(|_| ClassRefusal::NoParent)
    }

    fn resolve(&self, options: &ClassOptions) -> Result<Resolved, ClassRefusal> {
        match options {
            ClassOptions::Htb(options) => Ok(Resolved::new(options, self.r2q)?),
            _ => Err(OptionsError::OtherKind.into()),
        }
    }

    /// Puts a class below a parent, which has children from then on: what waits in it is dropped, as in the kernel.
    pub(super) fn insert(
        &mut self,
        context: &mut Context<'_>,
        minor: u32,
        parent: u32,
        resolved: &Resolved,
    ) -> Result<u32, ClassRefusal> {
        if self.classes.len() >= MOST {
            return Err(ClassRefusal::TooMany);
        }
        let slot = if parent == NONE { 0 } else { self.make_inner(context, parent)?.next_slot() };
        let class = Class::new(resolved, parent, slot, context.now);
        let (options, past) = (resolved.options, Past::default());
        let class = self.classes.insert(class, Terms { minor, named: 0, giants: 0, options, past, block: None });
        if parent != NONE
            && let Some(inner) = self.classes[parent].inner_mut()
        {
            inner.adopt(class);
        }
        self.names.set(minor, Some(class));
        Ok(class)
    }

    /// Turns a leaf into a class that has children, if it is not one.
    pub(super) fn make_inner(&mut self, context: &mut Context<'_>, class: u32) -> Result<&mut Inner, ClassRefusal> {
        if self.classes[class].leaf().is_some() {
            let level = match self.classes[class].parent {
                NONE => LEVELS as u8 - 1,
                above => self.classes[above].level() - 1,
            };
            if level == 0 {
                return Err(ClassRefusal::TooMany);
            }
            self.empty(context, class, None);
            self.classes[class].kind = Kind::Inner(Box::new(Inner::new(level)));
        }
        self.classes[class].inner_mut().ok_or(ClassRefusal::NoParent)
    }

    /// Takes the qdisc below a leaf away, and hangs another one there.
    fn empty(&mut self, context: &mut Context<'_>, class: u32, next: Option<Node>) {
        self.deactivate(class);
        let Some(leaf) = self.classes[class].leaf_mut() else { return };
        let before = next.as_ref().map_or(Backlog::default(), Node::backlog);
        if let Some(mut node) = std::mem::replace(&mut leaf.node, next) {
            let waiting = node.backlog();
            node.drain(context, DropCause::Deleted);
            self.backlog.follow(waiting, node.backlog());
            self.classes.terms[class].past.add(&node);
        }
        self.backlog.follow(Backlog::default(), before);
        if !before.is_empty() {
            self.activate(class, context.now);
        }
    }

    /// Takes a leaf out. What waits there is dropped.
    pub(super) fn remove(&mut self, context: &mut Context<'_>, class: u32) {
        self.empty(context, class, None);
        let (slot, above, minor) =
            (self.classes[class].slot, self.classes[class].parent, self.classes.terms[class].minor);
        self.names.set(minor, None);
        self.forget_host(class, minor);
        self.waiting.remove(class);
        self.classes.remove(class);
        if above == NONE {
            return;
        }
        if let Some(inner) = self.classes[above].inner_mut() {
            inner.release(slot);
        }
        if !self.is_host_parent(above) {
            self.make_leaf(above);
        }
    }

    /// Turns a class that has no children any more into a leaf.
    pub(super) fn make_leaf(&mut self, class: u32) {
        if class == NONE {
            return;
        }
        let Some(inner) = self.classes[class].inner_mut().filter(|inner| !inner.has_children()) else { return };
        let sent = inner.sent;
        let terms = &mut self.classes.terms[class];
        terms.past.sent = plus(sent, terms.past.sent);
        self.classes[class].kind = Kind::Leaf(Leaf::default());
    }

    /// Gives a class other options.
    pub(super) fn apply(&mut self, context: &mut Context<'_>, number: u32, resolved: &Resolved) {
        let now = context.now;
        self.classes.terms[number].options = resolved.options;
        let one = &mut self.classes[number];
        one.earn(now);
        one.rate.change(&resolved.rate(), resolved.burst());
        one.ceil.change(&resolved.ceil(), resolved.cburst());
        one.mtu = resolved.options.mtu;
        one.quantum = resolved.quantum;
        let is_leaf = one.leaf().is_some();
        let prio = resolved.options.prio;
        if one.prio != prio && one.is_active() && is_leaf {
            self.deactivate(number);
            self.classes[number].prio = prio;
            self.activate(number, now);
        }
        let one = &mut self.classes[number];
        one.prio = prio;
        let mode = one.mode_at(now);
        if mode != one.mode {
            self.set_mode(number, mode, now);
        } else {
            self.file_anew(number);
        }
        if !is_leaf {
            self.forget_due();
        }
    }
}

impl Classful for Htb {
    fn has(&self, class: ClassId) -> bool {
        self.find(class).is_ok()
    }

    fn view_after(&self, after: Option<ClassId>) -> Option<ClassView> {
        let from = after.map_or(Some(0), |after| after.minor.checked_add(1))?;
        self.names.first_from(from).map(|class| self.show(class))
    }

    fn view(&self, class: ClassId) -> Option<ClassView> {
        self.find(class).ok().map(|class| self.show(class))
    }

    fn add(
        &mut self,
        context: &mut Context<'_>,
        class: ClassId,
        parent: ClassId,
        options: &ClassOptions,
    ) -> Result<(), ClassRefusal> {
        if class.major != self.major || class.minor == 0 {
            return Err(OptionsError::Invalid("not a class of this qdisc").into());
        }
        if class.minor > NAMEABLE {
            return Err(ClassRefusal::TooMany);
        }
        if self.has(class) {
            return Err(OptionsError::Invalid("the class is there").into());
        }
        let parent = self.find_parent(parent)?;
        let resolved = self.resolve(options)?;
        self.insert(context, class.minor, parent, &resolved).map(|_| ())
    }

    fn change(
        &mut self,
        context: &mut Context<'_>,
        class: ClassId,
        options: &ClassOptions,
    ) -> Result<(), ClassRefusal> {
        let number = self.find(class)?;
        let resolved = self.resolve(options)?;
        self.apply(context, number, &resolved);
        Ok(())
    }

    fn delete(&mut self, context: &mut Context<'_>, class: ClassId) -> Result<(), ClassRefusal> {
        let number = self.find(class)?;
        if self.classes[number].leaf().is_none() || self.classes.terms[number].named != 0 {
            return Err(ClassRefusal::Busy);
        }
        self.remove(context, number);
        Ok(())
    }

    fn is_leaf(&self, class: ClassId) -> bool {
        self.find(class).is_ok_and(|class| self.classes[class].leaf().is_some())
    }

    fn leaf(&self, class: ClassId) -> Option<&Node> {
        self.classes[self.find(class).ok()?].leaf()?.node.as_ref()
    }

    fn leaf_mut(&mut self, class: ClassId) -> Option<&mut Node> {
        let class = self.find(class).ok()?;
        self.classes[class].leaf_mut()?.node.as_mut()
    }

    fn settle(&mut self, context: &mut Context<'_>, class: ClassId, before: Backlog) {
        let Ok(number) = self.find(class) else { return };
        let Some(node) = self.classes[number].leaf().and_then(|leaf| leaf.node.as_ref()) else { return };
        let after = node.backlog();
        self.backlog.follow(before, after);
        if after.is_empty() {
            self.deactivate(number);
        } else {
            self.activate(number, context.now);
        }
    }

    fn graft(&mut self, context: &mut Context<'_>, class: ClassId, leaf: Option<Node>) -> Result<(), ClassRefusal> {
        let number = self.find(class)?;
        if self.classes[number].leaf().is_none() {
            return Err(ClassRefusal::NotSupported);
        }
        self.empty(context, number, leaf);
        Ok(())
    }

    fn class_block(&mut self, class: ClassId) -> Option<&mut Block> {
        let class = self.find(class).ok()?;
        Some(self.classes.terms[class].block.get_or_insert_default())
    }

    fn bind(&mut self, class: ClassId, named: bool) {
        let Ok(class) = self.find(class) else { return };
        let count = &mut self.classes.terms[class].named;
        *count = if named { count.saturating_add(1) } else { count.saturating_sub(1) };
    }
}
