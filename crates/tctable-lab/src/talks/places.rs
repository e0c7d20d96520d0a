//! Who talks to whom: few hosts and few ports, so that tuples come again.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::{rng::Rng, step::Side};

/// Hosts on each side.
const HOSTS: u64 = 4;

/// A host, and the side that its packets come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub side: Side,
    pub ip: IpAddr,
}

impl Place {
    /// A host of a side, in the family that `v6` says. Low numbers are left for the gateway itself.
    fn new(side: Side, v6: bool, nth: u64) -> Self {
        let net: u8 = match side {
            Side::Left => 11,
            Side::Right => 22,
        };
        let ip = if v6 {
            let net = if side == Side::Left { 0x11 } else { 0x22 };
            Ipv6Addr::new(0xfd00, net, 0, 0, 0, 0, 1, 0x10 + nth as u16).into()
        } else {
            Ipv4Addr::new(10, net, 1, 10 + nth as u8).into()
        };
        Self { side, ip }
    }

    /// Another host on the same side, in the same family.
    pub(super) fn neighbour(&self, rng: &mut Rng) -> Self {
        Self::new(self.side, self.ip.is_ipv6(), HOSTS + rng.below(3))
    }

    pub(super) fn port(&self, port: u16) -> End {
        End { side: self.side, address: SocketAddr::new(self.ip, port) }
    }
}

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub side: Side,
    pub address: SocketAddr,
}

impl End {
    pub(super) fn place(&self) -> Place {
        Place { side: self.side, ip: self.address.ip() }
    }
}

/// Two hosts, one on each side, of one family; either may be the first, who begins.
pub(super) fn two(rng: &mut Rng) -> [Place; 2] {
    let v6 = rng.percent(40);
    two_of(rng, v6)
}

/// As [`two`], of the family that `v6` says.
pub(super) fn two_of(rng: &mut Rng, v6: bool) -> [Place; 2] {
    let [mut left, right] = [Side::Left, Side::Right].map(|side| Place::new(side, v6, rng.below(HOSTS)));
    if rng.one_in(40) {
        // A stranger on the wrong network: the gateway forwards what it says, and no answer to it comes by.
        left.ip = match (v6, rng.one_in(2)) {
            (false, true) => Ipv4Addr::new(198, 51, 100, 7).into(),
            (true, true) => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7).into(),
            _ => Place::new(Side::Right, v6, 9).ip,
        };
    }
    if rng.percent(70) { [left, right] } else { [right, left] }
}

/// Two ends of a connection: a client's port from few, one of the server's ports that are given.
pub(super) fn ends(rng: &mut Rng, ports: &[u16]) -> [End; 2] {
    let [client, server] = two(rng);
    let mut from = 1024 + rng.below(12) as u16;
    let mut to = rng.pick(ports);
    match rng.below(40) {
        0 => from = to,
        1 => from = 0,
        2 => to = 0,
        _ => {}
    }
    [client.port(from), server.port(to)]
}

/// Whether an address is on a side, as the gateway's routes have it.
pub(super) fn is_on(side: Side, ip: IpAddr) -> bool {
    match (ip, side) {
        (IpAddr::V4(ip), Side::Left) => ip.octets()[..2] == [10, 11],
        (IpAddr::V4(ip), Side::Right) => ip.octets()[..2] == [10, 22],
        (IpAddr::V6(ip), Side::Left) => ip.segments()[..4] == [0xfd00, 0x11, 0, 0],
        (IpAddr::V6(ip), Side::Right) => ip.segments()[..4] == [0xfd00, 0x22, 0, 0],
    }
}

/// The other side.
pub(super) fn across(side: Side) -> Side {
    match side {
        Side::Left => Side::Right,
        Side::Right => Side::Left,
    }
}
