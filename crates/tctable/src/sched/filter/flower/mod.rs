//! `flower`: header fields. Filters with the same mask are found by one hash of the packet's fields under it, so the cost
//! of a packet is that of the masks, not of the filters; those with a range of ports are asked one after the other.

mod fields;
mod options;
#[cfg(test)]
mod tests;

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasherDefault;
use std::ops::Bound;

use fields::{Fields, Ranges, Wanted};
pub use options::{FlowerOptions, IpPrefix, Masked, PortRange};

use super::classifier::{ChangeContext, Classifier, FilterContext, Match, ViewContext};
use super::options::FilterOptions;
use super::request::{FilterError, FilterStatistics};
use crate::sched::action::Actions;
use crate::sched::control::Flags;
use crate::sched::handle::Handle;
use crate::sched::qdisc::OptionsError;
use crate::sched::skb::Skb;

/// Filters' handles by their fields. Only filters are kept there, so that its hash needs no secret.
type ByFields = HashMap<(Fields, Ranges), u32, BuildHasherDefault<DefaultHasher>>;

/// A priority of `flower` filters.
#[derive(Debug, Default)]
pub(super) struct Flower {
    /// In the order in which they were first used.
    masks: Vec<Mask>,
    filters: BTreeMap<u32, Filter>,
}

/// Filters that look at the same bits.
#[derive(Debug)]
struct Mask {
    mask: Fields,
    /// Which ports they match by ranges.
    ranges: [bool; 4],
    by_fields: ByFields,
    /// Those with ranges, in the order in which they were made.
    with_ranges: Vec<u32>,
}

#[derive(Debug)]
struct Filter {
    options: FlowerOptions,
    wanted: Wanted,
    actions: Actions,
    matched: u64,
}

impl Mask {
    fn find(&self, fields: &Fields, filters: &BTreeMap<u32, Filter>) -> Option<u32> {
        let masked = fields.masked(&self.mask);
        if self.with_ranges.is_empty() {
            return self.by_fields.get(&(masked, Ranges::default())).copied();
        }
        let mut handles = self.with_ranges.iter().copied();
        handles.find(|handle| {
            let filter = filters.get(handle);
            filter.is_some_and(|filter| filter.wanted.fields == masked && filter.wanted.ranges.contain(fields))
        })
    }
}

impl Flower {
    fn mask(&self, wanted: &Wanted) -> Option<usize> {
        self.masks.iter().position(|mask| mask.mask == wanted.mask && mask.ranges == wanted.ranges.which())
    }

    fn add(&mut self, handle: u32, filter: Filter) {
        let wanted = &filter.wanted;
        let at = self.mask(wanted).unwrap_or_else(|| {
            self.masks.push(Mask {
                mask: wanted.mask,
                ranges: wanted.ranges.which(),
                by_fields: ByFields::default(),
                with_ranges: Vec::new(),
            });
            self.masks.len() - 1
        });
        self.masks[at].by_fields.insert((wanted.fields, wanted.ranges), handle);
        if !wanted.ranges.is_none() {
            self.masks[at].with_ranges.push(handle);
        }
        self.filters.insert(handle, filter);
    }

    fn remove(&mut self, handle: u32) -> Option<Filter> {
        let filter = self.filters.remove(&handle)?;
        if let Some(at) = self.mask(&filter.wanted) {
            let mask = &mut self.masks[at];
            mask.by_fields.remove(&(filter.wanted.fields, filter.wanted.ranges));
            mask.with_ranges.retain(|one| *one != handle);
            if mask.by_fields.is_empty() {
                self.masks.remove(at);
            }
        }
        Some(filter)
    }
}

impl Classifier for Flower {
    fn kind(&self) -> &str {
        "flower"
    }

    fn classify(&mut self, context: &mut FilterContext<'_, '_>, skb: &mut Skb<'_>) -> Option<Match> {
        let fields = Fields::of(skb, &context.seen);
        let handle = self.masks.iter().find_map(|mask| mask.find(&fields, &self.filters))?;
        let filter = self.filters.get_mut(&handle)?;
        filter.matched += 1;
        // As in the kernel, no other mask is asked where the actions say that the next filter has the packet.
        let verdict = context.run(&mut filter.actions, skb);
        Some(Match { class: filter.options.class.unwrap_or(Handle::UNSPEC), verdict })
    }

    fn has(&self, _: &ViewContext<'_>, handle: u32) -> bool {
        self.filters.contains_key(&handle)
    }

    fn change(
        &mut self,
        context: &mut ChangeContext<'_>,
        handle: u32,
        _: Flags,
        options: &FilterOptions,
    ) -> Result<u32, FilterError> {
        let FilterOptions::Flower(options) = options else { return Err(OptionsError::OtherKind.into()) };
        let wanted = Wanted::new(options)?;
        let actions = Actions::new(&options.actions, context.now())?;
        let same = self.mask(&wanted).and_then(|at| self.masks[at].by_fields.get(&(wanted.fields, wanted.ranges)));
        if same.is_some_and(|same| *same != handle) {
            return Err(FilterError::Exists);
        }
        let handle = match handle {
            0 => super::free_handle(&self.filters)?,
            handle => handle,
        };
        let options = FlowerOptions { actions: Vec::new(), ..(**options).clone() };
        context.name(options.class);
        if let Some(before) = self.remove(handle) {
            context.release(before.options.class);
        }
        self.add(handle, Filter { options, wanted, actions, matched: 0 });
        Ok(handle)
    }

    fn delete(&mut self, context: &mut ChangeContext<'_>, handle: u32) -> Result<bool, FilterError> {
        let filter = self.remove(handle).ok_or(FilterError::NotFound)?;
        context.release(filter.options.class);
        Ok(self.filters.is_empty())
    }

    fn clear(&mut self, context: &mut ChangeContext<'_>) {
        self.masks.clear();
        for filter in std::mem::take(&mut self.filters).into_values() {
            context.release(filter.options.class);
        }
    }

    fn handle_after(&self, _: &ViewContext<'_>, handle: u32) -> Option<u32> {
        self.filters.range((Bound::Excluded(handle), Bound::Unbounded)).next().map(|(handle, _)| *handle)
    }

    fn view(&self, _: &ViewContext<'_>, handle: u32) -> Option<(FilterOptions, FilterStatistics)> {
        let filter = self.filters.get(&handle)?;
        let options = FlowerOptions { actions: filter.actions.options(), ..filter.options.clone() };
        let statistics = FilterStatistics {
            matched: filter.matched,
            actions: filter.actions.statistics(),
            ..FilterStatistics::default()
        };
        Some((FilterOptions::Flower(Box::new(options)), statistics))
    }
}
