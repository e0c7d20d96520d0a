//! Sets of filters, as lines of `tc`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use tctable::packet::DeviceId;
use tctable::sched::text::{ParseError, Reader};

use super::packets::Frame;
use super::random::Random;

/// The device that the filters are at.
pub const DEVICE: &str = "out";
/// Those that packets come in by.
pub const INPUTS: [&str; 2] = ["ina", "inb"];
/// Classes 1:1 to 1:10; the last one is for what nobody knows.
pub const CLASSES: u32 = 16;

/// The qdisc and its classes.
pub fn tree() -> String {
    let mut lines = format!("qdisc add dev {DEVICE} root handle 1: htb default 10\n");
    for class in 1..=CLASSES {
        let _ = writeln!(
            lines,
            "class add dev {DEVICE} parent 1: classid 1:{class:x} htb rate 10gbit burst 10m cburst 10m quantum 60000"
        );
    }
    lines
}

struct Table {
    id: u32,
    divisor: u32,
}

/// A set of filters, by some of which some of the frames are met.
pub fn set(random: &mut Random, frames: &[Frame]) -> String {
    let mut lines = String::new();
    let priorities: Vec<_> = (0..1 + random.below(3)).map(|at| (10 + at, protocol(random))).collect();
    let tables: Vec<_> =
        (0..random.below(5)).map(|at| Table { id: at as u32 + 1, divisor: 1 << random.below(9) }).collect();
    let place = |random: &mut Random| {
        let (priority, protocol) = random.pick(&priorities);
        format!("filter add dev {DEVICE} parent 1: protocol {protocol} prio {priority}")
    };
    for table in &tables {
        let _ = writeln!(lines, "{} handle {:x}: u32 divisor {}", place(random), table.id, table.divisor);
    }
    // One link back to a table before at most: more could go on for very long in the kernel.
    let mut orders = BTreeSet::new();
    let mut backward = random.percent(20);
    for _ in 0..20 + random.below(60) {
        let mut line = place(random);
        let at = if tables.is_empty() || random.percent(30) { None } else { Some(random.below(tables.len())) };
        let frame = &frames[random.below(frames.len())];
        line.push_str(" u32");
        if let Some(at) = at {
            let table = &tables[at];
            let bucket = random.below(table.divisor as usize);
            let _ = match random.below(4) {
                0 => write!(line, " ht {:x}:{bucket:x}:", table.id),
                1 => write!(line, " ht {:x}: sample {} divisor {}", table.id, byte(random, frame), table.divisor),
                // Where most packets are that choose by an address or a port.
                _ => write!(line, " ht {:x}:{:x}:", table.id, random.below(8.min(table.divisor as usize))),
            };
        }
        if random.percent(15) {
            // Each is given once, and none that nodes without one are given, which are 800, 801, ...
            let order = if random.percent(50) { 1 + random.below(0x7ff) } else { 0xc00 + random.below(0x400) };
            if orders.insert(order) {
                let _ = write!(line, " order {order}");
            }
        }
        // What matches all leaves nothing for those behind it.
        let keys = if random.percent(10) { 0 } else { random.pick(&[1, 1, 1, 1, 2, 3]) };
        for _ in 0..keys {
            let more = format!("{line} match {}", key(random, frame));
            // tc refuses matches that contradict each other; it is asked for none.
            match read(&more) {
                Ok(()) => line = more,
                Err(error) => assert!(error.to_string().contains("contradicts"), "{more}: {error}"),
            }
        }
        let first_link = at.map_or(0, |at| at + 1);
        let mut link = (first_link < tables.len() && random.percent(60))
            .then(|| first_link + random.below(tables.len() - first_link));
        if link.is_none() && backward && at.is_some() {
            link = Some(random.below(tables.len()));
            backward = false;
        }
        if let Some(link) = link {
            let _ = write!(line, " link {:x}:", tables[link].id);
            if random.percent(70) {
                let at = random.pick(&[-4, 0, 8, 12, 16, 20, 24, 36]);
                let _ = write!(line, " hashkey mask {:08x} at {at}", mask(random));
            }
            if random.percent(60) {
                offset(random, &mut line);
            }
        }
        let matches_all = !line.contains(" match ");
        if matches_all {
            line.push_str(" match u32 0 0 at 0");
        }
        if random.percent(10) {
            let _ = write!(line, " indev {}", random.pick(&INPUTS));
        }
        let is_terminal = match (link, matches_all) {
            (None, false) => 95,
            (None, true) => 20,
            (Some(_), false) => 25,
            (Some(_), true) => 5,
        };
        if random.percent(is_terminal) {
            let class = if random.percent(96) { 1 + random.below(15) } else { random.pick(&[0, 0x77]) };
            let _ = write!(line, " flowid 1:{class:x}");
        }
        lines.push_str(&line);
        lines.push('\n');
    }
    lines
}

fn read(line: &str) -> Result<(), ParseError> {
    let mut reader = Reader::new();
    reader.name_device(DEVICE, DeviceId(0));
    reader.read(line).map(|_| ())
}

fn protocol(random: &mut Random) -> &'static str {
    random.pick(&["ip", "ip", "ip", "all", "all", "ipv6", "802.1Q", "arp", "0x88b5"])
}

fn offset(random: &mut Random, line: &mut String) {
    let _ = match random.below(6) {
        0 => write!(line, " offset plus {}", random.below(44)),
        1 => write!(line, " offset plus {} eat", 4 * random.below(11)),
        2 => write!(line, " offset eat"),
        3 => write!(line, " offset at 0 mask 0f00 shift 6 eat"),
        4 => write!(
            line,
            " offset plus {} at {} mask {:04x} shift {}",
            random.below(8),
            random.pick(&[-2, 0, 2, 6, 20]),
            random.bits() as u16,
            random.below(16)
        ),
        _ => write!(line, " offset at 0 mask 0f00 shift 6"),
    };
}

fn mask(random: &mut Random) -> u32 {
    match random.below(6) {
        0 => 0xff << (8 * random.below(4)),
        1 => 0x0f << (4 * random.below(8)),
        2 => random.bits() & random.bits() & random.bits(),
        3 => 1 << random.below(32),
        4 => {
            if random.percent(20) {
                0
            } else {
                u32::MAX
            }
        }
        _ => 0xff,
    }
}

/// What a frame has at a place, as far as the kernel shows it there.
fn read_frame(frame: &Frame, at: i32, bytes: usize) -> u32 {
    let start = i32::from(frame.network_offset) + at;
    let byte = |at: i32| usize::try_from(at).ok().and_then(|at| frame.bytes.get(at)).copied().unwrap_or(0);
    (start..start + bytes as i32).fold(0, |value, at| value << 8 | u32::from(byte(at)))
}

/// One byte of a frame.
fn byte(random: &mut Random, frame: &Frame) -> String {
    let at = random.pick(&[9, 12, 15, 19, 21, 23, 40]);
    format!("u8 {:#x} 0xff at {at}", read_frame(frame, at, 1))
}

fn key(random: &mut Random, frame: &Frame) -> String {
    // Most keys are what the frame has there, so that something matches.
    let value = |random: &mut Random, at, bytes| {
        if random.percent(85) { read_frame(frame, at, bytes) } else { random.bits() >> (32 - 8 * bytes) }
    };
    let place = |random: &mut Random, at: i32| {
        if random.percent(20) && at >= 20 { format!("nexthdr+{}", at - 20) } else { at.to_string() }
    };
    match random.below(9) {
        0 | 1 => {
            let at = 4 * (random.below(14) as i32 - 3);
            let value = value(random, at, 4);
            let place = place(random, at);
            format!("u32 {value:#x} {:#x} at {place}", mask(random))
        }
        2 => {
            let at = 2 * (random.below(28) as i32 - 7);
            let value = value(random, at, 2);
            let place = place(random, at);
            format!("u16 {value:#x} {:#x} at {place}", mask(random) as u16)
        }
        3 => {
            let at = random.below(58) as i32 - 14;
            let value = value(random, at, 1);
            let place = place(random, at);
            format!("u8 {value:#x} {:#x} at {place}", mask(random) as u8)
        }
        4 => format!("ip src 10.0.{}.{}/{}", random.below(2), random.below(8), 20 + random.below(13)),
        5 => format!("ip dst 10.0.{}.{}/{}", random.below(2), random.below(8), 20 + random.below(13)),
        6 => format!("ip protocol {} 0xff", random.pick(&[6, 17, 1])),
        7 => format!(
            "{} {} {} 0xffff",
            random.pick(&["tcp", "udp"]),
            random.pick(&["src", "dst"]),
            random.pick(&[22, 53, 80, 443])
        ),
        _ => format!("ip6 {} fd00:0:{}::/{}", random.pick(&["src", "dst"]), random.below(2), 32 + random.below(20)),
    }
}
