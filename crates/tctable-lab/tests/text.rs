//! The engine's text views beside those of the running kernel, after the same packets. Needs root, nf_conntrack and TUN;
//! where they are missing nothing is tested and one line says so.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Instant;

use tctable::Config;
use tctable_lab::differential::{Differential, KNOWN, Views};
use tctable_lab::kernel::{Error, Kernel, Tuple, not_tested};
use tctable_lab::talks::{self, Kind};

/// Packets of each kind of talk.
const PACKETS: usize = 1_500;
/// A UDP connection becomes a stream after two seconds, and SCTP has timeouts of three: who takes longer than this compares
/// two clocks.
const SOON: std::time::Duration = std::time::Duration::from_millis(1_500);

/// What both sides show of talks of a kind, in a zone by the seed. Tries again where the machine was too slow.
fn views(kind: Kind, seed: u64, packets: usize) -> Option<Views> {
    let steps = talks::generate(kind, seed, packets);
    let zone = if seed.is_multiple_of(2) { 0 } else { 9 };
    for _ in 0..10 {
        // Each time in a namespace of its own, whose statistics begin at zero.
        let run = Kernel::run(|kernel| {
            let mut both = Differential::new(kernel, Config::default(), KNOWN);
            both.assign_helpers().expect("helpers are there");
            both.set("nf_conntrack_timestamp", "1").expect("a tunable");
            let started = Instant::now();
            let views = both.views(&steps, zone, mark).expect("the kernel works");
            (views, started.elapsed())
        });
        match run {
            Ok((views, took)) if took < SOON => return Some(views),
            Ok(_) => {}
            Err(Error::Unavailable(why)) => {
                not_tested(why);
                return None;
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("{kind}: {packets} packets never took less than {SOON:?}");
}

/// Two of three connections have one, small or large.
fn mark(tuple: &Tuple) -> Option<u32> {
    let host = match tuple.source {
        IpAddr::V4(address) => address.to_bits(),
        IpAddr::V6(address) => address.to_bits() as u32,
    };
    let number = host.wrapping_add(u32::from(tuple.source_port) << 16 | u32::from(tuple.destination_port));
    match number % 3 {
        0 => None,
        1 => Some(number % 100 + 1),
        _ => Some(u32::MAX - number % 100),
    }
}

/// A line with stars for the numbers that may differ, and those numbers.
type Masked = (String, Vec<u64>);

/// Masks the words of a line for which `free` holds: it is told how many words are before one.
fn masked(line: &str, free: fn(usize, &str) -> bool) -> Masked {
    let (mut text, mut numbers, mut before) = (String::new(), Vec::new(), 0);
    for piece in line.split_inclusive(' ') {
        let word = piece.trim_end();
        if !word.is_empty() && free(before, word) {
            let name = word.trim_end_matches(|letter: char| letter.is_ascii_digit());
            numbers.push(word[name.len()..].parse().unwrap_or_else(|_| panic!("{word:?} in {line:?}")));
            text += &format!("{name}*{}", &piece[word.len()..]);
        } else {
            text += piece;
        }
        before += usize::from(!word.is_empty());
    }
    (text, numbers)
}

/// The seconds left, the seconds since its beginning, and its users.
fn of_connection(line: &str) -> Masked {
    masked(line, |before, word| before == 4 || word.starts_with("delta-time=") || word.starts_with("use="))
}

/// The seconds left.
fn of_expectation(line: &str) -> Masked {
    masked(line, |before, _| before == 0)
}

/// The lines of two views that are the same but for what may differ, with the numbers of each. The order in which the
/// kernel tells them is that of its hashes.
fn same_lines(one: &str, other: &str, mask: fn(&str) -> Masked) -> Result<BTreeMap<String, [Vec<u64>; 2]>, String> {
    let mut lines: BTreeMap<String, [Vec<u64>; 2]> = BTreeMap::new();
    for (side, view) in [one, other].into_iter().enumerate() {
        for line in view.split_inclusive('\n') {
            let (text, numbers) = mask(line.strip_suffix('\n').ok_or("the last line has no end")?);
            let place = &mut lines.entry(text).or_default()[side];
            if !place.is_empty() {
                return Err(format!("twice: {line}"));
            }
            *place = numbers;
        }
    }
    match lines.iter().find(|(_, [one, other])| one.len() != other.len()) {
        Some((line, numbers)) => Err(format!("on one side only: {line} {numbers:?}")),
        None => Ok(lines),
    }
}

/// The second of both sides may be another one.
fn near(one: u64, other: u64) -> bool {
    one.abs_diff(other) <= 1
}

/// That the connections of both sides are the same lines.
fn compare_connections(kind: Kind, seed: u64, Views { kernel, engine }: &Views) {
    let lines = same_lines(&kernel.connections, &engine.connections, of_connection);
    let lines = lines.unwrap_or_else(|difference| panic!("{kind}, seed {seed}: {difference}"));
    for (line, [kernel, engine]) in &lines {
        let ([left, age, users], [our_left, our_age, our_users]) = (&kernel[..], &engine[..]) else {
            panic!("{kind}, seed {seed}: {line}")
        };
        assert!(near(*left, *our_left) && near(*age, *our_age), "{kind}: {line} {kernel:?} {engine:?}");
        // Where connections are expected, those that came of it use the one that expected them.
        let related = matches!(kind, Kind::Helpers | Kind::Mixed);
        assert!((*our_users, *users) == (2, 2) || related && *users > 2, "{kind}: {line} {kernel:?}");
    }
}

#[test]
fn connections() {
    let mut seen = String::new();
    for (seed, kind) in (1..=2).flat_map(|seed| Kind::ALL.map(|kind| (seed, kind))) {
        let Some(views) = views(kind, seed, PACKETS) else { return };
        compare_connections(kind, seed, &views);
        seen += &views.engine.connections;
    }
    // What was to be compared was there.
    for family in ["ipv4     2 ", "ipv6     10 "] {
        let protocols = match family.starts_with("ipv4") {
            true => {
                ["tcp      6", "udp      17", "icmp     1", "sctp     132", "gre      47", "udplite  136", "unknown"]
            }
            false => {
                ["tcp      6", "udp      17", "icmpv6   58", "sctp     132", "gre      47", "udplite  136", "unknown"]
            }
        };
        for protocol in protocols {
            let of_protocol: Vec<&str> =
                seen.lines().filter(|line| line.starts_with(&format!("{family}{protocol} "))).collect();
            for part in ["[UNREPLIED]", " mark=0 ", " mark=4294967", " zone=0 ", " zone=9 "] {
                assert!(of_protocol.iter().any(|line| line.contains(part)), "{family}{protocol}: {part}");
            }
        }
    }
    for part in ["[ASSURED]", "SYN_SENT ", "ESTABLISHED ", "COOKIE_WAIT ", "timeout=30, stream_timeout=180"] {
        assert!(seen.contains(part), "{part}");
    }
}

#[test]
fn expectations_and_what_came_of_them() {
    let mut seen = String::new();
    // Two that are cut off while a PPTP call is expected.
    let runs = (1..=20).map(|seed| (seed, PACKETS)).chain([(11, 460), (23, 560)]);
    for (seed, packets) in runs {
        let Some(views) = views(Kind::Helpers, seed, packets) else { return };
        compare_connections(Kind::Helpers, seed, &views);
        let Views { kernel, engine } = views;
        let lines = same_lines(&kernel.expectations, &engine.expectations, of_expectation);
        let lines = lines.unwrap_or_else(|difference| panic!("seed {seed}: {difference}"));
        for (line, [kernel, engine]) in &lines {
            assert!(near(kernel[0], engine[0]), "seed {seed}: {line} {kernel:?} {engine:?}");
        }
        seen += &(engine.expectations + &engine.connections);
    }
    for part in [
        " l3proto = 2 ",
        " l3proto = 10 ",
        " ftp\n",
        " tftp\n",
        " irc\n",
        " sip/audio\n",
        "PERMANENT sip/signalling\n",
        "PERMANENT,INACTIVE sip/",
        " pptp\n",
        // A call that was expected: both keys are known.
        " srckey=0x10",
        " srckey=0x20",
    ] {
        assert!(seen.contains(part), "{part}");
    }
}

/// The lines of a view of statistics as numbers, and with a star for each digit.
fn numbers(view: &str) -> (Vec<Vec<u32>>, Vec<String>) {
    let rows = view.lines().skip(1);
    let parse = |word: &str| u32::from_str_radix(word, 16).unwrap_or_else(|_| panic!("{word}"));
    let digit = |letter: char| letter.is_ascii_hexdigit();
    (
        rows.clone().map(|row| row.split_whitespace().map(parse).collect()).collect(),
        rows.map(|row| row.replace(digit, "*")).collect(),
    )
}

#[test]
fn statistics() {
    for kind in Kind::ALL {
        let Some(Views { kernel, engine }) = views(kind, 2, PACKETS) else { return };
        assert_eq!(kernel.statistics.lines().next(), engine.statistics.lines().next());
        let ((processors, looks), (ours, our_looks)) = (numbers(&kernel.statistics), numbers(&engine.statistics));
        assert!(looks.iter().all(|look| *look == our_looks[0]), "{looks:?} {our_looks:?}");
        // Each processor tells the connections of all, and its own of all else.
        let mut sum = processors[0].clone();
        for processor in &processors[1..] {
            assert_eq!(processor[0], sum[0]);
            sum.iter_mut().zip(processor).skip(1).for_each(|(sum, more)| *sum += more);
        }
        assert_eq!(ours, [sum], "{kind}");
    }
}

#[test]
fn a_difference_is_found() {
    let line = "ipv4     2 gre      47 29 timeout=30, stream_timeout=180 src=10.0.0.1 mark=7 delta-time=0 use=2\n";
    let same = |other: &str| same_lines(line, other, of_connection).is_ok();
    for (from, to) in [(" 29 ", " 28 "), ("time=0 ", "time=17 "), ("use=2", "use=3")] {
        assert!(same(&line.replace(from, to)), "{to}");
    }
    for (from, to) in
        [(" 47 ", " 48 "), ("timeout=30", "timeout=31"), ("=180", "=181"), ("=7", "=8"), ("gre  ", "gre ")]
    {
        assert!(!same(&line.replace(from, to)), "{to}");
    }
    assert!(!same("") && !same(line.trim_end()) && !same(&format!("{line}{line}")));
}
