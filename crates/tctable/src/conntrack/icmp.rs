//! ICMP and ICMPv6 queries. Errors belong to the connection that they quote: see `track`.

use super::timeouts::{Millis, Ready};
use crate::packet::{Family, Invalid, PacketInfo, Transport, Tuple, protocol};

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

/// Whether a message that is refused counts as an ICMP error, and not as one more invalid packet: one of the packet's own
/// version of IP that is damaged or cut, or in IPv4 has a type above 18, the highest that the kernel knows.
pub(super) fn is_error(info: &PacketInfo, damaged: bool) -> bool {
    let own = if info.tuple.family == Family::V4 { protocol::ICMP } else { protocol::ICMPV6 };
    let of_a_known_type = own == protocol::ICMPV6 || info.tuple.destination_port >> 8 <= 18;
    let tells_nothing = match info.transport {
        Transport::Fragment => true,
        Transport::Invalid(Invalid::IcmpType) => !damaged && of_a_known_type,
        _ => false,
    };
    info.tuple.protocol == own && !tells_nothing
}

pub(super) fn timeout(tuple: &Tuple, timeouts: &Ready) -> Millis {
    if tuple.protocol == protocol::ICMP { timeouts.icmp } else { timeouts.icmpv6 }
}
