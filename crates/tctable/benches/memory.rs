//! How much heap a tracked connection takes, its index entry, its timer and its link to its host included, and how fast
//! connections are entered. Fails where it is more than the engine promises.
//!
//! `cargo bench -p tctable --bench memory [-- CONNECTIONS]`

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time;

use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType};
use tctable::time::{Duration, Instant};
use tctable::{Config, Gateway};
use tctable_lab::packets::udp_packet;

/// What a connection may take.
const LIMIT: f64 = 192.0;
const CONNECTIONS: u32 = 4_000_000;
/// Connections of one inside host.
const PER_HOST: u32 = 1_000;
const BURST: u32 = 256;

/// The system's allocator, with the bytes that are in use and the most that ever were.
struct Counting {
    live: AtomicUsize,
    peak: AtomicUsize,
}

impl Counting {
    fn add(&self, bytes: usize) {
        let live = self.live.fetch_add(bytes, Relaxed) + bytes;
        self.peak.fetch_max(live, Relaxed);
    }

    fn remove(&self, bytes: usize) {
        self.live.fetch_sub(bytes, Relaxed);
    }
}

// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.add(layout.size());
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.add(layout.size());
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both blocks may exist for a moment.
        self.add(size);
        self.remove(layout.size());
        // SAFETY: the caller keeps the contract of `GlobalAlloc::realloc`.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        self.remove(layout.size());
        // SAFETY: the caller keeps the contract of `GlobalAlloc::dealloc`.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting { live: AtomicUsize::new(0), peak: AtomicUsize::new(0) };

/// The first datagram of a connection, to be changed into that of any other.
struct Opening {
    packet: Vec<u8>,
    /// Where the low bytes of the source address lie, and the source port.
    host: usize,
    port: usize,
}

impl Opening {
    fn new(v6: bool) -> Opening {
        let (client, server) = if v6 { ("[fd00::]:0", "[2001:db8::1]:53") } else { ("10.0.0.0:0", "198.51.100.1:53") };
        let (client, server) = (client.parse().expect("an address"), server.parse().expect("an address"));
        let (host, port) = if v6 { (8 + 13, 40) } else { (12 + 1, 20) };
        Opening { packet: udp_packet(client, server, b""), host, port }
    }

    /// The same for the connection of that number.
    fn set(&mut self, number: u32) {
        let (host, port) = (number / PER_HOST, (number % PER_HOST) as u16 + 1024);
        self.packet[self.host..self.host + 3].copy_from_slice(&host.to_be_bytes()[1..]);
        self.packet[self.port..self.port + 2].copy_from_slice(&port.to_be_bytes());
    }
}

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
    config.conntrack.max = connections;
    let before = ALLOCATOR.live.load(Relaxed);
    ALLOCATOR.peak.store(before, Relaxed);
    let begun = time::Instant::now();

    let mut gateway = Gateway::new(config);
    for first in (0..connections).step_by(BURST as usize) {
        let numbers = first..connections.min(first + BURST);
        for (number, opening) in numbers.clone().zip(&mut openings) {
            opening.set(number);
        }
        gateway.receive(numbers.zip(&openings).map(|(number, opening)| Frame {
            // A microsecond apart: none of them ends before the last one begins.
            time: Instant::from_secs(1_700_000_000) + Duration::from_nanos(1000 * u64::from(number)),
            device: DeviceId(0),
            direction: FrameDirection::Unknown,
            link: LinkType::Raw,
            wire_len: opening.packet.len() as u32,
            data: &opening.packet,
        }));
    }

    let seconds = begun.elapsed().as_secs_f64();
    assert_eq!(black_box(&gateway).conntrack().count(), connections as usize, "every connection is in the table");
    let each = |bytes: usize| (bytes - before) as f64 / f64::from(connections);
    Measured {
        bytes: each(ALLOCATOR.live.load(Relaxed)),
        peak: each(ALLOCATOR.peak.load(Relaxed)),
        rate: f64::from(connections) / seconds,
    }
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
