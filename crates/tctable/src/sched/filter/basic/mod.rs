//! `basic`: expressions of extended matches.

mod ematch;
mod options;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Bound;

use ematch::Subject;
pub use options::{BasicOptions, Cmp, CmpLayer, CmpOperator, Ematch, EmatchU32, Meta, MetaKey, MetaValue, Nbyte};

use super::classifier::{ChangeContext, Classifier, FilterContext, Match, ViewContext};
use super::options::FilterOptions;
use super::request::{FilterError, FilterStatistics};
use crate::sched::action::{ActionVerdict, Actions};
use crate::sched::control::Flags;
use crate::sched::handle::Handle;
use crate::sched::qdisc::OptionsError;
use crate::sched::skb::Skb;

/// A priority of `basic` filters. As in the kernel, the one that was made last is asked first.
#[derive(Debug, Default)]
pub(super) struct Basic {
    filters: BTreeMap<Reverse<u64>, Filter>,
    by_handle: BTreeMap<u32, u64>,
    /// Filters that were ever made.
    made: u64,
}

#[derive(Debug)]
struct Filter {
    matches: Option<Ematch>,
    class: Option<Handle>,
    actions: Actions,
    seen: u64,
    matched: u64,
}

impl Classifier for Basic {
    fn kind(&self) -> &str {
        "basic"
    }

    fn classify(&mut self, context: &mut FilterContext<'_, '_>, skb: &mut Skb<'_>) -> Option<Match> {
        for filter in self.filters.values_mut() {
            filter.seen += 1;
            if let Some(matches) = &filter.matches {
                let random = &mut *context.context.random;
                if !matches.holds(&mut Subject { skb, seen: &context.seen, random }) {
                    continue;
                }
            }
            filter.matched += 1;
            let verdict = context.run(&mut filter.actions, skb);
            if verdict != ActionVerdict::Continue {
                return Some(Match { class: filter.class.unwrap_or(Handle::UNSPEC), verdict });
            }
        }
        None
    }

    fn has(&self, _: &ViewContext<'_>, handle: u32) -> bool {
        self.by_handle.contains_key(&handle)
    }

    fn change(
        &mut self,
        context: &mut ChangeContext<'_>,
        handle: u32,
        _: Flags,
        options: &FilterOptions,
    ) -> Result<u32, FilterError> {
        let FilterOptions::Basic(options) = options else { return Err(OptionsError::OtherKind.into()) };
        if let Some(matches) = &options.matches {
            matches.check(0)?;
        }
        let actions = Actions::new(&options.actions, context.now())?;
        let handle = match handle {
            0 => super::free_handle(&self.by_handle)?,
            handle => handle,
        };
        let order = *self.by_handle.entry(handle).or_insert_with(|| {
            self.made += 1;
            self.made
        });
        let filter = Filter { matches: options.matches.clone(), class: options.class, actions, seen: 0, matched: 0 };
        context.name(options.class);
        if let Some(before) = self.filters.insert(Reverse(order), filter) {
            context.release(before.class);
        }
        Ok(handle)
    }

    fn delete(&mut self, context: &mut ChangeContext<'_>, handle: u32) -> Result<bool, FilterError> {
        let order = self.by_handle.remove(&handle).ok_or(FilterError::NotFound)?;
        if let Some(filter) = self.filters.remove(&Reverse(order)) {
            context.release(filter.class);
        }
        Ok(self.filters.is_empty())
    }

    fn clear(&mut self, context: &mut ChangeContext<'_>) {
        self.by_handle.clear();
        for filter in std::mem::take(&mut self.filters).into_values() {
            context.release(filter.class);
        }
    }

    fn handle_after(&self, _: &ViewContext<'_>, handle: u32) -> Option<u32> {
        self.by_handle.range((Bound::Excluded(handle), Bound::Unbounded)).next().map(|(handle, _)| *handle)
    }

    fn view(&self, _: &ViewContext<'_>, handle: u32) -> Option<(FilterOptions, FilterStatistics)> {
        let filter = self.filters.get(&Reverse(*self.by_handle.get(&handle)?))?;
        let Filter { class, seen, matched, .. } = *filter;
        let options = BasicOptions { matches: filter.matches.clone(), class, actions: filter.actions.options() };
        let statistics =
            FilterStatistics { seen, matched, actions: filter.actions.statistics(), ..FilterStatistics::default() };
        Some((FilterOptions::Basic(options), statistics))
    }
}
