//! `red`.

use std::fmt;

use crate::sched::text::args::Args;
use crate::sched::text::units::{write_rate, write_size};
use crate::sched::{Rate, RedOptions};
use crate::words::ParseError;

const KNOWN: [&str; 10] =
    ["limit", "min", "max", "avpkt", "burst", "probability", "bandwidth", "ecn", "harddrop", "adaptive"];

/// What tc takes a link for that it knows nothing of: 10 Mbit/s.
const BANDWIDTH: Rate = Rate::from_bits(10_000_000);

/// Reads the options. Thresholds that are not given come of each other or of the limit, as tc has it.
pub(super) fn read(args: &mut Args<'_, '_>) -> Result<RedOptions, ParseError> {
    let (mut limit, mut min, mut max, mut avpkt) = (0, 0, 0, 0);
    let (mut burst, mut probability, mut bandwidth) = (None, 0.02, BANDWIDTH);
    let (mut ecn, mut hard_drop, mut adaptive) = (false, false, false);
    let kind = args.last();
    while let Some(word) = args.next() {
        match &*word.text {
            "limit" => limit = args.size()?,
            "min" => min = args.size()?,
            "max" => max = args.size()?,
            "avpkt" => avpkt = args.size()?,
            "burst" => burst = Some(args.number("a number of packets")?).filter(|packets| *packets > 0),
            "probability" => {
                let word = args.value("a share behind it")?;
                let share = word.text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
                probability = share.ok_or_else(|| word.invalid("a share, 0 to 1"))?;
            }
            "bandwidth" => bandwidth = args.rate()?,
            "ecn" => ecn = true,
            "harddrop" => hard_drop = true,
            "adaptive" | "adaptative" => adaptive = true,
            "nodrop" | "qevent" => return Err(word.not_handled("packets are marked or dropped")),
            _ => return Err(word.unknown("option of red", KNOWN)),
        }
    }
    for (value, what) in [(limit, "a limit"), (avpkt, "an avpkt")] {
        if value == 0 {
            return Err(kind.missing(what));
        }
    }
    if max == 0 {
        max = if min > 0 { min.saturating_mul(3) } else { limit / 4 };
    }
    if min == 0 {
        min = max / 3;
    }
    Ok(RedOptions { limit, min, max, avpkt, burst, probability, bandwidth, ecn, hard_drop, adaptive })
}

pub(super) fn write(options: &RedOptions, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let RedOptions { limit, min, max, avpkt, .. } = *options;
    for (name, bytes) in [("limit", limit), ("min", min), ("max", max), ("avpkt", avpkt)] {
        write!(f, " {name} {}", write_size(bytes))?;
    }
    if let Some(packets) = options.burst {
        write!(f, " burst {packets}")?;
    }
    write!(f, " probability {} bandwidth {}", options.probability, write_rate(options.bandwidth))?;
    for (name, is_set) in [("ecn", options.ecn), ("harddrop", options.hard_drop), ("adaptive", options.adaptive)] {
        if is_set {
            write!(f, " {name}")?;
        }
    }
    Ok(())
}
