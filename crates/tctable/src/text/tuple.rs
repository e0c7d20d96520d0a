//! Addresses and ports in the words of `/proc`.

use std::fmt;
use std::net::IpAddr;

use crate::packet::{Address, Family, Tuple, protocol};

/// The number of a version of IP in these lines: `AF_INET` or `AF_INET6`.
pub(super) fn family_number(family: Family) -> u8 {
    match family {
        Family::V4 => 2,
        Family::V6 => 10,
    }
}

/// A tuple with a space behind each field. IPv6 addresses are written in full; DCCP has no tracker, and so no ports.
pub(super) fn in_full(f: &mut fmt::Formatter<'_>, tuple: &Tuple) -> fmt::Result {
    let Tuple { source, destination, source_port, destination_port, family, .. } = *tuple;
    f.write_str("src=")?;
    address(f, source, family)?;
    f.write_str(" dst=")?;
    address(f, destination, family)?;
    match tuple.protocol {
        protocol::ICMP | protocol::ICMPV6 => {
            write!(f, " type={} code={} id={source_port} ", destination_port >> 8, destination_port & 0xff)
        }
        protocol::TCP | protocol::UDP | protocol::UDPLITE | protocol::SCTP => {
            write!(f, " sport={source_port} dport={destination_port} ")
        }
        protocol::GRE => write!(f, " srckey={source_port:#x} dstkey={destination_port:#x} "),
        _ => f.write_str(" "),
    }
}

fn address(f: &mut fmt::Formatter<'_>, address: Address, family: Family) -> fmt::Result {
    match address.to_ip(family) {
        IpAddr::V4(address) => write!(f, "{address}"),
        IpAddr::V6(address) => {
            let [a, b, c, d, e, g, h, i] = address.segments();
            write!(f, "{a:04x}:{b:04x}:{c:04x}:{d:04x}:{e:04x}:{g:04x}:{h:04x}:{i:04x}")
        }
    }
}
