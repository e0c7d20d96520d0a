use std::fmt;

use super::address::{Address, Family};
use super::transport::{icmp_inverse, protocol};

/// What names one direction of a connection.
///
/// As in nf_conntrack, an ICMP query has its identifier in the place of the source port, and its type (high byte)
/// and code (low byte) in the place of the destination port, and enhanced GRE has the keys of both sides in the places of
/// the ports (see [`Transport::Gre`](super::Transport::Gre)). Protocols without ports have zero in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Tuple {
    /// Who sends.
    pub source: Address,
    /// Who receives.
    pub destination: Address,
    /// The sender's port, or the ICMP identifier.
    pub source_port: u16,
    /// The receiver's port, or the ICMP type and code.
    pub destination_port: u16,
    /// The transport protocol's number.
    pub protocol: u8,
    /// The version of IP of both addresses.
    pub family: Family,
    /// The conntrack zone: the same addresses in another zone are another connection. 0 unless zones are set up.
    pub zone: u16,
}

impl Tuple {
    /// A tuple without ports.
    pub(crate) const fn new(family: Family, protocol: u8, source: Address, destination: Address) -> Self {
        Tuple { source, destination, source_port: 0, destination_port: 0, protocol, family, zone: 0 }
    }

    /// The same tuple with these ports.
    #[cfg(test)]
    pub(crate) const fn with_ports(self, source_port: u16, destination_port: u16) -> Self {
        Tuple { source_port, destination_port, ..self }
    }

    /// The tuple of the answer. `None` for an ICMP type that nobody answers.
    pub fn inverted(&self) -> Option<Tuple> {
        let (source_port, destination_port) = match self.protocol {
            protocol::ICMP | protocol::ICMPV6 => {
                (self.source_port, icmp_inverse(self.protocol, self.destination_port)?)
            }
            _ => (self.destination_port, self.source_port),
        };
        Some(Tuple { source: self.destination, destination: self.source, source_port, destination_port, ..*self })
    }

    /// Ports, protocol and family in one word.
    #[inline(always)]
    pub(crate) fn small(&self) -> u64 {
        u64::from(self.source_port)
            | u64::from(self.destination_port) << 16
            | u64::from(self.protocol) << 32
            | (self.family as u64) << 40
            | u64::from(self.zone) << 48
    }

    /// The same with the ports in each other's place.
    #[inline(always)]
    pub(crate) fn small_against(&self) -> u64 {
        let small = self.small();
        small >> 32 << 32 | u64::from((small as u32).rotate_left(16))
    }

    /// Whether the places of the ports hold an ICMP identifier, type and code.
    pub fn is_icmp(&self) -> bool {
        matches!(self.protocol, protocol::ICMP | protocol::ICMPV6)
    }
}

/// In the words of `conntrack -L`: `src=10.0.0.1 dst=10.0.0.2 sport=1024 dport=80`.
impl fmt::Display for Tuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tuple { source, destination, source_port, destination_port, family, .. } = *self;
        write!(f, "src={} dst={}", source.to_ip(family), destination.to_ip(family))?;
        match self.protocol {
            protocol::ICMP | protocol::ICMPV6 => {
                write!(f, " type={} code={} id={}", destination_port >> 8, destination_port & 0xff, source_port)
            }
            // DCCP has no tracker, and so no ports here, but is shown with them.
            protocol::TCP | protocol::UDP | protocol::UDPLITE | protocol::SCTP | protocol::DCCP => {
                write!(f, " sport={source_port} dport={destination_port}")
            }
            protocol::GRE => write!(f, " srckey={source_port:#x} dstkey={destination_port:#x}"),
            _ => Ok(()),
        }
    }
}
