//! The lines of /proc/net/tc_counter.

use tctable::text::HostLine;

use super::Report;
use crate::output::{Output, OutputError};
use tctable_view::append;

/// Writes one line for each host. Last packets are told since the first frame of the capture.
pub(super) fn write(report: &Report<'_>, top: usize, output: &mut Output) -> Result<(), OutputError> {
    for row in report.rows(top) {
        let line = HostLine {
            address: row.address,
            left: row.left,
            classes: row.classes,
            open: row.open,
            last: report.since_first(row.last),
            next_id: row.next_id,
        };
        append(&mut output.text, format_args!("{line}\n"));
        output.relieve()?;
    }
    Ok(())
}
