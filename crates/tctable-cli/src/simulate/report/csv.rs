//! RFC 4180 with a header row: devices, classes and hosts, told apart by their first column. Nothing but names of files
//! needs quotes.

use super::Report;
use super::json::delays;
use super::rows::{self, Row, Subject};
use crate::output::{Output, OutputError};
use crate::simulate::tally::Times;
use tctable_view::{Seconds, append};

/// RFC 4180 section 2.1.
const END_OF_LINE: &str = "\r\n";

/// Writes the header and the rows; of two simulations, each row begins with the file's name.
pub(super) fn write(report: &Report<'_>, top: usize, output: &mut Output) -> Result<(), OutputError> {
    let is_comparison = report.simulations.len() > 1;
    if is_comparison {
        output.text.push_str("shaping,");
    }
    output.text.push_str(
        "kind,device,class,parent,ip,offered_packets,offered_bytes,offered_rate,carried_packets,carried_bytes,carried_rate,\
         dropped_packets,dropped_bytes,taken_packets,taken_bytes,marked_packets,\
         delay_mean,delay_p50,delay_p95,delay_p99,delay_max,backlog_packets,backlog_bytes",
    );
    output.text.push_str(END_OF_LINE);
    for (simulation, times) in report.simulations.iter().zip(&report.times) {
        let hosts = rows::top(rows::hosts(simulation), top);
        let mut classes = rows::classes(simulation);
        // A sum, as that of the class above.
        classes.retain(|row| !matches!(row.subject, Subject::AllHosts(..)));
        for row in classes.iter().chain(&hosts) {
            if is_comparison {
                append(&mut output.text, format_args!("\"{}\",", simulation.name.replace('"', "\"\"")));
            }
            line(row, times, &mut output.text);
            output.relieve()?;
        }
    }
    Ok(())
}

fn line(row: &Row<'_>, times: &Times, text: &mut String) {
    match row.subject {
        Subject::Device(device) => append(text, format_args!("device,{device},,,")),
        Subject::Unclassified(device) => append(text, format_args!("unclassified,{device},,,")),
        Subject::HostClass(device, net, class) => {
            append(text, format_args!("hostclass,{device},{class},"));
            if let Some(parent) = row.parent {
                append(text, parent);
            }
            append(text, format_args!(",{net}"));
        }
        Subject::Class(device, class) | Subject::AllHosts(device, class) => {
            append(text, format_args!("class,{device},{class},"));
            if let Some(parent) = row.parent {
                append(text, parent);
            }
            text.push(',');
        }
        Subject::Host(device, address) => append(text, format_args!("host,{device},,,{address}")),
    }
    let tally = row.tally;
    for (count, rate) in [
        (tally.offered, Some(row.offered_rate(times))),
        (tally.carried, Some(row.carried_rate(times))),
        (tally.dropped, None),
        (tally.taken, None),
    ] {
        append(text, format_args!(",{},{}", count.packets, count.bytes));
        match rate {
            Some(Some(rate)) => append(text, format_args!(",{rate}")),
            Some(None) => text.push(','),
            None => {}
        }
    }
    append(text, format_args!(",{}", tally.marked));
    for (_, delay) in delays(tally) {
        text.push(',');
        if let Some(delay) = delay {
            append(text, Seconds(delay.as_nanos()));
        }
    }
    append(text, format_args!(",{},{}{END_OF_LINE}", tally.most_waiting.packets, tally.most_waiting.bytes));
}
