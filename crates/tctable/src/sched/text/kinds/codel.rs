//! `fq_codel` and `codel`.

use std::fmt;

use crate::sched::text::args::Args;
use crate::sched::text::units::{write_size, write_time};
use crate::sched::{CodelOptions, FqCodelOptions};
use crate::time::Duration;
use crate::words::ParseError;

/// Reads the options of `fq_codel`.
pub(super) fn fq_codel(args: &mut Args<'_, '_>) -> Result<FqCodelOptions, ParseError> {
    const KNOWN: [&str; 10] = [
        "limit",
        "flows",
        "quantum",
        "target",
        "interval",
        "ecn",
        "noecn",
        "ce_threshold",
        "memory_limit",
        "drop_batch",
    ];
    let mut options = FqCodelOptions::default();
    while let Some(word) = args.next() {
        match &*word.text {
            "limit" => options.limit = args.number("a number of packets")?,
            "flows" => options.flows = args.number("a number of flows")?,
            "quantum" => options.quantum = Some(args.number("a number of bytes")?),
            "target" => options.target = args.time()?,
            "interval" => options.interval = args.time()?,
            "ecn" => options.ecn = true,
            "noecn" => options.ecn = false,
            "ce_threshold" => options.ce_threshold = Some(args.time()?),
            "memory_limit" => options.memory_limit = args.size()?,
            "drop_batch" => options.drop_batch = args.number("a number of packets")?,
            "ce_threshold_selector" => return Err(word.not_handled("every packet meets the threshold")),
            _ => return Err(word.unknown("option of fq_codel", KNOWN)),
        }
    }
    Ok(options)
}

pub(super) fn write_fq_codel(options: &FqCodelOptions, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, " limit {} flows {}", options.limit, options.flows)?;
    if let Some(quantum) = options.quantum {
        write!(f, " quantum {quantum}")?;
    }
    write_times(options.target, options.interval, options.ce_threshold, f)?;
    write!(f, " memory_limit {}", write_size(options.memory_limit))?;
    write!(f, " {} drop_batch {}", if options.ecn { "ecn" } else { "noecn" }, options.drop_batch)
}

/// Reads the options of `codel`.
pub(super) fn codel(args: &mut Args<'_, '_>) -> Result<CodelOptions, ParseError> {
    let mut options = CodelOptions::default();
    while let Some(word) = args.next() {
        match &*word.text {
            "limit" => options.limit = args.number("a number of packets")?,
            "target" => options.target = args.time()?,
            "interval" => options.interval = args.time()?,
            "ecn" => options.ecn = true,
            "noecn" => options.ecn = false,
            "ce_threshold" => options.ce_threshold = Some(args.time()?),
            _ => {
                let known = ["limit", "target", "interval", "ecn", "noecn", "ce_threshold"];
                return Err(word.unknown("option of codel", known));
            }
        }
    }
    Ok(options)
}

pub(super) fn write_codel(options: &CodelOptions, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, " limit {}", options.limit)?;
    write_times(options.target, options.interval, options.ce_threshold, f)?;
    if options.ecn { f.write_str(" ecn") } else { Ok(()) }
}

fn write_times(
    target: Duration,
    interval: Duration,
    ce_threshold: Option<Duration>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    write!(f, " target {}", write_time(target))?;
    if let Some(threshold) = ce_threshold {
        write!(f, " ce_threshold {}", write_time(threshold))?;
    }
    write!(f, " interval {}", write_time(interval))
}
