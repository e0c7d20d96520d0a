//! Filters: which class a packet belongs to. A file or a folder for each kind.
//!
//! The filters of one attachment point, a qdisc or a class, are a `Block`: chains by number, each of which has priorities
//! in order, each of which has filters of one kind for one protocol. A kind is a [`Classifier`]; users can register more.

mod basic;
mod ether_type;
mod flower;
mod fw;
mod matchall;
mod options;
mod request;
mod rsvp;
mod u32;

pub use basic::{BasicOptions, Cmp, CmpLayer, CmpOperator, Ematch, EmatchU32, Meta, MetaKey, MetaValue, Nbyte};
pub use ether_type::EtherType;
pub use flower::{FlowerOptions, IpPrefix, Masked, PortRange};
pub use fw::FwOptions;
pub use matchall::MatchallOptions;
pub use options::FilterOptions;
pub use request::{
    Create, FilterChange, FilterDelete, FilterError, FilterKey, FilterRequest, FilterStatistics, FilterView,
};
pub use rsvp::{RsvpOptions, RsvpPort};
pub use u32::{U32Key, U32Mark, U32Node, U32Offset, U32Options, U32Selector, U32VariableOffset};

use super::context::{Context, DropCause};
use super::handle::ClassId;
use super::skb::Skb;
/// What filters say of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Classified {
    /// Nobody knows it.
    Nothing,
    /// It belongs to that class.
    Class(ClassId),
    /// It is to be dropped.
    Drop(DropCause),
    /// An action took it.
    Stolen,
}

/// The filters of one attachment point, in the order of their priorities.
#[derive(Debug, Default)]
pub(crate) struct Block {}

impl Block {
    /// Whether there are none: then nobody needs to be asked.
    pub(crate) fn is_empty(&self) -> bool {
        true
    }

    /// Asks the filters.
    pub(crate) fn classify(&mut self, _context: &mut Context<'_>, _skb: &mut Skb<'_>) -> Classified {
        Classified::Nothing
    }
}
