//! What accounting costs: the same traffic with nobody inside, with hosts, and with all that is kept of hosts. Nanoseconds
//! for a packet; instructions are counted by running one of them under `valgrind --tool=callgrind`.
//!
//! `cargo bench -p tctable --bench accounting [-- KIND TERMS ROUNDS]`, such as `office hosts 1`

use std::hint::black_box;
use std::num::NonZeroU16;
use std::process::ExitCode;
use std::time;

use tctable::account::{Group, Groups, HardMark, Inside, Limits, Member, OverQuota, Period, Quota};
use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType};
use tctable::time::{Duration, Instant};
use tctable::{Config, Gateway};
use tctable_lab::generate::{self, Kind, Options};

const PACKETS: u64 = 500_000;
const ROUNDS: u32 = 7;

/// What is kept, from nothing to all: the third one has a quota for each host, for 256 groups and for their parent, the last
/// one limits that nobody comes to, rates and links as well.
const TERMS: [&str; 4] = ["nobody", "hosts", "quotas", "all"];

fn config(terms: &str) -> Config {
    let mut config = Config::default();
    config.conntrack.max = u32::MAX;
    // Captures on a sending machine have them unset, as the generated ones do.
    config.conntrack.checksum = false;
    if terms == "nobody" {
        config.inside = Inside::new(&[]);
    }
    if terms == "quotas" || terms == "all" {
        let period = Period::Days { count: NonZeroU16::new(30).expect("some days"), from: Instant::ZERO };
        let quota = |bytes| {
            let hard = HardMark { bytes, verdict: OverQuota::Drop };
            Some(Quota { period, soft: Some(bytes / 2), hard: Some(hard) })
        };
        config.hosts.quota = quota(100 << 30);
        let part = |number: u16| Group {
            parent: Some("all".into()),
            members: [format!("10.{number}.0.0/16"), format!("192.168.{number}.0/24"), format!("fd00:{number:x}::/32")]
                .iter()
                .map(|prefix| Member::Prefix(prefix.parse().expect("a prefix")))
                .collect(),
            quota: quota(1 << 40),
            limits: if terms == "all" { LIMITS } else { Limits::default() },
            ..Group::new(&number.to_string())
        };
        let rest = ["10.0.0.0/8", "192.168.0.0/16", "172.16.0.0/12", "fc00::/7"];
        let rest = rest.iter().map(|prefix| Member::Prefix(prefix.parse().expect("a prefix"))).collect();
        let all = Group { members: rest, quota: quota(1 << 44), ..Group::new("all") };
        config.hosts.groups = Groups::new((0..256).map(part).chain([all]).collect()).expect("they make sense");
    }
    if terms == "all" {
        config.hosts.max_connections = 1 << 30;
        config.hosts.max_new_connections = 1 << 30;
        (config.hosts.rates, config.hosts.links) = (true, true);
    }
    config
}

const LIMITS: Limits = Limits { connections: 1 << 30, new_connections: 1 << 30 };

/// The frames of a capture file in memory: a header of 24 bytes, then records of 16 bytes and the data.
fn frames(file: &[u8]) -> Vec<Frame<'_>> {
    let mut rest = &file[24..];
    let mut frames = Vec::new();
    while let Some((head, after)) = rest.split_first_chunk::<16>() {
        let [seconds, micros, kept, wire_len] =
            [0, 4, 8, 12].map(|at| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]));
        let (data, after) = after.split_at(kept as usize);
        let time = Instant::from_secs(seconds.into()) + Duration::from_nanos(1000 * u64::from(micros));
        let (device, direction, link) = (DeviceId(0), FrameDirection::Unknown, LinkType::Ethernet);
        frames.push(Frame { time, device, direction, link, wire_len, data });
        rest = after;
    }
    frames
}

/// The best of some rounds.
fn measure(frames: &[Frame<'_>], terms: &str, rounds: u32) -> f64 {
    let rounds = (0..rounds).map(|_| {
        let mut gateway = Gateway::new(config(terms));
        let begun = time::Instant::now();
        gateway.receive(frames.iter().copied());
        let nanos = begun.elapsed().as_nanos() as f64 / frames.len() as f64;
        let totals = black_box(&gateway).totals();
        assert_eq!(
            (totals.tx().packets + totals.rx().packets != 0, totals.unaccounted.quota.packets),
            (terms != "nobody", 0)
        );
        nanos
    });
    rounds.fold(f64::INFINITY, f64::min)
}

fn main() -> ExitCode {
    // What cargo itself passes begins with dashes.
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_asked = |nth: usize, name: &str| asked.get(nth).is_none_or(|asked| asked == name);
    let Ok(rounds) = asked.get(2).map_or(Ok(ROUNDS), |rounds| rounds.parse()) else {
        eprintln!("usage: accounting [office|churn|elephant [nobody|hosts|quotas|all [ROUNDS]]]");
        return ExitCode::from(2);
    };
    for kind in Kind::ALL.into_iter().filter(|kind| is_asked(0, &kind.to_string())) {
        let mut file = Vec::new();
        generate::write(&Options::new(kind, PACKETS, 1), &mut file, |_| ()).expect("memory");
        let frames = frames(&file);
        for terms in TERMS.into_iter().filter(|terms| is_asked(1, terms)) {
            println!("{kind}, {terms}: {:.1} ns for a packet", measure(&frames, terms, rounds));
        }
    }
    ExitCode::SUCCESS
}
