use tctable::time::Duration;
use tctable_view::HostRow;

use super::client::query;
use super::documents::{self, Counter, causes};
use super::{LiveError, args, print};
use crate::report::summary::{Line, plural};
use crate::report::units::{Bytes, Count, Span};
use crate::report::{TOP, table};

/// `tctable hosts`
pub(crate) fn hosts(args: &args::Hosts) -> Result<(), LiveError> {
    let client = args.asking.gateway.client()?;
    let limit = if args.asking.json { args.top } else { Some(args.top.unwrap_or(TOP)) };
    let sort = args.sort.name().to_owned();
    let what = query(&[("sort", Some(sort)), ("limit", limit.map(|limit| limit.to_string()))]);
    let answer = client.get(&format!("/hosts{what}"))?.text;
    if args.asking.json {
        return print(answer);
    }
    let document: documents::Hosts = client.parse(&answer)?;
    let look = args.looks.look(args.sort);
    let rows: Vec<HostRow> = document.hosts.iter().map(HostRow::from).collect();
    let mut text = String::new();
    table::hosts(&rows, &look, &mut text);
    table::lines(&lines(&document, args.sort.name()), &look, &mut text);
    print(text)
}

fn lines(document: &documents::Hosts, sort: &str) -> Vec<Line> {
    let documents::Hosts { capture, totals, unaccounted, hosts } = document;
    let line = |label, text| Line { label, text, is_wrong: false };
    let shown = match hosts.len() as u64 {
        all if all == totals.hosts => String::new(),
        shown => format!("; these are {} by {sort}", Count(shown)),
    };
    let mut lines = vec![
        line("Running", format!("for {}, {}", seconds(capture.duration), amount(capture.frames, "frame"))),
        line("IP", amount(totals.ip, "packet")),
        line("Hosts", format!("{}{shown}; entries that expired: {}", Count(totals.hosts), Count(totals.hosts_expired))),
        line("Connections", connections(totals)),
        line("Inside", totals.inside.join(", ")),
    ];
    lines.extend(not_counted(unaccounted));
    lines
}

/// `1,234 packets, 5.6 MB`
pub(super) fn amount(counter: Counter, what: &str) -> String {
    format!("{}, {}", plural(counter.packets, what), Bytes(counter.bytes))
}

pub(super) fn connections(totals: &documents::Totals) -> String {
    format!("{} open, {} opened", Count(totals.connections_open), Count(totals.connections_opened))
}

/// A span of time.
pub(crate) fn seconds(seconds: f64) -> Span {
    Span(Duration::from_millis((seconds * 1e3) as u64))
}

/// What was not counted for any host.
pub(super) fn not_counted(unaccounted: &serde_json::Map<String, serde_json::Value>) -> impl Iterator<Item = Line> {
    causes(unaccounted).into_iter().enumerate().map(|(at, (cause, counter))| Line {
        label: if at == 0 { "Not counted" } else { "" },
        text: format!("{cause}: {}", amount(counter, "packet")),
        is_wrong: false,
    })
}
