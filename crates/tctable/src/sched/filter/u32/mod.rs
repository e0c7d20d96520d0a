//! `u32`: any bits of a packet.
//!
//! Nodes are in the buckets of hash tables, in order; a node that matches can link to another table, where a packet's own
//! bits choose the bucket, and where what was read of its header's length can move the place that keys count from. Behind
//! the last node of a linked table the packet comes back to the node that linked. A bucket is found in one step; its
//! nodes are asked one after the other.

mod change;
mod classify;
mod node;
mod options;
mod tables;

pub use options::{U32Key, U32Mark, U32Node, U32Offset, U32Options, U32Selector, U32VariableOffset};
pub(crate) use tables::Tables;

use super::classifier::{ChangeContext, Classifier, FilterContext, Match, ViewContext};
use super::options::FilterOptions;
use super::request::{FilterError, FilterStatistics};
use crate::sched::control::Flags;
use crate::sched::qdisc::OptionsError;
use crate::sched::skb::Skb;

/// A priority of `u32` filters: its root table, once it is made.
#[derive(Debug, Default)]
pub(super) struct U32 {
    root: Option<u16>,
}

impl Classifier for U32 {
    fn kind(&self) -> &str {
        "u32"
    }

    fn classify(&mut self, context: &mut FilterContext<'_, '_>, skb: &mut Skb<'_>) -> Option<Match> {
        classify::classify(self.root?, context, skb)
    }

    fn has(&self, context: &ViewContext<'_>, handle: u32) -> bool {
        context.tables.has(handle)
    }

    fn change(
        &mut self,
        context: &mut ChangeContext<'_>,
        handle: u32,
        _: Flags,
        options: &FilterOptions,
    ) -> Result<u32, FilterError> {
        let FilterOptions::U32(options) = options else { return Err(OptionsError::OtherKind.into()) };
        let root = match self.root {
            Some(root) => root,
            None => *self.root.insert(context.tables.add_root(context.place)?),
        };
        change::change(root, context, handle, options)
    }

    fn delete(&mut self, context: &mut ChangeContext<'_>, handle: u32) -> Result<bool, FilterError> {
        change::delete(context, handle)
    }

    fn clear(&mut self, context: &mut ChangeContext<'_>) {
        if let Some(root) = self.root.take() {
            change::clear(root, context);
        }
    }

    fn handle_after(&self, context: &ViewContext<'_>, handle: u32) -> Option<u32> {
        context.tables.handle_after(context.place, handle)
    }

    fn view(&self, context: &ViewContext<'_>, handle: u32) -> Option<(FilterOptions, FilterStatistics)> {
        let (options, statistics) = context.tables.view(handle)?;
        Some((FilterOptions::U32(options), statistics))
    }
}

#[cfg(test)]
mod tests;
