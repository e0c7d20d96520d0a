use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::collect::{Sample, text};
use super::serve::router;
use crate::link::Link;
use crate::shard::PortView;
use crate::tables::Gathered;
use crate::testing::{Traffic, office};

/// A text read as OpenMetrics is specified: values by name and labels.
///
/// # Panics
/// Where it is not as specified.
fn parse(text: &str) -> BTreeMap<String, f64> {
    let body = text.strip_suffix("# EOF\n").expect("an end mark");
    let mut values = BTreeMap::new();
    let mut families = BTreeSet::new();
    let (mut family, mut kind) = ("", "");
    for line in body.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let (what, rest) = comment.split_once(' ').expect(line);
            let (name, rest) = rest.split_once(' ').expect(line);
            match what {
                "HELP" => assert!(families.insert(name), "{name} twice"),
                "TYPE" => (family, kind) = (name, rest),
                _ => panic!("{line}"),
            }
            continue;
        }
        let (name, value) = line.rsplit_once(' ').expect(line);
        let value: f64 = value.parse().expect(line);
        let bare = name.split('{').next().unwrap();
        let suffix = bare.strip_prefix(family).unwrap_or_else(|| panic!("{line} is not of {family}"));
        assert_eq!(suffix, if kind == "counter" { "_total" } else { "" }, "{line}");
        assert!(matches!(kind, "counter" | "gauge"), "{kind}");
        if let Some((_, labels)) = name.split_once('{') {
            read_labels(labels);
        }
        assert!(values.insert(name.to_owned(), value).is_none(), "{name} twice");
    }
    values
}

/// `name="value",name="value"}`, with escapes in values.
fn read_labels(text: &str) {
    let mut letters = text.chars();
    loop {
        let name: String = letters.by_ref().take_while(|letter| *letter != '=').collect();
        assert!(!name.is_empty() && name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_'), "{text}");
        assert_eq!(letters.next(), Some('"'), "{text}");
        loop {
            match letters.next() {
                Some('\\') => assert!(matches!(letters.next(), Some('\\' | '"' | 'n')), "{text}"),
                Some('"') => break,
                letter => assert!(letter.is_some_and(|letter| letter != '\n'), "{text}"),
            }
        }
        match letters.next() {
            Some(',') => {}
            Some('}') => break,
            _ => panic!("{text}"),
        }
    }
    assert_eq!(letters.next(), None, "{text}");
}

fn scrape(shards: usize) -> BTreeMap<String, f64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let request = Request::builder().uri("/metrics").body(Body::empty()).unwrap();
        let answer = router(office(shards, Traffic::Over)).oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        parse(std::str::from_utf8(&bytes).unwrap())
    })
}

#[test]
fn what_is_told_adds_up() {
    let one = scrape(1);
    let three = scrape(3);
    for name in [
        "tctable_ip_packets_total{what=\"seen\"}",
        "tctable_ip_bytes_total{what=\"tx\"}",
        "tctable_connections",
        "tctable_conntrack_events_total{event=\"insert\"}",
        "tctable_port_frames_total{port=\"office\",what=\"received\"}",
        "tctable_frames_total{outcome=\"received\"}",
    ] {
        assert!(one[name] > 0.0, "{name}");
        assert_eq!(one[name], three[name], "{name}");
    }
    let shards = (0..3).map(|shard| three[&format!("tctable_shard_connections{{shard=\"{shard}\"}}")]);
    assert_eq!(shards.sum::<f64>(), three["tctable_connections"]);
    let tx = one.iter().filter(|(name, _)| name.starts_with("tctable_host_bytes") && name.contains("\"tx\""));
    assert!(tx.map(|(_, value)| value).sum::<f64>() <= one["tctable_ip_bytes_total{what=\"tx\"}"]);
    assert_eq!(one["tctable_port_up{port=\"office\"}"], 1.0);
    assert_eq!(one["tctable_link_up{device=\"office\"}"], 1.0);
    assert_eq!(one["tctable_link_mtu_bytes{device=\"office\"}"], 1500.0);
}

/// Whatever comes over the line, there are no more series than these.
#[test]
fn hosts_are_the_top_ones() {
    let sample = scrape(2);
    let hosts = sample.keys().filter(|name| name.starts_with("tctable_host_connections{"));
    assert_eq!(hosts.count(), 20);
    assert!(sample.len() < 300, "{}", sample.len());
}

#[test]
fn names_of_interfaces_are_escaped() {
    let port = PortView { name: "a\"b\\c}".into(), up: true, ..PortView::default() };
    let gathered = Gathered { ports: vec![port], ..Gathered::default() };
    let sample = Sample {
        version: "0",
        started: 0.5,
        gathered,
        links: vec![Link::new("d\"")],
        link_overruns: 3,
        hosts: Vec::new(),
    };
    let values = parse(&text(sample).unwrap());
    assert_eq!(values[r#"tctable_port_up{port="a\"b\\c}"}"#], 1.0);
    assert_eq!(values["tctable_start_time_seconds"], 0.5);
    assert_eq!(values[r#"tctable_link_events_total{device="d\"",event="gone"}"#], 0.0);
    assert_eq!((values[r#"tctable_link_up{device="d\""}"#], values["tctable_link_overruns_total"]), (0.0, 3.0));
}
