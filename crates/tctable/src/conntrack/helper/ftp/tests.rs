use super::super::testing::*;
use super::*;
use crate::conntrack::CtState;
use crate::conntrack::helper::Outcome::{Accept, Drop};
use crate::packet::Family;

/// What the kernel does with a line of the client after a first one.
const COMMANDS: [(&str, Outcome, Option<u16>); 30] = [
    ("PORT 10,1,0,1,4,1\r\n", Accept, Some(1025)),
    ("port 10,1,0,1,4,1\r\n", Accept, Some(1025)),
    ("PORTX 10,1,0,1,4,1\r\n", Accept, Some(1025)),
    ("PORT 10,1,0,1,300,1\r\n", Accept, Some(11265)),
    ("PORT 10,1,0,1,0,0\r\n", Accept, Some(0)),
    ("PORT 10,1,0,1,4,1\rand more", Accept, Some(1025)),
    ("PORT 10,1,0,1,4,1\n", Drop, None),
    ("PORT 10,1,0,1,4,1,\r\n", Drop, None),
    ("PORT 10,1,0,1,4", Drop, None),
    ("PORT  10,1,0,1,4,1\r\n", Drop, None),
    ("PORT ", Drop, None),
    ("PORT", Drop, None),
    ("PO", Drop, None),
    ("E", Drop, None),
    ("X", Accept, None),
    ("PORT 10,1,0,9,4,1\r\n", Accept, None),
    ("NOOP\r\nPORT 10,1,0,1,4,1\r\n", Accept, None),
    ("227 (10,1,0,1,4,1)\r\n", Accept, None),
    ("EPRT |1|10.1.0.1|1025|\r\n", Accept, Some(1025)),
    ("EPRT a1a10.1.0.1a99a\r\n", Accept, Some(99)),
    ("EPRT |1|10.1.0.1|70000|\r\n", Accept, Some(4464)),
    ("EPRT |1|10.1.0.9|1025|\r\n", Accept, None),
    ("EPRT |1|10.1.0.1|1025", Drop, None),
    ("EPRT |1|10.1.0.1|0|\r\n", Drop, None),
    ("EPRT |1|10.1.0.1||\r\n", Drop, None),
    ("EPRT |1|10.1.0|1025|\r\n", Drop, None),
    ("EPRT |2|fd01::1|1025|\r\n", Drop, None),
    ("EPRT 111110.1.0.1|1025|\r\n", Drop, None),
    ("EPRT 1", Drop, None),
    ("EPRT |1|", Drop, None),
];

/// What the kernel does with a line of the server after a first one.
const ANSWERS: [(&str, Outcome, Option<u16>); 19] = [
    ("227 Entering Passive Mode (10,2,0,1,4,1)\r\n", Accept, Some(1025)),
    ("227 10,2,0,1,4,1\r\n", Accept, Some(1025)),
    ("227 =10,2,0,1,4,1x", Accept, Some(1025)),
    ("227 10,2,0,1,4,1", Drop, None),
    ("227 none\r\n", Drop, None),
    ("227", Drop, None),
    ("22", Drop, None),
    ("2", Drop, None),
    ("227 Entering Passive Mode (10,2,0,7,4,1)\r\n", Accept, None),
    ("227-Entering (10,2,0,1,4,1)\r\n", Accept, None),
    ("226 done\r\n", Accept, None),
    ("229 Ok (|||1025|)\r\n", Accept, Some(1025)),
    ("229 Ok (!!!1025!x", Accept, Some(1025)),
    ("229 Ok (|||1025)\r\n", Drop, None),
    ("229 Ok |||1025|\r\n", Drop, None),
    ("229 Ok (||1025|)\r\n", Drop, None),
    ("229 Ok (|||0|)\r\n", Drop, None),
    ("229 Ok (|!|1025|)\r\n", Drop, None),
    ("229 x", Drop, None),
];

#[test]
fn lines_are_understood_as_the_kernel_does() {
    let commands = COMMANDS.map(|case| (Original, "USER x\r\n", SERVER, CLIENT, case));
    let answers = ANSWERS.map(|case| (Reply, "220 hi\r\n", CLIENT, SERVER, case));
    for (direction, greeting, from, to, (line, outcome, port)) in commands.into_iter().chain(answers) {
        let mut tables = Tables::new();
        let mut talk = Talk::new(Ftp::default(), Family::V4, &mut tables);
        assert_eq!(talk.say(&mut tables, direction, greeting), Accept);
        assert_eq!(talk.say(&mut tables, direction, line), outcome, "{line:?}");
        assert_eq!(tables.expected(NOW), tcp_lines("ftp", from, to, port.as_slice()), "{line:?}");
    }
}

#[test]
fn ipv6_lines_are_understood_as_the_kernel_does() {
    let full = |ip: &str| format!("{}:0000:0000:0000:0000:0000:0000:0001", &ip[..4]);
    let cases = [
        (Original, "EPRT |2|fd01::1|1025|\r\n", Accept, Some(1025)),
        (Original, "EPRT |2|fd01:0:0:0:0:0:0:1|1025|\r\n", Accept, Some(1025)),
        (Original, "EPRT |2|fd01::00001|1025|\r\n", Accept, Some(1025)),
        (Original, "EPRT |2|fd01::2|1025|\r\n", Accept, None),
        (Original, "EPRT |2|fd01::ffff:1.2.3.4|1025|\r\n", Accept, None),
        (Original, "EPRT |2|fd01::1||\r\n", Drop, None),
        (Original, "EPRT |1|10.1.0.1|1025|\r\n", Drop, None),
        (Original, "PORT 10,1,0,1,4,1\r\n", Accept, None),
        (Reply, "229 Ok (|||1025|)\r\n", Accept, Some(1025)),
        (Reply, "227 Entering (10,2,0,1,4,1)\r\n", Accept, None),
    ];
    for (direction, line, outcome, port) in cases {
        let mut tables = Tables::new();
        let mut talk = Talk::new(Ftp::default(), Family::V6, &mut tables);
        talk.say(&mut tables, direction, "\r\n");
        assert_eq!(talk.say(&mut tables, direction, line), outcome, "{line:?}");
        let (from, to) = if direction == Original { (SERVER6, CLIENT6) } else { (CLIENT6, SERVER6) };
        let expected: Vec<String> = port
            .iter()
            .map(|port| {
                format!("300 l3proto = 10 proto=6 src={} dst={} sport=0 dport={port} ftp", full(from), full(to))
            })
            .collect();
        assert_eq!(tables.expected(NOW), expected, "{line:?}");
    }
}

#[test]
fn a_line_counts_only_after_a_newline_that_was_seen() {
    const LINE: &str = "PORT 10,1,0,1,4,1\r\n";
    let talk = |lines: &[&str]| {
        let mut tables = Tables::new();
        let mut talk = Talk::new(Ftp::default(), Family::V4, &mut tables);
        lines.iter().for_each(|line| assert_eq!(talk.say(&mut tables, Original, line), Accept));
        tables.expected(NOW).len()
    };
    assert_eq!(talk(&[LINE]), 0);
    assert_eq!(talk(&[LINE, LINE]), 1);
    assert_eq!(talk(&["USER x\r\n", "xx", LINE]), 0);
    assert_eq!(talk(&["USER x\r\n", "xx", "yy\r\n", LINE]), 1);
}

#[test]
fn a_segment_that_was_dropped_is_read_when_it_comes_whole() {
    let mut tables = Tables::new();
    let mut talk = Talk::new(Ftp::default(), Family::V4, &mut tables);
    let line = b"PORT 10,1,0,1,4,1\r\n";
    talk.say_at(&mut tables, Original, b"USER x\r\n", 8, 100);
    assert_eq!(talk.say_at(&mut tables, Original, &line[..9], 9, 108), Drop);
    assert_eq!(talk.say_at(&mut tables, Original, line, 19, 108), Accept);
    assert_eq!(tables.expected(NOW).len(), 1);
}

#[test]
fn the_two_newest_line_beginnings_are_known() {
    let mut tables = Tables::new();
    let mut talk = Talk::new(Ftp::default(), Family::V4, &mut tables);
    let end = 200u32.wrapping_sub(300);
    for sequence in [end, 200, 300, 250] {
        talk.say_at(&mut tables, Original, b"\n", 1, sequence);
    }
    // 301 and 251 stay: 201 was older than 251.
    for (sequence, expected) in [(end.wrapping_add(1), 0), (201, 0), (251, 1)] {
        talk.say_at(&mut tables, Original, b"PORT 10,1,0,1,4,1\r", 18, sequence);
        assert_eq!(tables.expected(NOW).len(), expected, "{sequence}");
    }
}

#[test]
fn nothing_is_read_before_an_answer() {
    let mut tables = Tables::new();
    let mut talk = Talk::new(Ftp::default(), Family::V4, &mut tables);
    talk.state = CtState::New;
    talk.say(&mut tables, Original, "USER x\r\n");
    talk.state = CtState::Established;
    talk.say(&mut tables, Original, "PORT 10,1,0,1,4,1\r\n");
    assert_eq!(tables.expected(NOW), [""; 0]);
}

#[test]
fn one_connection_is_expected_at_a_time() {
    let mut tables = Tables::new();
    let mut talk = Talk::new(Ftp::default(), Family::V4, &mut tables);
    talk.say(&mut tables, Original, "\r\n");
    for port in ["1", "2", "2"] {
        assert_eq!(talk.say(&mut tables, Original, format!("PORT 10,1,0,1,4,{port}\r\n")), Accept);
    }
    assert_eq!(tables.expected(NOW), tcp_lines("ftp", SERVER, CLIENT, &[1026]));
    talk.wait(&mut tables, Duration::from_secs(300));
    assert_eq!(tables.expected(NOW), [""; 0]);
}

#[test]
fn what_another_connection_expects_is_refused() {
    let mut tables = Tables::new();
    let mut one = Talk::new(Ftp::default(), Family::V4, &mut tables);
    let mut other = Talk::new(Ftp::default(), Family::V4, &mut tables);
    for talk in [&mut one, &mut other] {
        talk.say(&mut tables, Original, "\r\n");
    }
    assert_eq!(one.say(&mut tables, Original, "PORT 10,1,0,1,4,1\r\n"), Accept);
    assert_eq!(other.say(&mut tables, Original, "PORT 10,1,0,1,4,1\r\n"), Drop);
    one.end(&mut tables);
    assert!(tables.expectations.is_empty());
}

#[test]
fn a_loose_helper_believes_other_addresses() {
    let mut tables = Tables::new();
    let mut talk = Talk::new(Ftp { loose: true }, Family::V4, &mut tables);
    talk.say(&mut tables, Reply, "\r\n");
    talk.say(&mut tables, Reply, "227 (10,2,0,7,4,1)\r\n");
    assert_eq!(tables.expected(NOW), tcp_lines("ftp", CLIENT, "10.2.0.7", &[1025]));
}

#[test]
fn a_packet_that_was_cut_is_never_dropped_for_it() {
    let mut tables = Tables::new();
    let mut talk = Talk::new(Ftp::default(), Family::V4, &mut tables);
    assert_eq!(talk.say_cut(&mut tables, Reply, "220 Welc", 10), Accept);
    assert_eq!(talk.say_cut(&mut tables, Reply, "227 Entering Pass", 30), Accept);
    assert_eq!(tables.expected(NOW), [""; 0]);
    assert_eq!(talk.say_cut(&mut tables, Reply, "227 Ok 10,2,0,1,4,1)", 5), Accept);
    assert_eq!(tables.expected(NOW), tcp_lines("ftp", CLIENT, SERVER, &[1025]));
}
