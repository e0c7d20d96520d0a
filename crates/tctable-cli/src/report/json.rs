//! One JSON document with everything, written a host at a time.
//!
//! Nothing is silently absent. For packets and for bytes:
//!
//! - `sum of all hosts' tx and rx - totals.inside_to_inside + unaccounted.outside_to_outside
//!   + the other causes of `unaccounted` but the three that are told below = totals + totals.made`;
//!
//! and for packets, and for bytes except that `capture` and the last two count whole frames, `totals` IP packets:
//!
//! - `capture = totals + unaccounted.not_ip + unaccounted.malformed`.

use tctable_io::capture::{Interface, Skipped};
use tctable_view::{Inside, Json, Seconds, Summary, host, totals, unaccounted};

use super::Report;
use crate::output::{Output, OutputError};
use crate::replay::FileSummary;

/// Writes the document.
pub(super) fn write(report: &Report<'_>, top: usize, output: &mut Output) -> Result<(), OutputError> {
    let text = &mut output.text;
    text.push_str("{\"capture\":");
    Json::object(text, |json| capture(json, report));
    text.push_str(",\n\"totals\":");
    let inside = inside(report);
    let summary = Summary {
        totals: report.totals(),
        statistics: report.statistics(),
        hosts: report.entries.len() as u64,
        open: report.open,
        inside: &inside,
    };
    Json::object(text, |json| totals(json, &summary));
    text.push_str(",\n\"unaccounted\":");
    Json::object(text, |json| unaccounted(json, report.totals()));
    text.push_str(",\n\"hosts\":[");
    for (at, row) in report.rows(top).enumerate() {
        output.text.push_str(if at == 0 { "\n" } else { ",\n" });
        Json::object(&mut output.text, |json| host(json, &row));
        output.relieve()?;
    }
    output.text.push_str("\n]}\n");
    Ok(())
}

fn inside(report: &Report<'_>) -> Inside {
    let prefixes = report.lan.prefixes.iter().map(ToString::to_string);
    Inside { what: prefixes.chain(report.lan.names.clone()).collect(), is_default: report.lan.is_default }
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
