//! Two simulations of one capture side by side.

use std::collections::BTreeMap;

use tctable::time::Duration;

use super::grid::{self, Column, LABEL, WRONG};
use super::rows::{self, Row, Subject};
use super::table::{about, bit_rate, delay, device, dropped, hosts, label, labelled};
use super::{Look, NOTE, Report};
use crate::place::Place;
use crate::report::units::BitRate;
use crate::simulate::simulation::Simulation;
use crate::simulate::tally::{Tally, Times};

/// What one of the two has not got.
static NOTHING: std::sync::LazyLock<Tally> = std::sync::LazyLock::new(Tally::default);

/// The rows of both by what they are about, in the order of the first; what only the second has comes behind.
pub(super) fn pairs<'a>([ones, others]: [Vec<Row<'a>>; 2]) -> Vec<[Row<'a>; 2]> {
    let mut rest: BTreeMap<Subject, (usize, Row<'a>)> =
        others.into_iter().enumerate().map(|(at, row)| (row.subject, (at, row))).collect();
    let mut pairs = Vec::new();
    for one in ones {
        let other = rest.remove(&one.subject).map_or(Row { tally: &NOTHING, ..one }, |(_, row)| row);
        pairs.push([one, other]);
    }
    let mut rest: Vec<_> = rest.into_values().collect();
    rest.sort_unstable_by_key(|(at, _)| *at);
    for (_, other) in rest {
        // Beside its siblings, or its device.
        let device = |row: &Row<'_>| match row.subject {
            Subject::Device(place)
            | Subject::Unclassified(place)
            | Subject::Class(place, _)
            | Subject::AllHosts(place, _)
            | Subject::HostClass(place, ..) => Some(place),
            Subject::Host(..) => None,
        };
        let at = pairs.iter().rposition(|pair| device(&pair[0]) == device(&other)).map_or(pairs.len(), |at| at + 1);
        pairs.insert(at, [Row { tally: &NOTHING, ..other }, other]);
    }
    pairs
}

/// The pairs of the first hosts.
pub(super) fn top<'a>(pairs: Vec<[Row<'a>; 2]>, top: usize) -> Vec<[Row<'a>; 2]> {
    let shown = rows::top(pairs.iter().map(|pair| pair[0]).collect(), top).len();
    let mut pairs = pairs;
    pairs.truncate(shown);
    pairs
}

/// Writes both tables and what stands below.
pub(super) fn table(report: &Report<'_>, simulations: [&Simulation; 2], most: usize, look: &Look, text: &mut String) {
    let times = [&report.times[0], &report.times[1]];
    let mut classes = pairs(simulations.map(rows::classes));
    classes.retain(|pair| !matches!(pair[0].subject, Subject::HostClass(..)));
    grid::write(columns("CLASS", &classes, times), look.width, look.colored, text);
    let all = pairs(simulations.map(rows::hosts));
    let count = hosts(&all.iter().map(|pair| pair[0]).collect::<Vec<_>>());
    let shown = top(all, most);
    if !shown.is_empty() {
        text.push('\n');
        grid::write(columns("HOST", &shown, times), look.width, look.colored, text);
    }
    text.push('\n');
    for (name, simulation) in ["A", "B"].into_iter().zip(simulations) {
        labelled(name, &simulation.name, LABEL, look, text);
        for place in Place::ALL {
            labelled(&format!("  {place}"), &device(simulation, place), LABEL, look, text);
        }
    }
    let shown = hosts(&shown.iter().map(|pair| pair[0]).collect::<Vec<_>>());
    for (label, words) in about(report, shown, count) {
        labelled(label, &words, LABEL, look, text);
    }
    labelled("Note", NOTE, LABEL, look, text);
    for complaint in report.file.complaints() {
        labelled("Errors", &complaint, WRONG, look, text);
    }
}

fn columns(title: &str, pairs: &[[Row<'_>; 2]], times: [&Times; 2]) -> Vec<Column> {
    let cells = |cell: &dyn Fn(&[Row<'_>; 2]) -> String| pairs.iter().map(cell).collect::<Vec<_>>();
    let rate = |at: usize| cells(&|pair| bit_rate(pair[at].tally.carried, pair[at].carried_rate(times[at])));
    let drops = |at: usize| cells(&|pair| dropped(pair[at].tally));
    let p95 = |pair: &[Row<'_>; 2]| pair.each_ref().map(|row| row.tally.delays.percentile(95));
    vec![
        Column::new(title, 0, cells(&|pair| label(&pair[0]))),
        Column::new("CARRIED A", 1, rate(0)),
        Column::new("B", 1, rate(1)),
        Column::new("B-A", 0, cells(&|pair| rate_difference(pair, times))),
        Column::new("DROPPED A", 4, drops(0)),
        Column::new("B", 4, drops(1)),
        Column::new("B-A", 5, cells(&drop_difference)),
        Column::new("P95 A", 2, cells(&|pair| delay(p95(pair)[0]))),
        Column::new("B", 2, cells(&|pair| delay(p95(pair)[1]))),
        Column::new("B-A", 3, cells(&|pair| delay_difference(p95(pair)))),
    ]
}

fn rate_difference(pair: &[Row<'_>; 2], times: [&Times; 2]) -> String {
    let rates = pair[0].carried_rate(times[0]).zip(pair[1].carried_rate(times[1]));
    let Some((one, other)) = rates else { return "-".to_owned() };
    signed(one, other, |bytes| BitRate(bytes.saturating_mul(8)).to_string())
}

fn drop_difference(pair: &[Row<'_>; 2]) -> String {
    let [one, other] = pair.each_ref().map(|row| {
        u64::try_from(u128::from(row.tally.dropped.packets) * 1000 / u128::from(row.tally.offered.packets.max(1)))
            .unwrap_or(u64::MAX)
    });
    signed(one, other, |mille| format!("{}.{} %", mille / 10, mille % 10))
}

fn delay_difference([one, other]: [Option<Duration>; 2]) -> String {
    match one.zip(other) {
        Some((one, other)) => {
            signed(one.as_nanos(), other.as_nanos(), |nanos| delay(Some(Duration::from_nanos(nanos))))
        }
        None => "-".to_owned(),
    }
}

/// The difference of two values with its sign, or a dash for none.
fn signed(one: u64, other: u64, write: impl Fn(u64) -> String) -> String {
    match one.cmp(&other) {
        std::cmp::Ordering::Equal => "-".to_owned(),
        std::cmp::Ordering::Less => format!("+{}", write(other - one)),
        std::cmp::Ordering::Greater => format!("-{}", write(one - other)),
    }
}
