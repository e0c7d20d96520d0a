use super::*;

/// Seconds left and flags of the one line that is expected.
fn state(tables: &Tables, now: crate::time::Instant) -> Option<(String, u16, bool)> {
    let expectation = tables.expectations.iter().next()?;
    assert_eq!(tables.expectations.len(), 1);
    let line = crate::text::expectation(expectation, now).to_string();
    let (seconds, rest) = line.split_once(' ').unwrap();
    let active = format!("{TO_CLIENT} sport=0 dport={} PERMANENT sip/signalling", expectation.tuple.destination_port);
    assert!(rest == active || rest == active.replace("PERMANENT", "PERMANENT,INACTIVE"), "{rest}");
    assert_eq!(expectation.attach, Some("sip"));
    Some((seconds.to_owned(), expectation.tuple.destination_port, rest == active))
}

fn ok(headers: &[&str]) -> String {
    lines(&[&["SIP/2.0 200 OK", "CSeq: 1 REGISTER"], headers].concat())
}

/// What the kernel does with a REGISTER whose headers are these.
#[test]
fn registrations_are_understood_as_the_kernel_does() {
    let contact =
        |text: &str| vec!["CSeq: 1 REGISTER".to_owned(), format!("Contact: {text}"), "Expires: 600".to_owned()];
    let sequence = |text: &str| vec![format!("CSeq: {text} REGISTER"), CONTACT.to_owned(), "Expires: 600".to_owned()];
    let expires = |text: &str| vec!["CSeq: 1 REGISTER".to_owned(), CONTACT.to_owned(), format!("Expires: {text}")];
    let of_contact = |text: &str| vec!["CSeq: 1 REGISTER".to_owned(), format!("{CONTACT};expires={text}")];
    let cases = [
        (contact("<sip:u@10.1.0.1:5062>"), Accept, Some(5062)),
        (contact("<sip:u@10.1.0.1>"), Accept, Some(5060)),
        (contact("<sip:10.1.0.1:5062>"), Accept, Some(5062)),
        (contact("\r\n <sip:u@10.1.0.1:5062>"), Accept, Some(5062)),
        (contact("\"A, B\" <SIP:u@10.1.0.1:5062>"), Accept, Some(5062)),
        (contact("<sip:u@10.01.000.0001:5062>"), Accept, Some(5062)),
        (contact("<sip:u@10.1.0.1g>"), Accept, Some(5060)),
        (contact("<sip:u@10.1.0.1:1024>"), Accept, Some(1024)),
        (contact("<sip:u@10.1.0.1:65535>"), Accept, Some(65535)),
        (contact("<sip:u@10.1.0.1:05062>"), Accept, Some(5062)),
        (contact("<sip:u@10.1.0.1:5062x>"), Accept, Some(5062)),
        (contact("<sip:u@10.1.0.1:5062;transport=UDP>"), Accept, Some(5062)),
        (contact("<sip:10.1.0.1@10.1.0.1>"), Accept, Some(5060)),
        (contact("<sip:u@10.1.0.1:80>\r\nContact: <sip:u@10.1.0.1:5062>"), Accept, Some(5062)),
        (contact("<sip:u@example.org>\r\nm: <sip:u@10.1.0.1:5062>"), Accept, Some(5062)),
        (contact("<sip:u@example.org>, <sip:u@10.1.0.1:5062>"), Accept, None),
        (contact("<sip:u@10.1.0.1:5062;transport=tcp>"), Accept, None),
        (contact("<sip:u@10.1.0.1:5062;transport=sctp>"), Accept, None),
        (contact("<sip:u@10.1.0.7:5062>"), Accept, None),
        (contact("<sip:u@10.1.0.256:5062>"), Accept, None),
        (contact("<sip:u@10.1.0.1a>"), Accept, None),
        (contact("<sip:u@example.org:5062>"), Accept, None),
        (contact("<sips:u@10.1.0.1:5062>"), Accept, None),
        (contact("<sip:x@y@10.1.0.1>"), Accept, None),
        (contact("*"), Accept, None),
        (contact("<sip:u@10.1.0.1:0>"), Accept, None),
        (contact("<sip:u@10.1.0.1:1023>"), Accept, None),
        (contact("<sip:u@10.1.0.1:65536>"), Accept, None),
        (contact("<sip:u@10.1.0.1:4294968320>"), Accept, None),
        (contact("<sip:u@10.1.0.1:005062>"), Accept, None),
        (contact("<sip:u@10.1.0.1:>"), Accept, None),
        (contact("<sip:u@10.1.0.1:+5062>"), Accept, None),
        (vec!["CSeq: 1 REGISTER".to_owned(), "Expires: 5".to_owned()], Accept, None),
        // A name that goes on is no header, and none is looked for after it.
        (contact("x\r\nContactx: 1").split_off(1), Drop, None),
        (sequence("0"), Accept, Some(5062)),
        (sequence("1x"), Accept, Some(5062)),
        (sequence("4294967295"), Accept, Some(5062)),
        (sequence("00000000001"), Accept, Some(5062)),
        (sequence("000000000001"), Drop, None),
        (sequence("4294967296"), Drop, None),
        (sequence("x"), Drop, None),
        (sequence("+1"), Drop, None),
        (sequence(""), Drop, None),
        (vec![CONTACT.to_owned(), "Expires: 5".to_owned()], Drop, None),
        (expires("5x"), Accept, Some(5062)),
        (expires("4294967295"), Accept, Some(5062)),
        (expires("00000000007"), Accept, Some(5062)),
        (expires("000000000007"), Accept, None),
        (expires("4294967296"), Accept, None),
        (expires("0"), Accept, None),
        (expires("x"), Accept, None),
        (expires(""), Accept, None),
        (of_contact("33"), Accept, Some(5062)),
        (of_contact("33;q=1"), Accept, Some(5062)),
        (of_contact("0001"), Accept, Some(5062)),
        (of_contact("0"), Accept, None),
        (of_contact("0x10"), Accept, None),
        (of_contact("x"), Drop, None),
        (of_contact(""), Drop, None),
        (of_contact("-5"), Drop, None),
        (of_contact("4294967296"), Drop, None),
        (of_contact("000000000005"), Drop, None),
    ];
    for (headers, outcome, port) in cases {
        let mut tables = Tables::new();
        let mut talk = Talk::new(udp(), Family::V4, &mut tables);
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        assert_eq!(talk.say(&mut tables, Original, register(&headers)), outcome, "{headers:?}");
        let expected = port.map(|port| ("180".to_owned(), port, false));
        assert_eq!(state(&tables, NOW), expected, "{headers:?}");
    }
}

#[test]
fn a_header_with_a_longer_name_hides_those_after_it() {
    let mut tables = Tables::new();
    let mut talk = Talk::new(udp(), Family::V4, &mut tables);
    let headers = ["CSeq: 1 REGISTER", "Contactx: 1", CONTACT, "Expires: 600"];
    assert_eq!(talk.say(&mut tables, Original, register(&headers)), Accept);
    assert_eq!(state(&tables, NOW), None);
}

/// What the kernel expects where the message ends right there.
#[test]
fn something_must_follow_a_contacts_address() {
    let ends = [
        (":5062>", Some(5062)),
        (":5062\r", Some(5062)),
        (">", Some(5060)),
        (" ", Some(5060)),
        ("", None),
        (":", None),
        (":5062", None),
        (":50621", None),
    ];
    for (end, port) in ends {
        let mut tables = Tables::new();
        let mut talk = Talk::new(udp(), Family::V4, &mut tables);
        let headers = register(&["Expires: 5", "CSeq: 1 REGISTER"]);
        let message = format!("{}Contact: <sip:u@10.1.0.1{end}", headers.trim_end_matches("\r\n").to_owned() + "\r\n");
        assert_eq!(talk.say(&mut tables, Original, message), Accept);
        assert_eq!(state(&tables, NOW).map(|(_, port, _)| port), port, "{end:?}");
    }
}

/// What the kernel does with the answer to a REGISTER.
#[test]
fn answers_are_understood_as_the_kernel_does() {
    let answer = |code: &str, headers: &[&str]| {
        lines(&[&[format!("SIP/2.0 {code} X").as_str(), "CSeq: 1 REGISTER"], headers].concat())
    };
    let active = |seconds: &str| Some((seconds.to_owned(), 5062, true));
    let waiting = Some(("180".to_owned(), 5062, false));
    let expires = format!("{CONTACT};expires=100");
    let others = "Contact: <sip:v@10.1.0.1:5070>;expires=10";
    let cases = [
        (ok(&[&expires]), Accept, active("100")),
        (ok(&[CONTACT, "Expires: 50"]), Accept, active("50")),
        (ok(&[&format!("{CONTACT} ; x=y ; EXPIRES=010"), "Expires: 50"]), Accept, active("10")),
        (ok(&[&format!("{others}, <sip:u@10.1.0.1:5062>;expires=70")]), Accept, active("70")),
        (ok(&[others, "m: <sip:u@10.1.0.1:5062>;expires=71"]), Accept, active("71")),
        (ok(&[&format!("{CONTACT};expires=4294967295")]), Accept, active("4294967295")),
        (ok(&[CONTACT]), Accept, None),
        (ok(&[&format!("{CONTACT};expires=0")]), Accept, None),
        (ok(&[others]), Accept, None),
        (ok(&[]), Accept, None),
        (ok(&["Contact: <sip:u@10.1.0.1:80>"]), Accept, None),
        (ok(&[&format!("{CONTACT};expires=x")]), Drop, waiting.clone()),
        (answer("0200", &[&expires]), Accept, active("100")),
        (answer("00000000200", &[&expires]), Accept, active("100")),
        (answer("200x", &[&expires]), Accept, active("100")),
        (answer("299", &[&expires]), Accept, active("100")),
        (answer("100", &[&expires]), Accept, waiting.clone()),
        (answer("199", &[&expires]), Accept, waiting.clone()),
        (answer("99", &[&expires]), Accept, None),
        (answer("300", &[&expires]), Accept, None),
        (answer("401", &[&expires]), Accept, None),
        (answer("2000", &[&expires]), Accept, None),
        (answer("000", &[&expires]), Drop, waiting.clone()),
        (answer("000000000200", &[&expires]), Drop, waiting.clone()),
        (answer("4294967496", &[&expires]), Drop, waiting.clone()),
        (answer("+200", &[&expires]), Drop, waiting.clone()),
        (lines(&["SIP/2.0 200 OK", "CSeq: 2 REGISTER", &expires]), Accept, waiting.clone()),
        (lines(&["SIP/2.0 200 OK", "CSeq: 1  REGISTER", &expires]), Accept, waiting.clone()),
        (lines(&["SIP/2.0 200 OK", "cseq:1 register", &expires]), Accept, active("100")),
        (lines(&["SIP/2.0 200 OK", &expires]), Drop, waiting),
    ];
    for (message, outcome, expected) in cases {
        let mut tables = Tables::new();
        let mut talk = Talk::new(udp(), Family::V4, &mut tables);
        talk.say(&mut tables, Original, register(&["CSeq: 1 REGISTER", CONTACT, "Expires: 600"]));
        assert_eq!(talk.say(&mut tables, Reply, &message), outcome, "{message}");
        assert_eq!(state(&tables, NOW), expected, "{message}");
    }
}

#[test]
fn a_registration_waits_again_while_it_is_renewed() {
    let mut tables = Tables::new();
    let mut talk = Talk::new(udp(), Family::V4, &mut tables);
    let request = register(&["CSeq: 1 REGISTER", CONTACT, "Expires: 600"]);
    let answer = ok(&[&format!("{CONTACT};expires=100")]);
    for _ in 0..2 {
        talk.say(&mut tables, Original, &request);
        assert_eq!(state(&tables, talk.now), Some(("180".to_owned(), 5062, false)));
        talk.say(&mut tables, Reply, &answer);
        assert_eq!(state(&tables, talk.now), Some(("100".to_owned(), 5062, true)));
        talk.wait(&mut tables, Duration::from_secs(50));
    }
    talk.wait(&mut tables, Duration::from_secs(50));
    assert_eq!(state(&tables, talk.now), None);
}

#[test]
fn an_answer_that_comes_too_late_renews_nothing() {
    let mut tables = Tables::new();
    let mut talk = Talk::new(udp(), Family::V4, &mut tables);
    talk.say(&mut tables, Original, register(&["CSeq: 1 REGISTER", CONTACT, "Expires: 600"]));
    talk.now += Duration::from_secs(180);
    talk.say(&mut tables, Reply, ok(&[&format!("{CONTACT};expires=100")]));
    assert_eq!(state(&tables, talk.now), None);
}

#[test]
fn a_registration_takes_the_place_of_the_one_before() {
    let mut tables = Tables::new();
    let mut talk = Talk::new(udp(), Family::V4, &mut tables);
    for (contact, port) in [(CONTACT, 5062), ("Contact: <sip:u@10.1.0.1:5063>", 5063)] {
        talk.say(&mut tables, Original, register(&["CSeq: 1 REGISTER", contact, "Expires: 600"]));
        assert_eq!(state(&tables, NOW).map(|(_, port, _)| port), Some(port));
    }
    let mut other = Talk::new(udp(), Family::V4, &mut tables);
    let again = register(&["CSeq: 1 REGISTER", "Contact: <sip:u@10.1.0.1:5063>", "Expires: 600"]);
    assert_eq!(other.say(&mut tables, Original, again), Drop);
}

#[test]
fn a_connection_that_was_expected_registers_nobody() {
    let mut tables = Tables::new();
    let mut talk = Talk::new(udp(), Family::V4, &mut tables);
    talk.expected = true;
    talk.say(&mut tables, Original, register(&["CSeq: 1 REGISTER", CONTACT, "Expires: 600"]));
    assert_eq!(state(&tables, NOW), None);
}

#[test]
fn calls_may_be_let_in_from_anywhere() {
    let mut tables = Tables::new();
    let mut talk = Talk::new(Sip { direct_signalling: false, ..udp() }, Family::V4, &mut tables);
    talk.say(&mut tables, Original, register(&["CSeq: 1 REGISTER", CONTACT, "Expires: 600"]));
    let line = "180 l3proto = 2 proto=17 src=0.0.0.0 dst=10.1.0.1 sport=0 dport=5062 PERMANENT,INACTIVE sip/signalling";
    assert_eq!(tables.expected(NOW), [line]);
}

#[test]
fn ipv6_contacts_are_in_brackets() {
    let cases = [
        ("<sip:u@[fd01::1]:5062>", Some(5062)),
        ("<sip:u@[fd01::1]>", Some(5060)),
        ("<sip:u@[fd01::1>", None),
        ("<sip:u@fd01::1>", None),
        ("<sip:u@10.1.0.1:5062>", None),
    ];
    for (contact, port) in cases {
        let mut tables = Tables::new();
        let mut talk = Talk::new(udp(), Family::V6, &mut tables);
        let contact = format!("Contact: {contact}");
        talk.say(&mut tables, Original, register(&["CSeq: 1 REGISTER", &contact, "Expires: 600"]));
        let line = |port| format!("180 {TO_CLIENT6} sport=0 dport={port} PERMANENT,INACTIVE sip/signalling");
        assert_eq!(tables.expected(NOW), port.map(line).as_slice(), "{contact}");
        if port.is_some() {
            talk.say(&mut tables, Reply, ok(&[&contact, "Expires: 33"]));
            assert_eq!(tables.expectations.next_timeout(), Some(NOW + Duration::from_secs(33)));
        }
    }
}

#[test]
fn every_packet_lets_the_connection_live_for_an_hour() {
    let mut tables = Tables::new();
    let mut talk = Talk::new(udp(), Family::V4, &mut tables);
    for (bytes, timeout) in [("OPTIONS sip:x SIP/2.0\r\n\r\n", Some(3_600)), ("\r\n", Some(3_600)), ("", None)] {
        assert_eq!(talk.say(&mut tables, Original, bytes), Accept);
        assert_eq!(talk.consequences.timeout, timeout.map(Duration::from_secs));
    }
    // One byte less is no message.
    assert_eq!(talk.say(&mut tables, Original, "REGISTER s"), Accept);
    assert_eq!(talk.say(&mut tables, Original, "REGISTER sip"), Drop);
    assert_eq!(talk.say_cut(&mut tables, Original, "REGISTER sip", 100), Accept);
}
