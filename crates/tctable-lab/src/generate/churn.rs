//! A storm of connections that are over, or were never more than an attempt, after 2 to 4 packets.

use super::{
    Options,
    exchange::{Dns, Echo},
    places::{Network, Ports, outside},
    rng::Rng,
    schedule::Mix,
    talk::Talk,
    tcp::{Fate, Plan, Tcp},
};

/// Outside addresses that are tried: nearly every connection meets one of its own.
const TARGETS: u64 = 1 << 22;
/// Of a hundred connections, those over IPv6.
const IPV6: u64 = 20;

/// Opens the connections of the storm.
pub(super) struct Churn {
    hosts: u64,
    ports: Ports,
    /// Mean microseconds between two openings, in thousandths.
    opening: u64,
    /// Thousandths of a microsecond that the openings so far leave over.
    rest: u64,
}

impl Churn {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            hosts: u64::from(options.hosts),
            ports: Ports::new(options.hosts),
            opening: options.duration.as_nanos() as u64 / options.connections.max(1),
            rest: 0,
        }
    }
}

impl Mix for Churn {
    fn open(&mut self, rng: &mut Rng) -> (Talk, Option<u64>) {
        let ipv6 = rng.percent(IPV6);
        let n = rng.below(self.hosts);
        let host = Network::Campus.host(n, ipv6, self.ports.next(n));
        let target = rng.below(TARGETS);
        let round_trip = rng.range(2_000, 60_000);
        let tcp = |fate, rng: &mut Rng| {
            let port = [80, 443, 22, 23, 25, 3389, 8080, 8443][rng.below(8) as usize];
            let plan = Plan {
                fate,
                packets: 0,
                upload: false,
                timestamps: rng.percent(50),
                gap: 1_000,
                round_trip,
                pause: 0,
                flight: 1,
                window: 502,
                first_seq: rng.next() as u32,
            };
            Talk::Tcp(Tcp::new([host, outside(target, ipv6, port)], plan))
        };
        // The shares make 2.5 packets a connection.
        let talk = match rng.below(100) {
            0..10 => tcp(Fate::Silent(2), rng),
            10..25 => tcp(Fate::Refused, rng),
            25..45 => tcp(Fate::Scanned, rng),
            45..60 => tcp(Fate::Reset, rng),
            60..95 => Talk::Dns(Dns {
                route: [host, outside(target % 64, ipv6, 53)],
                answer_after: Some(round_trip),
                asked: false,
            }),
            _ => Talk::Echo(Echo {
                route: [host, outside(target, ipv6, 0)],
                left: 1,
                sequence: 1,
                asked: false,
                round_trip,
            }),
        };
        let wait = self.rest + rng.below(2 * self.opening + 1);
        self.rest = wait % 1_000;
        (talk, Some(wait / 1_000))
    }
}
