//! How much heap a tracked connection takes, its index entry, its timer and its link to its host included, and how fast
//! connections are entered. Fails where it is more than the engine promises.
//!
//! `cargo bench -p tctable --bench memory [-- CONNECTIONS]`

mod support;

use std::hint::black_box;
use std::process::ExitCode;
use std::time;

use tctable::time::{Duration, Instant};
use tctable::{Config, Gateway};

use support::{ALLOCATOR, Opening};

/// What a connection may take.
const LIMIT: f64 = 192.0;
const CONNECTIONS: u32 = 4_000_000;
const BURST: u32 = 256;

/// What was measured of one family.
struct Measured {
    bytes: f64,
    peak: f64,
    /// Connections a second.
    rate: f64,
}

fn measure(v6: bool, connections: u32) -> Measured {
    let mut openings: Vec<Opening> = (0..BURST).map(|_| Opening::new(v6)).collect();
    let mut config = Config::default();
    // The frames are made in a hurry.
    config.conntrack.checksum = false;
    config.conntrack.max = connections;
    let before = ALLOCATOR.live();
    ALLOCATOR.forget_peak();
    let begun = time::Instant::now();

    let mut gateway = Gateway::new(config);
    for first in (0..connections).step_by(BURST as usize) {
        let numbers = first..connections.min(first + BURST);
        for (number, opening) in numbers.clone().zip(&mut openings) {
            opening.set(number);
        }
        gateway.receive(numbers.zip(&openings).map(|(number, opening)| {
            // A microsecond apart: none of them ends before the last one begins.
            opening.frame(Instant::from_secs(1_700_000_000) + Duration::from_nanos(1000 * u64::from(number)))
        }));
    }

    let seconds = begun.elapsed().as_secs_f64();
    assert_eq!(black_box(&gateway).conntrack().count(), connections as usize, "every connection is in the table");
    let each = |bytes: usize| (bytes - before) as f64 / f64::from(connections);
    Measured { bytes: each(ALLOCATOR.live()), peak: each(ALLOCATOR.peak()), rate: f64::from(connections) / seconds }
}

fn main() -> ExitCode {
    // What cargo itself passes begins with dashes.
    let asked = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let connections = match asked.map(|number| number.parse()) {
        None => CONNECTIONS,
        Some(Ok(number @ 1..=15_000_000)) => number,
        Some(_) => {
            eprintln!("usage: memory [CONNECTIONS], at most 15000000");
            return ExitCode::from(2);
        }
    };
    let (v4, v6) = (measure(false, connections), measure(true, connections));
    println!(
        "bytes of heap per tracked connection: {:.1} (IPv4), {:.1} (IPv6), index included; peak {:.1}",
        v4.bytes,
        v6.bytes,
        v4.peak.max(v6.peak)
    );
    println!(
        "connections inserted: {connections}, {:.2} (IPv4) and {:.2} (IPv6) million a second",
        v4.rate / 1e6,
        v6.rate / 1e6
    );
    let most = v4.bytes.max(v6.bytes);
    if most > LIMIT {
        eprintln!("{most:.1} bytes of heap per tracked connection are more than the {LIMIT:.0} that are promised");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
