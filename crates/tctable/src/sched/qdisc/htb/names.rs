//! Classes by their minor numbers.

use crate::table::prefetch;

/// No class, or no page.
const NONE: u32 = u32::MAX;
/// Numbers to a page: two cache lines, so that a class that is alone in its page takes 128 bytes for it.
const PAGE: usize = 32;

/// A table in pages: a class is found in two steps, whatever its number, and only pages in which there is one take memory.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Which page has a range of numbers.
    directory: Vec<u32>,
    pages: Vec<[u32; PAGE]>,
}

impl Names {
    #[inline]
    pub(super) fn get(&self, minor: u32) -> Option<u32> {
        let page = *self.directory.get(minor as usize / PAGE)?;
        let class = self.pages.get(page as usize)?[minor as usize % PAGE];
        (class != NONE).then_some(class)
    }

    /// Asks for the page of a number.
    #[inline]
    pub(super) fn prefetch(&self, minor: u32) {
        let page = self.directory.get(minor as usize / PAGE).and_then(|page| self.pages.get(*page as usize));
        if let Some(page) = page {
            prefetch(&page[minor as usize % PAGE]);
        }
    }

    pub(super) fn set(&mut self, minor: u32, class: Option<u32>) {
        let range = minor as usize / PAGE;
        if self.directory.len() <= range {
            self.directory.resize(range + 1, NONE);
        }
        let page = &mut self.directory[range];
        if *page == NONE {
            *page = self.pages.len() as u32;
            self.pages.push([NONE; PAGE]);
        }
        self.pages[*page as usize][minor as usize % PAGE] = class.unwrap_or(NONE);
    }

    /// The first class with that number or a higher one.
    pub(super) fn first_from(&self, minor: u32) -> Option<u32> {
        let mut from = minor as usize % PAGE;
        for page in self.directory.get(minor as usize / PAGE..)? {
            let page = self.pages.get(*page as usize).and_then(|page| page.get(from..)).unwrap_or_default();
            if let Some(class) = page.iter().find(|class| **class != NONE) {
                return Some(*class);
            }
            from = 0;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn names_are_an_ordered_map(steps in proptest::collection::vec((0u32..0x10_400, any::<bool>()), 0..200)) {
            let (mut names, mut model) = (Names::default(), BTreeMap::new());
            for (class, (minor, is_set)) in steps.into_iter().enumerate() {
                names.set(minor, is_set.then_some(class as u32));
                if is_set { model.insert(minor, class as u32); } else { model.remove(&minor); }
                for minor in [minor, minor + 1, minor / 2] {
                    prop_assert_eq!(names.get(minor), model.get(&minor).copied());
                    prop_assert_eq!(names.first_from(minor), model.range(minor..).next().map(|(_, class)| *class));
                }
            }
        }
    }
}
