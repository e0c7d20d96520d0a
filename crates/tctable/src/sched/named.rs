use std::collections::BTreeMap;

use super::handle::ClassId;

/// Which classes filters name: a class that is named cannot be deleted, and one that is made later is named from the
/// beginning. A filter names classes of the qdisc that it hangs at only.
#[derive(Debug, Default)]
pub(crate) struct Named(BTreeMap<u16, Counts>);

/// By a class's minor number and that of where filters hang (0 for the qdisc itself): how many name it there.
type Counts = BTreeMap<(u32, u32), u32>;

impl Named {
    /// One more filter names a class.
    pub(crate) fn name(&mut self, class: ClassId, by: ClassId) {
        let count = self.0.entry(class.major).or_default().entry((class.minor, by.minor)).or_default();
        *count = count.saturating_add(1);
    }

    /// One less does.
    pub(crate) fn release(&mut self, class: ClassId, by: ClassId) {
        let Some(counts) = self.0.get_mut(&class.major) else { return };
        if let Some(count) = counts.get_mut(&(class.minor, by.minor)) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&(class.minor, by.minor));
            }
        }
    }

    /// How many filters name a class.
    pub(crate) fn count(&self, class: ClassId) -> u32 {
        let Some(counts) = self.0.get(&class.major) else { return 0 };
        counts.range((class.minor, 0)..=(class.minor, u32::MAX)).map(|(_, count)| count).sum()
    }

    /// The filters at a class are gone: the classes that they named, with how many did.
    pub(crate) fn forget_filters(&mut self, at: ClassId) -> Vec<(ClassId, u32)> {
        let mut released = Vec::new();
        if let Some(counts) = self.0.get_mut(&at.major) {
            counts.retain(|(class, by), count| {
                if *by == at.minor {
                    released.push((ClassId { major: at.major, minor: *class }, *count));
                }
                *by != at.minor
            });
        }
        released
    }

    /// A qdisc is gone, with all its classes and filters.
    pub(crate) fn forget_qdisc(&mut self, major: u16) {
        self.0.remove(&major);
    }

    /// All are gone.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
