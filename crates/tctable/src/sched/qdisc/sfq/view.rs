use super::{Sfq, Slot};
use crate::sched::backlog::{Backlog, Count};
use crate::sched::context::Context;
use crate::sched::handle::ClassId;
use crate::sched::node::Node;
use crate::sched::qdisc::{ClassRefusal, ClassView, ClassXstats, Classful};

impl Sfq {
    fn seen(&self, bucket: u32, slot: &Slot) -> ClassView {
        ClassView {
            id: ClassId { major: self.major, minor: bucket + 1 },
            parent: ClassId { major: self.major, minor: 0 },
            leaf: None,
            options: None,
            sent: Count::default(),
            dropped: 0,
            overlimits: 0,
            backlog: slot.fifo.backlog(),
            xstats: ClassXstats::Sfq { allot: slot.allot },
        }
    }
}

/// The buckets that have packets are its classes: to be looked at, and there is nothing to do with them. As in the kernel,
/// nothing but what waits is counted for each.
impl Classful for Sfq {
    fn has(&self, class: ClassId) -> bool {
        self.view(class).is_some()
    }

    fn view_after(&self, after: Option<ClassId>) -> Option<ClassView> {
        let first = after.map_or(0, |after| after.minor);
        (first..self.table.len() as u32).find_map(|bucket| {
            let slot = self.slots.get(self.slot(bucket)? as usize)?;
            Some(self.seen(bucket, slot))
        })
    }

    fn view(&self, class: ClassId) -> Option<ClassView> {
        let bucket = class.minor.checked_sub(1).filter(|_| class.major == self.major)?;
        let slot = self.slots.get(self.slot(bucket)? as usize)?;
        Some(self.seen(bucket, slot))
    }

    fn leaf(&self, _class: ClassId) -> Option<&Node> {
        None
    }

    fn leaf_mut(&mut self, _class: ClassId) -> Option<&mut Node> {
        None
    }

    fn settle(&mut self, _context: &mut Context<'_>, _class: ClassId, _before: Backlog) {}

    fn graft(&mut self, _: &mut Context<'_>, _class: ClassId, _leaf: Option<Node>) -> Result<(), ClassRefusal> {
        Err(ClassRefusal::NotSupported)
    }
}
