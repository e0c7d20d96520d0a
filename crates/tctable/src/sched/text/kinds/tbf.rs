//! `tbf`.

use std::fmt;

use super::link::{self, Link};
use crate::sched::text::args::Args;
use crate::sched::text::command::once;
use crate::sched::text::units::{write_rate, write_size};
use crate::sched::{Rate, TbfOptions};
use crate::time::Duration;
use crate::words::ParseError;

/// What can be cut short.
const SHORT: [&str; 6] = ["limit", "latency", "burst", "peakrate", "overhead", "linklayer"];
/// What cannot.
const LONG: [&str; 6] = ["buffer", "maxburst", "mtu", "minburst", "mpu", "rate"];

/// Reads the options.
pub(super) fn read(args: &mut Args<'_, '_>) -> Result<TbfOptions, ParseError> {
    let mut link = Link::default();
    let (mut rate, mut peak_rate, mut burst, mut mtu) = (None, None, None, None);
    let (mut limit, mut latency) = (None, None);
    let kind = args.last();
    while let Some(word) = args.next() {
        match word.keyword(&SHORT) {
            "rate" => once(&mut rate, args.rate()?, word)?,
            "peakrate" => once(&mut peak_rate, args.rate()?, word)?,
            "burst" | "buffer" | "maxburst" => once(&mut burst, link::burst(args)?, word)?,
            "mtu" | "minburst" => once(&mut mtu, link::burst(args)?, word)?,
            "limit" | "latency" if limit.is_some() || latency.is_some() => {
                return Err(word.misplaced("stands behind another limit or latency"));
            }
            "limit" => limit = Some(args.size()?),
            "latency" => latency = Some(args.time()?),
            "mpu" => link.read_mpu(args)?,
            "overhead" => link.read_overhead(args)?,
            "linklayer" => link.read_layer(args)?,
            _ => return Err(word.unknown("option of tbf", SHORT.into_iter().chain(LONG))),
        }
    }
    let is_some = |rate: &Rate| rate.0 > 0;
    let rate = rate.filter(is_some).ok_or_else(|| kind.missing("a rate"))?;
    let burst = burst.filter(|burst| *burst > 0).ok_or_else(|| kind.missing("a burst"))?;
    let peak = match (peak_rate.filter(is_some), mtu.filter(|mtu| *mtu > 0)) {
        (Some(_), None) => return Err(kind.missing("an mtu where there is a peakrate")),
        (Some(peak), Some(mtu)) => Some((peak, mtu)),
        (None, _) => None,
    };
    let limit = match (limit, latency) {
        (Some(limit), _) => limit,
        (None, Some(latency)) => {
            let bytes = in_time(rate, latency, burst);
            peak.map_or(bytes, |(peak, mtu)| bytes.min(in_time(peak, latency, mtu)))
        }
        (None, None) => return Err(kind.missing("a limit or a latency")),
    };
    Ok(TbfOptions {
        rate: link.spec(rate),
        burst,
        limit,
        peak_rate: peak.map(|(peak, _)| link.spec(peak)),
        mtu: peak.map_or(0, |(_, mtu)| mtu),
    })
}

/// The bytes that wait no longer than that: what its rate carries in the time, and a burst.
fn in_time(rate: Rate, time: Duration, burst: u32) -> u32 {
    let bytes = u128::from(rate.0) * u128::from(time.as_nanos()) / 1_000_000_000 + u128::from(burst);
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

pub(super) fn write(options: &TbfOptions, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, " rate {} burst {}", write_rate(options.rate.rate), write_size(options.burst))?;
    if let Some(peak) = options.peak_rate {
        write!(f, " peakrate {} minburst {}", write_rate(peak.rate), write_size(options.mtu))?;
    }
    write!(f, " limit {}", write_size(options.limit))?;
    link::write(&options.rate, f)
}
