//! An office: many kinds of traffic, a few hosts and connections that carry most of it.

use super::{
    Options,
    exchange::{Arp, Dns, Echo, Quic, Stray, Unreachable},
    frame::Side,
    places::{Network, Ports, gateway, outside},
    rng::Rng,
    schedule::Mix,
    talk::Talk,
    tcp::{Fate, Plan, Tcp},
};

/// Outside servers that the hosts visit.
const SERVERS: u64 = 30_000;
/// Inside hosts that others connect to.
const INSIDE_SERVERS: u64 = 10;
/// Name servers that all hosts ask.
const RESOLVERS: u64 = 4;
/// Of a hundred connections, those over IPv6.
const IPV6: u64 = 20;
/// The window after the handshake, in units of 128 bytes: 64 KiB, well above what is in flight.
const WINDOW: u16 = 502;

/// Opens the office's connections.
pub(super) struct Office {
    hosts: u64,
    ports: Ports,
    /// Mean microseconds between two openings.
    opening: u64,
    /// Microseconds that the capture will last.
    duration: u64,
    /// Sixteenths of a packet of the smallest TCP or QUIC connection.
    smallest: u64,
    /// Doublings from the smallest size to the largest.
    octaves: u32,
}

impl Office {
    pub(super) fn new(options: &Options) -> Self {
        let duration = options.duration.as_micros() as u64;
        // The largest connection grows with the capture, to about one hundredth of it.
        let octaves = (options.connections / 16).max(8).ilog2();
        // Half of the connections carry nearly everything: this makes the mean over all of them come out. The size's own
        // mean is three quarters of the smallest, times the octaves and two. What is missing at the capture's two ends,
        // where connections have just begun or will go on, is made up for.
        let mean = options.packets * 16 / options.connections.max(1);
        let smallest = (mean * 275 / 100 / u64::from(octaves + 2)).max(16);
        Self {
            hosts: u64::from(options.hosts),
            ports: Ports::new(options.hosts),
            opening: duration / options.connections.max(1),
            duration,
            smallest,
            octaves,
        }
    }

    /// A host, by how active it is, with its next port.
    fn host(&mut self, rng: &mut Rng, ipv6: bool) -> Side {
        let n = rng.rank(self.hosts);
        Network::Office.host(n, ipv6, self.ports.next(n))
    }

    fn size(&self, rng: &mut Rng) -> u64 {
        rng.size(self.smallest, self.octaves) / 16
    }

    /// Mean microseconds between the packets of a connection of that size: it ends well within the capture.
    fn gap(&self, rng: &mut Rng, packets: u64) -> u64 {
        let mean = 300 << rng.below(7);
        let gap = rng.around(mean);
        gap.min(self.duration / 4 / packets.max(1))
    }

    fn tcp(&self, rng: &mut Rng, route: [Side; 2]) -> Talk {
        let fate = match rng.below(100) {
            0..2 => Fate::Silent(rng.range(2, 4) as u32),
            2..4 => Fate::Refused,
            4..11 => Fate::Reset,
            _ => Fate::Closed,
        };
        let size = self.size(rng);
        Talk::Tcp(Tcp::new(
            route,
            Plan {
                fate,
                packets: size.saturating_sub(6).max(2),
                upload: rng.percent(20),
                timestamps: rng.percent(80),
                gap: self.gap(rng, size),
                round_trip: 2_000 << rng.below(6),
                pause: (self.duration / 300).min(2_000_000),
                flight: rng.range(4, 30) as u32,
                window: WINDOW,
                first_seq: rng.next() as u32,
            },
        ))
    }
}

impl Mix for Office {
    fn open(&mut self, rng: &mut Rng) -> (Talk, Option<u64>) {
        let ipv6 = rng.percent(IPV6);
        let server = rng.rank(SERVERS);
        let talk = match rng.below(1_000) {
            0..430 => {
                let port = [443, 443, 443, 443, 443, 443, 80, 993, 8443, 5223][rng.below(10) as usize];
                let route = [self.host(rng, ipv6), outside(server, ipv6, port)];
                self.tcp(rng, route)
            }
            // From outside to a server inside.
            430..455 => {
                let inside = Network::Office.host(rng.below(INSIDE_SERVERS.min(self.hosts)), ipv6, 443);
                let from = outside(server, ipv6, rng.range(1_024, 65_535) as u16);
                self.tcp(rng, [from, inside])
            }
            // From a host to a server inside; a host that meets itself calls outside instead.
            455..470 => {
                let host = self.host(rng, ipv6);
                let inside = Network::Office.host(rng.below(INSIDE_SERVERS.min(self.hosts)), ipv6, 443);
                let to = if inside.ip == host.ip { outside(server, ipv6, 443) } else { inside };
                self.tcp(rng, [host, to])
            }
            470..870 => Talk::Dns(Dns {
                route: [self.host(rng, ipv6), outside(rng.below(RESOLVERS), ipv6, 53)],
                answer_after: (!rng.one_in(200)).then(|| rng.range(2_000, 60_000)),
                asked: false,
            }),
            870..950 => {
                let packets = self.size(rng);
                let gap = self.gap(rng, packets);
                Talk::Quic(Quic {
                    route: [self.host(rng, ipv6), outside(server, ipv6, 443)],
                    left: packets,
                    sent: 0,
                    gap,
                })
            }
            950..988 => Talk::Echo(Echo {
                route: [self.host(rng, ipv6), outside(server, ipv6, 0)],
                left: rng.range(1, 5) as u16,
                sequence: 1,
                asked: false,
                round_trip: rng.range(3_000, 90_000),
            }),
            988..994 => Talk::Unreachable(Unreachable {
                route: [self.host(rng, ipv6), outside(server, ipv6, 33_434)],
                asked: false,
                round_trip: rng.range(3_000, 90_000),
            }),
            // Nobody inside has part in it: a neighbour's packet that the switch flooded.
            994..995 => {
                Talk::Stray(Stray { route: [outside(server, ipv6, 4_500), outside(rng.rank(SERVERS), ipv6, 4_500)] })
            }
            _ => Talk::Arp(Arp {
                gateway: gateway(),
                host: Network::Office.host(rng.rank(self.hosts), false, 0),
                asked: false,
            }),
        };
        (talk, Some(rng.below(2 * self.opening + 1)))
    }
}
