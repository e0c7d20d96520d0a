//! What becomes of the engine's speed with the number of its connections, and whether any burst has to wait while its
//! tables grow or shrink.
//!
//! `cargo bench -p tctable --bench scale [-- CONNECTIONS...]`, by default 10,000, 1,000,000 and 10,000,000. For each
//! number, in bursts of 256 frames through the public face, it enters that many connections, finds each of them in random
//! order, and lets them end one after the other, all of it [`ROUNDS`] times. Frames are made outside the measured time.
//!
//! Look-ups come at a million packets a second. How fast they come matters because timers go by time: each connection's is
//! looked at once a minute, so ten million at fifteen thousand packets a second would be ten timers for a look-up.
//!
//! Every round does the same work, so what a burst took is the least that it took in any round: what the machine did to one
//! of them is left out, what the engine does is not. The rates are of the best round.
//!
//! It fails where a connection takes more than [`BYTES`] of heap, where finding one among the most connections takes more
//! than [`FALL`] times as long as among the fewest, or where a burst took longer than [`PAUSE`] while the hash table grew or shrank.

mod support;

use std::process::ExitCode;
use std::time::{self, Duration as WallTime};

use tctable::time::{Duration, Instant};
use tctable::{Config, Gateway};

use support::{ALLOCATOR, Opening};

/// Ten million connections in 2 GiB.
const BYTES: f64 = 2.0 * (1u64 << 30) as f64 / 10e6;
/// How many times as long a look-up may take.
const FALL: f64 = 3.0;
/// What a burst may take while the table grows or shrinks.
const PAUSE: WallTime = WallTime::from_millis(1);
const ROUNDS: usize = 3;
const BURST: u32 = 256;
/// Frames of connections that are entered, or that are to end, lie that far apart: six bursts to 0.1 s.
const SPACING: Duration = Duration::from_nanos(65_536);
/// And those of connections that are looked up.
const LOOKUP_SPACING: Duration = Duration::from_nanos(1_000);
/// Nothing ends before all is entered and found.
const TIMEOUT: Duration = Duration::from_secs(4_000);
/// Time passes in such steps while nothing happens.
const IDLE: Duration = Duration::from_millis(100);
/// Few connections are looked up over and over, to take long enough for a clock.
const LOOKUPS: u32 = 1_000_000;
const START: Instant = Instant::from_secs(1_700_000_000);

/// What one burst took.
#[derive(Clone, Copy)]
struct Burst {
    took: WallTime,
    /// The hash table was on its way to another size, before or after.
    resizing: bool,
}

/// One kind of work, burst by burst.
#[derive(Default)]
struct Phase {
    bursts: Vec<Burst>,
    /// Of the best round.
    best: Option<WallTime>,
}

impl Phase {
    /// Takes a round in.
    fn add(&mut self, round: Vec<Burst>) {
        let total = round.iter().map(|burst| burst.took).sum();
        self.best = Some(self.best.map_or(total, |best| best.min(total)));
        if self.bursts.is_empty() {
            self.bursts = round;
            return;
        }
        assert_eq!(self.bursts.len(), round.len(), "every round does the same");
        for (least, burst) in self.bursts.iter_mut().zip(round) {
            assert_eq!(least.resizing, burst.resizing, "every round does the same");
            least.took = least.took.min(burst.took);
        }
    }

    /// Million a second.
    fn rate(&self, count: u32) -> f64 {
        f64::from(count) / self.best.unwrap_or_default().as_secs_f64() / 1e6
    }

    /// What bursts took while the table kept its size, or did not: sorted.
    fn sorted(&self, resizing: bool) -> Vec<WallTime> {
        let some = self.bursts.iter().filter(|burst| burst.resizing == resizing);
        let mut took: Vec<WallTime> = some.map(|burst| burst.took).collect();
        took.sort_unstable();
        took
    }
}

/// All about one number of connections.
struct Measured {
    connections: u32,
    inserted: Phase,
    found: Phase,
    expired: Phase,
    /// Bytes of heap for a connection, all tables included.
    bytes: f64,
    peak: f64,
    /// When all have ended.
    left: f64,
}

/// Runs one burst's work.
fn timed(gateway: &mut Gateway, work: impl FnOnce(&mut Gateway)) -> Burst {
    let resizing = gateway.conntrack().is_resizing();
    let begun = time::Instant::now();
    work(gateway);
    let took = begun.elapsed();
    Burst { took, resizing: resizing || gateway.conntrack().is_resizing() }
}

/// Sends a packet of each connection whose number is given, from a time on, so far apart; gives the bursts and the time
/// after them.
fn send(
    gateway: &mut Gateway,
    from: Instant,
    spacing: Duration,
    numbers: impl Iterator<Item = u32>,
) -> (Vec<Burst>, Instant) {
    let mut openings: Vec<Opening> = (0..BURST).map(|_| Opening::new(false)).collect();
    let mut numbers = numbers.peekable();
    let (mut bursts, mut now) = (Vec::new(), from);
    while numbers.peek().is_some() {
        let mut count = 0;
        for (opening, number) in openings.iter_mut().zip(numbers.by_ref()) {
            opening.set(number);
            count += 1;
        }
        let times = std::iter::successors(Some(now), |time| Some(*time + spacing));
        let frames = openings.iter().take(count).zip(times).map(|(opening, time)| opening.frame(time));
        bursts.push(timed(gateway, |gateway| gateway.receive(frames)));
        now += Duration::from_nanos(spacing.as_nanos() * count as u64);
    }
    (bursts, now)
}

/// The numbers below `count`, in an order without pattern: a Feistel network over the next power of four, which leaves out
/// what is too large.
fn shuffled(count: u32) -> impl Iterator<Item = u32> {
    let half = (u32::BITS - (count - 1).leading_zeros()).div_ceil(2);
    let mask = (1u64 << half) - 1;
    (0..1u64 << (2 * half)).filter_map(move |number| {
        let (mut left, mut right) = (number >> half, number & mask);
        for key in [0x9e37_79b9u64, 0xbf58_476d, 0x94d0_49bb, 0x1331_11eb] {
            (left, right) = (right, left ^ ((((right + 1) * key) >> 21) & mask));
        }
        u32::try_from(left << half | right).ok().filter(|number| *number < count)
    })
}

fn round(measured: &mut Measured) {
    let connections = measured.connections;
    let mut config = Config::default();
    // The frames are made in a hurry.
    config.conntrack.checksum = false;
    config.conntrack.max = connections;
    config.conntrack.timeouts.udp = TIMEOUT;
    let before = ALLOCATOR.live();
    ALLOCATOR.forget_peak();
    let mut gateway = Gateway::new(config);
    let each = |bytes: usize| bytes.saturating_sub(before) as f64 / f64::from(connections);

    let (bursts, now) = send(&mut gateway, START, SPACING, 0..connections);
    let ours = bursts.capacity() * size_of::<Burst>();
    assert_eq!(gateway.conntrack().count(), connections as usize, "every connection is in the table");
    measured.bytes = each(ALLOCATOR.live() - ours);
    measured.peak = each(ALLOCATOR.peak() - ours);
    measured.inserted.add(bursts);

    let times = LOOKUPS.div_ceil(connections);
    let lookups = (0..times).flat_map(|_| shuffled(connections));
    let (bursts, now) = send(&mut gateway, now, LOOKUP_SPACING, lookups);
    assert_eq!(gateway.conntrack().statistics().insert, u64::from(connections), "every connection is found");
    measured.found.add(bursts);

    // The connections end in the order in which they are found the last time, as far apart.
    let (_, now) = send(&mut gateway, now, SPACING, shuffled(connections));
    let last = Instant::from_nanos(now.as_nanos() - SPACING.as_nanos() * u64::from(connections));
    let end = last + TIMEOUT;
    let mut now = now;
    while now + IDLE < end {
        now += IDLE;
        gateway.handle_timeout(now);
    }
    let mut bursts = Vec::new();
    while gateway.conntrack().count() != 0 {
        now += Duration::from_nanos(SPACING.as_nanos() * u64::from(BURST));
        bursts.push(timed(&mut gateway, |gateway| gateway.handle_timeout(now)));
    }
    let ours = bursts.capacity() * size_of::<Burst>();
    measured.left = each(ALLOCATOR.live() - ours);
    measured.expired.add(bursts);
}

fn measure(connections: u32) -> Measured {
    let mut measured = Measured {
        connections,
        inserted: Phase::default(),
        found: Phase::default(),
        expired: Phase::default(),
        bytes: 0.0,
        peak: 0.0,
        left: 0.0,
    };
    for _ in 0..ROUNDS {
        round(&mut measured);
    }
    measured
}

fn micros(took: WallTime) -> f64 {
    took.as_secs_f64() * 1e6
}

fn print_bursts(measured: &Measured) {
    for (name, phase) in [("inserted", &measured.inserted), ("found", &measured.found), ("expired", &measured.expired)]
    {
        for resizing in [false, true] {
            let took = phase.sorted(resizing);
            let Some(longest) = took.last() else { continue };
            let at = |part: f64| micros(took[((took.len() - 1) as f64 * part) as usize]);
            println!(
                "{:>11} {name:>9} {:>9} {:>8} {:>9.1} {:>9.1} {:>9.1} {:>9.1} {:>6}",
                measured.connections,
                if resizing { "moving" } else { "still" },
                took.len(),
                at(0.5),
                at(0.99),
                at(0.9999),
                micros(*longest),
                took.iter().filter(|took| **took > PAUSE).count()
            );
        }
    }
}

fn main() -> ExitCode {
    // What cargo itself passes begins with dashes.
    let asked: Result<Vec<u32>, _> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).map(|number| number.parse()).collect();
    let numbers = match asked {
        Ok(numbers) if numbers.is_empty() => vec![10_000, 1_000_000, 10_000_000],
        Ok(numbers) if numbers.iter().all(|number| (1..=15_000_000).contains(number)) => numbers,
        _ => {
            eprintln!("usage: scale [CONNECTIONS...], each at most 15000000");
            return ExitCode::from(2);
        }
    };
    let all: Vec<Measured> = numbers.into_iter().map(measure).collect();

    println!("million a second, and bytes of heap for a connection:");
    println!("connections  inserted     found   expired     bytes      peak  all over");
    for measured in &all {
        let Measured { connections, inserted, found, expired, bytes, peak, left } = measured;
        let lookups = LOOKUPS.div_ceil(*connections) * connections;
        println!(
            "{connections:>11} {:>9.2} {:>9.2} {:>9.2} {bytes:>9.1} {peak:>9.1} {left:>9.1}",
            inserted.rate(*connections),
            found.rate(lookups),
            expired.rate(*connections)
        );
    }
    println!("\nmicroseconds for a burst of {BURST}, while the hash table kept its size or moved to another:");
    println!("connections                    bursts      50%       99%    99.99%   longest   >1ms");
    all.iter().for_each(print_bursts);

    let mut failed = false;
    let mut fail = |why: String| {
        eprintln!("{why}");
        failed = true;
    };
    for measured in &all {
        let Measured { connections, bytes, .. } = measured;
        // A few connections do not fill the chunks of the tables.
        if *connections >= 1_000_000 && *bytes > BYTES {
            fail(format!("{bytes:.1} bytes for one of {connections} connections: more than {BYTES:.1}"));
        }
        for (name, phase) in [("inserted", &measured.inserted), ("expired", &measured.expired)] {
            if let Some(longest) = phase.sorted(true).last().filter(|longest| **longest > PAUSE) {
                fail(format!("a burst of {connections} connections that were {name} took {longest:?} during a move"));
            }
        }
    }
    let look_up =
        |measured: &Measured| measured.found.rate(LOOKUPS.div_ceil(measured.connections) * measured.connections);
    if let (Some(fewest), Some(most)) =
        (all.iter().min_by_key(|one| one.connections), all.iter().max_by_key(|one| one.connections))
    {
        let fall = look_up(fewest) / look_up(most);
        println!(
            "\na look-up takes {fall:.2} times as long among {} as among {}",
            most.connections, fewest.connections
        );
        if fall > FALL {
            fail(format!("that is more than {FALL} times"));
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
