//! One JSON document with everything, written a host at a time.
//!
//! Nothing is silently absent. For packets and for bytes:
//!
//! - `sum of all hosts' tx and rx - totals.inside_to_inside + unaccounted.outside_to_outside
//!   + unaccounted.host_table_full + unaccounted.conntrack_full
//!   + unaccounted.host_limit + unaccounted.host_rate_limit + unaccounted.fragments_refused
//!   + unaccounted.dropped + unaccounted.queue_dropped = totals + totals.made`;
//!
//! and for packets, and for bytes except that `capture` and the last two count whole frames, `totals` IP packets:
//!
//! - `capture = totals + unaccounted.not_ip + unaccounted.malformed`.

use tctable::account::Class;
use tctable_io::capture::{Interface, Skipped};

use super::Report;
use crate::json::{Json, Seconds};
use crate::output::{Output, OutputError};
use crate::replay::{FileSummary, Row, sum};

/// Writes the document.
pub(super) fn write(report: &Report<'_>, top: usize, output: &mut Output) -> Result<(), OutputError> {
    let text = &mut output.text;
    text.push_str("{\"capture\":");
    Json::object(text, |json| capture(json, report));
    text.push_str(",\n\"totals\":");
    Json::object(text, |json| totals(json, report));
    text.push_str(",\n\"unaccounted\":");
    Json::object(text, |json| unaccounted(json, report));
    text.push_str(",\n\"hosts\":[");
    for (at, row) in report.rows(top).enumerate() {
        output.text.push_str(if at == 0 { "\n" } else { ",\n" });
        Json::object(&mut output.text, |json| host(json, &row));
        output.relieve()?;
    }
    output.text.push_str("\n]}\n");
    Ok(())
}

fn capture(json: &mut Json<'_>, report: &Report<'_>) {
    json.array("files", |json| {
        for each in report.files {
            json.element(|json| file(json, each));
        }
    });
    json.packets_bytes(report.totals().frames);
    if let Some(first) = report.first {
        json.time("first", first);
        json.time("last", report.gateway.now());
    }
    json.raw("duration", Seconds(report.duration().as_nanos()));
    json.array("errors", |json| {
        for file in report.files {
            let Some(damage) = &file.damage else { continue };
            json.element(|json| {
                json.string("file", &file.name);
                json.string("error", &damage.error);
                if let Some(offset) = damage.offset {
                    json.number("offset", offset);
                }
            });
        }
    });
    json.number("skipped", report.files.iter().map(|file| file.skipped.total()).sum::<u64>());
}

fn file(json: &mut Json<'_>, file: &FileSummary) {
    json.string("file", &file.name);
    if let Some((format, compression)) = file.kind {
        json.plain("format", format);
        json.plain("compression", compression);
    }
    json.packets_bytes(file.frames);
    json.array("interfaces", |json| {
        for each in &file.interfaces {
            json.element(|json| interface(json, each));
        }
    });
    json.member("skipped", |json| skipped(json, &file.skipped));
}

fn interface(json: &mut Json<'_>, interface: &Interface) {
    if let Some(name) = &interface.name {
        json.string("name", name);
    }
    json.number("link_type", interface.link_type.number());
    if let Some(name) = interface.link_type.name() {
        json.string("link_type_name", name);
    }
    if interface.snap_len != 0 {
        json.number("snap_len", interface.snap_len);
    }
}

fn skipped(json: &mut Json<'_>, skipped: &Skipped) {
    json.member("unsupported_link", |json| {
        for (link, packets) in &skipped.unsupported_link {
            json.number(&link.number().to_string(), *packets);
        }
    });
    json.number("unknown_interface", skipped.unknown_interface);
}

fn totals(json: &mut Json<'_>, report: &Report<'_>) {
    let (totals, statistics) = (report.totals(), report.statistics());
    json.packets_bytes(totals.ip);
    json.counter("tx", totals.tx());
    json.counter("rx", totals.rx());
    json.counter("inside_to_inside", totals.inside_to_inside);
    json.counter("made", totals.made);
    json.number("hosts", report.entries.len());
    json.number("hosts_expired", report.hosts_expired);
    json.number("connections_opened", statistics.insert);
    json.number("connections_open", report.open);
    json.number("connections_ended", statistics.insert - report.open);
    json.array("inside", |json| {
        for prefix in &report.lan.prefixes {
            json.string_element(&prefix.to_string());
        }
        for name in &report.lan.names {
            json.string_element(name);
        }
    });
    json.raw("inside_is_default", report.lan.is_default);
    json.number("time_reversed", totals.time_reversed);
    // For information: these packets are counted for their hosts like all others.
    json.member("conntrack", |json| {
        for (name, count) in statistics.named() {
            json.number(name, count);
        }
    });
}

fn unaccounted(json: &mut Json<'_>, report: &Report<'_>) {
    let unaccounted = &report.totals().unaccounted;
    json.counter("outside_to_outside", unaccounted.outside_to_outside);
    json.counter("host_table_full", unaccounted.host_table_full);
    json.counter("conntrack_full", unaccounted.conntrack_full);
    json.counter("host_limit", unaccounted.host_limit);
    json.counter("host_rate_limit", unaccounted.host_rate_limit);
    json.counter("fragments_refused", unaccounted.fragments_refused);
    json.counter("dropped", unaccounted.dropped);
    json.counter("queue_dropped", unaccounted.queue_dropped);
    json.member("not_ip", |json| {
        json.packets_bytes(sum(unaccounted.not_ip.values().copied()));
        json.member("by_ethertype", |json| {
            for (ethertype, counter) in &unaccounted.not_ip {
                json.counter(&format!("{ethertype:#06x}"), *counter);
            }
        });
    });
    json.member("malformed", |json| {
        json.packets_bytes(sum(unaccounted.malformed.iter().copied()));
        json.member("by_cause", |json| {
            for (cause, counter) in unaccounted.malformed().filter(|(_, counter)| counter.packets > 0) {
                json.counter(cause.name(), counter);
            }
        });
    });
    json.number("hosts_refused", report.totals().hosts_refused);
}

fn host(json: &mut Json<'_>, row: &Row) {
    json.plain("ip", row.address);
    for (class, (counters, open)) in Class::ALL.into_iter().zip(row.classes.iter().zip(row.open)) {
        json.member(class.name(), |json| {
            json.counter("tx", counters.tx);
            json.counter("rx", counters.rx);
            json.number("connections", open);
        });
    }
    json.number("connections_opened", row.opened);
    json.time("first", row.first);
    json.time("last", row.last);
}
