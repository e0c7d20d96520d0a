//! Names of connections and tuples, for the tests of this module and of the helpers.

use std::net::IpAddr;

use crate::conntrack::ConnectionId;
use crate::packet::{DeviceId, Family, Frame, FrameDirection, LinkType, Tuple};
use crate::time::Instant;
use crate::{Config, Gateway};

pub(in crate::conntrack) const NOW: Instant = Instant::from_secs(1_000);
/// Names of connections that a gateway gave.
pub(crate) fn masters(count: u8) -> Vec<ConnectionId> {
    let mut gateway = Gateway::new(Config::default());
    for number in 0..count {
        let mut packet = [0; 20];
        (packet[0], packet[3], packet[9], packet[15], packet[19]) = (0x45, 20, 253, 1, number);
        gateway.receive([Frame {
            time: NOW,
            device: DeviceId(0),
            direction: FrameDirection::Unknown,
            link: LinkType::Raw,
            wire_len: 20,
            data: &packet,
        }]);
    }
    gateway.conntrack().iter().map(|(id, _)| id).collect()
}

/// A tuple from texts.
pub(in crate::conntrack) fn tuple(proto: u8, from: (&str, u16), to: (&str, u16)) -> Tuple {
    let ip = |text: &str| -> IpAddr { text.parse().unwrap() };
    let (source, destination) = (ip(from.0), ip(to.0));
    Tuple::new(Family::from(source), proto, source.into(), destination.into()).with_ports(from.1, to.1)
}
