use super::*;
use crate::conntrack::CtState;

const TO_CLIENT_TCP: &str = "l3proto = 2 proto=6 src=10.2.0.1 dst=10.1.0.1";

fn tcp(tables: &mut Tables) -> Talk {
    Talk::new(Sip::new(Transport::Tcp), Family::V4, tables)
}

fn describe(method: &str, port: u16) -> String {
    let body = description(&["c=IN IP4 10.1.0.1", &format!("m=audio {port} x")]);
    with_body(&format!("{method} sip:x@10.2.0.1 SIP/2.0"), &[&format!("CSeq: 1 {method}")], &body)
}

/// What the kernel expects for a REGISTER with this header in a segment of its own.
#[test]
fn lengths_are_understood_as_the_kernel_does() {
    let cases = [
        ("Content-Length: 0", true),
        ("content-length : 00", true),
        ("l: 0", true),
        ("Content-Length: 0x", true),
        ("Content-Length: 00000000000", true),
        ("Content-Length: 1", false),
        ("Content-Length: +0", false),
        ("Content-Length: x", false),
        ("Content-Length: 4294967295", false),
        ("Content-Length: 4294967296", false),
        ("X: 0", false),
    ];
    for (header, expects) in cases {
        let mut tables = Tables::new();
        let mut talk = tcp(&mut tables);
        let message = register(&["CSeq: 1 REGISTER", CONTACT, "Expires: 600", header]);
        assert_eq!(talk.say(&mut tables, Original, message), Accept);
        let line = format!("180 {TO_CLIENT_TCP} sport=0 dport=5062 PERMANENT,INACTIVE sip/signalling");
        let expected: &[String] = if expects { &[line] } else { &[] };
        assert_eq!(tables.expected(NOW), expected, "{header}");
    }
}

#[test]
fn messages_follow_each_other() {
    let mut tables = Tables::new();
    let mut talk = tcp(&mut tables);
    let two = describe("INVITE", 4000) + &describe("ACK", 4100);
    assert_eq!(talk.say(&mut tables, Original, two), Accept);
    assert_eq!(tables.expected(NOW), media(TO_CLIENT, "audio", &[4000, 4001, 4100, 4101]));
}

#[test]
fn a_bad_message_drops_the_segment_but_not_what_was_before() {
    let mut tables = Tables::new();
    let mut talk = tcp(&mut tables);
    let two = describe("INVITE", 4000) + &describe("ACK", 80);
    assert_eq!(talk.say(&mut tables, Original, two), Drop);
    assert_eq!(tables.expected(NOW), media(TO_CLIENT, "audio", &[4000, 4001]));
}

#[test]
fn a_message_that_is_not_whole_is_not_read() {
    let whole = describe("INVITE", 4000);
    for length in 0..whole.len() {
        let mut tables = Tables::new();
        let mut talk = tcp(&mut tables);
        assert_eq!(talk.say(&mut tables, Original, &whole[..length]), Accept);
        assert_eq!(tables.expected(NOW), [""; 0]);
    }
}

#[test]
fn of_a_segment_that_was_cut_what_was_kept_is_read() {
    let mut tables = Tables::new();
    let mut talk = tcp(&mut tables);
    let whole = describe("INVITE", 4000);
    let kept = whole.len() - 4;
    assert_eq!(talk.say_cut(&mut tables, Original, &whole[..kept], 4), Accept);
    assert_eq!(tables.expected(NOW), media(TO_CLIENT, "audio", &[4000, 4001]));
    // So far that its header's end is missing.
    let register = register(&["CSeq: 1 REGISTER", CONTACT, "Expires: 600", "l: 0"]);
    let kept = register.len() - 12;
    talk.say_cut(&mut tables, Original, &register[..kept], 12);
    assert_eq!(tables.expected(NOW).len(), 3);
}

#[test]
fn nothing_is_read_before_an_answer() {
    let mut tables = Tables::new();
    let mut talk = tcp(&mut tables);
    talk.state = CtState::New;
    talk.say(&mut tables, Original, describe("INVITE", 4000));
    assert_eq!(tables.expected(NOW), [""; 0]);
    assert_eq!(talk.consequences.timeout, None);
}

#[test]
fn a_contact_must_be_for_tcp() {
    for (transport, expects) in [("tcp", 1), ("TCP", 1), ("udp", 0)] {
        let mut tables = Tables::new();
        let mut talk = tcp(&mut tables);
        let contact = format!("Contact: <sip:u@10.1.0.1:5062;transport={transport}>");
        talk.say(&mut tables, Original, register(&["CSeq: 1 REGISTER", &contact, "Expires: 600", "l: 0"]));
        assert_eq!(tables.expected(NOW).len(), expects);
    }
}
