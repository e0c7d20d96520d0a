//! Matches that look at connections.

use std::fmt;

use super::super::names::{STATES, STATUSES};
use super::matches::{option, ports};
use super::values::{address, names, range};
use crate::conntrack::Direction;
use crate::packet::Family;
use crate::ruleset::matches::{Connbytes, ConnbytesDirection, ConnbytesMode, Connlimit, ConntrackMatch};
use crate::ruleset::rule::{Masked, Not};
use crate::ruleset::text::read::{prefix_length, width};

pub(super) fn conntrack(f: &mut fmt::Formatter<'_>, of: &ConntrackMatch, family: Family) -> fmt::Result {
    f.write_str(" -m conntrack")?;
    if let Some(state) = of.state {
        option(f, state.negated, "ctstate")?;
        names(f, state.value, &STATES)?;
    }
    if let Some(protocol) = of.protocol {
        option(f, protocol.negated, "ctproto")?;
        write!(f, "{}", protocol.value)?;
    }
    masked(f, "ctorigsrc", of.original_source, family)?;
    masked(f, "ctorigdst", of.original_destination, family)?;
    masked(f, "ctreplsrc", of.reply_source, family)?;
    masked(f, "ctrepldst", of.reply_destination, family)?;
    ports(f, "ctorigsrcport", of.original_source_port)?;
    ports(f, "ctorigdstport", of.original_destination_port)?;
    ports(f, "ctreplsrcport", of.reply_source_port)?;
    ports(f, "ctrepldstport", of.reply_destination_port)?;
    if let Some(status) = of.status {
        option(f, status.negated, "ctstatus")?;
        if status.value == 0 { f.write_str("NONE") } else { names(f, status.value, &STATUSES) }?;
    }
    if let Some(expires) = of.expires {
        option(f, expires.negated, "ctexpire")?;
        range(f, expires.value)?;
    }
    match of.direction {
        Some(Direction::Original) => f.write_str(" --ctdir ORIGINAL"),
        Some(Direction::Reply) => f.write_str(" --ctdir REPLY"),
        None => Ok(()),
    }
}

/// An address, and its mask unless that is all of it.
fn masked(f: &mut fmt::Formatter<'_>, name: &str, masked: Option<Not<Masked>>, family: Family) -> fmt::Result {
    let Some(Not { negated, value }) = masked else { return Ok(()) };
    option(f, negated, name)?;
    write!(f, "{}", address(value.address, family))?;
    match prefix_length(family, value.mask) {
        Some(length) if length == width(family) => Ok(()),
        Some(length) => write!(f, "/{length}"),
        // iptables forgets a mask that is no prefix.
        None => write!(f, "/{}", address(value.mask, family)),
    }
}

pub(super) fn connbytes(f: &mut fmt::Formatter<'_>, of: &Connbytes) -> fmt::Result {
    f.write_str(" -m connbytes")?;
    option(f, of.range.negated, "connbytes")?;
    match of.range.value {
        (from, u64::MAX) => write!(f, "{from}"),
        (from, to) => write!(f, "{from}:{to}"),
    }?;
    let mode = match of.mode {
        ConnbytesMode::Packets => "packets",
        ConnbytesMode::Bytes => "bytes",
        ConnbytesMode::AveragePacket => "avgpkt",
    };
    let direction = match of.direction {
        ConnbytesDirection::Original => "original",
        ConnbytesDirection::Reply => "reply",
        ConnbytesDirection::Both => "both",
    };
    write!(f, " --connbytes-mode {mode} --connbytes-dir {direction}")
}

pub(super) fn connlimit(f: &mut fmt::Formatter<'_>, of: &Connlimit) -> fmt::Result {
    let kind = if of.above { "above" } else { "upto" };
    let address = if of.by_destination { "daddr" } else { "saddr" };
    write!(f, " -m connlimit --connlimit-{kind} {} --connlimit-mask {} --connlimit-{address}", of.limit, of.mask)
}
