//! The running kernel's shaping beside the engine's: one load goes through the kernel's tree in real time, and the same
//! frames at the same times through the engine's in virtual time. Stock `tc` loads the lines there, the engine's own
//! reader here.
//!
//! A kernel that is late loses tokens and carries a few per cent less than its rate (`machine`): such a run says nothing, and
//! another one takes its place. Needs root and namespaces; where they are missing nothing is tested and one line says so.

mod compare;
mod engine;
mod kernel;
mod load;
mod machine;

use std::time::Duration;

use tctable_lab::kernel::not_tested;

use load::{Seen, Stream};

const MBIT: u64 = 1_000_000;
const DURATION: Duration = Duration::from_millis(3_000);
/// A machine that is this late has not lost a token of any class here: each may save up as much as it sends in twice that
/// time, at its rate and at its ceil (`cburst`, which is 2 ms or so where it is not given).
const LATENESS: Duration = Duration::from_millis(9);
/// Runs on a machine that is later than that, before it is given up.
const TRIES: u32 = 20;

/// What left both sides.
struct Both {
    arrivals: Vec<Seen>,
    theirs: Vec<Seen>,
    ours: Vec<Seen>,
}

/// Sends the load through both sides; nothing where there is no kernel to ask, or none that is in time.
fn both(theirs: &str, ours: &str, streams: &[Stream]) -> Option<Both> {
    let mut tries = 0..TRIES;
    let run = loop {
        let (run, lateness) = machine::watched(|| kernel::measure(theirs, streams, DURATION));
        match run {
            Err(why) => {
                not_tested(why);
                return None;
            }
            Ok(run) if lateness <= LATENESS => break run,
            Ok(_) => eprintln!("the machine was {} ms late", lateness.as_millis()),
        }
        if tries.next().is_none() {
            not_tested("the machine is late all the time");
            return None;
        }
    };
    let end = run.arrivals.last().expect("a load").time;
    let mut theirs = run.departures;
    theirs.retain(|seen| seen.time <= end);
    let ours = engine::departures(ours, &run.arrivals);
    Some(Both { arrivals: run.arrivals, theirs, ours })
}

/// Compares what each class carried in any second, and the shares of `borrowers`.
fn compare(name: &str, lines: &str, streams: &[Stream], borrowers: &[u16]) {
    let Some(Both { arrivals, theirs, ours }) = both(lines, lines, streams) else { return };
    let seconds = compare::every_second(name, &arrivals, &theirs, &ours);
    let splits = compare::splits(name, &theirs, &ours, borrowers);
    for differs in [seconds, splits] {
        differs.unwrap_or_else(|differences| panic!("{name}: {differences}"));
    }
}

#[test]
fn one_class() {
    let lines = "\
qdisc add dev shaped root handle 1: htb default 10
class add dev shaped parent 1: classid 1:10 htb rate 8mbit burst 20kb cburst 20kb
";
    compare("one class", lines, &[Stream::steady(0x10, 12 * MBIT, 1000)], &[]);
}

#[test]
fn another_rate_is_seen() {
    let lines = "\
qdisc add dev shaped root handle 1: htb default 10
class add dev shaped parent 1: classid 1:10 htb rate 8mbit burst 20kb cburst 20kb
";
    let others = lines.replace("8mbit", "8160kbit");
    let Some(Both { arrivals, theirs, ours }) = both(lines, &others, &[Stream::steady(0x10, 12 * MBIT, 1000)]) else {
        return;
    };
    compare::every_second("2 % more", &arrivals, &theirs, &ours).expect_err("2 % more");
}

#[test]
fn two_classes_that_borrow() {
    let lines = "\
qdisc add dev shaped root handle 1: htb default 10
class add dev shaped parent 1: classid 1:1 htb rate 20mbit burst 50kb cburst 50kb
class add dev shaped parent 1:1 classid 1:10 htb rate 6mbit ceil 20mbit burst 20kb cburst 50kb quantum 6000
class add dev shaped parent 1:1 classid 1:11 htb rate 2mbit ceil 20mbit burst 20kb cburst 50kb quantum 2000
";
    let streams = [Stream::steady(0x10, 24 * MBIT, 1000), Stream::steady(0x11, 24 * MBIT, 700)];
    compare("two that borrow", lines, &streams, &[0x10, 0x11]);
}

#[test]
fn quanta_of_rates_end_at_200_kilobytes() {
    // 17 Mbit/s divided by 10 are 212,500 bytes.
    let lines = "\
qdisc add dev shaped root handle 1: htb default 10 r2q 10
class add dev shaped parent 1: classid 1:1 htb rate 400mbit burst 1mb cburst 1mb
class add dev shaped parent 1:1 classid 1:10 htb rate 17mbit ceil 400mbit burst 50kb cburst 1mb
class add dev shaped parent 1:1 classid 1:11 htb rate 2mbit ceil 400mbit burst 50kb cburst 1mb
";
    let streams = [Stream::steady(0x10, 400 * MBIT, 8000), Stream::steady(0x11, 400 * MBIT, 8000)];
    // A turn of the second class is 25 kB at once: where a second ends a millisecond earlier on one side it has that much less
    // there. The order of departures has no such edges, and there are enough of them that a turn is no part of 0.3 %.
    let Some(Both { theirs, ours, .. }) = both(lines, lines, &streams) else { return };
    compare::splits("capped quanta", &theirs, &ours, &[0x10, 0x11]).expect("the same shares");
}

#[test]
fn three_levels() {
    let lines = "\
qdisc add dev shaped root handle 1: htb
class add dev shaped parent 1: classid 1:1 htb rate 20mbit burst 50kb cburst 50kb
class add dev shaped parent 1:1 classid 1:2 htb rate 12mbit ceil 20mbit burst 30kb cburst 50kb
class add dev shaped parent 1:1 classid 1:3 htb rate 8mbit ceil 16mbit burst 30kb cburst 50kb
class add dev shaped parent 1:2 classid 1:10 htb rate 4mbit ceil 20mbit burst 20kb cburst 50kb quantum 4000
class add dev shaped parent 1:2 classid 1:11 htb rate 2mbit ceil 20mbit burst 20kb cburst 50kb quantum 2000
class add dev shaped parent 1:3 classid 1:12 htb rate 3mbit ceil 16mbit burst 20kb cburst 50kb quantum 3000
class add dev shaped parent 1:3 classid 1:13 htb rate 1mbit ceil 4mbit burst 20kb cburst 20kb quantum 2000
";
    let streams = [
        Stream::steady(0x10, 14 * MBIT, 1200),
        Stream::bursts(0x11, 14 * MBIT, 600, Duration::from_millis(700), Duration::from_millis(1000)),
        Stream::steady(0x12, 14 * MBIT, 900),
        Stream::steady(0x13, 6 * MBIT, 300),
    ];
    compare("three levels", lines, &streams, &[0x10, 0x12]);
}

#[test]
fn eight_priorities() {
    let mut lines = "\
qdisc add dev shaped root handle 1: htb
class add dev shaped parent 1: classid 1:1 htb rate 12mbit burst 30kb cburst 30kb
"
    .to_owned();
    let mut streams = Vec::new();
    for priority in 0..8 {
        let class = 0x10 + priority;
        lines += &format!(
            "class add dev shaped parent 1:1 classid 1:{class:x} htb rate 400kbit ceil 12mbit burst 10kb cburst 30kb \
             prio {priority} quantum 1500\n"
        );
        streams.push(Stream::steady(class, 2 * MBIT, 500));
    }
    compare("eight priorities", &lines, &streams, &[]);
}

#[test]
fn overload() {
    let lines = "\
qdisc add dev shaped root handle 1: htb default 10
class add dev shaped parent 1: classid 1:1 htb rate 10mbit burst 30kb cburst 30kb
class add dev shaped parent 1:1 classid 1:10 htb rate 4mbit ceil 10mbit burst 20kb cburst 30kb quantum 4000
class add dev shaped parent 1:1 classid 1:11 htb rate 4mbit ceil 10mbit burst 20kb cburst 30kb quantum 4000
qdisc add dev shaped parent 1:10 handle 10: pfifo limit 100
qdisc add dev shaped parent 1:11 handle 11: bfifo limit 60000
";
    let streams = [Stream::steady(0x10, 40 * MBIT, 1400), Stream::steady(0x11, 20 * MBIT, 200)];
    compare("overload", lines, &streams, &[0x10, 0x11]);
}

#[test]
fn bursts_after_idling() {
    let lines = "\
qdisc add dev shaped root handle 1: htb default 10
class add dev shaped parent 1: classid 1:1 htb rate 10mbit burst 100kb cburst 100kb
class add dev shaped parent 1:1 classid 1:10 htb rate 4mbit ceil 8mbit burst 100kb cburst 60kb
class add dev shaped parent 1:1 classid 1:11 htb rate 2mbit ceil 10mbit burst 20kb cburst 60kb
";
    let streams = [
        Stream::bursts(0x10, 40 * MBIT, 1000, Duration::from_millis(60), Duration::from_millis(900)),
        Stream::bursts(0x11, 20 * MBIT, 800, Duration::from_millis(150), Duration::from_millis(500)),
    ];
    compare("bursts after idling", lines, &streams, &[]);
}

#[test]
fn tbf() {
    let lines = "qdisc add dev shaped root handle 1: tbf rate 6mbit burst 20kb limit 60kb\n";
    compare("tbf", lines, &[Stream::steady(0, 10 * MBIT, 1000)], &[]);
}

#[test]
fn tbf_with_a_peak_rate() {
    let lines = "qdisc add dev shaped root handle 1: tbf rate 4mbit burst 100kb limit 200kb peakrate 8mbit mtu 20000\n";
    let stream = Stream::bursts(0, 20 * MBIT, 1000, Duration::from_millis(100), Duration::from_millis(700));
    compare("tbf with a peak rate", lines, &[stream], &[]);
}
