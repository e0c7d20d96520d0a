//! A handful of transfers that never end, as fast as the link goes.

use super::{
    Options,
    places::{Network, outside},
    rng::Rng,
    schedule::Mix,
    talk::Talk,
    tcp::{Fate, Plan, Tcp},
};

/// Packets of a transfer: more than any capture has, and still no overflow when multiplied.
const ENDLESS: u64 = 1 << 60;
/// Bytes after which the first transfer's sequence numbers wrap.
const BEFORE_WRAP: u32 = 1 << 20;

/// Opens the transfers, one after the other.
pub(super) struct Elephant {
    hosts: u64,
    transfers: u64,
    opened: u64,
    /// Mean microseconds between two packets of one transfer.
    gap: u64,
}

impl Elephant {
    pub(super) fn new(options: &Options) -> Self {
        let gap = options.duration.as_micros() as u64 * options.connections / options.packets.max(1);
        Self { hosts: u64::from(options.hosts), transfers: options.connections, opened: 0, gap }
    }
}

impl Mix for Elephant {
    fn open(&mut self, rng: &mut Rng) -> (Talk, Option<u64>) {
        let n = self.opened;
        self.opened += 1;
        // Every fourth goes over IPv6, every third is an upload.
        let ipv6 = n % 4 == 3;
        let port = 40_000 + (n / self.hosts) as u16;
        let route = [Network::Office.host(n % self.hosts, ipv6, port), outside(n, ipv6, 443)];
        let first_seq = if n == 0 { 0_u32.wrapping_sub(BEFORE_WRAP) } else { rng.next() as u32 };
        let plan = Plan {
            fate: Fate::Closed,
            packets: ENDLESS,
            upload: n % 3 == 2,
            timestamps: true,
            gap: self.gap,
            round_trip: 5_000,
            pause: 0,
            flight: 256,
            // 3 MiB, for 380 kB in flight.
            window: 24_576,
            first_seq,
        };
        let another = self.opened < self.transfers;
        (Talk::Tcp(Tcp::new(route, plan)), another.then(|| rng.around(1_000)))
    }
}
