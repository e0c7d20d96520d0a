//! Tables, JSON and CSV tell the same.

use serde_json::Value;

use super::world::{CLASSIC, check_identity, class, flow, host, report, simulate, together};
use crate::support::{Files, HOST, OTHER, SERVER, raw};

/// Twice what the line carries, from two hosts.
fn overload() -> Vec<u8> {
    let flows = [flow(HOST, SERVER, 80, 80, 3), flow(HOST, SERVER, 53, 40, 3), flow(OTHER, SERVER, 80, 80, 3)];
    raw(together(flows))
}

const OPTIONS: [&str; 2] = ["--device", "eth0=wan"];

#[test]
fn json_has_what_it_promises() {
    let files = Files::new("simulate-json");
    let report = report(&files, &overload(), CLASSIC, &OPTIONS);
    check_identity(&report);
    assert_eq!(report["link"]["wan"]["speed"], Value::Null);
    assert_eq!(report["capture"]["packets"], 600);
    for (name, parent, offered) in
        [("1:1", "1:", 600), ("1:10", "1:1", 240), ("1:11", "1:1", 120), ("1:12", "1:1", 240)]
    {
        let row = class(&report, "wan", name);
        assert_eq!(row["parent"], parent);
        assert_eq!(row["offered"]["packets"], offered);
        assert_eq!(row["offered"]["bytes"], offered * 1_000);
        let delay = |of: &str| row["delay"][of].as_f64().unwrap();
        assert!(delay("p50") <= delay("p95") && delay("p95") <= delay("p99") && delay("p99") <= delay("max"));
        assert!(delay("mean") > 0.0 && delay("mean") <= delay("max"), "{row}");
        assert!(row["backlog"]["bytes"].as_u64().unwrap() > 0);
    }
    // What is above is the sum of what is below.
    for of in ["offered", "carried", "dropped"] {
        for what in ["packets", "bytes"] {
            let count = |name: &str| class(&report, "wan", name)[of][what].as_u64().unwrap();
            assert_eq!(count("1:1"), count("1:10") + count("1:11") + count("1:12"), "{of} {what}");
            let hosts = [HOST, OTHER].map(|ip| host(&report, "wan", ip)[of][what].as_u64().unwrap());
            assert_eq!(count("1:1"), hosts[0] + hosts[1], "{of} {what}");
        }
    }
}

/// A table of CSV: titles, and rows by them.
fn csv(text: &str) -> Vec<Vec<(&str, &str)>> {
    let mut lines = text.split_terminator("\r\n");
    let titles: Vec<&str> = lines.next().unwrap().split(',').collect();
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            assert_eq!(cells.len(), titles.len(), "{line}");
            titles.iter().copied().zip(cells).collect()
        })
        .collect()
}

#[test]
fn csv_tells_what_json_tells() {
    let files = Files::new("simulate-csv");
    let json = report(&files, &overload(), CLASSIC, &OPTIONS);
    let text = simulate(&files, &overload(), CLASSIC, &[&OPTIONS[..], &["--format", "csv"]].concat());
    let rows = csv(&text);
    assert_eq!(rows.len(), 2 + 4 + 2);
    let cell = |row: &[(&str, &str)], title: &str| -> String {
        row.iter().find(|(name, _)| *name == title).unwrap_or_else(|| panic!("no {title}")).1.to_owned()
    };
    for row in &rows {
        let of = match cell(row, "kind").as_str() {
            "class" => class(&json, "wan", &cell(row, "class")).clone(),
            "host" => host(&json, "wan", &cell(row, "ip")).clone(),
            "device" => {
                let devices = json["devices"].as_array().unwrap();
                devices.iter().find(|each| each["device"] == cell(row, "device").as_str()).unwrap().clone()
            }
            other => panic!("{other}"),
        };
        for (title, name, what) in [
            ("offered_packets", "offered", "packets"),
            ("carried_bytes", "carried", "bytes"),
            ("carried_rate", "carried", "rate"),
            ("dropped_packets", "dropped", "packets"),
            ("backlog_bytes", "backlog", "bytes"),
        ] {
            assert_eq!(cell(row, title), of[name][what].to_string(), "{title}");
        }
        let told = cell(row, "delay_p95");
        assert_eq!(told.parse::<f64>().ok(), of["delay"]["p95"].as_f64());
    }
}

#[test]
fn the_table_fits_its_terminal_and_notes_that_tcp_reacts() {
    let files = Files::new("simulate-table");
    let (capture, shaping) = (files.write("in.pcap", &overload()), files.write("shaping.tc", CLASSIC.as_bytes()));
    let run = |columns: &str, color: &str| {
        let mut command = crate::support::command(&["simulate", &capture, "--tc", &shaping, "--device", "eth0=wan"]);
        let output = command.args(["--color", color]).env("COLUMNS", columns).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stdout).unwrap()
    };
    let wide = run("200", "auto");
    for what in ["OFFERED", "CARRIED", "DROPPED", "MEAN", "P50", "P95", "P99", "MAX", "BACKLOG", "    1:11 ", "TCP"] {
        assert!(wide.contains(what), "no {what} in\n{wide}");
    }
    for columns in ["60", "40"] {
        let narrow = run(columns, "never");
        // Names of files are not cut.
        let table = narrow.lines().take_while(|line| !line.starts_with("Shaping"));
        let longest = table.map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= columns.parse().unwrap(), "{longest} in {columns}:\n{narrow}");
        assert!(narrow.contains("CARRIED"));
    }
    assert!(run("200", "always").contains("\u{1b}["));
    assert!(!wide.contains('\u{1b}'));
}

#[test]
fn top_cuts_hosts_and_says_so() {
    let files = Files::new("simulate-top");
    let options = [&OPTIONS[..], &["--top", "1"]].concat();
    let table = simulate(&files, &overload(), CLASSIC, &options);
    assert!(table.contains("192.168.1.2 sent") && !table.contains("192.168.1.3"), "{table}");
    assert!(table.contains("Hosts       2, the top 1 by bytes above"), "{table}");
    let json = report(&files, &overload(), CLASSIC, &options);
    assert_eq!(json["hosts"].as_array().unwrap().len(), 1);
    assert_eq!(json["classes"].as_array().unwrap().len(), 4);
}

#[test]
fn a_run_is_like_another() {
    let files = Files::new("simulate-deterministic");
    let options = [&OPTIONS[..], &["--format", "json"]].concat();
    let first = simulate(&files, &overload(), CLASSIC, &options);
    assert_eq!(simulate(&files, &overload(), CLASSIC, &options), first);
}

#[test]
fn the_picture_is_whole_and_needs_nothing_from_elsewhere() {
    let files = Files::new("simulate-svg");
    let path = files.path("out.svg");
    simulate(&files, &overload(), CLASSIC, &[&OPTIONS[..], &["--svg", &path]].concat());
    let svg = files.read("out.svg");
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\"") && svg.ends_with("</svg>\n"));
    for what in ["1:10, ", "1:11, ", "1:12, ", "bit/s", "seconds since the first packet", "prefers-color-scheme"] {
        assert!(svg.contains(what), "no {what}");
    }
    // 1:1 is the sum of the others.
    assert!(!svg.contains("1:1, "));
    for elsewhere in ["href", "<script", "url(", "@import"] {
        assert!(!svg.contains(elsewhere), "{elsewhere}");
    }
    assert_eq!(svg.matches('<').count(), svg.matches('>').count());
    // On standard output it stands in the place of the report.
    let out = simulate(&files, &overload(), CLASSIC, &[&OPTIONS[..], &["--svg", "-"]].concat());
    assert_eq!(out, svg);
}
