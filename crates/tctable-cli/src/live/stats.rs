use serde::Deserialize;
use tctable_view::Sort;

use super::documents::{self, Counter};
use super::hosts::{amount, connections, not_counted, seconds};
use super::{LiveError, args, print};
use crate::report::summary::Line;
use crate::report::units::{Bytes, Count};
use crate::report::{Look, table};

/// `tctable stats`
pub(crate) fn stats(args: &args::Stats) -> Result<(), LiveError> {
    let client = args.asking.gateway.client()?;
    let answer = client.get("/stats")?.text;
    if args.asking.json {
        return print(answer);
    }
    let stats: documents::Stats = client.parse(&answer)?;
    print(text(&stats, &args.looks.look(Sort::default())))
}

/// The same without colours, for a terminal of that width.
pub(crate) fn stats_text(stats: &documents::Stats, width: usize) -> String {
    text(stats, &Look { width: Some(width), colored: false, sort: Sort::default() })
}

fn text(stats: &documents::Stats, look: &Look) -> String {
    let mut text = String::new();
    table::lines(&lines(stats), look, &mut text);
    text.push('\n');
    let yes = |yes: bool| if yes { "up" } else { "down" }.to_owned();
    let ports = stats.ports.iter().map(|port| {
        let counts = [port.received, port.receive_dropped, port.sent, port.send_full, port.send_refused];
        [port.name.clone(), yes(port.up)].into_iter().chain(counts.map(|count| Count(count).to_string())).collect()
    });
    let titles = ["PORT", "STATE", "RECEIVED", "LOST", "SENT", "FULL", "REFUSED"];
    table::plain(&titles, 2, &ports.collect::<Vec<_>>(), look, &mut text);
    text.push('\n');
    let links = stats.links.interfaces.iter().map(|link| {
        let now = link.interface.clone().unwrap_or_else(|| "-".to_owned());
        vec![link.name.clone(), now, state(link).to_owned(), Count(link.mtu.into()).to_string(), events(link)]
    });
    let titles = ["LINK", "CALLED", "STATE", "MTU", "EVENTS"];
    table::plain(&titles, 5, &links.collect::<Vec<_>>(), look, &mut text);
    text.push('\n');
    let shards = stats.shards.iter().map(|shard| {
        let counts = [shard.connections, shard.hosts, shard.frames.packets].map(|count| Count(count).to_string());
        [shard.number.to_string()].into_iter().chain(counts).chain([Bytes(shard.frames.bytes).to_string()]).collect()
    });
    let titles = ["SHARD", "CONNECTIONS", "HOSTS", "FRAMES", "BYTES"];
    table::plain(&titles, 1, &shards.collect::<Vec<_>>(), look, &mut text);
    text
}

fn state(link: &documents::Link) -> &'static str {
    match (&link.interface, link.up, link.carrier) {
        (None, ..) => "gone",
        (Some(_), false, _) => "down",
        (Some(_), true, false) => "no carrier",
        (Some(_), true, true) => "up",
    }
}

/// What has happened to it, as far as anything has.
fn events(link: &documents::Link) -> String {
    let counts =
        link.events.iter().filter_map(|(name, count)| Some((name, count.as_u64().filter(|count| *count > 0)?)));
    let told: Vec<String> = counts.map(|(name, count)| format!("{} {count}", name.replace('_', " "))).collect();
    if told.is_empty() { "-".to_owned() } else { told.join(", ") }
}

fn lines(stats: &documents::Stats) -> Vec<Line> {
    let line = |label, text| Line { label, text, is_wrong: false };
    let table = |table: &documents::Table| format!("{} of {}", Count(table.count), Count(table.max));
    let mut lines = vec![
        line("Running", format!("for {}, tctable {}", seconds(stats.now - stats.started), stats.version)),
        line("IP", amount(stats.totals.ip, "packet")),
        line("Sent", format!("{} by hosts", amount(stats.totals.tx, "packet"))),
        line("Received", format!("{} by hosts", amount(stats.totals.rx, "packet"))),
        line("Connections", format!("{}; {}", table(&stats.tables.connections), connections(&stats.totals))),
        line("Hosts", table(&stats.tables.hosts)),
    ];
    let conntrack = stats.totals.conntrack.iter().map(|(name, count)| format!("{name}={count}"));
    lines.push(line("Conntrack", conntrack.collect::<Vec<_>>().join(" ")));
    let frames = stats.frames.iter().filter_map(|(name, value)| Some((name, Counter::deserialize(value).ok()?)));
    let frames = frames.filter(|(_, counter)| counter.packets > 0);
    for (at, (name, counter)) in frames.enumerate() {
        let label = if at == 0 { "Frames" } else { "" };
        lines.push(line(label, format!("{}: {}", name.replace('_', " "), amount(counter, "frame"))));
    }
    lines.extend(not_counted(&stats.unaccounted));
    lines
}
