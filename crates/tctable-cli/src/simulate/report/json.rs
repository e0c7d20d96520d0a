//! One JSON document with everything, in seconds, bytes and packets.
//!
//! For each class, host and device: `offered = carried + dropped + taken`.

use tctable::sched::Count;
use tctable::time::Duration;

use super::rows::{self, Row, Subject};
use super::{NOTE, Report};
use crate::output::{Output, OutputError};
use crate::place::Place;
use crate::simulate::simulation::Simulation;
use crate::simulate::tally::{Tally, Times};
use tctable_view::{Json, Seconds};

/// Writes the document: one simulation, or two with their difference.
pub(super) fn write(report: &Report<'_>, top: usize, output: &mut Output) -> Result<(), OutputError> {
    output.text.push_str("{\"capture\":");
    Json::object(&mut output.text, |json| capture(json, report));
    match (report.simulations, &report.times[..]) {
        ([one, other], [times, other_times]) => {
            output.text.push_str(",\n\"shapings\":[\n{");
            simulation(one, times, top, output)?;
            output.text.push_str("},\n{");
            simulation(other, other_times, top, output)?;
            output.text.push_str("}],\n\"difference\":{");
            difference([one, other], [times, other_times], top, output)?;
            output.text.push('}');
        }
        (simulations, times) => {
            output.text.push_str(",\n");
            for (one, times) in simulations.iter().zip(times) {
                simulation(one, times, top, output)?;
            }
        }
    }
    output.text.push_str("}\n");
    Ok(())
}

fn capture(json: &mut Json<'_>, report: &Report<'_>) {
    let totals = report.totals;
    json.string("file", &report.file.name);
    packets_bytes(json, totals.frames);
    json.time("first", report.times[0].first);
    json.time("last", report.times[0].last);
    json.raw("duration", Seconds(report.times[0].offered().as_nanos()));
    json.member("outside_to_outside", |json| packets_bytes(json, totals.outside));
    json.member("not_ip", |json| packets_bytes(json, totals.not_ip));
    json.number("time_reversed", totals.late);
    json.array("inside", |json| {
        for prefix in &report.lan.prefixes {
            json.string_element(&prefix.to_string());
        }
        for name in &report.lan.names {
            json.string_element(name);
        }
    });
    json.raw("inside_is_default", report.lan.is_default);
    json.array("errors", |json| {
        for complaint in report.file.complaints() {
            json.string_element(&complaint);
        }
    });
    json.string("note", NOTE);
}

/// The members of one simulation.
fn simulation(simulation: &Simulation, times: &Times, top: usize, output: &mut Output) -> Result<(), OutputError> {
    let text = &mut output.text;
    text.push_str("\"shaping\":");
    Json::object(text, |json| {
        json.string("file", &simulation.name);
        json.time("end", times.end);
        json.raw("duration", Seconds(times.carried().as_nanos()));
    });
    text.push_str(",\n\"link\":");
    Json::object(text, |json| {
        for place in Place::ALL {
            json.member(place.name(), |json| link(json, simulation, place));
        }
    });
    let mut classes = rows::classes(simulation);
    // A sum, as that of the class above.
    classes.retain(|row| !matches!(row.subject, Subject::AllHosts(..)));
    let hosts = rows::top(rows::hosts(simulation), top);
    let is_device = |row: &&Row<'_>| matches!(row.subject, Subject::Device(_) | Subject::Unclassified(_));
    list("devices", classes.iter().filter(is_device), times, output)?;
    list("classes", classes.iter().filter(|row| !is_device(row)), times, output)?;
    list("hosts", hosts.iter(), times, output)
}

fn link(json: &mut Json<'_>, simulation: &Simulation, place: Place) {
    match simulation.speed(place) {
        Some(speed) => json.number("speed", speed.0),
        None => json.raw("speed", "null"),
    }
    if let Some(qdisc) = simulation.root(place) {
        json.plain("qdisc", qdisc.kind());
    }
    let ingress = &simulation.book.devices[place as usize].ingress;
    json.member("dropped_at_ingress", |json| packets_bytes(json, ingress.dropped));
    json.member("taken_at_ingress", |json| packets_bytes(json, ingress.taken));
}

fn list<'a, 'r: 'a>(
    name: &str,
    rows: impl Iterator<Item = &'a Row<'r>>,
    times: &Times,
    output: &mut Output,
) -> Result<(), OutputError> {
    output.text.push_str(",\n\"");
    output.text.push_str(name);
    output.text.push_str("\":[");
    for (at, row) in rows.enumerate() {
        output.text.push_str(if at == 0 { "\n" } else { ",\n" });
        Json::object(&mut output.text, |json| {
            subject(json, row);
            tally(json, row, times);
        });
        output.relieve()?;
    }
    output.text.push(']');
    Ok(())
}

fn subject(json: &mut Json<'_>, row: &Row<'_>) {
    match row.subject {
        Subject::Device(device) => json.plain("device", device),
        Subject::Unclassified(device) => {
            json.plain("device", device);
            json.raw("unclassified", true);
        }
        Subject::Class(device, class) | Subject::AllHosts(device, class) | Subject::HostClass(device, _, class) => {
            json.plain("device", device);
            json.plain("class", class);
            if let Subject::HostClass(_, net, _) = row.subject {
                json.plain("host", net);
            }
            if let Some(parent) = row.parent {
                json.plain("parent", parent);
            }
        }
        Subject::Host(device, address) => {
            json.plain("device", device);
            json.plain("ip", address);
        }
    }
}

fn tally(json: &mut Json<'_>, row: &Row<'_>, times: &Times) {
    let tally = row.tally;
    for (name, count, rate) in [
        ("offered", tally.offered, Some(row.offered_rate(times))),
        ("carried", tally.carried, Some(row.carried_rate(times))),
        ("dropped", tally.dropped, None),
        ("taken", tally.taken, None),
    ] {
        json.member(name, |json| {
            packets_bytes(json, count);
            match rate {
                Some(Some(rate)) => json.number("rate", rate),
                Some(None) => json.raw("rate", "null"),
                None => {}
            }
        });
    }
    json.number("marked", tally.marked);
    json.member("delay", |json| {
        for (name, delay) in delays(tally) {
            match delay {
                Some(delay) => json.raw(name, Seconds(delay.as_nanos())),
                None => json.raw(name, "null"),
            }
        }
    });
    json.member("backlog", |json| {
        json.number("packets", tally.most_waiting.packets);
        json.number("bytes", tally.most_waiting.bytes);
    });
}

/// The delays that are told, with their names.
pub(super) fn delays(tally: &Tally) -> [(&'static str, Option<Duration>); 5] {
    let delays = &tally.delays;
    [
        ("mean", delays.mean()),
        ("p50", delays.percentile(50)),
        ("p95", delays.percentile(95)),
        ("p99", delays.percentile(99)),
        ("max", delays.max()),
    ]
}

fn packets_bytes(json: &mut Json<'_>, count: Count) {
    json.number("packets", count.packets);
    json.number("bytes", count.bytes);
}

/// The second simulation less the first.
fn difference(
    simulations: [&Simulation; 2],
    times: [&Times; 2],
    top: usize,
    output: &mut Output,
) -> Result<(), OutputError> {
    let classes = super::compare::pairs(simulations.map(rows::classes));
    let hosts = super::compare::top(super::compare::pairs(simulations.map(rows::hosts)), top);
    let is_class = |pair: &&[Row<'_>; 2]| matches!(pair[0].subject, Subject::Class(..) | Subject::HostClass(..));
    for (name, pairs) in
        [("classes", classes.iter().filter(is_class).collect::<Vec<_>>()), ("hosts", hosts.iter().collect())]
    {
        output.text.push_str(if name == "classes" { "\"classes\":[" } else { ",\n\"hosts\":[" });
        for (at, pair) in pairs.into_iter().enumerate() {
            output.text.push_str(if at == 0 { "\n" } else { ",\n" });
            Json::object(&mut output.text, |json| differences(json, pair, times));
            output.relieve()?;
        }
        output.text.push(']');
    }
    Ok(())
}

fn differences(json: &mut Json<'_>, pair: &[Row<'_>; 2], times: [&Times; 2]) {
    subject(json, &pair[0]);
    let less = |values: [u64; 2]| i128::from(values[1]) - i128::from(values[0]);
    let counts = |what: fn(&Tally) -> Count| pair.each_ref().map(|row| what(row.tally));
    for (name, counts) in [
        ("carried", counts(|tally| tally.carried)),
        ("dropped", counts(|tally| tally.dropped)),
        ("taken", counts(|tally| tally.taken)),
    ] {
        json.member(name, |json| {
            json.raw("packets", less(counts.map(|count| count.packets)));
            json.raw("bytes", less(counts.map(|count| count.bytes)));
            if name == "carried" {
                match pair[0].carried_rate(times[0]).zip(pair[1].carried_rate(times[1])) {
                    Some((one, other)) => json.raw("rate", less([one, other])),
                    None => json.raw("rate", "null"),
                }
            }
        });
    }
    json.member("delay", |json| {
        for ((name, one), (_, other)) in delays(pair[0].tally).into_iter().zip(delays(pair[1].tally)) {
            match one.zip(other).map(|(one, other)| (one.as_nanos(), other.as_nanos())) {
                Some((one, other)) if other < one => json.raw(name, format_args!("-{}", Seconds(one - other))),
                Some((one, other)) => json.raw(name, Seconds(other - one)),
                None => json.raw(name, "null"),
            }
        }
    });
}
