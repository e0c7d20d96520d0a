//! Filters: which class a packet belongs to. A file or a folder for each kind.
//!
//! The filters of one attachment point, a qdisc or a class, are a `Block`: chains by number, each of which has priorities
//! in order, each of which has filters of one kind for one protocol. A kind is a [`Classifier`]; users can register more.

mod basic;
mod block;
mod classifier;
mod ether_type;
mod flower;
mod fw;
mod matchall;
mod options;
mod request;
mod rsvp;
mod seen;
#[cfg(test)]
pub(super) mod testing;
mod u32;

pub use basic::{BasicOptions, Cmp, CmpLayer, CmpOperator, Ematch, EmatchU32, Meta, MetaKey, MetaValue, Nbyte};
pub(crate) use block::{Block, Classified};
pub use classifier::{ChangeContext, Classifier, FilterContext, FilterKinds, Match, ViewContext};
pub use ether_type::EtherType;
pub(crate) use ether_type::NAMES as ETHER_TYPES;
pub use flower::{FlowerOptions, IpPrefix, Masked, PortRange};
pub use fw::FwOptions;
pub use matchall::MatchallOptions;
pub use options::FilterOptions;
pub use request::{FilterChange, FilterError, FilterKey, FilterQuery, FilterRequest, FilterStatistics, FilterView};
pub use rsvp::{RsvpOptions, RsvpPort};
pub use u32::{U32Key, U32Mark, U32Node, U32Offset, U32Options, U32Selector, U32VariableOffset};

use std::collections::BTreeMap;

/// The lowest handle that is free, from 1 on.
fn free_handle<T>(filters: &BTreeMap<u32, T>) -> Result<u32, FilterError> {
    // Mostly there are no gaps.
    let count = filters.len() as u32;
    if filters.last_key_value().is_none_or(|(last, _)| *last == count) {
        return count.checked_add(1).ok_or(FilterError::NoHandleLeft);
    }
    let gap = filters.keys().zip(1..).find(|(handle, wanted)| *handle != wanted);
    gap.map(|(_, wanted)| wanted).ok_or(FilterError::NoHandleLeft)
}
