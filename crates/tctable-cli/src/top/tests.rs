//! Screens, drawn on a terminal in memory.

use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::Color;
use serde_json::{Value, json};

use super::app::{App, Outcome, Tab};
use super::fetch::{Sample, Wanted};
use super::view::{Looks, draw};

const PLAIN: Looks = Looks { colored: false, unicode: true };

fn counter(bytes: u64) -> Value {
    json!({ "packets": bytes / 100, "bytes": bytes })
}

fn host(ip: &str, rx: u64, tx: u64, open: u32) -> Value {
    let class = |rx, tx, open| json!({ "tx": counter(tx), "rx": counter(rx), "connections": open });
    json!({
        "ip": ip, "tcp": class(rx, tx, open), "udp": class(0, 0, 0), "icmp": class(0, 0, 0), "other": class(0, 0, 0),
        "connections_opened": open, "first": 1.0, "last": 2.0,
    })
}

/// What a gateway answers that has these hosts.
fn hosts(list: &[Value]) -> Sample {
    let sum = |side: &str| list.iter().map(|host| host["tcp"][side]["bytes"].as_u64().unwrap()).sum::<u64>();
    let document = json!({
        "capture": { "packets": 1, "bytes": 1, "last": 2.0, "duration": 3723.0 },
        "totals": {
            "packets": 1, "bytes": 1, "tx": counter(sum("tx")), "rx": counter(sum("rx")), "hosts": list.len(),
            "hosts_expired": 0, "connections_opened": 9, "connections_open": 7, "inside": [], "conntrack": {},
        },
        "unaccounted": {},
        "hosts": list,
    });
    Sample::Hosts { document: Box::new(serde_json::from_value(document).unwrap()), all: true }
}

/// A gateway after two looks with a second in between.
fn app() -> App {
    let mut app = App::default();
    let at = Instant::now();
    let first = [host("10.0.0.1", 0, 0, 3), host("10.0.0.2", 5_000_000, 0, 0), host("2001:db8::2:3:4:5", 0, 10, 4)];
    let second = [
        host("10.0.0.1", 1_250_000, 125_000, 3),
        host("10.0.0.2", 5_000_000, 0, 0),
        host("2001:db8::2:3:4:5", 0, 260, 4),
    ];
    app.take(hosts(&first), at);
    app.take(hosts(&second), at + Duration::from_secs(1));
    app
}

fn screen(app: &mut App, width: u16, height: u16, looks: Looks) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, app, looks)).unwrap();
    terminal
}

fn lines(app: &mut App, width: u16, height: u16) -> Vec<String> {
    let terminal = screen(app, width, height, PLAIN);
    let buffer = terminal.backend().buffer();
    let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..height).map(line).collect()
}

fn key(app: &mut App, code: KeyCode) -> Outcome {
    app.key(KeyEvent::new(code, KeyModifiers::NONE))
}

fn word(app: &mut App, text: &str) {
    text.chars().for_each(|letter| assert_eq!(key(app, KeyCode::Char(letter)), Outcome::GoesOn));
}

fn addresses(app: &mut App) -> Vec<String> {
    let rows = lines(app, 80, 24);
    rows[3..23].iter().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn hosts_at_80x24() {
    let screen = lines(&mut app(), 80, 24);
    let expected = [
        "tctable  down 10.0 Mbit/s  up 1.0 Mbit/s  3 hosts  7 connections  1 h 2 min",
        " 1 Hosts   2 Classes   3 Totals   by rate",
        "HOST                       DOWN            UP BOTH*             CONNS      TOTAL",
        "10.0.0.1            10.0 Mbit/s    1.0 Mbit/s               █       3     1.4 MB",
        "2001:db8::2:3:4:5             -    2.0 Kbit/s               █       4      260 B",
        "10.0.0.2                      -             -                       0     5.0 MB",
    ];
    assert_eq!(screen[..6], expected, "{screen:#?}");
    assert!(screen[6..23].iter().all(String::is_empty), "{screen:#?}");
    assert_eq!(screen[23], "q quit  ? help  s sort  / filter  Enter connections  Tab next");
}

#[test]
fn hosts_at_200x50() {
    let screen = lines(&mut app(), 200, 50);
    assert_eq!(screen.len(), 50);
    assert!(screen[2].ends_with("CONNS      TOTAL") && screen[2].chars().count() == 200, "{screen:#?}");
    assert!(screen[3].starts_with("10.0.0.1 ") && screen[3].ends_with("1.4 MB"), "{screen:#?}");
    assert!(screen[49].starts_with("q quit"), "{screen:#?}");
}

/// No size makes it panic.
#[test]
fn any_size() {
    let mut app = app();
    for (width, height) in [(1, 1), (2, 3), (10, 4), (40, 10), (79, 23), (300, 2), (500, 200)] {
        for tab in 1..=3 {
            word(&mut app, &tab.to_string());
            lines(&mut app, width, height);
        }
        word(&mut app, "1?");
        lines(&mut app, width, height);
        word(&mut app, "?");
    }
}

#[test]
fn hosts_are_sorted_and_filtered() {
    let mut app = app();
    for (letter, order) in [
        ('t', ["10.0.0.2", "10.0.0.1", "2001:db8::2:3:4:5"]),
        ('c', ["2001:db8::2:3:4:5", "10.0.0.1", "10.0.0.2"]),
        ('a', ["10.0.0.1", "10.0.0.2", "2001:db8::2:3:4:5"]),
        ('u', ["10.0.0.1", "2001:db8::2:3:4:5", "10.0.0.2"]),
    ] {
        word(&mut app, &letter.to_string());
        assert_eq!(addresses(&mut app), order, "{letter}");
    }
    word(&mut app, "/0.2");
    assert_eq!(addresses(&mut app), ["10.0.0.2"]);
    assert!(lines(&mut app, 80, 24)[1].ends_with("/0.2_"));
    // Letters that are keys elsewhere are letters here.
    word(&mut app, "q");
    assert!(lines(&mut app, 80, 24).iter().any(|line| line.contains("no host is like that")));
    key(&mut app, KeyCode::Backspace);
    key(&mut app, KeyCode::Enter);
    assert_eq!(addresses(&mut app), ["10.0.0.2"]);
    key(&mut app, KeyCode::Esc);
    assert_eq!(addresses(&mut app).len(), 3);
    word(&mut app, "/2001:db8::/32");
    assert_eq!(addresses(&mut app), ["2001:db8::2:3:4:5"]);
}

#[test]
fn rates_need_two_looks_and_survive_zeroing() {
    let mut app = App::default();
    let at = Instant::now();
    app.take(hosts(&[host("10.0.0.1", 5_000_000, 0, 0)]), at);
    assert!(lines(&mut app, 80, 24)[0].starts_with("tctable  down 0 bit/s"));
    app.take(hosts(&[host("10.0.0.1", 1_000, 0, 0)]), at + Duration::from_secs(2));
    assert!(lines(&mut app, 80, 24)[3].contains("4.0 Kbit/s"));
    // It expired.
    app.take(hosts(&[]), at + Duration::from_secs(3));
    assert_eq!(addresses(&mut app), ["no"]);
}

#[test]
fn a_host_is_opened() {
    let mut app = app();
    // The bar is drawn on the first row before anything is chosen.
    lines(&mut app, 80, 24);
    key(&mut app, KeyCode::Enter);
    assert_eq!(app.wanted(), Wanted::Host("10.0.0.1".to_owned()));
    let side = |src: &str, dst: &str, bytes| json!({ "src": src, "dst": dst, "sport": 40000, "dport": 443, "packets": 1, "bytes": bytes });
    let connection = |src: &str, dst: &str, up, down| {
        let (original, reply) = (side(src, dst, up), side(dst, src, down));
        json!({ "protocol": "tcp", "state": "ESTABLISHED", "timeout": 300, "original": original, "reply": reply })
    };
    let list = [connection("10.0.0.1", "198.51.100.7", 10, 2_000), connection("203.0.113.9", "10.0.0.1", 50_000, 20)];
    let document = serde_json::from_value(json!({ "connections": list, "next": "0.5" })).unwrap();
    app.take(Sample::Host("10.0.0.1".to_owned(), document), Instant::now());
    let screen = lines(&mut app, 80, 24);
    assert!(screen[1].ends_with("connections of 10.0.0.1"), "{screen:#?}");
    assert_eq!(
        screen[2..5],
        [
            "PROTOCOL STATE        WITH                              DOWN         UP  TIMEOUT",
            "tcp      ESTABLISHED  from 203.0.113.9:443           50.0 KB       20 B    300 s",
            "tcp      ESTABLISHED  to 198.51.100.7:443             2.0 KB       10 B    300 s",
        ],
        "{screen:#?}"
    );
    assert_eq!(screen[22], "these are the first 2");
    key(&mut app, KeyCode::Esc);
    assert_eq!(app.wanted(), Wanted::Hosts);
}

#[test]
fn classes_have_rates() {
    let mut app = app();
    key(&mut app, KeyCode::Char('2'));
    assert_eq!((app.tab, app.wanted()), (Tab::Classes, Wanted::Classes));
    assert!(lines(&mut app, 80, 24).iter().any(|line| line.contains("no classes")));
    let classes = |bytes: u64| {
        let class = json!({
            "device": "eth0", "class": "1:10", "parent": "1:1", "rate": 10_000_000, "ceil": 100_000_000,
            "packets": 1, "bytes": bytes, "dropped": 12_345, "backlog": counter(300),
        });
        Sample::Classes(serde_json::from_value(json!({ "classes": [class] })).unwrap())
    };
    let at = Instant::now();
    app.take(classes(0), at);
    app.take(classes(500_000), at + Duration::from_secs(1));
    assert_eq!(
        lines(&mut app, 80, 24)[2..4],
        [
            "DEVICE     CLASS    HOST                    NOW          CEIL   DROPPED  WAITING",
            "eth0       1:10     -                4.0 Mbit/s  100.0 Mbit/s    12,345        3",
        ]
        .map(|line| line.to_owned())
    );
    assert!(lines(&mut app, 200, 50)[2].ends_with("RATE       SENT   PARENT"));
}

#[test]
fn help_lies_over_everything_and_goes_with_any_key() {
    let mut app = app();
    word(&mut app, "?");
    let screen = lines(&mut app, 80, 24);
    assert!(screen.iter().any(|line| line.contains("a host's connections")), "{screen:#?}");
    // It closes the help and does nothing else.
    assert_eq!(key(&mut app, KeyCode::Char('q')), Outcome::GoesOn);
    assert!(!lines(&mut app, 80, 24).iter().any(|line| line.contains("a host's connections")));
    assert_eq!(key(&mut app, KeyCode::Char('q')), Outcome::Quit);
    let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(app.key(control_c), Outcome::Quit);
}

#[test]
fn a_gateway_that_is_gone_is_told_and_the_rest_stays() {
    let mut app = app();
    app.take(Sample::Failed("nobody listens there".to_owned()), Instant::now());
    let screen = lines(&mut app, 80, 24);
    assert_eq!(screen[0], "tctable: nobody listens there");
    assert!(screen[3].starts_with("10.0.0.1"));
}

#[test]
fn without_colours_there_are_none() {
    let mut app = app();
    for (looks, any) in [(PLAIN, false), (Looks { colored: true, unicode: false }, true)] {
        let terminal = screen(&mut app, 80, 24, looks);
        let colored =
            terminal.backend().buffer().content().iter().any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset);
        assert_eq!(colored, any);
    }
    let ascii = screen(&mut app, 80, 24, Looks { colored: false, unicode: false });
    assert!(ascii.backend().buffer().content().iter().all(|cell| cell.symbol().is_ascii()));
}
