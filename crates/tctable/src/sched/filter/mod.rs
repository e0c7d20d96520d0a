//! Filters: which class a packet belongs to.

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
