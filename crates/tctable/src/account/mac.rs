use std::fmt;

use crate::packet::{Frame, FrameDirection, LinkType};

/// An Ethernet address (IEEE 802, EUI-48).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// Whether one station can have it: not a group's, and not all zero.
    pub const fn is_station(self) -> bool {
        self.0[0] & 1 == 0 && !matches!(self.0, [0, 0, 0, 0, 0, 0])
    }
}

/// A station's Ethernet address in one word, or none: compared in one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Station(u64);

impl Station {
    pub(crate) const UNKNOWN: Station = Station(0);

    /// Who sent a frame on its link: the source of an Ethernet header, whether or not a station can have it. Nobody where
    /// the frame's device sent it itself.
    #[inline(always)]
    pub(crate) fn sender_of(frame: &Frame<'_>) -> Station {
        let (LinkType::Ethernet, Some(header)) = (frame.link, frame.data.first_chunk::<14>()) else {
            return Station::UNKNOWN;
        };
        let [.., a, b, c, d, e, f, g, h] = *header;
        let word = u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 16;
        if frame.direction == FrameDirection::Outbound { Station::UNKNOWN } else { Station(word) }
    }

    /// Nobody, if no station can have it.
    pub(super) fn checked(self) -> Station {
        self.address().map_or(Station::UNKNOWN, |_| self)
    }

    pub(super) fn address(self) -> Option<MacAddress> {
        let [_, _, mac @ ..] = self.0.to_be_bytes();
        Some(MacAddress(mac)).filter(|mac| mac.is_station())
    }
}

impl From<MacAddress> for Station {
    fn from(MacAddress([a, b, c, d, e, f]): MacAddress) -> Station {
        Station(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }
}

/// Six bytes in hexadecimal with colons.
impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::DeviceId;
    use crate::time::Instant;

    fn sender(link: LinkType, direction: FrameDirection, data: &[u8]) -> Option<String> {
        let frame =
            Frame { time: Instant::ZERO, device: DeviceId(0), direction, link, wire_len: data.len() as u32, data };
        let station = Station::sender_of(&frame).checked();
        assert_eq!(station.address().map_or(Station::UNKNOWN, Station::from), station);
        station.address().map(|mac| mac.to_string())
    }

    #[test]
    fn only_a_station_that_sent_it_to_us_is_the_sender() {
        let frame = [2, 0, 0, 0, 0, 9, 2, 0, 0x5e, 0, 0, 0xab, 8, 0];
        let told = Some("02:00:5e:00:00:ab".to_owned());
        assert_eq!(sender(LinkType::Ethernet, FrameDirection::Unknown, &frame), told);
        assert_eq!(sender(LinkType::Ethernet, FrameDirection::Inbound, &frame), told);
        assert_eq!(sender(LinkType::Ethernet, FrameDirection::Outbound, &frame), None);
        assert_eq!(sender(LinkType::Raw, FrameDirection::Inbound, &frame), None);
        assert_eq!(sender(LinkType::Ethernet, FrameDirection::Inbound, &frame[..13]), None);
        let mut group = frame;
        group[6] = 3;
        assert_eq!(sender(LinkType::Ethernet, FrameDirection::Inbound, &group), None);
        assert_eq!(sender(LinkType::Ethernet, FrameDirection::Inbound, &[0; 14]), None);
    }
}
