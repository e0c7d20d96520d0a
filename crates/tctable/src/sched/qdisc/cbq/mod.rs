//! `cbq`: class based queueing (Floyd and Jacobson, 1995).
//!
//! Each class has a rate, and an estimator that says whether it is over it. A class that is not may send; one that is may
//! borrow from the next class above it that is not, unless it is bounded. The formal link-sharing guidelines hold (section III): nobody
//! borrows from a class of some level as long as a class of a lower one could send, so classes that are below their rates
//! come first. Among those that may send, it goes by priority, and among equals by weighted round robin.
//!
//! What an isolated class does not use, nobody gets: its rate is taken off what its parent lends, and what it sends within
//! it is not charged there. The root is the link, which lends whatever the device can send, less what isolated classes have.
//!
//! A packet costs as many steps as classes of a priority wait for tokens, times the levels above them: this is for trees of
//! some hundred classes.

mod class;
mod estimator;
mod serve;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::{BTreeMap, VecDeque};

use self::class::{Class, Place};
use super::{Classful, Dequeue, Enqueue, OptionsError, Qdisc, default_leaf};
use crate::sched::backlog::Backlog;
use crate::sched::context::{Context, DropCause};
use crate::sched::filter::{Block, Classified};
use crate::sched::handle::ClassId;
use crate::sched::options::{CbqClassOptions, CbqOptions, QdiscOptions};
use crate::sched::queued::Queued;
use crate::sched::skb::Skb;
use crate::time::Instant;

/// The root's place.
const ROOT: Place = 0;

/// Priorities.
const PRIOS: usize = 8;

#[derive(Debug)]
pub(super) struct Cbq {
    major: u16,
    options: CbqOptions,
    /// The first one is the root. A place that is free has `None`.
    classes: Vec<Option<Class>>,
    /// All but the root, by their minor numbers.
    names: BTreeMap<u32, Place>,
    /// Classes with packets of their own, for each priority in the order of their turns.
    active: [VecDeque<Place>; PRIOS],
    backlog: Backlog,
    overlimits: u64,
    /// Whether classes changed since rounds were shared out.
    are_quanta_stale: bool,
    /// When it was asked last.
    now: Instant,
}

impl Cbq {
    pub(super) fn new(context: &mut Context<'_>, major: u16, options: &CbqOptions) -> Result<Cbq, OptionsError> {
        let link = Cbq::link(context, options);
        Class::check(&link)?;
        Ok(Cbq {
            major,
            options: *options,
            classes: vec![Some(Class::new(0, None, &link, context.now))],
            names: BTreeMap::new(),
            active: Default::default(),
            backlog: Backlog::default(),
            overlimits: 0,
            are_quanta_stale: true,
            now: context.now,
        })
    }

    /// The link as a class: last by priority, and as fast as it is.
    fn link(context: &Context<'_>, options: &CbqOptions) -> CbqClassOptions {
        CbqClassOptions {
            bandwidth: options.bandwidth,
            rate: options.bandwidth,
            allot: context.longest_frame(),
            weight: None,
            prio: 8,
            avpkt: options.avpkt,
            // What it lends may be late where another class has the link just then.
            max_burst: 20,
            min_burst: 0,
            bounded: true,
            isolated: true,
        }
    }

    fn class(&self, place: Place) -> Option<&Class> {
        self.classes.get(place as usize)?.as_ref()
    }

    fn class_mut(&mut self, place: Place) -> Option<&mut Class> {
        self.classes.get_mut(place as usize)?.as_mut()
    }

    fn place(&self, class: ClassId) -> Option<Place> {
        self.names.get(&class.minor).copied().filter(|_| class.major == self.major)
    }

    /// The class of a packet: what its priority names, or what filters say, from the root down as long as they name a
    /// class below the one that they hang on. Where they do not, the packet stays there.
    fn classify(&mut self, context: &mut Context<'_>, skb: &mut Skb<'_>) -> Result<Place, Enqueue> {
        let named = skb.class_of(self.major).and_then(|minor| self.names.get(&minor).copied());
        if let Some(place) = named {
            return Ok(place);
        }
        let mut at = ROOT;
        while let Some(class) = self.class_mut(at).filter(|class| !class.block.is_empty()) {
            let level = class.level;
            let next = match class.block.classify(context, skb) {
                Classified::Class(class) => self.place(class),
                Classified::Nothing => None,
                Classified::Drop(cause) => return Err(Enqueue::Dropped(cause)),
                Classified::Stolen => return Err(Enqueue::Stolen),
            };
            match next.filter(|next| self.class(*next).is_some_and(|class| class.level < level)) {
                Some(next) => at = next,
                None => break,
            }
        }
        Ok(at)
    }

    /// Puts a class that has packets in the round.
    fn activate(&mut self, place: Place) {
        let Some(class) = self.class_mut(place).filter(|class| !class.is_active) else { return };
        class.is_active = true;
        // A debt stays: else a class could shed it by running empty.
        class.deficits = class.deficits.map(|deficit| deficit.min(0).saturating_add(class.quantum));
        let prio = usize::from(class.options.prio).clamp(1, PRIOS) - 1;
        self.active[prio].push_back(place);
    }

    /// Takes a class out of the round.
    fn deactivate(&mut self, place: Place) {
        let Some(class) = self.class_mut(place).filter(|class| class.is_active) else { return };
        class.is_active = false;
        for round in &mut self.active {
            round.retain(|each| *each != place);
        }
    }
}

impl Qdisc for Cbq {
    fn options(&self) -> QdiscOptions {
        QdiscOptions::Cbq(self.options)
    }

    fn enqueue(&mut self, context: &mut Context<'_>, skb: &mut Skb<'_>, queued: Queued) -> Enqueue {
        let place = match self.classify(context, skb) {
            Ok(place) => place,
            Err(told) => return told,
        };
        let major = self.major;
        let Some(class) = self.class_mut(place) else { return Enqueue::Dropped(DropCause::NoClass) };
        context.class = Some(ClassId { major, minor: class.minor });
        if class.node.is_none() {
            class.node = default_leaf(context).ok();
        }
        let Some(node) = &mut class.node else { return Enqueue::Dropped(DropCause::NoClass) };
        let before = node.backlog();
        let dropped = node.dropped;
        let told = node.enqueue(context, skb, queued);
        let after = node.backlog();
        class.dropped += node.dropped - dropped;
        self.backlog.follow(before, after);
        if !after.is_empty() {
            self.activate(place);
        }
        told
    }

    fn dequeue(&mut self, context: &mut Context<'_>) -> Dequeue {
        self.now = self.now.max(context.now);
        self.serve(context)
    }

    fn backlog(&self) -> Backlog {
        self.backlog
    }

    fn drain(&mut self, context: &mut Context<'_>, cause: DropCause) {
        for class in self.classes.iter_mut().flatten() {
            if let Some(node) = &mut class.node {
                let dropped = node.dropped;
                node.drain(context, cause);
                class.dropped += node.dropped - dropped;
            }
            class.is_active = false;
        }
        self.active = Default::default();
        self.backlog = Backlog::default();
    }

    fn change(&mut self, context: &mut Context<'_>, options: &QdiscOptions) -> Result<(), OptionsError> {
        let QdiscOptions::Cbq(options) = options else { return Err(OptionsError::OtherKind) };
        let link = Cbq::link(context, options);
        Class::check(&link)?;
        self.options = *options;
        if let Some(root) = self.class_mut(ROOT) {
            root.change(&link);
        }
        self.lend(ROOT);
        Ok(())
    }

    fn overlimits(&self) -> u64 {
        self.overlimits
    }

    fn block(&mut self) -> Option<&mut Block> {
        self.class_mut(ROOT).map(|root| &mut root.block)
    }

    fn classful(&self) -> Option<&dyn Classful> {
        Some(self)
    }

    fn classful_mut(&mut self) -> Option<&mut dyn Classful> {
        Some(self)
    }
}
