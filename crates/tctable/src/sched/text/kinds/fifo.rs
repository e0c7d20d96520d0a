//! `pfifo`, `bfifo`, `pfifo_head_drop`.

use std::fmt;

use crate::sched::text::args::Args;
use crate::sched::text::units::write_size;
use crate::words::ParseError;

/// Reads the options. tc reads packets as it reads bytes: `limit 1k` is 1,024 of either.
pub(super) fn limit(args: &mut Args<'_, '_>) -> Result<Option<u32>, ParseError> {
    let mut limit = None;
    while let Some(word) = args.next() {
        match &*word.text {
            "limit" => limit = Some(args.size()?),
            _ => return Err(word.unknown("option of fifos", ["limit"])),
        }
    }
    Ok(limit)
}

pub(super) fn write_packets(limit: Option<u32>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    limit.map_or(Ok(()), |limit| write!(f, " limit {limit}"))
}

pub(super) fn write_bytes(limit: Option<u32>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    limit.map_or(Ok(()), |limit| write!(f, " limit {}", write_size(limit)))
}
