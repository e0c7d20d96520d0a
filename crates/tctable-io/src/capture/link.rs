use std::fmt;

use tctable::packet::LinkType;

/// A link type's number in the registry that capture files use (the LINKTYPE_ values of
/// draft-ietf-opsawg-pcaplinktype).
///
/// Displays as `link type 127 (IEEE 802.11 radiotap)`, or without the name where it is a rare one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkCode(pub u16);

impl LinkCode {
    /// The number.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// What the engine reads it as; `None` where it cannot.
    pub const fn link_type(self) -> Option<LinkType> {
        Some(match self.0 {
            0 => LinkType::Null,
            1 => LinkType::Ethernet,
            // Raw IP is 101 in files; 12 and 14 are what two BSDs call it in memory, and some programs write.
            12 | 14 | 101 => LinkType::Raw,
            51 => LinkType::Pppoe,
            108 => LinkType::Loop,
            113 => LinkType::LinuxSll,
            228 => LinkType::Ipv4,
            229 => LinkType::Ipv6,
            276 => LinkType::LinuxSll2,
            _ => return None,
        })
    }

    /// What people call it; `None` for the rare ones.
    pub fn name(self) -> Option<&'static str> {
        NAMES.binary_search_by_key(&self.0, |&(number, _)| number).ok().map(|at| NAMES[at].1)
    }
}

impl From<LinkType> for LinkCode {
    fn from(link: LinkType) -> LinkCode {
        LinkCode(match link {
            LinkType::Null => 0,
            LinkType::Ethernet => 1,
            LinkType::Pppoe => 51,
            LinkType::Raw => 101,
            LinkType::Loop => 108,
            LinkType::LinuxSll => 113,
            LinkType::Ipv4 => 228,
            LinkType::Ipv6 => 229,
            LinkType::LinuxSll2 => 276,
        })
    }
}

impl fmt::Display for LinkCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "link type {} ({name})", self.0),
            None => write!(f, "link type {}", self.0),
        }
    }
}

/// In the order of the numbers, for the binary search.
const NAMES: &[(u16, &str)] = &[
    (0, "BSD loopback"),
    (1, "Ethernet"),
    (6, "IEEE 802.5 Token Ring"),
    (7, "ARCNET"),
    (8, "SLIP"),
    (9, "PPP"),
    (10, "FDDI"),
    (12, "raw IP"),
    (14, "raw IP"),
    (50, "PPP in HDLC framing"),
    (51, "PPPoE session"),
    (100, "ATM, RFC 1483"),
    (101, "raw IP"),
    (104, "Cisco HDLC"),
    (105, "IEEE 802.11"),
    (107, "Frame Relay"),
    (108, "OpenBSD loopback"),
    (109, "OpenBSD IPsec encapsulation"),
    (113, "Linux cooked capture"),
    (114, "LocalTalk"),
    (117, "OpenBSD pflog"),
    (119, "IEEE 802.11 Prism"),
    (122, "IP over Fibre Channel"),
    (127, "IEEE 802.11 radiotap"),
    (138, "IP over FireWire"),
    (143, "DOCSIS"),
    (163, "IEEE 802.11 AVS"),
    (166, "pppd with direction"),
    (187, "Bluetooth HCI"),
    (189, "Linux USB"),
    (192, "Per-Packet Information"),
    (195, "IEEE 802.15.4"),
    (201, "Bluetooth HCI with direction"),
    (204, "PPP with direction"),
    (220, "Linux USB, memory-mapped"),
    (226, "Solaris IPnet"),
    (227, "CAN"),
    (228, "IPv4"),
    (229, "IPv6"),
    (230, "IEEE 802.15.4 without FCS"),
    (239, "Linux NFLOG"),
    (242, "IP over InfiniBand"),
    (247, "InfiniBand"),
    (249, "USBPcap"),
    (251, "Bluetooth Low Energy"),
    (252, "Wireshark upper PDU"),
    (253, "Linux netlink"),
    (254, "Linux Bluetooth monitor"),
    (256, "Bluetooth Low Energy with header"),
    (266, "macOS USB"),
    (271, "Linux vsock"),
    (276, "Linux cooked capture v2"),
];

#[cfg(test)]
mod tests {
    use super::*;

    const READABLE: [LinkType; 9] = [
        LinkType::Null,
        LinkType::Ethernet,
        LinkType::Pppoe,
        LinkType::Raw,
        LinkType::Loop,
        LinkType::LinuxSll,
        LinkType::Ipv4,
        LinkType::Ipv6,
        LinkType::LinuxSll2,
    ];

    #[test]
    fn every_readable_link_type_survives_the_way_to_a_number_and_back() {
        for link in READABLE {
            let code = LinkCode::from(link);
            assert_eq!(code.link_type(), Some(link));
            assert!(code.name().is_some(), "{code}");
        }
    }

    #[test]
    fn raw_ip_has_three_numbers() {
        for number in [12, 14, 101] {
            assert_eq!(LinkCode(number).link_type(), Some(LinkType::Raw));
        }
    }

    #[test]
    fn displays_the_number_always_and_the_name_where_known() {
        assert_eq!(LinkCode(127).to_string(), "link type 127 (IEEE 802.11 radiotap)");
        assert_eq!(LinkCode(40_000).to_string(), "link type 40000");
    }

    #[test]
    fn names_are_in_order() {
        assert!(NAMES.is_sorted_by(|a, b| a.0 < b.0));
    }
}
