//! Connections of another table.

use super::{ConfirmError, ConnectionId, Conntrack};
use crate::conntrack::connection::Cookie;
use crate::conntrack::extension::Extension;
use crate::conntrack::helper::Attached;
use crate::conntrack::saved::SavedConnection;
use crate::conntrack::status::Status;
use crate::time::Instant;

impl Conntrack {
    /// Puts a connection that was saved in the table, with what `cookie` gives if it comes in; nobody is told of it.
    ///
    /// # Errors
    /// [`ConfirmError`]
    pub(crate) fn adopt(
        &mut self,
        now: Instant,
        saved: &SavedConnection,
        cookie: impl FnOnce() -> Cookie,
    ) -> Result<ConnectionId, ConfirmError> {
        let connection = saved.connection.clone();
        if self.is_full() {
            return Err(ConfirmError::Full);
        }
        let hash = self.hash(&connection.original);
        if self.search(hash, &connection.original).is_some() {
            return Err(ConfirmError::Clash);
        }
        let place = self.slab.insert(&connection).ok_or(ConfirmError::Full)?;
        if self.index.insert(hash, place).is_err() {
            self.slab.remove(place);
            return Err(ConfirmError::ChainTooLong);
        }
        self.slab[place].cookie = cookie();
        let check_at = self.check_at(now, connection.deadline());
        self.slab[place].timer = self.wheel.insert(place, check_at);
        if !connection.status.contains(Status::ASSURED) {
            self.unassured.insert(place);
        }
        self.statistics.insert += 1;
        if let Some(extension) = &saved.extension {
            let tuple = connection.original;
            let restored = extension.helper.as_ref().and_then(|(name, remembered)| {
                let helper = self.helpers.find(name, tuple.family, tuple.protocol)?;
                Attached::restored(helper.clone(), remembered)
            });
            let (labels, events) = (extension.labels, extension.events);
            *self.extension_mut(place) = Extension { labels, master: None, helper: restored, events };
        }
        Ok(self.id(place))
    }

    /// Tells a connection which one expected it.
    pub(crate) fn set_master(&mut self, id: ConnectionId, master: ConnectionId) {
        if self.get(id).is_some() {
            self.extension_mut(id.place()).master = Some(master);
        }
    }
}
