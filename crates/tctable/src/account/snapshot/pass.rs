//! The host table kept up to date somewhere else: what changed, page by page, between packets.

use super::encode::{Writer, sealed};
use super::{NO_GROUP, PAGE_MAGIC};
use crate::account::host::{Host, NOBODY};
use crate::account::table::Hosts;
use crate::packet::{Address, Family};
use crate::time::Instant;

/// What is remembered for the next page.
#[derive(Debug, Default)]
pub(in crate::account) struct Journal {
    /// Hosts that are gone.
    gone: Vec<(Family, Address)>,
    /// Hosts that changed in another way than by a packet.
    touched: Vec<u32>,
    /// The groups are others: only a whole pass tells that.
    regrouped: bool,
    /// When the last pass began.
    began: Instant,
}

/// One pass over the host table: [`crate::Gateway::host_page`].
#[derive(Clone, Debug)]
pub struct HostPass {
    /// Hosts that did not change since are left out; `None`: none is.
    since: Option<Instant>,
    place: u32,
    is_over: bool,
}

impl HostPass {
    /// Whether it tells everything, so that nothing is needed of what passes before it told.
    pub fn is_whole(&self) -> bool {
        self.since.is_none()
    }
}

impl Hosts {
    /// From now on changes are remembered for passes.
    pub(crate) fn begin_pass(&mut self, now: Instant, whole: bool) -> HostPass {
        let is_new = self.journal.is_none();
        let journal = self.journal.get_or_insert_default();
        let whole = whole || is_new || std::mem::take(&mut journal.regrouped);
        if whole {
            // All that is there is told.
            journal.gone.clear();
            journal.touched.clear();
        }
        let since = std::mem::replace(&mut journal.began, now);
        HostPass { since: (!whole).then_some(since), place: 0, is_over: false }
    }

    /// The next page of a pass, of so many places of the table at most; `None` at its end.
    pub(crate) fn pass_page(&mut self, now: Instant, pass: &mut HostPass, places: usize) -> Option<Vec<u8>> {
        if std::mem::replace(&mut pass.is_over, true) {
            return None;
        }
        let (gone, mut touched) = match &mut self.journal {
            Some(journal) => (std::mem::take(&mut journal.gone), std::mem::take(&mut journal.touched)),
            None => Default::default(),
        };
        let next = self.slab.next_page(pass.place, places);
        let mut body = Writer::default();
        body.instant(now);
        body.u64(self.first_id);
        // Hosts name them by their numbers; and groups count for those that left them: both are told at once.
        let regrouped = self.journal.as_ref().is_some_and(|journal| journal.regrouped);
        let at_an_end = pass.place == 0 || next.is_none();
        let with_groups = at_an_end || regrouped || !gone.is_empty() || !touched.is_empty();
        body.option(with_groups.then_some(()), |body, ()| self.write_groups(now, body));
        let mut gone = gone;
        gone.retain(|(family, address)| match self.find(*family, *address) {
            // It came again.
            Some(place) => {
                touched.push(place);
                false
            }
            None => true,
        });
        if next.is_none() && pass.is_whole() {
            gone.extend(self.remembered.keys());
        }
        body.count(gone.len());
        for key in gone {
            body.address(key.0, key.1);
            body.option(self.remembered.get(&key), Writer::meter);
        }
        let changed = |host: &Host| pass.since.is_none_or(|since| host.changed() >= since);
        let of_page = self.slab.page(pass.place, places).filter(|(_, host)| !host.gone && changed(host));
        let mut rows: Vec<u32> = of_page.map(|(place, _)| place).chain(touched).collect();
        rows.sort_unstable();
        rows.dedup();
        rows.retain(|place| !self.slab[*place].gone);
        body.count(rows.len());
        for place in rows {
            let host = &self.slab[place];
            let group = if host.group == NOBODY { NO_GROUP } else { host.group };
            let mut row = Writer::default();
            row.host(now, host, group, self.host_meter(now, place), pass.is_whole());
            body.count(row.0.len());
            body.0.append(&mut row.0);
        }
        pass.is_over = next.is_none();
        pass.place = next.unwrap_or(pass.place);
        Some(sealed(PAGE_MAGIC, &mut body.0))
    }

    /// A host is gone.
    pub(in crate::account) fn note_gone(&mut self, place: u32) {
        if let Some(journal) = &mut self.journal {
            let host = &self.slab[place];
            journal.gone.push((host.family, host.address));
        }
    }

    /// A host was changed by other means than a packet.
    pub(in crate::account) fn note_touched(&mut self, place: u32) {
        if let Some(journal) = &mut self.journal {
            journal.touched.push(place);
        }
    }

    /// The groups are others.
    pub(in crate::account) fn note_regrouped(&mut self) {
        if let Some(journal) = &mut self.journal {
            journal.regrouped = true;
        }
    }
}

impl Host {
    /// When something of it last changed that a packet or the end of a connection changes.
    fn changed(&self) -> Instant {
        self.classes.iter().map(|class| class.last.max(class.ended)).fold(self.first.max(self.armed), Instant::max)
    }
}
