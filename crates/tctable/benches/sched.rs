//! What HTB costs, by how many classes it has and how many of them have packets.
//!
//! `cargo bench -p tctable --bench sched [-- CLASSES...]`, by default 10, 1,000, 100,000 and 1,000,000. For each number, with
//! 1 %, 10 % and 100 % of them active, through the public face: million pairs of a packet offered and a packet polled a
//! second, in two situations:
//!
//! * `borrow`: the parent's 10 Gbit/s are full, and the active classes share them by what they borrow. A packet goes to any of
//!   them at random, and one leaves each 800 ns.
//! * `held`: each active class is full up to its ceil, so that each packet sends its class to wait for its time. Who
//!   sent gets the next packet.
//!
//! Classes are those of hosts, which can be more than 65,535; and for as many as have a minor number, named ones that the
//! packet's priority chooses. Leaves are `pfifo`, the kernel's default, and for the named ones at 1,000 classes `fq_codel` too,
//! which is ours. Nothing is allocated in the measured time; of some rounds the best counts.
//!
//! It fails where there are fewer than [`RATE`] million pairs a second at 1,000 classes, where a packet among 100,000 classes
//! takes more than [`RATIO`] times as long as among 10, where adding 100,000 classes takes longer than [`ADDING`], or where an
//! idle class takes more than [`BYTES`] of heap.

#[allow(dead_code, reason = "frames are for other benchmarks")]
mod support;

use std::process::ExitCode;
use std::time::{self, Duration as WallTime};

use tctable::packet::DeviceId;
use tctable::sched::{
    ClassOptions, ClassRequest, Config, DeviceConfig, Flags, FqCodelOptions, Handle, HostClassOptions, HostKey,
    HtbClassOptions, HtbOptions, Offer, Poll, QdiscOptions, QdiscRequest, Rate, RateSpec, Scheduler, Skb,
};
use tctable::time::{Duration, Instant};

use support::ALLOCATOR;

/// Million pairs a second, at 1,000 classes.
const RATE: f64 = 5.0;
/// How many times as long a packet may take among 100,000 classes as among 10.
const RATIO: f64 = 2.0;
/// What adding 100,000 classes may take.
const ADDING: WallTime = WallTime::from_secs(1);
/// Bytes of heap for an idle class.
const BYTES: f64 = 512.0;

const DEVICE: DeviceId = DeviceId(0);
const START: Instant = Instant::from_secs(1_000);
/// The link's rate, and what a packet takes there.
const LINK: u64 = 10_000_000_000;
const LEN: u32 = 1000;
const SPACING: Duration = Duration::from_nanos(LEN as u64 * 8 * 1_000_000_000 / LINK);
/// A round is short, so that some of them are left alone by whatever else the machine does.
const PAIRS: u32 = 1 << 16;
const ROUNDS: u32 = 40;
/// Packets come in bursts of so many, and as many leave in between.
const BURST: u32 = 32;
/// Packets of each active class that wait at first; with few active ones there are enough for a burst.
const WAITING: u32 = 2;
/// Classes to a qdisc that have minor numbers, the parent's own left out.
const NAMED: u32 = 65_534;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Named,
    Hosts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Situation {
    Borrow,
    Held,
}

/// One thing to be measured.
#[derive(Clone, Copy, Debug)]
struct Case {
    kind: Kind,
    situation: Situation,
    classes: u32,
    active: u32,
    fq_codel: bool,
}

fn rate(bits: u64) -> RateSpec {
    RateSpec::new(Rate::from_bits(bits))
}

/// A device with an `htb`, in which packets that nobody knows go by, and a class 1:1 with the link's rate.
fn gateway(fq_codel: bool) -> Scheduler {
    let default_leaf = match fq_codel {
        true => QdiscOptions::FqCodel(FqCodelOptions::default()),
        false => QdiscOptions::Pfifo { limit: None },
    };
    let mut scheduler = Scheduler::new(Config { default_leaf, ..Config::default() });
    scheduler.add_device(DEVICE, DeviceConfig::default()).expect("a new device");
    add_htb(&mut scheduler, DEVICE);
    scheduler
}

fn add_htb(scheduler: &mut Scheduler, device: DeviceId) {
    let (parent, handle) = (Handle::ROOT, Handle::new(1, 0));
    let spec = QdiscOptions::Htb(HtbOptions::default()).into();
    scheduler.set_qdisc(START, &QdiscRequest { device, parent, handle, spec }, Flags::ADD).expect("an htb");
    let link =
        HtbClassOptions { rate: rate(LINK), burst: Some(50_000), cburst: Some(50_000), ..HtbClassOptions::default() };
    add_class(scheduler, device, Handle::new(1, 0), 1, link);
}

fn add_class(scheduler: &mut Scheduler, device: DeviceId, parent: Handle, minor: u16, options: HtbClassOptions) {
    let options = Some(ClassOptions::Htb(options));
    let request = ClassRequest { device, parent, class: Handle::new(1, minor), options };
    scheduler.set_class(START, &request, Flags::ADD).expect("a new class");
}

/// What each of some classes is like, of which so many are active.
fn class(situation: Situation, classes: u32, active: u32) -> HtbClassOptions {
    let share = rate(LINK / u64::from(classes));
    let ceil = match situation {
        Situation::Borrow => rate(LINK),
        Situation::Held => rate(LINK / u64::from(active)),
    };
    let (rate, ceil) = (share, Some(ceil));
    HtbClassOptions { rate, ceil, quantum: Some(1500), ..HtbClassOptions::default() }
}

fn packet(kind: Kind, number: u32) -> Skb<'static> {
    let (priority, host) = match kind {
        Kind::Named => (0x1_0002 + number, None),
        Kind::Hosts => (0, Some(HostKey::Group(number))),
    };
    Skb {
        token: number.into(),
        data: &[],
        network_offset: 0,
        protocol: 0x0800,
        len: LEN,
        info: None,
        mark: 0,
        priority,
        input: None,
        ct: None,
        host,
    }
}

/// Adds the classes; tells how long it took.
fn fill(scheduler: &mut Scheduler, case: &Case) -> WallTime {
    let Case { kind, situation, classes, active, .. } = *case;
    let options = class(situation, classes, active);
    let begun = time::Instant::now();
    match kind {
        Kind::Named => {
            for number in 0..classes {
                let minor = u16::try_from(number + 2).expect("a minor number");
                add_class(scheduler, DEVICE, Handle::new(1, 1), minor, options);
            }
        }
        Kind::Hosts => {
            let template = HostClassOptions {
                parent: Handle::new(1, 1).into(),
                prefix_v4: 32,
                prefix_v6: 128,
                timeout: Duration::from_secs(1 << 20),
                max: classes,
                class: options,
            };
            scheduler.set_host_classes(START, DEVICE, Handle::new(1, 0), Some(&template)).expect("a template");
            // Each host comes once, and its packet leaves.
            let mut now = START;
            for number in 0..classes {
                offer(scheduler, now, kind, number);
                now += SPACING;
                while let Poll::Packet(_) = scheduler.poll(now, DEVICE) {}
            }
            while let Poll::Later(at) = scheduler.poll(now, DEVICE) {
                now = at;
            }
        }
    }
    begun.elapsed()
}

#[inline]
fn offer(scheduler: &mut Scheduler, now: Instant, kind: Kind, number: u32) {
    let offer = scheduler.offer(now, DEVICE, &mut packet(kind, number));
    assert!(matches!(offer, Offer::Queued { .. }), "{offer:?}");
}

/// Nanoseconds for a pair.
fn measure(case: &Case) -> f64 {
    let Case { kind, situation, classes, active, fq_codel } = *case;
    let mut scheduler = gateway(fq_codel);
    fill(&mut scheduler, case);
    let stride = classes / active;
    let mut now = START + Duration::from_secs(10);
    for _ in 0..WAITING.max(2 * BURST / active) {
        (0..active).for_each(|number| offer(&mut scheduler, now, kind, number * stride));
    }
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    let mut best = f64::INFINITY;
    let mut burst = Vec::with_capacity(BURST as usize);
    // The first round is for all to settle.
    for round in 0..=ROUNDS {
        let pairs = if round == 0 { PAIRS.max((2 * WAITING * active).next_multiple_of(BURST)) } else { PAIRS };
        let begun = time::Instant::now();
        for _ in 0..pairs / BURST {
            burst.clear();
            for _ in 0..BURST {
                now += SPACING;
                let sent = loop {
                    match scheduler.poll(now, DEVICE) {
                        Poll::Packet(departure) => break departure.token as u32,
                        Poll::Later(at) => now = at,
                        Poll::Empty => panic!("packets wait"),
                    }
                };
                let next = match situation {
                    Situation::Held => sent,
                    Situation::Borrow => {
                        random ^= random << 13;
                        random ^= random >> 7;
                        random ^= random << 17;
                        (((random >> 32) * u64::from(active)) >> 32) as u32 * stride
                    }
                };
                burst.push(packet(kind, next));
            }
            scheduler.look_ahead(DEVICE, &burst);
            for skb in &mut burst {
                let offer = scheduler.offer(now, DEVICE, skb);
                assert!(matches!(offer, Offer::Queued { .. }), "{offer:?}");
            }
        }
        if round > 0 {
            best = best.min(begun.elapsed().as_nanos() as f64 / f64::from(pairs));
        }
    }
    best
}

/// How long it takes to add 100,000 classes with names, to as few devices as have room for them, and bytes of heap for
/// each.
fn adding() -> (WallTime, f64) {
    const ALL: u32 = 100_000;
    let devices = ALL.div_ceil(NAMED);
    let mut scheduler = gateway(false);
    for device in 1..devices {
        let device = DeviceId(u16::try_from(device).expect("a few devices"));
        scheduler.add_device(device, DeviceConfig::default()).expect("a new device");
        add_htb(&mut scheduler, device);
    }
    let options = class(Situation::Borrow, ALL, ALL);
    let before = ALLOCATOR.live();
    let begun = time::Instant::now();
    for number in 0..ALL {
        let [device, minor] =
            [number / NAMED, number % NAMED + 2].map(|number| u16::try_from(number).expect("a minor number"));
        add_class(&mut scheduler, DeviceId(device), Handle::new(1, 1), minor, options);
    }
    let took = begun.elapsed();
    (took, (ALLOCATOR.live() - before) as f64 / f64::from(ALL))
}

/// Bytes of heap for a host's class that has had a packet, and how long it took for all of them to come.
fn hosting(classes: u32) -> (WallTime, f64) {
    let mut scheduler = gateway(false);
    let before = ALLOCATOR.live();
    let case = Case { kind: Kind::Hosts, situation: Situation::Borrow, classes, active: classes, fq_codel: false };
    let took = fill(&mut scheduler, &case);
    (took, (ALLOCATOR.live() - before) as f64 / f64::from(classes))
}

fn main() -> ExitCode {
    // What cargo itself passes begins with dashes.
    let asked: Result<Vec<u32>, _> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).map(|number| number.parse()).collect();
    let numbers = match asked {
        Ok(numbers) if numbers.is_empty() => vec![10, 1_000, 100_000, 1_000_000],
        Ok(numbers) if numbers.iter().all(|number| (1..=1_000_000).contains(number)) => numbers,
        _ => {
            eprintln!("usage: sched [CLASSES...], each at most 1000000");
            return ExitCode::from(2);
        }
    };
    let mut failed = false;
    let mut fail = |why: String| {
        eprintln!("{why}");
        failed = true;
    };

    println!("  kind  leaves   situation   classes   active  M pairs/s  ns for a pair");
    let mut results: Vec<(Case, f64)> = Vec::new();
    for classes in numbers {
        for kind in [Kind::Named, Kind::Hosts] {
            if kind == Kind::Named && classes > NAMED {
                continue;
            }
            for situation in [Situation::Borrow, Situation::Held] {
                for (share, fq_codel) in [(100, false), (10, false), (1, false), (1, true)] {
                    if classes < share || fq_codel && (kind, classes) != (Kind::Named, 1000) {
                        continue;
                    }
                    let case = Case { kind, situation, classes, active: classes / share, fq_codel };
                    let nanos = measure(&case);
                    let leaves = if fq_codel { "fq_codel" } else { "pfifo" };
                    let (kind, situation) = (format!("{kind:?}"), format!("{situation:?}"));
                    let rate = 1e3 / nanos;
                    println!(
                        "{kind:>6} {leaves:>8} {situation:>10} {classes:>9} {:>8} {rate:>10.2} {nanos:>14.0}",
                        case.active
                    );
                    if classes == 1000 && !fq_codel && rate < RATE {
                        fail(format!("{case:?}: {rate:.2} million pairs a second, which is less than {RATE}"));
                    }
                    results.push((case, nanos));
                }
            }
        }
    }
    // The worst one of each: what is active is what matters, so all shares are compared with the same few classes.
    for situation in [Situation::Borrow, Situation::Held] {
        let of = |classes: u32| {
            let such = results.iter().filter(move |(case, _)| {
                (case.classes, case.situation, case.kind) == (classes, situation, Kind::Hosts)
            });
            such.map(|(_, nanos)| *nanos)
        };
        let (few, many) = (of(10).fold(0.0, f64::max), of(100_000).fold(0.0, f64::max));
        if few > 0.0 && many > 0.0 {
            let ratio = many / few;
            println!("{situation:?}: a packet takes {ratio:.2} times as long among 100,000 classes as among 10");
            if ratio > RATIO {
                fail(format!("{situation:?}: that is more than {RATIO} times"));
            }
        }
    }

    let (took, bytes) = adding();
    println!("\n100,000 named classes are added in {took:?}, and take {bytes:.0} bytes each");
    if took > ADDING {
        fail(format!("adding took {took:?}, which is more than {ADDING:?}"));
    }
    if bytes > BYTES {
        fail(format!("{bytes:.0} bytes for an idle class, which is more than {BYTES}"));
    }
    let (took, bytes) = hosting(100_000);
    println!(
        "100,000 hosts' classes come with their packets in {took:?}, and take {bytes:.0} bytes each, leaves included"
    );
    if took > ADDING {
        fail(format!("that took {took:?}, which is more than {ADDING:?}"));
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
