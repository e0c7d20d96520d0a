//! Who talks: hosts inside, the gateway, servers outside.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{frame::Side, rng::mix};

/// The gateway's address on the inside network.
const GATEWAY_MAC: [u8; 6] = [0x02, 0xff, 0, 0, 0, 1];
/// What an end system starts its packets with.
const FULL_TTL: u8 = 64;
/// The ports that a host opens connections from, as Linux chooses them by default.
const EPHEMERAL: std::ops::Range<u64> = 32_768..61_000;

/// The inside network.
#[derive(Clone, Copy)]
pub(super) enum Network {
    /// 192.168.0.0/16 and fd00::/64.
    Office,
    /// 10.0.0.0/8 and fd10::/64.
    Campus,
}

impl Network {
    /// Hosts that have an address of their own.
    pub(super) const fn capacity(self) -> u32 {
        match self {
            Self::Office => 64_000,
            Self::Campus => 16_000_000,
        }
    }

    /// Inside host number `n`.
    pub(super) fn host(self, n: u64, ipv6: bool, port: u16) -> Side {
        let number = (n + 10) as u32;
        let [_, high, mid, low] = number.to_be_bytes();
        let ip = match (self, ipv6) {
            // No host part ends in 0 or 255.
            (Self::Office, false) => Ipv4Addr::new(192, 168, (number / 254) as u8, (number % 254 + 1) as u8).into(),
            (Self::Campus, false) => Ipv4Addr::from(0x0a00_0000 | number).into(),
            (Self::Office, true) => inside_ipv6(0xfd00, number),
            (Self::Campus, true) => inside_ipv6(0xfd10, number),
        };
        Side { mac: [0x02, 0, 0, high, mid, low], ip, port, ttl: FULL_TTL }
    }
}

fn inside_ipv6(prefix: u16, number: u32) -> IpAddr {
    Ipv6Addr::new(prefix, 0, 0, 0, 0, 0, (number >> 16) as u16, number as u16).into()
}

/// The gateway itself, on the office network.
pub(super) fn gateway() -> Side {
    Side { mac: GATEWAY_MAC, ip: Ipv4Addr::new(192, 168, 0, 1).into(), port: 0, ttl: FULL_TTL }
}

/// Server number `n` outside: an address that depends on nothing else, in 34.0.0.0 to 93.255.255.255 or 2a00::/16, which
/// hold no private or special range.
pub(super) fn outside(n: u64, ipv6: bool, port: u16) -> Side {
    let hash = mix(n.wrapping_add(0x7c7a_b1e5));
    let [a, b, c, d, e, f, g, h] = hash.to_be_bytes();
    let ip = if ipv6 {
        Ipv6Addr::new(
            0x2a00,
            u16::from(a),
            u16::from_be_bytes([b, c]),
            0,
            0,
            0,
            u16::from_be_bytes([d, e]),
            u16::from(f),
        )
        .into()
    } else {
        Ipv4Addr::new(34 + a % 60, b, c, d % 254 + 1).into()
    };
    Side { mac: GATEWAY_MAC, ip, port, ttl: FULL_TTL - 5 - (g ^ h) % 16 }
}

/// The next port of each inside host: a host counts up, so that no two of its connections look alike for a while.
pub(super) struct Ports(Vec<u16>);

impl Ports {
    pub(super) fn new(hosts: u32) -> Self {
        Self(vec![0; hosts as usize])
    }

    /// The port of host `n`'s next connection.
    pub(super) fn next(&mut self, n: u64) -> u16 {
        let used = &mut self.0[n as usize];
        let span = EPHEMERAL.end - EPHEMERAL.start;
        // Hosts begin at different ports.
        let port = EPHEMERAL.start + (mix(n) + u64::from(*used)) % span;
        *used = (u64::from(*used) + 1).rem_euclid(span) as u16;
        port as u16
    }
}
