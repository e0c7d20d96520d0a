//! The tables of classes and hosts, for people.

use tctable::sched::Count;
use tctable::time::Duration;

use super::grid::{self, Column, LABEL, WRONG, painted};
use super::rows::{self, Row, Subject};
use super::{Look, NOTE, Report};
use crate::place::Place;
use crate::report::units::{self, BitRate, Bytes, Span};
use crate::report::wrapped;
use crate::simulate::simulation::Simulation;
use crate::simulate::tally::{Tally, Times};
use tctable_view::append;

/// The width of the labels below the tables.
const LABELS: usize = 11;

/// Writes both tables and what stands below.
pub(super) fn write(report: &Report<'_>, top: usize, look: &Look, text: &mut String) {
    let (simulation, times) = (&report.simulations[0], &report.times[0]);
    let mut classes = rows::classes(simulation);
    // Each host has a row of its own below.
    classes.retain(|row| !matches!(row.subject, Subject::HostClass(..)));
    grid::write(columns("CLASS", &classes, times), look.width, look.colored, text);
    let all = rows::hosts(simulation);
    let count = hosts(&all);
    let shown = rows::top(all, top);
    if !shown.is_empty() {
        text.push('\n');
        grid::write(columns("HOST", &shown, times), look.width, look.colored, text);
    }
    text.push('\n');
    below(report, hosts(&shown), count, look, text);
}

/// How many addresses there are.
pub(super) fn hosts(rows: &[Row<'_>]) -> usize {
    let mut addresses: Vec<_> = rows.iter().map(|row| row.subject).filter_map(address).collect();
    addresses.dedup();
    addresses.len()
}

fn address(subject: Subject) -> Option<std::net::IpAddr> {
    if let Subject::Host(_, address) = subject { Some(address) } else { None }
}

/// What a row is called.
pub(super) fn label(row: &Row<'_>) -> String {
    let indent = row.depth * 2;
    match row.subject {
        Subject::Device(place) => place.to_string(),
        Subject::Unclassified(_) => format!("{:indent$}(none)", ""),
        Subject::Class(_, class) => format!("{:indent$}{class}", ""),
        Subject::AllHosts(..) => format!("{:indent$}(hosts)", ""),
        Subject::HostClass(_, net, _) => format!("{:indent$}{net}", ""),
        Subject::Host(Place::Wan, address) => format!("{address} sent"),
        Subject::Host(Place::Lan, address) => format!("{address} received"),
    }
}

fn columns(title: &str, rows: &[Row<'_>], times: &Times) -> Vec<Column> {
    let cells = |cell: &dyn Fn(&Row<'_>) -> String| rows.iter().map(cell).collect::<Vec<_>>();
    let percentile = |percent| cells(&|row| delay(row.tally.delays.percentile(percent)));
    vec![
        Column::new(title, 0, cells(&label)),
        Column::new("OFFERED", 1, cells(&|row| bit_rate(row.tally.offered, row.offered_rate(times)))),
        Column::new("CARRIED", 0, cells(&|row| bit_rate(row.tally.carried, row.carried_rate(times)))),
        Column::new("DROPPED", 2, cells(&|row| dropped(row.tally))),
        Column::new("MEAN", 6, cells(&|row| delay(row.tally.delays.mean()))),
        Column::new("P50", 4, percentile(50)),
        Column::new("P95", 3, percentile(95)),
        Column::new("P99", 5, percentile(99)),
        Column::new("MAX", 7, cells(&|row| delay(row.tally.delays.max()))),
        Column::new("BACKLOG", 8, cells(&|row| waiting(row.tally))),
    ]
}

/// A rate, or a dash for nothing: the eye finds what is there.
pub(super) fn bit_rate(count: Count, bytes: Option<u64>) -> String {
    let bytes = bytes.filter(|_| count.packets > 0);
    bytes.map_or("-".to_owned(), |bytes| BitRate(bytes.saturating_mul(8)).to_string())
}

/// The share of packets that were dropped.
pub(super) fn dropped(tally: &Tally) -> String {
    match (tally.dropped.packets, tally.offered.packets) {
        (0, _) => "-".to_owned(),
        (dropped, offered) => {
            let mille = u128::from(dropped) * 1000 / u128::from(offered.max(1));
            let share = format!("{}.{} %", mille / 10, mille % 10);
            if mille == 0 { "< 0.1 %".to_owned() } else { share }
        }
    }
}

/// A delay with three digits that say something.
pub(super) fn delay(delay: Option<Duration>) -> String {
    let Some(delay) = delay else { return "-".to_owned() };
    let (value, unit) = match delay.as_nanos() {
        0 => return "0 ms".to_owned(),
        nanos @ ..1_000_000 => (nanos as f64 / 1e3, "us"),
        nanos @ ..1_000_000_000 => (nanos as f64 / 1e6, "ms"),
        nanos => (nanos as f64 / 1e9, "s"),
    };
    let decimals = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.decimals$} {unit}")
}

fn waiting(tally: &Tally) -> String {
    match tally.most_waiting.bytes {
        0 => "-".to_owned(),
        bytes => Bytes(bytes).to_string(),
    }
}

/// What stands below the tables.
fn below(report: &Report<'_>, shown: usize, hosts: usize, look: &Look, text: &mut String) {
    let simulation = &report.simulations[0];
    let mut lines = vec![("Shaping", simulation.name.clone())];
    lines.extend(about(report, shown, hosts));
    for place in Place::ALL {
        lines.push((place.name(), device(simulation, place)));
    }
    lines.push((
        "Columns",
        "delays from a packet's coming until its last byte left; the most that waited at a time".into(),
    ));
    lines.push(("Note", NOTE.to_owned()));
    for (label, words) in lines {
        labelled(label, &words, LABEL, look, text);
    }
    for complaint in report.file.complaints() {
        labelled("Errors", &complaint, WRONG, look, text);
    }
}

/// What is said of the capture, whatever the shaping.
pub(super) fn about(report: &Report<'_>, shown: usize, hosts: usize) -> Vec<(&'static str, String)> {
    let totals = report.totals;
    let times = &report.times[0];
    let amount = |count: Count| {
        let plural = if count.packets == 1 { "" } else { "s" };
        format!("{} packet{plural}, {}", units::Count(count.packets), Bytes(count.bytes))
    };
    let mut lines = vec![("Captured", format!("{} in {}", amount(totals.frames), Span(times.offered())))];
    if totals.outside.packets > 0 {
        lines.push((
            "Outside",
            format!("{} from outside to outside, which no device carries here", amount(totals.outside)),
        ));
    }
    if totals.not_ip.packets > 0 {
        lines.push(("Not IP", format!("{}, which wan carries", amount(totals.not_ip))));
    }
    if totals.late > 0 {
        let late = units::Count(totals.late);
        lines.push(("Time", format!("{late} packets came with a time before an earlier one's, and took that one's")));
    }
    if totals.other_link > 0 {
        let other = units::Count(totals.other_link);
        lines.push(("Not written", format!("{other} packets of another link layer than the first one's")));
    }
    if shown < hosts {
        lines.push(("Hosts", format!("{}, the top {shown} by bytes above", units::Count(hosts as u64))));
    }
    lines
}

/// A device's line and qdisc.
pub(super) fn device(simulation: &Simulation, place: Place) -> String {
    let speed = simulation
        .speed(place)
        .map_or("no speed: it takes a packet at once".to_owned(), |speed| format!("{}", BitRate(speed.bits())));
    let qdisc = simulation.root(place).map_or("none", |options| options.kind());
    let mut line = format!("{speed}; root qdisc {qdisc}");
    let row = &simulation.book.devices[place as usize];
    for (count, what) in [
        (row.ingress.dropped, "dropped as they came in"),
        (row.ingress.taken, "taken as they came in"),
        (row.tally.taken, "taken by actions"),
    ] {
        if count.packets > 0 {
            append(&mut line, format_args!("; {} packets {what}", units::Count(count.packets)));
        }
    }
    if row.tally.marked > 0 {
        append(&mut line, format_args!("; {} packets marked (ECN)", units::Count(row.tally.marked)));
    }
    line
}

/// Words beside a label, over as many lines as they take.
pub(super) fn labelled(label: &str, words: &str, style: anstyle::Style, look: &Look, text: &mut String) {
    painted(text, style, look.colored, &format!("{label:<LABELS$}"));
    text.push(' ');
    wrapped(text, words, look.width, LABELS + 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_have_three_digits() {
        for (nanos, text) in [
            (0, "0 ms"),
            (999, "1.00 us"),
            (12_345, "12.3 us"),
            (999_000, "999 us"),
            (1_234_567, "1.23 ms"),
            (99_960_000, "100 ms"),
            (2_500_000_000, "2.50 s"),
            (123_400_000_000, "123 s"),
        ] {
            assert_eq!(delay(Some(Duration::from_nanos(nanos))), text);
        }
        assert_eq!(delay(None), "-");
    }

    #[test]
    fn shares_of_drops_are_never_rounded_to_none() {
        let tally = |dropped, offered| {
            let count = |packets| Count { packets, bytes: 0 };
            Tally { dropped: count(dropped), offered: count(offered), ..Tally::default() }
        };
        assert_eq!(super::dropped(&tally(0, 5)), "-");
        assert_eq!(super::dropped(&tally(1, 5000)), "< 0.1 %");
        assert_eq!(super::dropped(&tally(1, 8)), "12.5 %");
    }
}
