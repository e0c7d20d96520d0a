//! What is asked of a packet's connection.

use tctable_lab::packets::{Tcp, flags};

use super::stage::*;
use crate::conntrack::{CtState, Direction};
use crate::packet::Family;
use crate::ruleset::{
    Connbytes, ConnbytesDirection, ConnbytesMode, ConnmarkTarget, ConntrackMatch, CtTarget, MarkChange, MarkMatch,
    Match, Not, Target, state_bits, status_bits,
};
use crate::time::Duration;

fn ct(asked: ConntrackMatch) -> Match {
    Match::Conntrack(Box::new(asked))
}

/// Whether a tracked packet has what is asked for: the first of its connection, the second, the answer.
fn talk(family: Family, asked: &ConntrackMatch) -> [bool; 3] {
    let mut stage = Stage::new();
    let (ask, answer) = (udp(family), udp_answer(family));
    let mut step = |bytes: &[u8]| {
        let mut packet = forwarded(bytes);
        stage.track(&mut packet);
        let holds = stage.holds(ct(asked.clone()), &mut packet);
        stage.confirm(&mut packet);
        holds
    };
    [step(&ask), step(&ask), step(&answer)]
}

#[test]
fn states_are_those_of_the_packet() {
    let states = |bits: u16| ConntrackMatch { state: Some(Not::plain(bits)), ..ConntrackMatch::default() };
    for family in FAMILIES {
        assert_eq!(talk(family, &states(state_bits::NEW)), [true, true, false]);
        assert_eq!(talk(family, &states(state_bits::ESTABLISHED | state_bits::RELATED)), [false, false, true]);
        assert_eq!(talk(family, &states(state_bits::NEW | state_bits::ESTABLISHED)), [true; 3]);
        assert_eq!(talk(family, &states(state_bits::INVALID | state_bits::UNTRACKED)), [false; 3]);
        let other = ConntrackMatch { state: Some(not(Not::plain(state_bits::NEW))), ..ConntrackMatch::default() };
        assert_eq!(talk(family, &other), [false, false, true]);
    }
}

#[test]
fn each_state_has_its_bit() {
    for (state, bit) in [
        (CtState::New, state_bits::NEW),
        (CtState::Established, state_bits::ESTABLISHED),
        (CtState::Related, state_bits::RELATED),
        (CtState::Invalid, state_bits::INVALID),
        (CtState::Untracked, state_bits::UNTRACKED),
    ] {
        for asked in [1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 6, 1 << 7, 1 << 8] {
            let bytes = udp(Family::V4);
            let mut packet = forwarded(&bytes);
            packet.tracking.state = state;
            let mut holds = |asked| Stage::new().holds(Match::State(asked), &mut packet);
            assert_eq!(holds(Not::plain(asked)), asked == bit, "{state} {asked}");
            assert_eq!(holds(not(Not::plain(asked))), asked != bit, "{state} ! {asked}");
        }
    }
}

#[test]
fn of_a_packet_without_a_connection_the_state_alone_is_asked() {
    let bytes = udp(Family::V4);
    for state in [CtState::Invalid, CtState::Untracked] {
        let mut packet = forwarded(&bytes);
        packet.tracking.state = state;
        let mut holds = |asked| Stage::new().holds(ct(asked), &mut packet);
        let protocol = |state| ConntrackMatch { state, protocol: Some(Not::plain(99)), ..ConntrackMatch::default() };
        let both = state_bits::INVALID | state_bits::UNTRACKED;
        assert!(holds(protocol(Some(Not::plain(both)))));
        assert!(!holds(protocol(None)));
        assert!(!holds(ConntrackMatch { protocol: Some(not(Not::plain(99))), ..ConntrackMatch::default() }));
        assert!(!holds(protocol(Some(Not::plain(state_bits::NEW)))));
    }
}

#[test]
fn addresses_ports_and_protocol_are_the_connections() {
    for (family, client, server) in
        [(Family::V4, "192.168.0.0/24", "198.51.100.0/24"), (Family::V6, "fd00::/16", "2001:db8::/32")]
    {
        let (client, server) = (prefix(client), prefix(server));
        let none = ConntrackMatch::default;
        for (asked, expected) in [
            (ConntrackMatch { original_source: Some(client), ..none() }, true),
            (ConntrackMatch { original_source: Some(server), ..none() }, false),
            (ConntrackMatch { original_destination: Some(server), ..none() }, true),
            (ConntrackMatch { original_destination: Some(not(server)), ..none() }, false),
            (ConntrackMatch { reply_source: Some(server), ..none() }, true),
            (ConntrackMatch { reply_source: Some(client), ..none() }, false),
            (ConntrackMatch { reply_destination: Some(client), ..none() }, true),
            (ConntrackMatch { reply_destination: Some(server), ..none() }, false),
            (ConntrackMatch { original_source_port: Some(ports(40000, 40000)), ..none() }, true),
            (ConntrackMatch { original_source_port: Some(ports(80, 80)), ..none() }, false),
            (ConntrackMatch { original_destination_port: Some(ports(79, 80)), ..none() }, true),
            (ConntrackMatch { original_destination_port: Some(not(ports(79, 80))), ..none() }, false),
            (ConntrackMatch { reply_source_port: Some(ports(80, 80)), ..none() }, true),
            (ConntrackMatch { reply_source_port: Some(ports(40000, 40000)), ..none() }, false),
            (ConntrackMatch { reply_destination_port: Some(ports(40000, 65535)), ..none() }, true),
            (ConntrackMatch { reply_destination_port: Some(ports(80, 80)), ..none() }, false),
            (ConntrackMatch { protocol: Some(Not::plain(17)), ..none() }, true),
            (ConntrackMatch { protocol: Some(not(Not::plain(17))), ..none() }, false),
        ] {
            assert_eq!(talk(family, &asked), [expected; 3], "{asked:?}");
        }
        let direction = |direction| ConntrackMatch { direction: Some(direction), ..none() };
        assert_eq!(talk(family, &direction(Direction::Original)), [true, true, false]);
        assert_eq!(talk(family, &direction(Direction::Reply)), [false, false, true]);
    }
}

#[test]
fn status_is_what_the_connection_has_come_to() {
    let status = |asked| ConntrackMatch { status: Some(asked), ..ConntrackMatch::default() };
    for family in FAMILIES {
        assert_eq!(talk(family, &status(Not::plain(status_bits::CONFIRMED))), [false, true, true]);
        assert_eq!(talk(family, &status(not(Not::plain(status_bits::CONFIRMED)))), [true, false, false]);
        assert_eq!(talk(family, &status(Not::plain(status_bits::SEEN_REPLY))), [false, false, true]);
        assert_eq!(
            talk(family, &status(Not::plain(status_bits::SEEN_REPLY | status_bits::CONFIRMED))),
            [false, true, true]
        );
        assert_eq!(talk(family, &status(Not::plain(status_bits::EXPECTED))), [false; 3]);
        // NONE is no bit, and so none that could be set.
        assert_eq!(talk(family, &status(Not::plain(status_bits::NONE))), [false; 3]);
        assert_eq!(talk(family, &status(not(Not::plain(status_bits::NONE)))), [true; 3]);
    }
}

#[test]
fn a_connection_that_its_first_answer_resets_is_shown_as_it_was_and_as_answered() {
    let status = |asked| ConntrackMatch { status: Some(Not::plain(asked)), ..ConntrackMatch::default() };
    let expires = |range| ConntrackMatch { expires: Some(Not::plain(range)), ..ConntrackMatch::default() };
    for family in FAMILIES {
        let mut stage = Stage::new();
        let [client, server] = ends(family);
        let segment = |from, to, flags, ack| {
            let header = Tcp { seq: 100, ack, flags, ..Tcp::default() };
            tctable_lab::packets::tcp_packet(from, to, &header, b"")
        };
        let syn = segment(client, server, flags::SYN, 0);
        let reset = segment(server, client, flags::RST | flags::ACK, 101);
        stage.pass(&syn);
        let mut packet = forwarded(&reset);
        stage.track(&mut packet);
        assert!(stage.holds(ct(status(status_bits::SEEN_REPLY)), &mut packet));
        assert!(stage.holds(ct(expires((119, 120))), &mut packet), "the time of a SYN");
        assert!(!stage.holds(ct(status(status_bits::ASSURED)), &mut packet));
    }
}

#[test]
fn the_time_that_is_left_is_in_whole_seconds_and_none_before_it_runs() {
    let expires = |range| ConntrackMatch { expires: Some(Not::plain(range)), ..ConntrackMatch::default() };
    for family in FAMILIES {
        // UDP has 30 seconds; each packet begins them anew.
        assert_eq!(talk(family, &expires((30, 30))), [false, true, true]);
        assert_eq!(talk(family, &expires((0, 0))), [true, false, false]);
        assert_eq!(talk(family, &expires((20, 29))), [false; 3]);
    }
    let mut stage = Stage::new();
    let bytes = udp(Family::V4);
    stage.pass(&bytes);
    let mut packet = forwarded(&bytes);
    stage.track(&mut packet);
    for (millis, left) in [(1, 29), (1000, 29), (1001, 28), (29_999, 0)] {
        stage.now = NOW + Duration::from_millis(millis);
        assert!(stage.holds(ct(expires((left, left))), &mut packet), "{millis}");
        let other = ConntrackMatch { expires: Some(not(Not::plain((left, left)))), ..ConntrackMatch::default() };
        assert!(!stage.holds(ct(other), &mut packet), "{millis}");
    }
}

#[test]
fn connbytes_count_the_packet_itself() {
    let asked =
        |range: (u64, u64), direction, mode| Match::Connbytes(Connbytes { range: Not::plain(range), direction, mode });
    for family in FAMILIES {
        let (ask, answer) = (udp(family), udp_answer(family));
        let (asks, answers) = (ask.len() as u64, answer.len() as u64);
        let mut stage = Stage::new();
        stage.pass(&ask);
        stage.pass(&ask);
        let mut packet = forwarded(&answer);
        stage.track(&mut packet);
        use ConnbytesDirection::{Both, Original, Reply};
        use ConnbytesMode::{AveragePacket, Bytes, Packets};
        for (direction, mode, value) in [
            (Original, Packets, 2),
            (Reply, Packets, 1),
            (Both, Packets, 3),
            (Original, Bytes, 2 * asks),
            (Reply, Bytes, answers),
            (Both, Bytes, 2 * asks + answers),
            (Original, AveragePacket, asks),
            (Reply, AveragePacket, answers),
            (Both, AveragePacket, (2 * asks + answers) / 3),
        ] {
            assert!(stage.holds(asked((value, value), direction, mode), &mut packet), "{direction:?} {mode:?}");
            assert!(!stage.holds(asked((0, value - 1), direction, mode), &mut packet), "{direction:?} {mode:?}");
            assert!(!stage.holds(asked((value + 1, u64::MAX), direction, mode), &mut packet));
            let other =
                |range| Match::Connbytes(Connbytes { range: Not { negated: true, value: range }, direction, mode });
            assert!(!stage.holds(other((value, value + 1)), &mut packet));
            assert!(stage.holds(other((value + 1, u64::MAX)), &mut packet));
            // The kernel cannot have the opposite of a single value, and has the value.
            assert!(stage.holds(other((value, value)), &mut packet));
        }
        // One without a connection has no bytes, nor others.
        let mut alone = forwarded(&ask);
        assert!(!stage.holds(asked((0, u64::MAX), Both, Packets), &mut alone));
    }
}

fn connmark(value: u32, mask: u32) -> Not<MarkMatch> {
    Not::plain(MarkMatch { value, mask })
}

#[test]
fn a_connections_mark_is_asked_under_a_mask() {
    for family in FAMILIES {
        let bytes = udp(family);
        let mut stage = Stage::new();
        let mut packet = forwarded(&bytes);
        assert!(!stage.holds(Match::Connmark(connmark(0, u32::MAX)), &mut packet));
        assert!(!stage.holds(Match::Connmark(not(connmark(1, u32::MAX))), &mut packet));
        stage.track(&mut packet);
        let set = Target::Connmark(ConnmarkTarget::Set(MarkChange { value: 0x1234, mask: u32::MAX }));
        stage.apply(set, &mut packet);
        stage.confirm(&mut packet);
        for (asked, expected) in
            [(connmark(0x1234, u32::MAX), true), (connmark(0x34, 0xff), true), (connmark(0x35, 0xff), false)]
        {
            assert_eq!(stage.holds(Match::Connmark(asked), &mut packet), expected);
            assert_eq!(stage.holds(Match::Connmark(not(asked)), &mut packet), !expected);
        }
    }
}

#[test]
fn a_connection_that_ended_with_the_packet_is_still_its_connection() {
    for family in FAMILIES {
        let [client, server] = ends(family);
        let syn = Tcp { flags: flags::SYN, seq: 100, ..Tcp::default() };
        let reset = Tcp { flags: flags::RST | flags::ACK, ack: 101, ..Tcp::default() };
        let mut stage = Stage::new();
        stage.pass(&tctable_lab::packets::tcp_packet(client, server, &syn, b""));
        let bytes = tctable_lab::packets::tcp_packet(server, client, &reset, b"");
        let mut packet = forwarded(&bytes);
        stage.track(&mut packet);
        assert!(packet.connection(&stage.conntrack).is_none(), "it has ended");
        let asked = ConntrackMatch {
            state: Some(Not::plain(state_bits::ESTABLISHED)),
            direction: Some(Direction::Reply),
            original_destination_port: Some(ports(80, 80)),
            ..ConntrackMatch::default()
        };
        assert!(stage.holds(ct(asked), &mut packet));
        let set = Target::Connmark(ConnmarkTarget::Set(MarkChange { value: 5, mask: u32::MAX }));
        stage.apply(set, &mut packet);
        assert!(stage.holds(Match::Connmark(connmark(5, u32::MAX)), &mut packet));
        assert!(stage.effects.is_empty(), "{:?}", stage.effects);
    }
}

#[test]
fn what_is_laid_down_counts_as_a_connection_until_the_packet_is_tracked() {
    let bytes = udp(Family::V4);
    let mut packet = forwarded(&bytes);
    let mut stage = Stage::new();
    stage.apply(Target::Ct(Box::new(CtTarget { zone: Some(7), ..CtTarget::default() })), &mut packet);
    assert!(stage.holds(Match::State(Not::plain(state_bits::NEW)), &mut packet));
    let protocol = |protocol| ConntrackMatch { protocol: Some(Not::plain(protocol)), ..ConntrackMatch::default() };
    assert!(stage.holds(ct(protocol(0)), &mut packet) && !stage.holds(ct(protocol(17)), &mut packet));
    let status = |status| ConntrackMatch { status: Some(status), ..ConntrackMatch::default() };
    assert!(stage.holds(ct(status(Not::plain(status_bits::CONFIRMED))), &mut packet));
    assert!(!stage.holds(ct(status(Not::plain(status_bits::ASSURED))), &mut packet));
    let direction = |direction| ConntrackMatch { direction: Some(direction), ..ConntrackMatch::default() };
    assert!(stage.holds(ct(direction(Direction::Original)), &mut packet));
    assert!(!stage.holds(ct(direction(Direction::Reply)), &mut packet));
    let expires = ConntrackMatch { expires: Some(Not::plain((0, 0))), ..ConntrackMatch::default() };
    assert!(stage.holds(ct(expires), &mut packet));
    assert!(stage.holds(Match::Connmark(connmark(0, u32::MAX)), &mut packet));
    let all = Connbytes {
        range: Not::plain((0, u64::MAX)),
        direction: ConnbytesDirection::Both,
        mode: ConnbytesMode::Packets,
    };
    assert!(!stage.holds(Match::Connbytes(all), &mut packet));
}
