//! The report of a simulation, in each of its formats.

mod compare;
mod csv;
mod grid;
mod json;
mod rows;
mod table;

use super::args::{Format, Simulate};
use super::feed::Totals;
use super::simulation::Simulation;
use super::tally::Times;
use crate::output::{Output, OutputError};
use crate::replay::{FileSummary, Lan};
use crate::report::{colored, width};

/// Hosts of a table where nothing else is asked for.
const TOP: usize = 20;

/// What is true of every simulation.
const NOTE: &str = "TCP slows down where packets are lost or late, and a capture does not: real senders would have offered less than these";

/// All that a report tells.
pub(crate) struct Report<'a> {
    pub(super) file: &'a FileSummary,
    pub(super) totals: &'a Totals,
    pub(super) lan: &'a Lan,
    /// One, or two that are compared.
    pub(super) simulations: &'a [Simulation],
    /// Of each.
    pub(super) times: Vec<Times>,
}

/// How a table looks.
struct Look {
    /// Columns of the terminal; `None` where the output is none.
    width: Option<usize>,
    colored: bool,
}

/// Prints a report on standard output.
pub(super) fn print(report: &Report<'_>, args: &Simulate) -> Result<(), OutputError> {
    let mut output = Output::stdout();
    let top = args.top.unwrap_or(if args.format == Format::Table { TOP } else { usize::MAX });
    match (args.format, report.simulations) {
        (Format::Table, simulations) => {
            let look = Look { width: width(), colored: colored(args.color) };
            match simulations {
                [one, other] => compare::table(report, [one, other], top, &look, &mut output.text),
                _ => table::write(report, top, &look, &mut output.text),
            }
        }
        (Format::Json, _) => json::write(report, top, &mut output)?,
        (Format::Csv, _) => csv::write(report, top, &mut output)?,
    }
    output.finish()
}
