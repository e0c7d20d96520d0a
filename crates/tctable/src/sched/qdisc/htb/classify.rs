//! Which class a packet belongs to.

use super::Htb;
use super::class::LEVELS;
use crate::sched::context::{Context, DropCause};
use crate::sched::filter::{Block, Classified};
use crate::sched::handle::Handle;
use crate::sched::skb::Skb;

/// Where a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    /// To that leaf; its minor number.
    Leaf(u32, u32),
    /// By all classes.
    Direct,
    Drop(DropCause),
    Stolen,
}

/// What filters of one place made of a packet.
enum Step {
    Done(Chosen),
    /// A class with children: its own filters are asked next.
    Down(u32),
    /// Nobody knows it.
    Unknown,
}

impl Htb {
    /// As the kernel: the class that the packet's priority names, or else what the filters of the qdisc say. Where that has
    /// children its own filters go on. Who stays unclassified goes to the default class, and by all classes where there is none.
    #[inline]
    pub(super) fn classify(&mut self, context: &mut Context<'_>, skb: &mut Skb<'_>) -> Chosen {
        let asked = Handle(skb.priority);
        let mut step = if asked.major() != self.major {
            Step::Unknown
        } else if asked.minor() == 0 {
            return Chosen::Direct;
        } else {
            self.step_to(asked.minor().into())
        };
        if matches!(step, Step::Unknown) && !self.block.is_empty() {
            let classified = self.block.classify(context, skb);
            step = self.judge(classified);
        }
        // Filters that lead up again end the search, which in the kernel goes on for ever.
        for _ in 0..LEVELS {
            match step {
                Step::Done(chosen) => return chosen,
                Step::Unknown => break,
                Step::Down(class) => {
                    let classified = match self.classes.terms[class].block.as_deref_mut() {
                        Some(block) if !Block::is_empty(block) => block.classify(context, skb),
                        _ => Classified::Nothing,
                    };
                    step = self.judge(classified);
                }
            }
        }
        if let Some((class, minor)) = skb.host.and_then(|host| self.host_class(context, host)) {
            return Chosen::Leaf(class, minor);
        }
        match self.step_to(self.default) {
            Step::Done(chosen) => chosen,
            Step::Down(_) | Step::Unknown => Chosen::Direct,
        }
    }

    #[inline]
    fn step_to(&self, minor: u32) -> Step {
        match self.names.get(minor) {
            Some(class) if self.classes[class].leaf().is_some() => Step::Done(Chosen::Leaf(class, minor)),
            Some(class) => Step::Down(class),
            None => Step::Unknown,
        }
    }

    fn judge(&self, classified: Classified) -> Step {
        match classified {
            Classified::Nothing => Step::Unknown,
            Classified::Drop(cause) => Step::Done(Chosen::Drop(cause)),
            Classified::Stolen => Step::Done(Chosen::Stolen),
            Classified::Class(class) if class == self.name(0) => Step::Done(Chosen::Direct),
            Classified::Class(class) if class.major == self.major => self.step_to(class.minor),
            Classified::Class(_) => Step::Unknown,
        }
    }
}
