//! What stands below the table: what was read, what it came to, and what was not counted and why.

use tctable::conntrack::Counter;
use tctable_view::{Sort, sum};

use super::Report;
use super::units::{BitRate, Bytes, Count, Span, per_second};
use crate::replay::FileSummary;

/// One line.
pub(crate) struct Line {
    /// What it is about; empty where it goes on about the same.
    pub(crate) label: &'static str,
    pub(crate) text: String,
    /// It tells of something that should not be.
    pub(crate) is_wrong: bool,
}

/// The lines in their order; `shown` hosts stand above them.
pub(super) fn lines(report: &Report<'_>, shown: usize, sort: Sort) -> Vec<Line> {
    let line = |label, text| Line { label, text, is_wrong: false };
    let mut lines = vec![
        line("Captured", captured(report)),
        line("IP", ip(report)),
        line("Hosts", hosts(report, shown, sort)),
        line("Connections", connections(report)),
        line("Inside", inside(report)),
    ];
    for (at, (why, counter)) in not_counted(report).into_iter().enumerate() {
        let label = if at == 0 { "Not counted" } else { "" };
        lines.push(line(label, format!("{why}: {}", amount(counter))));
    }
    let totals = report.totals();
    if totals.hosts_refused > 0 {
        let times = plural(totals.hosts_refused, "time");
        lines.push(line("Host limit", format!("{times} there was no place for another host")));
    }
    if totals.time_reversed > 0 {
        let late = plural(totals.time_reversed, "packet");
        lines.push(line("Time", format!("{late} came with a time before an earlier one's, and took that one's")));
    }
    let complaints = report.files.iter().flat_map(FileSummary::complaints).enumerate();
    lines.extend(complaints.map(|(at, text)| Line {
        label: if at == 0 { "Errors" } else { "" },
        text,
        is_wrong: true,
    }));
    lines
}

fn amount(counter: Counter) -> String {
    format!("{}, {}", plural(counter.packets, "packet"), Bytes(counter.bytes))
}

pub(crate) fn plural(count: u64, what: &str) -> String {
    format!("{} {what}{}", Count(count), if count == 1 { "" } else { "s" })
}

fn captured(report: &Report<'_>) -> String {
    let (frames, span) = (report.totals().frames, report.duration());
    let rates = per_second(frames.packets, span).zip(per_second(frames.bytes.saturating_mul(8), span));
    let rates = rates.map(|(packets, bits)| format!(" ({} packets/s, {})", Count(packets), BitRate(bits)));
    format!("{} in {}{}", amount(frames), Span(span), rates.unwrap_or_default())
}

fn ip(report: &Report<'_>) -> String {
    let totals = report.totals();
    let mut text = format!(
        "{} ({} sent by hosts, {} received",
        amount(totals.ip),
        Bytes(totals.tx().bytes),
        Bytes(totals.rx().bytes)
    );
    if totals.inside_to_inside.packets > 0 {
        text += &format!(", {} of both from host to host", Bytes(totals.inside_to_inside.bytes));
    }
    text + ")"
}

fn hosts(report: &Report<'_>, shown: usize, sort: Sort) -> String {
    let all = report.entries.len();
    let mut text = Count(all as u64).to_string();
    if all == 0 && report.totals().ip.packets > 0 {
        text += ": no packet came from inside or went there; --lan says what is inside";
    }
    if shown < all {
        text += &format!(", the top {} by {} above", Count(shown as u64), sort.name());
    }
    if report.totals().hosts_expired > 0 {
        text += &format!("; entries that expired on the way: {}", Count(report.totals().hosts_expired));
    }
    text
}

fn connections(report: &Report<'_>) -> String {
    let statistics = report.statistics();
    let mut text = format!("{} opened, {} open at the end", Count(statistics.insert), Count(report.open));
    for (packets, what) in [(statistics.invalid, "invalid"), (statistics.ignore, "not tracked")] {
        if packets > 0 {
            text += &format!("; {} {what}", plural(packets, "packet"));
        }
    }
    text
}

fn inside(report: &Report<'_>) -> String {
    let prefixes = report.lan.prefixes.iter().map(ToString::to_string);
    let names = report.lan.names.iter().map(|name| format!("interface {name}"));
    let what = prefixes.chain(names).collect::<Vec<_>>().join(", ");
    if report.lan.is_default { format!("{what} (the default; --lan says otherwise)") } else { what }
}

fn not_counted(report: &Report<'_>) -> Vec<(String, Counter)> {
    let unaccounted = &report.totals().unaccounted;
    let mut causes = vec![
        ("from outside to outside".to_owned(), unaccounted.outside_to_outside),
        ("of hosts beyond the limit (--max-hosts)".to_owned(), unaccounted.host_table_full),
        ("of connections beyond the limit (--max-connections)".to_owned(), unaccounted.conntrack_full),
        ("of connections beyond their host's limit (host_connections_max)".to_owned(), unaccounted.host_limit),
        ("of connections beyond their host's rate (host_new_connections_max)".to_owned(), unaccounted.host_rate_limit),
        ("fragments of no datagram that makes sense".to_owned(), unaccounted.fragments_refused),
        ("dropped by rules".to_owned(), unaccounted.dropped),
        ("for queues that nobody reads (NFQUEUE)".to_owned(), unaccounted.queue_dropped),
    ];
    // IEEE 802.3 frames have their length there: up to 1,500 of them would say the same.
    let ieee = unaccounted.not_ip.range(1..0x600).map(|(_, counter)| *counter);
    causes.push(("not IP: IEEE 802.3".to_owned(), sum(ieee)));
    for (ethertype, counter) in unaccounted.not_ip.iter().filter(|(ethertype, _)| !(1..0x600).contains(*ethertype)) {
        causes.push((format!("not IP: {}", ethertype_name(*ethertype)), *counter));
    }
    causes.extend(unaccounted.malformed().map(|(cause, counter)| (format!("malformed: {cause}"), counter)));
    causes.retain(|(_, counter)| counter.packets > 0);
    causes
}

fn ethertype_name(ethertype: u16) -> String {
    let name = match ethertype {
        0 => return "another protocol".to_owned(),
        0x0806 => "ARP",
        0x8035 => "RARP",
        0x8137 => "IPX",
        0x8847 | 0x8848 => "MPLS",
        0x8863 => "PPPoE discovery",
        0x8864 => "PPPoE session control",
        0x888e => "802.1X",
        0x88cc => "LLDP",
        _ => return format!("ethertype {ethertype:#06x}"),
    };
    format!("{name} ({ethertype:#06x})")
}
