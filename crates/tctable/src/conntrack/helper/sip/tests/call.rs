use super::*;

const AUDIO: &[&str] = &["c=IN IP4 10.1.0.1", "t=0 0", "m=audio 4000 RTP/AVP 0"];

fn response(code: u16, sequence: &str, described: &[&str]) -> String {
    let body = if described.is_empty() { String::new() } else { description(described) };
    with_body(&format!("SIP/2.0 {code} X"), &[&format!("CSeq: {sequence}")], &body)
}

/// What the kernel expects for an INVITE with these lines.
#[test]
fn descriptions_are_understood_as_the_kernel_does() {
    let c = "c=IN IP4 10.1.0.1";
    let audio = |ports: &[u16]| media(TO_CLIENT, "audio", ports);
    let video = |ports: &[u16]| media(TO_CLIENT, "video", ports);
    let none = Vec::new;
    let cases: Vec<(Vec<&str>, Outcome, Vec<String>)> = vec![
        (vec![c, "m=audio 4000 RTP/AVP 0"], Accept, audio(&[4000, 4001])),
        (vec![c, "m=audio 4001 RTP/AVP 0"], Accept, audio(&[4000, 4001])),
        (vec![c, "m=audio 65535 RTP/AVP 0"], Accept, audio(&[65534, 65535])),
        (vec![c, "m=audio 4000"], Accept, audio(&[4000, 4001])),
        (vec![c, "m=audio 4000x x"], Accept, audio(&[4000, 4001])),
        (vec![c, "m=audio 00000004000 x"], Accept, audio(&[4000, 4001])),
        (vec![c, "M=audio 4000 x", "m=AUDIO 4002 x"], Accept, audio(&[4000, 4001])),
        (vec![c, "m=audio 4000 x", "m=video 4000 x"], Accept, audio(&[4000, 4001])),
        (vec![c, "m=application 4000 x", "m=audio 4002 x"], Accept, audio(&[4002, 4003])),
        (vec![c, "m=audio 0 x", "m=audio 0 x", "m=audio 0 x", "m=video 4006 x"], Accept, video(&[4006, 4007])),
        (vec![c, "m=audio 000000004000 x", "m=video 4006 x"], Accept, video(&[4006, 4007])),
        (vec![c, "m=audio 4294971296 x", "m=video 4006 x"], Accept, video(&[4006, 4007])),
        (vec![c, "m=audio  4000 x"], Accept, none()),
        (vec![c, "m=audio x y"], Accept, none()),
        (vec![c, "m=audio"], Accept, none()),
        (vec![c], Accept, none()),
        (vec![c, "m=audio 80 x"], Drop, none()),
        (vec![c, "m=audio 1023 x"], Drop, none()),
        (vec![c, "m=audio 65536 x"], Drop, none()),
        (vec!["m=audio 4000 x"], Drop, none()),
        (vec!["m=audio 4000 x", "a=1", c], Accept, audio(&[4000, 4001])),
        (vec!["m=audio 4000 x", c, "m=video 4002 x", "c=IN IP4 10.1.0.9"], Accept, audio(&[4000, 4001])),
        (vec!["c=IN IP4 10.1.0.7", "m=audio 4000 x"], Accept, none()),
        (vec!["c=IN IP4 10.1.0.1/127", "m=audio 4000 x"], Accept, audio(&[4000, 4001])),
        (vec!["c=x IN IP4 10.1.0.1 9", "m=audio 4000 x"], Accept, audio(&[4000, 4001])),
        (vec!["c=IN IP4 10.1.0.1a", "m=audio 4000 x"], Drop, none()),
        (vec!["c=IN IP4 example.org", "m=audio 4000 x"], Drop, none()),
        (vec!["c=in ip4 10.1.0.1", "m=audio 4000 x"], Drop, none()),
        (vec!["c=IN  IP4 10.1.0.1", "m=audio 4000 x"], Drop, none()),
        (vec!["c=IN IP6 fd01::1", "m=audio 4000 x"], Drop, none()),
    ];
    for (described, outcome, expected) in cases {
        let mut tables = Tables::new();
        let mut talk = Talk::new(udp(), Family::V4, &mut tables);
        assert_eq!(talk.say(&mut tables, Original, invite(&described)), outcome, "{described:?}");
        assert_eq!(tables.expected(NOW), expected, "{described:?}");
    }
}

#[test]
fn three_media_are_read_and_four_connections_of_a_class_expected() {
    let mut tables = Tables::new();
    let mut talk = Talk::new(udp(), Family::V4, &mut tables);
    let lines = ["c=IN IP4 10.1.0.1", "m=audio 4000 x", "m=audio 4002 x", "m=audio 4004 x", "m=audio 4006 x"];
    assert_eq!(talk.say(&mut tables, Original, invite(&lines)), Accept);
    assert_eq!(tables.expected(NOW), media(TO_CLIENT, "audio", &[4002, 4003, 4004, 4005]));
}

#[test]
fn ipv6_descriptions_are_understood_as_the_kernel_does() {
    let cases = [
        ("c=IN IP6 fd01::1", Accept, true),
        ("c=IN IP6 fd01:0:0:0:0:0:0:1/3", Accept, true),
        ("c=IN IP6 fd01::1g", Accept, true),
        ("c=IN IP6 fd01::00001", Accept, true),
        ("c=IN IP6 fd01::0.0.0.1", Accept, true),
        ("c=IN IP6 fd01:0:0:0:0:0:0:1:5", Drop, false),
        ("c=IN IP6 fd01::1::", Drop, false),
        ("c=IN IP6 fd01::1:", Drop, false),
        ("c=IN IP4 10.1.0.1", Drop, false),
    ];
    for (line, outcome, expects) in cases {
        let mut tables = Tables::new();
        let mut talk = Talk::new(udp(), Family::V6, &mut tables);
        assert_eq!(talk.say(&mut tables, Original, invite(&[line, "m=audio 4000 x"])), outcome, "{line}");
        let ports: &[u16] = if expects { &[4000, 4001] } else { &[] };
        assert_eq!(tables.expected(NOW), media(TO_CLIENT6, "audio", ports), "{line}");
    }
}

#[test]
fn both_ends_describe_what_they_receive_until_the_call_ends() {
    let mut tables = Tables::new();
    let mut talk = Talk::new(udp(), Family::V4, &mut tables);
    let client = ["c=IN IP4 10.1.0.1", "m=audio 4000 x", "m=video 4002 x", "m=image 4004 udptl t38"];
    let server = ["c=IN IP4 10.2.0.1", "m=audio 5000 x", "m=video 5002 x", "m=image 5004 udptl t38"];
    talk.say(&mut tables, Original, invite(&client));
    talk.say(&mut tables, Reply, response(183, "1 INVITE", &server));
    let mut expected = media(TO_SERVER, "audio", &[5000, 5001]);
    expected.extend(media(TO_SERVER, "video", &[5002, 5003]));
    expected.extend(media(TO_SERVER, "image", &[5004, 5005]));
    expected.extend(media(TO_CLIENT, "audio", &[4000, 4001]));
    expected.extend(media(TO_CLIENT, "video", &[4002, 4003]));
    // Two of a class of two: the server's took the client's place.
    assert_eq!(tables.expected(NOW), expected);

    talk.say(&mut tables, Original, with_body("BYE sip:x@10.2.0.1 SIP/2.0", &["CSeq: 2 BYE"], ""));
    assert_eq!(tables.expected(NOW), [""; 0]);
}

#[test]
fn a_refusal_of_the_last_invitation_ends_the_call() {
    let mut tables = Tables::new();
    let mut talk = Talk::new(udp(), Family::V4, &mut tables);
    talk.say(&mut tables, Original, register(&["CSeq: 1 REGISTER", CONTACT, "Expires: 600"]));
    talk.say(&mut tables, Original, invite(AUDIO));
    for (code, sequence, left) in [(100, "1 INVITE", 3), (486, "9 INVITE", 3), (486, "1 BYE", 3), (486, "1 INVITE", 1)]
    {
        talk.say(&mut tables, Reply, response(code, sequence, &[]));
        assert_eq!(tables.expected(NOW).len(), left, "{code} {sequence}");
    }
}

#[test]
fn an_invitation_replaces_and_other_requests_add() {
    let mut tables = Tables::new();
    let mut talk = Talk::new(udp(), Family::V4, &mut tables);
    let mut describe = |tables: &mut Tables, method: &str, port: u16| {
        let body = description(&["c=IN IP4 10.1.0.1", &format!("m=audio {port} x")]);
        let start = format!("{method} sip:x@10.2.0.1 SIP/2.0");
        assert_eq!(talk.say(tables, Original, with_body(&start, &[&format!("CSeq: 1 {method}")], &body)), Accept);
        tables.expected(NOW)
    };
    let audio = |ports: &[u16]| media(TO_CLIENT, "audio", ports);
    assert_eq!(describe(&mut tables, "UPDATE", 4000), audio(&[4000, 4001]));
    assert_eq!(describe(&mut tables, "PRACK", 4100), audio(&[4000, 4001, 4100, 4101]));
    assert_eq!(describe(&mut tables, "ACK", 4200), audio(&[4100, 4101, 4200, 4201]));
    assert_eq!(describe(&mut tables, "CANCEL", 4300), audio(&[4100, 4101, 4200, 4201]));
    assert_eq!(describe(&mut tables, "INVITE", 4400), audio(&[4400, 4401]));
}

#[test]
fn a_stream_that_another_connection_described_is_expected_once() {
    let mut tables = Tables::new();
    let mut first = Talk::new(udp(), Family::V4, &mut tables);
    first.say(&mut tables, Original, invite(AUDIO));
    for line in ["m=audio 4000 x", "m=video 4000 x", "m=audio 4001 x"] {
        let mut other = Talk::new(udp(), Family::V4, &mut tables);
        assert_eq!(other.say(&mut tables, Original, invite(&["c=IN IP4 10.1.0.1", line])), Accept);
        assert_eq!(tables.expected(NOW), media(TO_CLIENT, "audio", &[4000, 4001]), "{line}");
    }
    first.end(&mut tables);
    assert_eq!(tables.expected(NOW), [""; 0]);
}

#[test]
fn media_may_be_let_in_for_and_from_anyone() {
    let mut tables = Tables::new();
    let mut talk = Talk::new(Sip { direct_media: false, ..udp() }, Family::V4, &mut tables);
    talk.say(&mut tables, Original, invite(&["c=IN IP4 10.1.0.7", "m=audio 4000 x"]));
    assert_eq!(tables.expected(NOW), media("l3proto = 2 proto=17 src=0.0.0.0 dst=10.1.0.7", "audio", &[4000, 4001]));
}

#[test]
fn what_a_helper_without_room_cannot_expect_is_dropped_whole() {
    let mut tables = Tables::new();
    tables.expectations = crate::conntrack::expect::Expectations::new(1, Default::default());
    let mut talk = Talk::new(udp(), Family::V4, &mut tables);
    assert_eq!(talk.say(&mut tables, Original, invite(AUDIO)), Drop);
    assert_eq!(tables.expected(NOW), [""; 0], "not RTP without RTCP");
}

#[test]
fn a_line_feed_alone_hides_the_line_after_it() {
    let whole = invite(AUDIO);
    let (body, empty) = (whole.replace("\r\n", "\n"), whole.replace("\r\n\r\n", "\r\n\n\n"));
    for (message, expects) in [(&whole, true), (&body, false), (&empty, true)] {
        let mut tables = Tables::new();
        let mut talk = Talk::new(udp(), Family::V4, &mut tables);
        assert_eq!(talk.say(&mut tables, Original, message), Accept);
        assert_eq!(!tables.expectations.is_empty(), expects, "{message:?}");
    }
}

#[test]
fn requests_may_come_from_the_server() {
    let mut tables = Tables::new();
    let mut talk = Talk::new(udp(), Family::V4, &mut tables);
    talk.say(&mut tables, Reply, invite(&["c=IN IP4 10.2.0.1", "m=audio 4000 x"]));
    assert_eq!(tables.expected(NOW), media(TO_SERVER, "audio", &[4000, 4001]));
}

#[test]
fn a_long_line_of_contacts_takes_time_in_proportion() {
    // 12,000 unreadable URIs before one at-sign: with a search for it from each of them this would take seconds.
    let contact = format!("Contact: x{}@", ",sip:".repeat(12_000));
    let mut tables = Tables::new();
    let mut talk = Talk::new(udp(), Family::V4, &mut tables);
    talk.say(&mut tables, Original, register(&["CSeq: 1 REGISTER", CONTACT, "Expires: 600"]));
    let answer = lines(&["SIP/2.0 200 OK", "CSeq: 1 REGISTER", &contact]);
    assert_eq!(talk.say(&mut tables, Reply, answer), Accept);
    assert_eq!(tables.expected(NOW), [""; 0]);
}

/// The kernel has a helper for UDP and one for TCP: only what the same one expects already is left to it whole.
#[test]
fn media_that_another_connections_helper_expects() {
    let line = ["c=IN IP4 10.1.0.1", "m=audio 4000 x"];
    for (second, expected) in [(Transport::Udp, &[4000][..]), (Transport::Tcp, &[4000, 4001])] {
        let mut tables = Tables::new();
        assert_eq!(Talk::new(udp(), Family::V4, &mut tables).say(&mut tables, Original, invite(&line)), Accept);
        // The second of both has come.
        let came = tuple(protocol::UDP, (SERVER, 0), (CLIENT, 4001));
        assert!(tables.expectations.remove(&came, 0));
        let mut talk = Talk::new(Sip::new(second), Family::V4, &mut tables);
        assert_eq!(talk.say(&mut tables, Original, invite(&line)), Accept);
        assert_eq!(tables.expected(NOW), media(TO_CLIENT, "audio", expected), "{second:?}");
    }
}
