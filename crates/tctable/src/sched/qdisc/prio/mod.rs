//! `prio`: bands, of which the first one that has a packet sends.

use super::{ClassRefusal, ClassView, ClassXstats, Classful, Dequeue, Enqueue, OptionsError, Qdisc, default_leaf};
use crate::sched::backlog::Backlog;
use crate::sched::context::{Context, DropCause};
use crate::sched::filter::{Block, Classified};
use crate::sched::handle::ClassId;
use crate::sched::node::Node;
use crate::sched::options::{PrioOptions, QdiscOptions};
use crate::sched::queued::Queued;
use crate::sched::skb::Skb;

#[cfg(test)]
mod tests;

/// Band `n` is the class `major:n+1`.
#[derive(Debug)]
pub(super) struct Prio {
    major: u16,
    bands: Vec<Node>,
    map: [u8; 16],
    block: Block,
    backlog: Backlog,
}

impl Prio {
    pub(super) fn new(context: &mut Context<'_>, major: u16, options: &PrioOptions) -> Result<Prio, OptionsError> {
        let mut prio =
            Prio { major, bands: Vec::new(), map: options.map, block: Block::default(), backlog: Backlog::default() };
        prio.set(context, options)?;
        Ok(prio)
    }

    fn set(&mut self, context: &mut Context<'_>, options: &PrioOptions) -> Result<(), OptionsError> {
        if !(2..=16).contains(&options.bands) {
            return Err(OptionsError::Invalid("bands: 2 to 16"));
        }
        if options.map.iter().any(|band| *band >= options.bands) {
            return Err(OptionsError::Invalid("priomap: there is no such band"));
        }
        let bands = usize::from(options.bands);
        let made = (self.bands.len()..bands).map(|_| default_leaf(context)).collect::<Result<Vec<_>, _>>()?;
        self.bands.extend(made);
        for mut band in self.bands.split_off(bands) {
            let before = band.backlog();
            band.drain(context, DropCause::Deleted);
            self.backlog.follow(before, band.backlog());
        }
        self.map = options.map;
        Ok(())
    }

    /// The band of a packet.
    fn band(&mut self, context: &mut Context<'_>, skb: &mut Skb<'_>) -> Result<usize, Enqueue> {
        let minor = match skb.class_of(self.major) {
            Some(minor) => minor,
            None => match self.block.classify(context, skb) {
                Classified::Class(class) => class.minor,
                Classified::Nothing => {
                    // What names a class elsewhere says nothing here.
                    let priority = if skb.priority > 0xffff { 0 } else { skb.priority & 15 };
                    return Ok(self.map[priority as usize].into());
                }
                Classified::Drop(cause) => return Err(Enqueue::Dropped(cause)),
                Classified::Stolen => return Err(Enqueue::Stolen),
            },
        };
        let band = minor.checked_sub(1).filter(|band| (*band as usize) < self.bands.len());
        Ok(band.map_or(self.map[0].into(), |band| band as usize))
    }

    fn index(&self, class: ClassId) -> Option<usize> {
        let index = usize::try_from(class.minor.checked_sub(1)?).ok()?;
        (class.major == self.major && index < self.bands.len()).then_some(index)
    }
}

impl Qdisc for Prio {
    fn options(&self) -> QdiscOptions {
        QdiscOptions::Prio(PrioOptions { bands: self.bands.len() as u8, map: self.map })
    }

    fn enqueue(&mut self, context: &mut Context<'_>, skb: &mut Skb<'_>, queued: Queued) -> Enqueue {
        let band = match self.band(context, skb) {
            Ok(band) => band,
            Err(told) => return told,
        };
        context.class = Some(ClassId { major: self.major, minor: band as u32 + 1 });
        let Some(node) = self.bands.get_mut(band) else { return Enqueue::Dropped(DropCause::NoClass) };
        let before = node.backlog();
        let told = node.enqueue(context, skb, queued);
        self.backlog.follow(before, node.backlog());
        told
    }

    fn dequeue(&mut self, context: &mut Context<'_>) -> Dequeue {
        let mut due = None;
        for node in &mut self.bands {
            let before = node.backlog();
            if before.is_empty() {
                continue;
            }
            let dequeue = node.dequeue(context);
            self.backlog.follow(before, node.backlog());
            match dequeue {
                Dequeue::Packet(_) => return dequeue,
                Dequeue::Later(when) => due = Some(due.map_or(when, |due| when.min(due))),
                Dequeue::Empty => {}
            }
        }
        due.map_or(Dequeue::Empty, Dequeue::Later)
    }

    fn backlog(&self) -> Backlog {
        self.backlog
    }

    fn drain(&mut self, context: &mut Context<'_>, cause: DropCause) {
        for node in &mut self.bands {
            node.drain(context, cause);
        }
        self.backlog = Backlog::default();
    }

    /// Bands that are no more take with them what waits there, as in the kernel.
    fn change(&mut self, context: &mut Context<'_>, options: &QdiscOptions) -> Result<(), OptionsError> {
        match options {
            QdiscOptions::Prio(options) => self.set(context, options),
            _ => Err(OptionsError::OtherKind),
        }
    }

    fn block(&mut self) -> Option<&mut Block> {
        Some(&mut self.block)
    }

    fn classful(&self) -> Option<&dyn Classful> {
        Some(self)
    }

    fn classful_mut(&mut self) -> Option<&mut dyn Classful> {
        Some(self)
    }
}

impl Classful for Prio {
    fn has(&self, class: ClassId) -> bool {
        self.index(class).is_some()
    }

    fn view_after(&self, after: Option<ClassId>) -> Option<ClassView> {
        let minor = after.map_or(0, |after| after.minor).checked_add(1)?;
        self.view(ClassId { major: self.major, minor })
    }

    fn view(&self, class: ClassId) -> Option<ClassView> {
        Some(ClassView::of_leaf(class, self.bands.get(self.index(class)?)?, ClassXstats::None))
    }

    fn leaf(&self, class: ClassId) -> Option<&Node> {
        self.bands.get(self.index(class)?)
    }

    fn leaf_mut(&mut self, class: ClassId) -> Option<&mut Node> {
        let index = self.index(class)?;
        self.bands.get_mut(index)
    }

    fn settle(&mut self, _context: &mut Context<'_>, class: ClassId, before: Backlog) {
        if let Some(node) = self.leaf(class) {
            let after = node.backlog();
            self.backlog.follow(before, after);
        }
    }

    fn graft(&mut self, context: &mut Context<'_>, class: ClassId, leaf: Option<Node>) -> Result<(), ClassRefusal> {
        let Some(index) = self.index(class) else { return Err(ClassRefusal::NotFound) };
        let leaf = match leaf {
            Some(leaf) => leaf,
            None => default_leaf(context)?,
        };
        let Some(node) = self.bands.get_mut(index) else { return Err(ClassRefusal::NotFound) };
        let before = node.backlog();
        node.replace(context, leaf);
        self.backlog.follow(before, node.backlog());
        Ok(())
    }
}
