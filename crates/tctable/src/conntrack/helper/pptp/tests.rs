use super::super::testing::*;
use super::*;
use crate::conntrack::CtState;

/// A control message: its first bytes, and zeros to its length.
fn control(kind: u16, start: &[u8]) -> Vec<u8> {
    let length = message::LENGTHS[usize::from(kind) - 1] as usize;
    let mut bytes = Vec::new();
    bytes.extend(((HEADER + length) as u16).to_be_bytes());
    bytes.extend(CONTROL_MESSAGE.to_be_bytes());
    bytes.extend(MAGIC_COOKIE.to_be_bytes());
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0; 2]);
    bytes.extend(start);
    bytes.resize(HEADER + length, 0);
    bytes
}

/// With two call ids and a result.
fn call(kind: u16, ids: [u16; 2], result: u8) -> Vec<u8> {
    let [[a, b], [c, d]] = ids.map(u16::to_be_bytes);
    control(kind, &[a, b, c, d, result])
}

fn talk(tables: &mut Tables) -> Talk {
    Talk::new(Pptp, Family::V4, tables)
}

/// A talk up to a confirmed session.
fn session(tables: &mut Tables) -> Talk {
    let mut talk = talk(tables);
    talk.say(tables, Original, control(message::START_REQUEST, &[1, 0]));
    talk.say(tables, Reply, control(message::START_REPLY, &[1, 0, OK]));
    talk
}

/// A talk up to an answered call.
fn called(tables: &mut Tables) -> Talk {
    let mut talk = session(tables);
    talk.say(tables, Original, call(message::OUT_CALL_REQUEST, [17, 0], 0));
    talk.say(tables, Reply, call(message::OUT_CALL_REPLY, [34, 17], OK));
    talk
}

fn lines(pns: u16, pac: u16) -> [String; 2] {
    [
        format!("300 l3proto = 2 proto=47 src=10.1.0.1 dst=10.2.0.1 srckey={pns:#x} dstkey={pac:#x} pptp"),
        format!("300 l3proto = 2 proto=47 src=10.2.0.1 dst=10.1.0.1 srckey={pac:#x} dstkey={pns:#x} pptp"),
    ]
}

fn gre(from: &str, to: &str, key: u16) -> Tuple {
    tuple(protocol::GRE, (from, 0), (to, key))
}

#[test]
fn a_call_is_expected_from_both_ends() {
    let mut tables = Tables::new();
    let mut talk = called(&mut tables);
    assert_eq!(tables.expected(NOW), lines(17, 34));
    assert_eq!(tables.keymap.lookup(&gre(CLIENT, SERVER, 34)), 17);
    assert_eq!(tables.keymap.lookup(&gre(SERVER, CLIENT, 17)), 34);
    assert_eq!(tables.keymap.lookup(&gre(SERVER, CLIENT, 34)), 0);
    // The same answer once more.
    talk.say(&mut tables, Reply, call(message::OUT_CALL_REPLY, [34, 17], OK));
    assert_eq!(tables.expected(NOW), lines(17, 34));

    let first = tuple(protocol::GRE, (SERVER, 34), (CLIENT, 17));
    assert!(tables.expectations.take(NOW, &first, 0, |_| true).is_some());
    assert_eq!(tables.expected(NOW), [""; 0], "the other direction is no longer expected");
    assert_eq!(tables.keymap.len(), 2);
}

#[test]
fn a_call_from_the_server_is_expected_when_it_is_connected() {
    let mut tables = Tables::new();
    let mut talk = session(&mut tables);
    talk.say(&mut tables, Reply, call(message::IN_CALL_REQUEST, [50, 0], 0));
    talk.say(&mut tables, Original, call(message::IN_CALL_REPLY, [60, 50], OK));
    assert_eq!(tables.expected(NOW), [""; 0]);
    talk.say(&mut tables, Reply, call(message::IN_CALL_CONNECTED, [60, 0], 0));
    assert_eq!(tables.expected(NOW), lines(60, 50));
    talk.say(&mut tables, Original, call(message::CALL_CLEAR_REQUEST, [60, 0], 0));
    assert_eq!(tables.expected(NOW), lines(60, 50));
    talk.say(&mut tables, Reply, call(message::CALL_DISCONNECTED, [50, 0], 0));
    assert_eq!(tables.expected(NOW), [""; 0]);
    assert!(tables.keymap.is_empty());
}

#[test]
fn a_disconnected_call_ends_its_connection() {
    let mut tables = Tables::new();
    let mut talk = called(&mut tables);
    talk.say(&mut tables, Reply, call(message::CALL_DISCONNECTED, [34, 0], 0));
    let both = [tuple(protocol::GRE, (CLIENT, 17), (SERVER, 34)), tuple(protocol::GRE, (SERVER, 34), (CLIENT, 17))];
    assert_eq!(talk.consequences.end[..], both);
    assert!(tables.keymap.is_empty() && tables.expectations.is_empty());
}

#[test]
fn the_call_ends_with_the_control_connection() {
    let mut tables = Tables::new();
    let talk = called(&mut tables);
    assert_eq!(talk.end(&mut tables).end.len(), 2);
    assert!(tables.keymap.is_empty() && tables.expectations.is_empty());
}

#[test]
fn nothing_is_expected_of_a_call_out_of_order() {
    let start = control(message::START_REQUEST, &[1, 0]);
    let started = control(message::START_REPLY, &[1, 0, OK]);
    let not_started = control(message::START_REPLY, &[1, 0, 2]);
    let request = call(message::OUT_CALL_REQUEST, [17, 0], 0);
    let answer = call(message::OUT_CALL_REPLY, [34, 17], OK);
    let others = call(message::OUT_CALL_REPLY, [34, 18], OK);
    let refusal = call(message::OUT_CALL_REPLY, [34, 17], 2);
    let short = answer[..answer.len() - 1].to_vec();
    let mut no_cookie = answer.clone();
    no_cookie[4] = 0;
    let mut no_control = answer.clone();
    no_control[3] = 2;
    let talks = [
        vec![(Original, &request), (Reply, &answer)],
        vec![(Original, &start), (Reply, &not_started), (Original, &request), (Reply, &answer)],
        vec![(Original, &start), (Original, &request), (Reply, &answer)],
        vec![(Original, &start), (Reply, &started), (Reply, &answer)],
        vec![(Original, &start), (Reply, &started), (Original, &request), (Reply, &others)],
        vec![(Original, &start), (Reply, &started), (Original, &request), (Reply, &refusal), (Reply, &answer)],
        vec![(Original, &start), (Reply, &started), (Original, &request), (Reply, &short)],
        vec![(Original, &start), (Reply, &started), (Original, &request), (Reply, &no_cookie)],
        vec![(Original, &start), (Reply, &started), (Original, &request), (Reply, &no_control)],
    ];
    for (number, messages) in talks.into_iter().enumerate() {
        let mut tables = Tables::new();
        let mut talk = talk(&mut tables);
        for (direction, message) in messages {
            assert_eq!(talk.say(&mut tables, direction, message), Outcome::Accept);
        }
        assert_eq!(tables.expected(NOW), [""; 0], "{number}");
    }
}

#[test]
fn a_second_call_beside_the_first_leaves_none() {
    let mut tables = Tables::new();
    let mut talk = called(&mut tables);
    talk.say(&mut tables, Reply, call(message::OUT_CALL_REPLY, [35, 17], OK));
    assert_eq!(tables.expected(NOW), [""; 0]);

    let mut tables = Tables::new();
    let mut talk = called(&mut tables);
    talk.say(&mut tables, Original, control(message::STOP_REQUEST, &[1]));
    talk.say(&mut tables, Reply, control(message::STOP_REPLY, &[OK]));
    assert_eq!(tables.expected(NOW), lines(17, 34));
    talk.say(&mut tables, Original, control(message::START_REQUEST, &[1, 0]));
    talk.say(&mut tables, Reply, control(message::START_REPLY, &[1, 0, OK]));
    talk.say(&mut tables, Original, call(message::OUT_CALL_REQUEST, [18, 0], 0));
    talk.say(&mut tables, Reply, call(message::OUT_CALL_REPLY, [34, 18], OK));
    assert_eq!(tables.expected(NOW), [""; 0]);
}

#[test]
fn only_a_segments_first_message_is_read() {
    let mut tables = Tables::new();
    let mut talk = session(&mut tables);
    let two = [17, 19].map(|id| call(message::OUT_CALL_REQUEST, [id, 0], 0)).concat();
    talk.say(&mut tables, Original, two);
    talk.say(&mut tables, Reply, call(message::OUT_CALL_REPLY, [34, 17], OK));
    assert_eq!(tables.expected(NOW), lines(17, 34));
}

#[test]
fn a_message_that_was_cut_says_what_was_kept() {
    let mut tables = Tables::new();
    let mut talk = session(&mut tables);
    let request = call(message::OUT_CALL_REQUEST, [17, 0], 0);
    talk.say_cut(&mut tables, Original, &request[..14], request.len() as u32 - 14);
    let answer = call(message::OUT_CALL_REPLY, [34, 17], OK);
    talk.say_cut(&mut tables, Reply, &answer[..16], answer.len() as u32 - 16);
    assert_eq!(tables.expected(NOW), [""; 0], "the result was cut off");
    talk.say_cut(&mut tables, Reply, &answer[..17], answer.len() as u32 - 17);
    assert_eq!(tables.expected(NOW), lines(17, 34));
}

#[test]
fn nothing_is_read_before_an_answer() {
    let mut tables = Tables::new();
    let mut talk = talk(&mut tables);
    talk.state = CtState::New;
    talk.say(&mut tables, Original, control(message::START_REQUEST, &[1, 0]));
    talk.state = CtState::Established;
    talk.say(&mut tables, Reply, control(message::START_REPLY, &[1, 0, OK]));
    talk.say(&mut tables, Original, call(message::OUT_CALL_REQUEST, [17, 0], 0));
    talk.say(&mut tables, Reply, call(message::OUT_CALL_REPLY, [34, 17], OK));
    assert_eq!(tables.expected(NOW), [""; 0]);
}

#[test]
fn a_call_without_room_for_its_keys_is_not_expected() {
    let mut tables = Tables::new();
    tables.keymap = crate::conntrack::helper::Keymap::new(1, Default::default());
    called(&mut tables);
    assert_eq!(tables.expected(NOW), [""; 0]);
    assert!(tables.keymap.is_empty());
}
