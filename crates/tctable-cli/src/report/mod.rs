//! The report of a replay, in each of its formats.

mod csv;
mod json;
mod proc;
pub(crate) mod summary;
pub(crate) mod table;
pub(crate) mod units;

pub(crate) use table::wrapped;

use std::io::{IsTerminal, stdout};

use tctable::Gateway;
use tctable::conntrack::Statistics;
use tctable::gateway::Totals;
use tctable::time::{Duration, Instant};
use tctable_view::{HostRow, Sort};

use crate::args::{Color, Format, Replay};
use crate::output::{Output, OutputError};
use crate::replay::{Entry, FileSummary, Lan, sort};

/// Rows of a table where nothing else is asked for.
pub(crate) const TOP: usize = 20;

/// Rows that are made before the first of them is written.
const ROWS_AT_ONCE: usize = 32;

/// All that a report tells.
pub(crate) struct Report<'a> {
    /// The files, in the order in which they were read.
    pub(crate) files: &'a [FileSummary],
    /// The time of the first frame; `None` where there was none.
    pub(crate) first: Option<Instant>,
    /// The engine after the last frame.
    pub(crate) gateway: &'a Gateway,
    /// Connections that are open.
    pub(crate) open: u64,
    /// What is inside.
    pub(crate) lan: &'a Lan,
    /// Every host.
    pub(crate) entries: Vec<Entry<'a>>,
}

impl Report<'_> {
    fn totals(&self) -> &Totals {
        self.gateway.totals()
    }

    fn statistics(&self) -> &Statistics {
        self.gateway.conntrack().statistics()
    }

    /// The time from the first frame to the last.
    fn duration(&self) -> Duration {
        self.since_first(self.gateway.now())
    }

    fn since_first(&self, time: Instant) -> Duration {
        self.first.map_or(Duration::ZERO, |first| time - first)
    }

    /// The first rows. Some are made at once: their hosts lie far from each other, and are waited for together.
    fn rows(&self, count: usize) -> impl Iterator<Item = HostRow> {
        let entries = self.entries.get(..count).unwrap_or(&self.entries);
        entries.chunks(ROWS_AT_ONCE).flat_map(|some| some.iter().map(Entry::row).collect::<Vec<HostRow>>())
    }
}

/// How a table looks.
pub(crate) struct Look {
    /// Columns of the terminal; `None` where the output is none.
    pub(crate) width: Option<usize>,
    pub(crate) colored: bool,
    pub(crate) sort: Sort,
}

/// Prints a report on standard output.
pub(crate) fn print(mut report: Report<'_>, args: &Replay) -> Result<(), OutputError> {
    sort(&mut report.entries, args.sort);
    let all = report.entries.len();
    let mut output = Output::stdout();
    match args.format {
        Format::Table => {
            let look = Look { width: width(), colored: colored(args.color), sort: args.sort };
            table::write(&report, args.top.unwrap_or(TOP), &look, &mut output.text);
        }
        Format::Json => json::write(&report, args.top.unwrap_or(all), &mut output)?,
        Format::Csv => csv::write(&report, args.top.unwrap_or(all), &mut output)?,
        Format::Proc => proc::write(&report, args.top.unwrap_or(all), &mut output)?,
    }
    output.finish()
}

/// The terminal's width, or what COLUMNS says: shells do not pass it on by themselves, so whoever sets it means it.
pub(crate) fn width() -> Option<usize> {
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    told.or_else(|| {
        let (width, _) = terminal_size::terminal_size_of(stdout())?;
        Some(usize::from(width.0))
    })
}

pub(crate) fn colored(color: Color) -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    wants_color(color, stdout().is_terminal() && !dumb, set("NO_COLOR"))
}

/// See <https://no-color.org>: what the user says on the command line goes before NO_COLOR.
fn wants_color(color: Color, able: bool, no_color: bool) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => able && !no_color,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_need_a_terminal_and_no_objection() {
        assert!(wants_color(Color::Auto, true, false));
        assert!(!wants_color(Color::Auto, true, true));
        assert!(!wants_color(Color::Auto, false, false));
        assert!(wants_color(Color::Always, false, true));
        assert!(!wants_color(Color::Never, true, false));
    }
}
