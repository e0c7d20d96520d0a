use std::sync::Arc;

use super::{Consequences, Helper, Keymap, Outcome, Payload, Requests, Session};
use crate::conntrack::ConnectionId;
use crate::conntrack::expect::Expectations;
use crate::packet::Tuple;
use crate::time::Instant;

/// A helper that listens to a connection.
#[derive(Debug)]
pub struct Attached {
    helper: Arc<dyn Helper>,
    session: Box<dyn Session>,
}

impl Attached {
    /// Begins to listen.
    pub fn new(helper: Arc<dyn Helper>) -> Self {
        let session = helper.attach();
        Attached { helper, session }
    }

    /// Goes on to listen, with what was remembered ([`Attached::saved`]); `None` where that cannot be read.
    pub fn restored(helper: Arc<dyn Helper>, remembered: &[u8]) -> Option<Self> {
        let mut attached = Attached::new(helper);
        attached.session.restore(remembered).then_some(attached)
    }

    /// What is remembered of the connection, as bytes.
    pub fn saved(&self) -> Vec<u8> {
        self.session.saved()
    }

    /// The helper.
    pub fn helper(&self) -> &Arc<dyn Helper> {
        &self.helper
    }

    /// Reads a packet of the connection `master`.
    pub fn packet(
        &mut self,
        payload: &Payload<'_>,
        master: ConnectionId,
        zone: u16,
        expectations: &mut Expectations,
        keymap: &mut Keymap,
    ) -> (Outcome, Consequences) {
        // What is no longer expected cannot be renewed.
        expectations.expire(payload.now);
        let mut requests = Requests {
            now: payload.now,
            master,
            zone,
            helper: &*self.helper,
            original: payload.tuples[0],
            expectations,
            keymap,
            consequences: Consequences::default(),
        };
        let outcome = self.session.packet(payload, &mut requests);
        (outcome, requests.consequences)
    }

    /// The connection `master` ended: what it expected is removed, and its GRE keys.
    pub fn end(
        mut self,
        now: Instant,
        tuples: &[Tuple; 2],
        master: ConnectionId,
        zone: u16,
        expectations: &mut Expectations,
        keymap: &mut Keymap,
    ) -> Consequences {
        let mut requests = Requests {
            now,
            master,
            zone,
            helper: &*self.helper,
            original: tuples[0],
            expectations,
            keymap,
            consequences: Consequences::default(),
        };
        self.session.end(tuples, &mut requests);
        requests.cancel_all(|_| true);
        requests.flush_keys();
        requests.consequences
    }
}
