use std::fmt;
use std::net::IpAddr;

use crate::packets::protocol::{ICMP, ICMPV6, TCP, UDP};

/// One direction of a connection, as ctnetlink names it.
///
/// The ports are those of the protocol; an ICMP query has its identifier in the place of the source port, and its type
/// (high byte) and code in the place of the destination port; GRE has its keys there. Where the kernel tells none they
/// are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tuple {
    /// Who sends.
    pub source: IpAddr,
    /// Who receives; of the same family.
    pub destination: IpAddr,
    /// The transport protocol's number.
    pub protocol: u8,
    /// The sender's port.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
}

impl From<&tctable::packet::Tuple> for Tuple {
    fn from(tuple: &tctable::packet::Tuple) -> Self {
        Tuple {
            source: tuple.source.to_ip(tuple.family),
            destination: tuple.destination.to_ip(tuple.family),
            protocol: tuple.protocol,
            source_port: tuple.source_port,
            destination_port: tuple.destination_port,
        }
    }
}

/// `udp 10.11.0.1:1024 > 10.22.0.1:53`
impl fmt::Display for Tuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tuple { source, destination, protocol, source_port, destination_port } = *self;
        match protocol {
            ICMP | ICMPV6 => {
                let [kind, code] = destination_port.to_be_bytes();
                let name = if protocol == ICMP { "icmp" } else { "icmpv6" };
                return write!(f, "{name} {source} > {destination} type {kind} code {code} id {source_port}");
            }
            TCP => f.write_str("tcp")?,
            UDP => f.write_str("udp")?,
            other => write!(f, "protocol {other}")?,
        }
        match source {
            IpAddr::V4(_) => write!(f, " {source}:{source_port} > {destination}:{destination_port}"),
            IpAddr::V6(_) => write!(f, " [{source}]:{source_port} > [{destination}]:{destination_port}"),
        }
    }
}
