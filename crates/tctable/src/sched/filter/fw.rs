use std::collections::BTreeMap;
use std::ops::Bound;

use super::classifier::{ChangeContext, Classifier, FilterContext, Match, ViewContext};
use super::options::FilterOptions;
use super::request::{FilterError, FilterStatistics};
use crate::packet::DeviceId;
use crate::sched::action::{ActionOptions, ActionVerdict, Actions};
use crate::sched::control::Flags;
use crate::sched::handle::Handle;
use crate::sched::qdisc::OptionsError;
use crate::sched::skb::Skb;

/// A `fw` filter: packets whose mark, under the mask, is the filter's handle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FwOptions {
    /// The bits of the mark that count, the same for all filters of a priority; `None` is all of them.
    pub mask: Option<u32>,
    /// The class that a packet belongs to.
    pub class: Option<Handle>,
    /// The device that it must have come in by.
    pub input: Option<DeviceId>,
    /// What is done to it.
    pub actions: Vec<ActionOptions>,
}

/// A priority of `fw` filters. As long as it has none, the mark is the class: of this qdisc, or without a major number.
#[derive(Debug)]
pub(super) struct Fw {
    mask: u32,
    filters: BTreeMap<u32, Filter>,
    /// Whether there ever was a filter: then marks are classes no longer.
    has_handles: bool,
    qdisc: Handle,
}

#[derive(Debug)]
struct Filter {
    class: Option<Handle>,
    input: Option<DeviceId>,
    actions: Actions,
    matched: u64,
}

impl Default for Fw {
    fn default() -> Fw {
        Fw { mask: u32::MAX, filters: BTreeMap::new(), has_handles: false, qdisc: Handle::UNSPEC }
    }
}

impl Classifier for Fw {
    fn kind(&self) -> &str {
        "fw"
    }

    fn classify(&mut self, context: &mut FilterContext<'_, '_>, skb: &mut Skb<'_>) -> Option<Match> {
        if !self.has_handles {
            let class = Handle(skb.mark);
            let is_class = skb.mark != 0 && (class.major() == 0 || class.major() == self.qdisc.major());
            return is_class.then_some(Match { class, verdict: ActionVerdict::Ok });
        }
        let filter = self.filters.get_mut(&(skb.mark & self.mask))?;
        if filter.input.is_some() && filter.input != skb.input {
            return None;
        }
        filter.matched += 1;
        let verdict = context.run(&mut filter.actions, skb);
        Some(Match { class: filter.class.unwrap_or_default(), verdict })
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
        let FilterOptions::Fw(options) = options else { return Err(OptionsError::OtherKind.into()) };
        self.qdisc = context.qdisc();
        let Some(options) = options else {
            return match handle {
                0 => Ok(0),
                _ => Err(OptionsError::Invalid("a mark needs options").into()),
            };
        };
        if handle == 0 {
            return Err(OptionsError::Invalid("the handle is the mark, and must be named").into());
        }
        let mask = options.mask.unwrap_or(u32::MAX);
        if self.has_handles && mask != self.mask {
            return Err(OptionsError::Invalid("all filters of a priority have the same mask").into());
        }
        let actions = Actions::new(&options.actions, context.now())?;
        let filter = Filter { class: options.class, input: options.input, actions, matched: 0 };
        context.name(filter.class);
        if let Some(before) = self.filters.insert(handle, filter) {
            context.release(before.class);
        }
        (self.mask, self.has_handles) = (mask, true);
        Ok(handle)
    }

    fn delete(&mut self, context: &mut ChangeContext<'_>, handle: u32) -> Result<bool, FilterError> {
        let filter = self.filters.remove(&handle).ok_or(FilterError::NotFound)?;
        context.release(filter.class);
        Ok(self.filters.is_empty())
    }

    fn clear(&mut self, context: &mut ChangeContext<'_>) {
        for filter in std::mem::take(&mut self.filters).into_values() {
            context.release(filter.class);
        }
    }

    fn handle_after(&self, _: &ViewContext<'_>, handle: u32) -> Option<u32> {
        self.filters.range((Bound::Excluded(handle), Bound::Unbounded)).next().map(|(handle, _)| *handle)
    }

    fn view(&self, _: &ViewContext<'_>, handle: u32) -> Option<(FilterOptions, FilterStatistics)> {
        let filter = self.filters.get(&handle)?;
        let mask = Some(self.mask).filter(|mask| *mask != u32::MAX);
        let Filter { class, input, .. } = *filter;
        let options = FwOptions { mask, class, input, actions: filter.actions.options() };
        let statistics = FilterStatistics {
            matched: filter.matched,
            actions: filter.actions.statistics(),
            ..FilterStatistics::default()
        };
        Some((FilterOptions::Fw(Some(options)), statistics))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sched::control::Errno;
    use crate::sched::filter::block::Classified;
    use crate::sched::filter::testing::{Bench, both, class, classified, request};
    use crate::sched::filter::{EtherType, FilterRequest};

    fn of(bench: &mut Bench, mark: u32, input: Option<DeviceId>) -> Classified {
        let [packet, _] = both(1, 2);
        let mut skb = packet.skb();
        (skb.mark, skb.input) = (mark, input);
        bench.classify(&mut skb)
    }

    fn set(bench: &mut Bench, handle: u32, options: FwOptions) -> Result<(), FilterError> {
        let request = FilterRequest { handle, ..request(EtherType::ALL, 1, FilterOptions::Fw(Some(options))) };
        bench.set(&request, Flags::REPLACE).map(|_| ())
    }

    #[test]
    fn the_mark_is_the_handle() {
        let mut bench = Bench::new();
        let options = |minor| FwOptions { class: class(minor), ..FwOptions::default() };
        set(&mut bench, 5, options(5)).unwrap();
        set(&mut bench, 6, FwOptions { input: Some(DeviceId(3)), ..options(6) }).unwrap();
        assert_eq!(of(&mut bench, 5, None), classified(5));
        assert_eq!(of(&mut bench, 6, None), Classified::Nothing);
        assert_eq!(of(&mut bench, 6, Some(DeviceId(3))), classified(6));
        assert_eq!(of(&mut bench, 7, None), Classified::Nothing);
        let matched: Vec<_> = bench.views().iter().skip(1).map(|view| view.statistics.matched).collect();
        assert_eq!(matched, [1, 1]);
    }

    #[test]
    fn all_of_a_priority_have_one_mask() {
        let mut bench = Bench::new();
        let options = |mask| FwOptions { mask, class: class(5), ..FwOptions::default() };
        set(&mut bench, 5, options(Some(0xff))).unwrap();
        assert_eq!(of(&mut bench, 0xab05, None), classified(5));
        for (handle, mask) in [(6, None), (6, Some(0xf)), (0, Some(0xff))] {
            let error = set(&mut bench, handle, options(mask)).unwrap_err();
            assert_eq!(error.errno(), Errno::EINVAL);
        }
        set(&mut bench, 6, options(Some(0xff))).unwrap();
    }

    #[test]
    fn without_options_the_mark_is_the_class() {
        let mut bench = Bench::new();
        bench.add(1, FilterOptions::Fw(None));
        assert_eq!(of(&mut bench, 0x0001_0005, None), classified(5));
        assert_eq!(of(&mut bench, 5, None), Classified::Class(Handle::new(0, 5).into()));
        assert_eq!(of(&mut bench, 0x0002_0005, None), Classified::Nothing);
        assert_eq!(of(&mut bench, 0, None), Classified::Nothing);
    }
}
