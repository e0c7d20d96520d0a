use std::net::IpAddr;

use crate::account::Host;
use crate::conntrack::Ended;

/// Something that ended, with all that was known of it.
#[derive(Clone, Debug)]
pub enum Event {
    /// A connection left the table.
    ConnectionEnded {
        /// The host that it belonged to and its id there, if it had one.
        owner: Option<(IpAddr, u64)>,
        /// The connection.
        ended: Box<Ended>,
    },
    /// A host had neither traffic nor connections for too long.
    HostExpired(Box<Host>),
}
