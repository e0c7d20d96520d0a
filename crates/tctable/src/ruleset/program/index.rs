//! Which rules of a long chain are worth a look.

use crate::packet::{Family, PacketInfo};
use crate::ruleset::Rule;

#[derive(Debug)]
pub(super) struct Index;

#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor;

impl Index {
    pub(super) fn new(_: &[Rule], _: Family) -> Option<Index> {
        None
    }

    pub(super) fn candidates(&self, _: &PacketInfo, _: &mut Vec<Cursor>) -> Option<()> {
        None
    }

    pub(super) fn next(&self, _: &mut [Cursor]) -> Option<usize> {
        None
    }
}
