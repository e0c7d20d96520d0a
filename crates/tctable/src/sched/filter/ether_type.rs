use std::fmt;

/// A link layer's name of what it carries (IEEE 802 numbers), in host byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EtherType(pub u16);

impl EtherType {
    /// Nothing is named: not a filter's protocol, but what matches any in a request that looks for one.
    pub const UNSPEC: EtherType = EtherType(0);
    /// Every protocol (`ETH_P_ALL`).
    pub const ALL: EtherType = EtherType(3);
    /// IPv4.
    pub const IPV4: EtherType = EtherType(0x0800);
    /// ARP.
    pub const ARP: EtherType = EtherType(0x0806);
    /// A VLAN's tag (IEEE 802.1Q).
    pub const VLAN: EtherType = EtherType(0x8100);
    /// IPv6.
    pub const IPV6: EtherType = EtherType(0x86dd);
    /// A provider's tag (IEEE 802.1ad).
    pub const PROVIDER_VLAN: EtherType = EtherType(0x88a8);
}

/// The names that `tc` has for the commoner ones.
pub(crate) const NAMES: [(&str, EtherType); 16] = [
    ("all", EtherType::ALL),
    ("ip", EtherType::IPV4),
    ("arp", EtherType::ARP),
    ("802.1Q", EtherType::VLAN),
    ("802.1q", EtherType::VLAN),
    ("ipv6", EtherType::IPV6),
    ("802.1ad", EtherType::PROVIDER_VLAN),
    ("rarp", EtherType(0x8035)),
    ("aarp", EtherType(0x80f3)),
    ("ipx", EtherType(0x8137)),
    ("mpls_uc", EtherType(0x8847)),
    ("mpls_mc", EtherType(0x8848)),
    ("ppp_disc", EtherType(0x8863)),
    ("ppp_ses", EtherType(0x8864)),
    ("aoe", EtherType(0x88a2)),
    ("tipc", EtherType(0x88ca)),
];

/// As `tc` writes it: a name, or a number in brackets.
impl fmt::Display for EtherType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(_, known)| known == self) {
            Some((name, _)) => f.write_str(name),
            None => write!(f, "[{}]", self.0),
        }
    }
}
