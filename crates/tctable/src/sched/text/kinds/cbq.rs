//! `cbq`: the qdisc and its classes.

use std::fmt;

use super::link::{self, Link};
use crate::sched::text::args::Args;
use crate::sched::text::units::{write_rate, write_size};
use crate::sched::{CbqClassOptions, CbqOptions, Rate};
use crate::words::{ParseError, Word};

const QDISC: [&str; 5] = ["bandwidth", "avpkt", "mpu", "overhead", "linklayer"];
const CLASS: [&str; 13] = [
    "bandwidth",
    "rate",
    "weight",
    "allot",
    "minburst",
    "maxburst",
    "avpkt",
    "prio",
    "bounded",
    "isolated",
    "mpu",
    "overhead",
    "linklayer",
];

/// The last priority, which a class has that names none.
const LAST: u8 = 8;

/// Reads the qdisc's options.
pub(super) fn qdisc(args: &mut Args<'_, '_>) -> Result<CbqOptions, ParseError> {
    let mut link = Link::default();
    let (mut bandwidth, mut avpkt) = (None, None);
    let kind = args.last();
    while let Some(word) = args.next() {
        match word.keyword(&QDISC) {
            "bandwidth" => bandwidth = Some(args.rate()?),
            "avpkt" => avpkt = Some(args.size()?),
            "cell" => link::cell(args)?,
            "mpu" => link.read_mpu(args)?,
            "overhead" => link.read_overhead(args)?,
            "linklayer" => link.read_layer(args)?,
            "ewma" | "allot" => return Err(not_settable(word)),
            _ => return Err(word.unknown("option of cbq", QDISC)),
        }
    }
    let bandwidth = some_rate(bandwidth).ok_or_else(|| kind.missing("a bandwidth"))?;
    let avpkt = some(avpkt).ok_or_else(|| kind.missing("an avpkt"))?;
    Ok(CbqOptions { bandwidth: link.spec(bandwidth), avpkt })
}

/// Reads a class's options. A class without `bandwidth` is on a link of its own rate, one without `prio` comes last.
pub(super) fn class(args: &mut Args<'_, '_>) -> Result<CbqClassOptions, ParseError> {
    let mut link = Link::default();
    let (mut bandwidth, mut rate, mut weight) = (None, None, None);
    let (mut allot, mut avpkt, mut max_burst, mut min_burst) = (None, None, None, 0);
    let (mut prio, mut bounded, mut isolated) = (LAST, false, false);
    let kind = args.last();
    while let Some(word) = args.next() {
        match word.keyword(&CLASS) {
            "bandwidth" => bandwidth = Some(args.rate()?),
            "rate" => rate = Some(args.rate()?),
            "weight" => weight = Some(args.rate()?),
            "allot" => allot = Some(args.size()?),
            "avpkt" => avpkt = Some(args.size()?),
            "maxburst" => max_burst = Some(args.number("a number of packets")?),
            "minburst" => min_burst = args.number("a number of packets")?,
            "prio" => {
                prio = args.number("a priority, 1 to 8")?;
                if !(1..=LAST).contains(&prio) {
                    return Err(args.last().invalid("a priority, 1 to 8"));
                }
            }
            "bounded" => bounded = true,
            "borrow" => bounded = false,
            "isolated" => isolated = true,
            "sharing" => isolated = false,
            "cell" => link::cell(args)?,
            "mpu" => link.read_mpu(args)?,
            "overhead" => link.read_overhead(args)?,
            "linklayer" => link.read_layer(args)?,
            "ewma" => return Err(not_settable(word)),
            "split" | "defmap" => return Err(word.not_handled("filters say which class a packet belongs to")),
            "estimator" | "est" => return Err(word.not_handled("rates are not estimated")),
            _ => return Err(word.unknown("option of cbq classes", CLASS)),
        }
    }
    let rate = some_rate(rate).ok_or_else(|| kind.missing("a rate"))?;
    Ok(CbqClassOptions {
        bandwidth: link.spec(some_rate(bandwidth).unwrap_or(rate)),
        rate: link.spec(rate),
        allot: some(allot).ok_or_else(|| kind.missing("an allot"))?,
        weight: some_rate(weight),
        prio,
        avpkt: some(avpkt).ok_or_else(|| kind.missing("an avpkt"))?,
        max_burst: max_burst.ok_or_else(|| kind.missing("a maxburst"))?,
        min_burst,
        bounded,
        isolated,
    })
}

fn some_rate(rate: Option<Rate>) -> Option<Rate> {
    rate.filter(|rate| rate.0 > 0)
}

fn some(bytes: Option<u32>) -> Option<u32> {
    bytes.filter(|bytes| *bytes > 0)
}

fn not_settable(word: &Word<'_>) -> ParseError {
    word.not_handled("it is as it is by default")
}

pub(super) fn write_qdisc(options: &CbqOptions, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, " bandwidth {} avpkt {}", write_rate(options.bandwidth.rate), write_size(options.avpkt))?;
    link::write(&options.bandwidth, f)
}

pub(super) fn write_class(options: &CbqClassOptions, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, " bandwidth {} rate {}", write_rate(options.bandwidth.rate), write_rate(options.rate.rate))?;
    if let Some(weight) = options.weight {
        write!(f, " weight {}", write_rate(weight))?;
    }
    write!(f, " prio {} allot {} avpkt {}", options.prio, write_size(options.allot), write_size(options.avpkt))?;
    write!(f, " maxburst {}", options.max_burst)?;
    if options.min_burst > 0 {
        write!(f, " minburst {}", options.min_burst)?;
    }
    link::write(&options.rate, f)?;
    for (name, is_set) in [("bounded", options.bounded), ("isolated", options.isolated)] {
        if is_set {
            write!(f, " {name}")?;
        }
    }
    Ok(())
}
