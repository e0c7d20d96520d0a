use std::collections::BTreeSet;
#[derive(Debug, Default)]
pub(crate) struct Bits(BTreeSet<u32>);
impl Bits {
    pub(crate) fn new() -> Self {
        Self::default()
    }
    pub(crate) fn insert(&mut self, place: u32) {
        self.0.insert(place);
    }
    pub(crate) fn remove(&mut self, place: u32) {
        self.0.remove(&place);
    }
    pub(crate) fn first_from(&self, place: u32) -> Option<u32> {
        self.0.range(place..).next().or_else(|| self.0.iter().next()).copied()
    }
}
