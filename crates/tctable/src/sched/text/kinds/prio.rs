//! `prio`.

use std::fmt;

use crate::sched::PrioOptions;
use crate::sched::text::args::Args;
use crate::sched::text::units;
use crate::words::ParseError;

/// Reads the options. Bands that `priomap` does not name stay as they are by default.
pub(super) fn read(args: &mut Args<'_, '_>) -> Result<PrioOptions, ParseError> {
    let mut options = PrioOptions::default();
    let mut named = None;
    while let Some(word) = args.next() {
        match (&*word.text, &mut named) {
            ("bands", _) => options.bands = args.decimal("a number of bands, 2 to 16")?,
            ("multiqueue", _) => return Err(word.not_handled("devices have one queue here")),
            ("priomap", Some(_)) => return Err(word.misplaced("stands here twice")),
            ("priomap", named) => *named = Some(0),
            (_, None) => return Err(word.unknown("option of prio", ["bands", "priomap"])),
            (_, Some(next)) => {
                let place = options.map.get_mut(*next);
                let place = place.ok_or_else(|| word.misplaced("is one too many: there are 16 priorities"))?;
                *place = units::decimal(word, "a band, from 0 on")?;
                *next += 1;
            }
        }
    }
    if !(2..=16).contains(&options.bands) {
        return Err(args.last().misplaced("ends a prio whose bands are not 2 to 16"));
    }
    if options.map.iter().any(|band| *band >= options.bands) {
        return Err(args.last().misplaced("ends a prio with a priority in a band that is not there"));
    }
    Ok(options)
}

pub(super) fn write(options: &PrioOptions, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, " bands {} priomap", options.bands)?;
    options.map.iter().try_for_each(|band| write!(f, " {band}"))
}
