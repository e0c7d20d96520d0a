//! `hashlimit`.

use std::fmt;

use super::super::rates::{bytes_in_units, default_expire};
use crate::packet::Family;
use crate::ruleset::matches::{Hashlimit, HashlimitRate};
use crate::ruleset::text::read::width;

pub(super) fn write(f: &mut fmt::Formatter<'_>, of: &Hashlimit, family: Family) -> fmt::Result {
    write!(f, " -m hashlimit --hashlimit-{} ", if of.above { "above" } else { "upto" })?;
    match of.rate {
        HashlimitRate::Packets(rate, per) => write!(f, "{rate}/{} --hashlimit-burst {}", per.as_str(), of.burst)?,
        HashlimitRate::Bytes(bytes) => {
            let (rate, unit) = bytes_in_units(bytes);
            write!(f, "{rate}{unit}/s")?;
            if of.burst != 0 {
                let (burst, unit) = bytes_in_units(of.burst);
                write!(f, " --hashlimit-burst {burst}{unit}")?;
            }
        }
    }
    let mode = [
        (of.mode.source, "srcip"),
        (of.mode.source_port, "srcport"),
        (of.mode.destination, "dstip"),
        (of.mode.destination_port, "dstport"),
    ];
    for (nth, (_, name)) in mode.iter().filter(|(asked, _)| *asked).enumerate() {
        write!(f, "{}{name}", if nth == 0 { " --hashlimit-mode " } else { "," })?;
    }
    write!(f, " --hashlimit-name {}", of.name)?;
    let numbers = [
        ("htable-size", of.size, 0),
        ("htable-max", of.max, 0),
        ("htable-gcinterval", of.gc_interval, 1_000),
        ("htable-expire", of.expire, default_expire(of.rate, of.burst, of.rate_match)),
    ];
    for (name, number, _) in numbers.iter().filter(|(_, number, otherwise)| number != otherwise) {
        write!(f, " --hashlimit-{name} {number}")?;
    }
    for (name, length) in [("srcmask", of.source_mask), ("dstmask", of.destination_mask)] {
        if length != width(family) {
            write!(f, " --hashlimit-{name} {length}")?;
        }
    }
    if of.rate_match {
        f.write_str(" --hashlimit-rate-match")?;
        if of.rate_interval != 1 {
            write!(f, " --hashlimit-rate-interval {}", of.rate_interval)?;
        }
    }
    Ok(())
}
