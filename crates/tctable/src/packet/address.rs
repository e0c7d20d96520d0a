use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The version of IP that an address or a packet belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Family {
    /// IPv4.
    V4 = 4,
    /// IPv6.
    V6 = 6,
}

/// An address without its family: 128 bits in two words, most significant first, an IPv4 address in the lowest 32.
///
/// The family is kept once for each packet or connection, not once for each address, so two addresses compare in
/// two words whatever they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    pub(crate) high: u64,
    pub(crate) low: u64,
}

impl Address {
    pub(crate) const fn from_v4_bits(bits: u32) -> Self {
        Address { high: 0, low: bits as u64 }
    }

    /// Whether it is of many, or of all on a link: RFC 5771, RFC 4291 section 2.7, RFC 919.
    pub(crate) const fn is_of_many(self, family: Family) -> bool {
        match family {
            Family::V4 => (self.low >> 28) & 0xf == 0xe || self.low as u32 == u32::MAX,
            Family::V6 => self.high >> 56 == 0xff,
        }
    }

    pub(crate) const fn from_v6_bits(bits: u128) -> Self {
        Address { high: (bits >> 64) as u64, low: bits as u64 }
    }

    /// The address as 128 bits.
    pub(crate) const fn bits(self) -> u128 {
        ((self.high as u128) << 64) | self.low as u128
    }

    /// The address as the standard library writes it.
    pub const fn to_ip(self, family: Family) -> IpAddr {
        match family {
            Family::V4 => IpAddr::V4(Ipv4Addr::from_bits(self.low as u32)),
            Family::V6 => IpAddr::V6(Ipv6Addr::from_bits(self.bits())),
        }
    }
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(v4) => Address::from_v4_bits(v4.to_bits()),
            IpAddr::V6(v6) => Address::from_v6_bits(v6.to_bits()),
        }
    }
}

impl From<IpAddr> for Family {
    fn from(ip: IpAddr) -> Self {
        if ip.is_ipv4() { Family::V4 } else { Family::V6 }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::V4 => "ipv4",
            Family::V6 => "ipv6",
        })
    }
}
