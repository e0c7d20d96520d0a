//! What can be done to classes.

use super::class::{Class, Place};
use super::{Cbq, ROOT};
use crate::sched::backlog::Backlog;
use crate::sched::context::{Context, DropCause};
use crate::sched::filter::Block;
use crate::sched::handle::{ClassId, Handle};
use crate::sched::node::Node;
use crate::sched::options::{CbqClassOptions, ClassOptions};
use crate::sched::qdisc::{ClassRefusal, ClassView, ClassXstats, Classful, OptionsError, default_leaf};
use crate::sched::rate::{Rate, RateSpec};

/// How many levels there may be above a class without children, as in the kernel.
const MAX_LEVEL: u8 = 8;

impl Cbq {
    /// Sets what a class lends: its rate, less what its isolated children have.
    pub(super) fn lend(&mut self, place: Place) {
        let is_isolated = |class: &&Class| class.parent == Some(place) && class.options.isolated;
        let isolated = self.classes.iter().flatten().filter(is_isolated);
        let (count, taken) = isolated
            .fold((0, 0u64), |(count, taken), class| (count + 1, taken.saturating_add(class.options.rate.rate.0)));
        let Some(class) = self.class_mut(place) else { return };
        class.isolated_children = count;
        let RateSpec { rate, .. } = class.options.rate;
        let left = RateSpec { rate: Rate(rate.0.saturating_sub(taken)), ..class.options.rate };
        class.lend(left);
    }

    /// Sets the levels of a class and of those above it.
    fn set_levels(&mut self, place: Place) {
        let mut at = Some(place);
        while let Some(place) = at {
            let below = self.classes.iter().flatten().filter(|class| class.parent == Some(place));
            let level = below.map(|class| class.level + 1).max().unwrap_or(0);
            let Some(class) = self.class_mut(place) else { return };
            class.level = level;
            at = class.parent;
        }
    }

    /// How many classes are above one.
    fn depth(&self, place: Place) -> u8 {
        let mut depth: u8 = 0;
        let mut at = place;
        while let Some(parent) = self.class(at).and_then(|class| class.parent) {
            depth = depth.saturating_add(1);
            at = parent;
        }
        depth
    }

    fn read(options: &ClassOptions) -> Result<&CbqClassOptions, OptionsError> {
        let ClassOptions::Cbq(options) = options else { return Err(OptionsError::OtherKind) };
        Class::check(options)?;
        Ok(options)
    }

    fn id(&self, place: Place) -> ClassId {
        ClassId { major: self.major, minor: self.class(place).map_or(0, |class| class.minor) }
    }
}

impl Classful for Cbq {
    fn has(&self, class: ClassId) -> bool {
        self.place(class).is_some()
    }

    fn view_after(&self, after: Option<ClassId>) -> Option<ClassView> {
        let first = after.map_or(0, |after| after.minor.saturating_add(1));
        let (minor, _) = self.names.range(first..).next()?;
        self.view(ClassId { major: self.major, minor: *minor })
    }

    fn view(&self, id: ClassId) -> Option<ClassView> {
        let class = self.class(self.place(id)?)?;
        let node = class.node.as_ref();
        Some(ClassView {
            id,
            parent: self.id(class.parent?),
            leaf: node.map(|node| node.handle).filter(|handle| *handle != Handle::UNSPEC),
            options: Some(ClassOptions::Cbq(class.options)),
            sent: class.sent,
            dropped: class.dropped,
            overlimits: class.overlimits,
            backlog: node.map_or(Backlog::default(), |node| node.backlog()),
            xstats: ClassXstats::Cbq {
                borrows: class.borrows,
                overactions: class.overactions,
                avgidle: class.estimator.average_idle(),
                undertime: class
                    .estimator
                    .due(self.now)
                    .map_or(0, |due| i64::try_from((due - self.now).as_nanos()).unwrap_or(i64::MAX)),
            },
        })
    }

    fn add(
        &mut self,
        context: &mut Context<'_>,
        class: ClassId,
        parent: ClassId,
        options: &ClassOptions,
    ) -> Result<(), ClassRefusal> {
        let options = Cbq::read(options)?;
        let above = if parent.minor == 0 { Some(ROOT) } else { self.place(parent) };
        let above = above.ok_or(ClassRefusal::NoParent)?;
        // A minor number is 16 bits wide, so this is the limit for their number, too.
        let is_named = (1..=0xffff).contains(&class.minor) && class.major == self.major && !self.has(class);
        if !is_named || self.depth(above) >= MAX_LEVEL {
            return Err(ClassRefusal::TooMany);
        }
        let new = Class::new(class.minor, Some(above), options, context.now);
        let place = match self.classes.iter().position(Option::is_none) {
            Some(free) => {
                self.classes[free] = Some(new);
                free as Place
            }
            None => {
                self.classes.push(Some(new));
                self.classes.len() as Place - 1
            }
        };
        self.names.insert(class.minor, place);
        self.set_levels(above);
        self.lend(above);
        self.are_quanta_stale = true;
        Ok(())
    }

    fn change(&mut self, _: &mut Context<'_>, class: ClassId, options: &ClassOptions) -> Result<(), ClassRefusal> {
        let options = Cbq::read(options)?;
        let place = self.place(class).ok_or(ClassRefusal::NotFound)?;
        self.deactivate(place);
        let Some(class) = self.class_mut(place) else { return Err(ClassRefusal::NotFound) };
        class.change(options);
        let (parent, has_packets) = (class.parent, class.has_packets());
        if has_packets {
            self.activate(place);
        }
        self.lend(place);
        if let Some(parent) = parent {
            self.lend(parent);
        }
        self.are_quanta_stale = true;
        Ok(())
    }

    fn delete(&mut self, context: &mut Context<'_>, class: ClassId) -> Result<(), ClassRefusal> {
        let place = self.place(class).ok_or(ClassRefusal::NotFound)?;
        let is_parent = self.class(place).is_some_and(|class| class.level > 0);
        if is_parent || self.class(place).is_some_and(|class| class.named > 0) {
            return Err(ClassRefusal::Busy);
        }
        self.deactivate(place);
        self.names.remove(&class.minor);
        let Some(mut gone) = self.classes.get_mut(place as usize).and_then(Option::take) else { return Ok(()) };
        if let Some(node) = &mut gone.node {
            let before = node.backlog();
            node.drain(context, DropCause::Deleted);
            self.backlog.follow(before, node.backlog());
        }
        if let Some(parent) = gone.parent {
            self.set_levels(parent);
            self.lend(parent);
        }
        self.are_quanta_stale = true;
        Ok(())
    }

    fn leaf(&self, class: ClassId) -> Option<&Node> {
        self.class(self.place(class)?)?.node.as_ref()
    }

    fn leaf_mut(&mut self, class: ClassId) -> Option<&mut Node> {
        let place = self.place(class)?;
        self.class_mut(place)?.node.as_mut()
    }

    fn settle(&mut self, _context: &mut Context<'_>, class: ClassId, before: Backlog) {
        let Some(place) = self.place(class) else { return };
        let Some(after) = self.class(place).and_then(|class| class.node.as_ref()).map(Node::backlog) else { return };
        self.backlog.follow(before, after);
        if after.is_empty() {
            self.deactivate(place);
        } else {
            self.activate(place);
        }
    }

    fn graft(&mut self, context: &mut Context<'_>, class: ClassId, leaf: Option<Node>) -> Result<(), ClassRefusal> {
        let place = self.place(class).ok_or(ClassRefusal::NotFound)?;
        let leaf = match leaf {
            Some(leaf) => leaf,
            None => default_leaf(context)?,
        };
        let Some(class) = self.class_mut(place) else { return Err(ClassRefusal::NotFound) };
        let Some(mut old) = class.node.replace(leaf) else { return Ok(()) };
        let (before, dropped) = (old.backlog(), old.dropped);
        old.drain(context, DropCause::Deleted);
        class.dropped += old.dropped - dropped;
        self.backlog.follow(before, old.backlog());
        self.deactivate(place);
        Ok(())
    }

    fn class_block(&mut self, class: ClassId) -> Option<&mut Block> {
        let place = self.place(class)?;
        self.class_mut(place).map(|class| &mut class.block)
    }

    fn bind(&mut self, class: ClassId, named: bool) {
        let Some(place) = self.place(class) else { return };
        if let Some(class) = self.class_mut(place) {
            class.named = if named { class.named.saturating_add(1) } else { class.named.saturating_sub(1) };
        }
    }
}
