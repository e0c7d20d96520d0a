//! RFC 4180 with a header row. Addresses and numbers hold nothing that needs quotes.

use tctable::account::Class;

use super::Report;
use crate::output::{Output, OutputError};
use tctable_view::{HostRow, Seconds, append};

/// RFC 4180 section 2.1.
const END_OF_LINE: &str = "\r\n";

/// Writes the header and one row for each host.
pub(super) fn write(report: &Report<'_>, top: usize, output: &mut Output) -> Result<(), OutputError> {
    header(&mut output.text);
    for row in report.rows(top) {
        line(&row, &mut output.text);
        output.relieve()?;
    }
    Ok(())
}

fn header(text: &mut String) {
    text.push_str("ip");
    for class in Class::ALL.map(Class::name) {
        for side in ["tx", "rx"] {
            append(text, format_args!(",{class}_{side}_packets,{class}_{side}_bytes"));
        }
        append(text, format_args!(",{class}_connections"));
    }
    text.push_str(",connections_opened,first,last");
    text.push_str(END_OF_LINE);
}

fn line(row: &HostRow, text: &mut String) {
    append(text, row.address);
    for (counters, open) in row.classes.iter().zip(row.open) {
        for counter in [counters.tx, counters.rx] {
            append(text, format_args!(",{},{}", counter.packets, counter.bytes));
        }
        append(text, format_args!(",{open}"));
    }
    let (first, last) = (Seconds(row.first.as_nanos()), Seconds(row.last.as_nanos()));
    append(text, format_args!(",{},{first},{last}{END_OF_LINE}", row.opened));
}
