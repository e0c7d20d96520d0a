//! Kinds with one class, `major:1`, that is there for hanging a qdisc below: tbf and red.

use std::fmt::Debug;

use super::{ClassRefusal, ClassView, ClassXstats, Classful, OptionsError};
use crate::sched::backlog::Backlog;
use crate::sched::context::Context;
use crate::sched::handle::ClassId;
use crate::sched::node::Node;

/// A qdisc with just one below it.
pub(super) trait Single: Debug {
    /// The major number of its handle.
    fn major(&self) -> u16;

    /// What is below it.
    fn child(&self) -> &Node;

    /// The same, to be changed.
    fn child_mut(&mut self) -> &mut Node;

    /// Hangs another one below it; `None` for the kind's own. What waited goes.
    fn replace_child(&mut self, context: &mut Context<'_>, child: Option<Node>) -> Result<(), OptionsError>;

    /// Follows what became of what waits below.
    fn settle_child(&mut self, context: &mut Context<'_>);
}

impl<Q: Single> Classful for Q {
    fn has(&self, class: ClassId) -> bool {
        class == ClassId { major: self.major(), minor: 1 }
    }

    fn view_after(&self, after: Option<ClassId>) -> Option<ClassView> {
        let class = ClassId { major: self.major(), minor: 1 };
        if after.is_some_and(|after| after >= class) { None } else { self.view(class) }
    }

    fn view(&self, class: ClassId) -> Option<ClassView> {
        self.has(class).then(|| ClassView::of_leaf(class, self.child(), ClassXstats::None))
    }

    fn leaf(&self, class: ClassId) -> Option<&Node> {
        self.has(class).then(|| self.child())
    }

    fn leaf_mut(&mut self, class: ClassId) -> Option<&mut Node> {
        if self.has(class) { Some(self.child_mut()) } else { None }
    }

    fn settle(&mut self, context: &mut Context<'_>, _class: ClassId, _before: Backlog) {
        self.settle_child(context);
    }

    fn graft(&mut self, context: &mut Context<'_>, class: ClassId, leaf: Option<Node>) -> Result<(), ClassRefusal> {
        if !self.has(class) {
            return Err(ClassRefusal::NotFound);
        }
        Ok(self.replace_child(context, leaf)?)
    }
}
