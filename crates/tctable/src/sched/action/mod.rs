//! Actions: what is done to a packet that a filter matched. A file for each kind.

mod estimator;
mod gact;
mod mirred;
mod options;
mod police;
mod skbedit;

pub(crate) use mirred::{MOST_NESTED, Redirect};
pub use options::{
    ActionOptions, ActionVerdict, Estimator, GactChoice, GactOptions, GactRandom, MarkEdit, MirredOptions,
    PoliceOptions, SkbeditOptions,
};

use super::backlog::Count;
use super::context::Context;
use super::qdisc::OptionsError;
use super::skb::Skb;
use crate::time::Instant;

/// Actions that a filter can have (`TCA_ACT_MAX_PRIO`).
pub(crate) const MOST: usize = 32;
/// The highest number of a chain (`TC_ACT_EXT_VAL_MASK`).
pub(crate) const LAST_CHAIN: u32 = (1 << 28) - 1;

/// What an action counted (`TCA_STATS_BASIC`, `TCA_STATS_QUEUE`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ActionStatistics {
    /// What it was given.
    pub given: Count,
    /// Packets that it dropped.
    pub dropped: u64,
    /// Packets that exceeded a rate.
    pub overlimits: u64,
}

/// A filter's actions, in their order.
#[derive(Debug, Default)]
pub struct Actions(Box<[Action]>);

#[derive(Debug)]
struct Action {
    statistics: ActionStatistics,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Gact(gact::Gact),
    Police(Box<police::Police>),
    Mirred(MirredOptions),
    Skbedit(SkbeditOptions),
}

impl Actions {
    /// Actions as they are wanted, at the time that a police begins with a full burst.
    ///
    /// # Errors
    /// [`OptionsError::Invalid`] where one is wrong, or there are more than 32.
    pub fn new(options: &[ActionOptions], now: Instant) -> Result<Actions, OptionsError> {
        if options.len() > MOST {
            return Err(OptionsError::Invalid("a filter has at most 32 actions"));
        }
        let actions = options.iter().map(|options| {
            let kind = Kind::new(options, now)?;
            Ok(Action { statistics: ActionStatistics::default(), kind })
        });
        Ok(Actions(actions.collect::<Result<_, OptionsError>>()?))
    }

    /// What they are.
    pub fn options(&self) -> Vec<ActionOptions> {
        self.0.iter().map(|action| action.kind.options()).collect()
    }

    /// What they counted.
    pub fn statistics(&self) -> Vec<ActionStatistics> {
        self.0.iter().map(|action| action.statistics).collect()
    }

    /// Does them to a packet, one after the other, as long as their verdict is [`ActionVerdict::Pipe`]. Without any the
    /// verdict is [`ActionVerdict::Ok`].
    #[inline]
    pub(crate) fn run(&mut self, context: &mut Context<'_>, skb: &mut Skb<'_>) -> ActionVerdict {
        if self.0.is_empty() {
            return ActionVerdict::Ok;
        }
        for action in &mut self.0 {
            let verdict = action.run(context, skb);
            if verdict != ActionVerdict::Pipe {
                return verdict;
            }
        }
        ActionVerdict::Pipe
    }
}

impl Action {
    fn run(&mut self, context: &mut Context<'_>, skb: &mut Skb<'_>) -> ActionVerdict {
        let Action { statistics, kind } = self;
        statistics.given.count(skb.len);
        let verdict = match kind {
            Kind::Gact(gact) => gact.run(context),
            Kind::Police(police) => match police.run(context.now, skb.len) {
                police::Judgement::Conforms => police.options().conform,
                police::Judgement::Exceeds => {
                    statistics.overlimits += 1;
                    police.options().exceed
                }
            },
            Kind::Mirred(mirred) => mirred::run(mirred, context, skb),
            Kind::Skbedit(edit) => skbedit::run(edit, skb),
        };
        statistics.dropped += u64::from(verdict == ActionVerdict::Drop);
        verdict
    }
}

impl Kind {
    fn new(options: &ActionOptions, now: Instant) -> Result<Kind, OptionsError> {
        let main = match options {
            ActionOptions::Gact(gact) => gact.verdict,
            ActionOptions::Police(police) => police.exceed,
            ActionOptions::Mirred(mirred) => mirred.verdict,
            ActionOptions::Skbedit(edit) => edit.verdict,
        };
        if matches!(main, ActionVerdict::GotoChain(chain) if chain > LAST_CHAIN) {
            return Err(OptionsError::Invalid("chains have numbers up to 268435455"));
        }
        Ok(match options {
            ActionOptions::Gact(options) => Kind::Gact(gact::Gact::new(*options)?),
            ActionOptions::Police(options) => Kind::Police(Box::new(police::Police::new(*options, now)?)),
            ActionOptions::Mirred(options) => Kind::Mirred(*options),
            ActionOptions::Skbedit(options) => Kind::Skbedit(*options),
        })
    }

    fn options(&self) -> ActionOptions {
        match self {
            Kind::Gact(gact) => ActionOptions::Gact(gact.options()),
            Kind::Police(police) => ActionOptions::Police(*police.options()),
            Kind::Mirred(options) => ActionOptions::Mirred(*options),
            Kind::Skbedit(options) => ActionOptions::Skbedit(*options),
        }
    }
}

/// What is no verdict but for every packet alike.
fn not_a_fallback(verdict: ActionVerdict) -> Result<(), OptionsError> {
    match verdict {
        ActionVerdict::GotoChain(_) => Err(OptionsError::Invalid("goto chain is no verdict for some packets only")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
