use super::classifier::{ChangeContext, Classifier, FilterContext, Match, ViewContext};
use super::options::FilterOptions;
use super::request::{FilterError, FilterStatistics};
use crate::sched::action::{ActionOptions, Actions};
use crate::sched::control::Flags;
use crate::sched::handle::Handle;
use crate::sched::qdisc::OptionsError;
use crate::sched::skb::Skb;

/// A `matchall` filter: every packet. A priority holds one, which can neither be changed nor deleted without it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MatchallOptions {
    /// The class that they belong to.
    pub class: Option<Handle>,
    /// What is done to them.
    pub actions: Vec<ActionOptions>,
}

/// A priority with its one filter, once that is made.
#[derive(Debug, Default)]
pub(super) struct Matchall(Option<Filter>);

#[derive(Debug)]
struct Filter {
    handle: u32,
    class: Option<Handle>,
    actions: Actions,
    matched: u64,
}

impl Matchall {
    fn get(&self, handle: u32) -> Option<&Filter> {
        self.0.as_ref().filter(|filter| filter.handle == handle)
    }
}

impl Classifier for Matchall {
    fn kind(&self) -> &str {
        "matchall"
    }

    fn classify(&mut self, context: &mut FilterContext<'_, '_>, skb: &mut Skb<'_>) -> Option<Match> {
        let filter = self.0.as_mut()?;
        filter.matched += 1;
        let verdict = context.run(&mut filter.actions, skb);
        Some(Match { class: filter.class.unwrap_or_default(), verdict })
    }

    fn has(&self, _: &ViewContext<'_>, handle: u32) -> bool {
        self.get(handle).is_some()
    }

    fn change(
        &mut self,
        context: &mut ChangeContext<'_>,
        handle: u32,
        _: Flags,
        options: &FilterOptions,
    ) -> Result<u32, FilterError> {
        let FilterOptions::Matchall(options) = options else { return Err(OptionsError::OtherKind.into()) };
        if self.0.is_some() {
            return Err(FilterError::Exists);
        }
        let actions = Actions::new(&options.actions, context.now())?;
        let handle = handle.max(1);
        context.name(options.class);
        self.0 = Some(Filter { handle, class: options.class, actions, matched: 0 });
        Ok(handle)
    }

    fn delete(&mut self, _: &mut ChangeContext<'_>, _: u32) -> Result<bool, FilterError> {
        Err(FilterError::NotSupported)
    }

    fn clear(&mut self, context: &mut ChangeContext<'_>) {
        if let Some(filter) = self.0.take() {
            context.release(filter.class);
        }
    }

    fn handle_after(&self, _: &ViewContext<'_>, handle: u32) -> Option<u32> {
        self.0.as_ref().map(|filter| filter.handle).filter(|one| *one > handle)
    }

    fn view(&self, _: &ViewContext<'_>, handle: u32) -> Option<(FilterOptions, FilterStatistics)> {
        let filter = self.get(handle)?;
        let options = MatchallOptions { class: filter.class, actions: filter.actions.options() };
        let statistics = FilterStatistics {
            matched: filter.matched,
            actions: filter.actions.statistics(),
            ..FilterStatistics::default()
        };
        Some((FilterOptions::Matchall(options), statistics))
    }
}
