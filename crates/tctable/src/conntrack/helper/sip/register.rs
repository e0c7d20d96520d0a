//! Registrations: whoever registers is called at the address that it told, first of all by the registrar.

use super::message::{Contacts, Message};
use super::{Failure, Handled, Signalling, class};
use crate::conntrack::expect::{Flags, Known};
use crate::conntrack::helper::{Payload, Requests, Wanted};
use crate::time::Duration;

impl Signalling {
    /// A REGISTER: calls are expected, but not yet: the answer may refuse.
    pub(super) fn register(
        &mut self,
        message: Message<'_>,
        sequence: u32,
        payload: &Payload<'_>,
        requests: &mut Requests<'_>,
    ) -> Handled {
        // A connection that was expected cannot register: it would keep itself open for ever.
        if payload.expected {
            return Ok(());
        }
        let Some(uri) = message.next_contact(&mut Contacts::default()) else { return Ok(()) };
        // Nobody registers for others.
        if uri.address != payload.sender() {
            return Ok(());
        }
        let Some(protocol) = message.transport(&uri, payload.tuple()) else { return Ok(()) };
        let expires = message.contact_expires(&uri)?.unwrap_or_else(|| message.expires());
        if expires != 0 {
            let from = self.sip.direct_signalling.then_some(payload.opposite_tuple().source);
            let wanted = Wanted::new(protocol, from, uri.address, uri.port, payload.direction.opposite());
            let flags = Flags::PERMANENT.union(Flags::INACTIVE);
            let wanted = Wanted { class: class::SIGNALLING, flags, attach: true, ..wanted };
            requests.expect(&wanted, Known::OfMaster).map_err(|_| Failure::Refused)?;
        }
        self.register_sequence = sequence;
        Ok(())
    }

    /// The answer to a REGISTER: calls are expected from now on, for as long as it says, or no longer.
    pub(super) fn registered(
        &mut self,
        message: Message<'_>,
        (code, sequence): (u32, u32),
        payload: &Payload<'_>,
        requests: &mut Requests<'_>,
    ) -> Handled {
        // Late answers to an earlier one say nothing.
        if sequence != self.register_sequence || (100..=199).contains(&code) {
            return Ok(());
        }
        if (200..=299).contains(&code) && self.is_registered(message, payload, requests)? {
            return Ok(());
        }
        requests.cancel_all(|expectation| expectation.class == class::SIGNALLING);
        Ok(())
    }

    /// Whether one of the contacts is what was registered; it is renewed then.
    fn is_registered(
        &self,
        message: Message<'_>,
        payload: &Payload<'_>,
        requests: &mut Requests<'_>,
    ) -> Result<bool, Failure> {
        let of_message = message.expires();
        let mut contacts = Contacts::default();
        while let Some(uri) = message.next_contact(&mut contacts) {
            if uri.address != payload.tuple().destination {
                continue;
            }
            let Some(protocol) = message.transport(&uri, payload.tuple()) else { continue };
            let expires = message.contact_expires(&uri)?.unwrap_or(of_message);
            if expires == 0 {
                return Ok(false);
            }
            let renewed = requests.renew(Duration::from_secs(expires.into()), |expectation| {
                let tuple = &expectation.tuple;
                expectation.class == class::SIGNALLING
                    && (tuple.destination, tuple.destination_port) == (uri.address, uri.port)
                    && tuple.protocol == protocol
            });
            if renewed {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
