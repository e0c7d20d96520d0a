//! `fw` and `matchall`.

use super::Kind;
use crate::sched::text::command::once;
use crate::sched::text::filter::masked;
use crate::sched::{FwOptions, MatchallOptions};
use crate::words::ParseError;

/// Reads what `fw` can be told; nothing is its old form. The mask stands in the handle.
pub(super) fn fw(kind: &mut Kind<'_, '_, '_>) -> Result<Option<FwOptions>, ParseError> {
    let mut options = FwOptions::default();
    let mut is_told = false;
    if let Some(handle) = kind.head.handle
        && handle.text.contains('/')
    {
        options.mask = Some(masked(handle, u32::MAX, "a mark")?.1);
        is_told = true;
    }
    while let Some(word) = kind.args.next() {
        is_told = true;
        if kind.common(word, &mut options.class, &mut options.actions)? {
            continue;
        }
        match &*word.text {
            "indev" => once(&mut options.input, kind.devices.find(kind.args)?, word)?,
            _ => return Err(word.unknown("option of fw", ["classid", "flowid", "indev", "action", "police"])),
        }
    }
    Ok(is_told.then_some(options))
}

/// Reads what `matchall` can be told.
pub(super) fn matchall(kind: &mut Kind<'_, '_, '_>) -> Result<MatchallOptions, ParseError> {
    let mut options = MatchallOptions::default();
    while let Some(word) = kind.args.next() {
        if !kind.common(word, &mut options.class, &mut options.actions)? {
            return Err(word.unknown("option of matchall", ["classid", "flowid", "action"]));
        }
    }
    Ok(options)
}
