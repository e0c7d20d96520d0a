use std::collections::BTreeMap;

use super::LinkCode;

/// Packets that the file holds and the reader does not hand over, by cause.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skipped {
    /// On interfaces, described after the first packet, whose link type the engine cannot read.
    pub unsupported_link: BTreeMap<LinkCode, u64>,
    /// On interfaces that the file does not describe.
    pub unknown_interface: u64,
}

impl Skipped {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.unknown_interface + self.unsupported_link.values().sum::<u64>()
    }

    pub(super) fn count_link_type(&mut self, link: LinkCode) {
        *self.unsupported_link.entry(link).or_default() += 1;
    }
}
