mod control;
#[cfg(test)]
mod tests;

use super::classifier::{Classifier, FilterContext, Match};
use super::ether_type::EtherType;
use super::seen::Seen;
use super::u32::Tables;
use crate::sched::action::ActionVerdict;
use crate::sched::context::{Context, DropCause};
use crate::sched::handle::ClassId;
use crate::sched::skb::Skb;

/// How often a packet's classification begins anew, or goes to another chain, before it is dropped.
const MOST_RESETS: u32 = 16;

/// What filters say of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Classified {
    /// Nobody knows it.
    Nothing,
    /// It belongs to that class: 0:0 where the filter names none.
    Class(ClassId),
    /// It is to be dropped.
    Drop(DropCause),
    /// An action took it.
    Stolen,
}

/// The filters of one attachment point. Without any it takes a word.
#[derive(Debug, Default)]
pub(crate) struct Block(Option<Box<Filters>>);

#[derive(Debug, Default)]
struct Filters {
    /// In the order of their numbers; none is empty.
    chains: Vec<Chain>,
    tables: Tables,
}

#[derive(Debug)]
struct Chain {
    number: u32,
    /// In their order.
    priorities: Vec<Priority>,
}

/// Filters of one kind for one protocol.
#[derive(Debug)]
struct Priority {
    number: u16,
    protocol: EtherType,
    filters: Box<dyn Classifier>,
}

impl Block {
    /// Whether there are none that a packet would meet: then nobody needs to be asked.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|filters| filters.chain(0).is_none())
    }

    /// Asks the filters.
    #[inline]
    pub(crate) fn classify(&mut self, context: &mut Context<'_>, skb: &mut Skb<'_>) -> Classified {
        match &mut self.0 {
            None => Classified::Nothing,
            Some(filters) => filters.classify(context, skb),
        }
    }
}

impl Filters {
    fn find_chain(&self, number: u32) -> Result<usize, usize> {
        self.chains.binary_search_by_key(&number, |chain| chain.number)
    }

    fn chain(&self, number: u32) -> Option<&Chain> {
        self.find_chain(number).ok().map(|at| &self.chains[at])
    }

    fn classify(&mut self, context: &mut Context<'_>, skb: &mut Skb<'_>) -> Classified {
        let Filters { chains, tables } = self;
        let mut context = FilterContext { context, tables, seen: Seen::of(skb) };
        let mut chain = 0;
        for _ in 0..=MOST_RESETS {
            let Ok(at) = chains.binary_search_by_key(&chain, |chain| chain.number) else { return Classified::Nothing };
            let Some(found) = chains[at].classify(&mut context, skb) else { return Classified::Nothing };
            match found.verdict {
                ActionVerdict::Ok | ActionVerdict::Pipe | ActionVerdict::Continue => {
                    return Classified::Class(found.class.into());
                }
                ActionVerdict::Drop => return Classified::Drop(DropCause::Filter),
                ActionVerdict::Stolen => return Classified::Stolen,
                ActionVerdict::Reclassify => chain = 0,
                ActionVerdict::GotoChain(next) => chain = next,
            }
        }
        Classified::Drop(DropCause::Filter)
    }
}

impl Chain {
    fn classify(&mut self, context: &mut FilterContext<'_, '_>, skb: &mut Skb<'_>) -> Option<Match> {
        let protocol = context.seen.protocol;
        let concerned = self
            .priorities
            .iter_mut()
            .filter(|priority| priority.protocol == protocol || priority.protocol == EtherType::ALL);
        for priority in concerned {
            let found = priority.filters.classify(context, skb);
            if found.is_some_and(|found| found.verdict != ActionVerdict::Continue) {
                return found;
            }
        }
        None
    }
}
