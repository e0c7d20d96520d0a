//! ICMP and ICMPv6 queries. Errors belong to the connection that they quote: see `track`.

use super::timeouts::{Millis, Ready};
use crate::packet::{Tuple, protocol};

/// Whether a message of that type may begin a connection: requests may, answers may not.
pub(super) fn opens(tuple: &Tuple) -> bool {
    let kind = (tuple.destination_port >> 8) as u8;
    match tuple.protocol {
        // Echo, timestamp, information and address mask requests.
        protocol::ICMP => matches!(kind, 8 | 13 | 15 | 17),
        // Echo request and node information query.
        _ => matches!(kind, 128 | 139),
    }
}

pub(super) fn timeout(tuple: &Tuple, timeouts: &Ready) -> Millis {
    if tuple.protocol == protocol::ICMP { timeouts.icmp } else { timeouts.icmpv6 }
}
