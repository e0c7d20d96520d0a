//! Addresses, devices, protocols, fragments.

use tctable_lab::packets::{Ipv4, Ipv6};

use super::stage::*;
use crate::packet::{Address, Family};
use crate::ruleset::{Header, Masked, Not, Rule, Target};

fn asks(header: Header) -> Rule {
    rule(header, Vec::new(), Target::Drop)
}

fn holds(header: Header, bytes: &[u8]) -> bool {
    Stage::new().rule_outcome(asks(header), &mut forwarded(bytes)).expect("no packet to be dropped at once")
}

#[test]
fn addresses_are_asked_under_their_masks() {
    for (family, inside, outside) in
        [(Family::V4, "192.168.0.0/16", "192.169.0.0/16"), (Family::V6, "fd00::/64", "fd00:0:0:1::/64")]
    {
        let bytes = udp(family);
        for (text, expected) in [(inside, true), (outside, false)] {
            let source = |asked| Header { source: Some(asked), ..Header::default() };
            assert_eq!(holds(source(prefix(text)), &bytes), expected, "{text}");
            assert_eq!(holds(source(not(prefix(text))), &bytes), !expected, "! {text}");
            // The answer has it for its destination.
            let destination = |asked| Header { destination: Some(asked), ..Header::default() };
            assert_eq!(holds(destination(prefix(text)), &udp_answer(family)), expected, "{text}");
            assert_eq!(holds(destination(not(prefix(text))), &udp_answer(family)), !expected, "! {text}");
            assert!(!holds(destination(prefix(text)), &bytes));
        }
    }
}

#[test]
fn a_mask_may_have_gaps() {
    let masked = |address, mask| {
        let [address, mask] = [address, mask].map(Address::from_v4_bits);
        Header { source: Some(Not::plain(Masked { address, mask })), ..Header::default() }
    };
    let bytes = udp(Family::V4);
    assert!(holds(masked(0xc000_0007, 0xff00_00ff), &bytes));
    assert!(!holds(masked(0xc000_0008, 0xff00_00ff), &bytes));
    let masked = |address: &str, mask: u128| {
        let address = address.parse::<std::net::IpAddr>().expect("an address").into();
        Header { source: Some(Not::plain(Masked { address, mask: Address::from_v6_bits(mask) })), ..Header::default() }
    };
    let mask = 0xff << 120 | 0xf;
    assert!(holds(masked("fd00::7", mask), &udp(Family::V6)) && !holds(masked("fd00::8", mask), &udp(Family::V6)));
    assert!(!holds(masked("fc00::7", mask), &udp(Family::V6)));
}

#[test]
fn devices_are_asked_by_name_or_by_its_beginning() {
    for family in FAMILIES {
        let bytes = udp(family);
        for (pattern, input, output) in [
            ("eth0", true, false),
            ("eth1", false, true),
            ("eth+", true, true),
            ("eth0+", true, false),
            ("eth", false, false),
            ("+", true, true),
            ("eth00", false, false),
        ] {
            let asked = device(pattern);
            let by = |asked| Header { input: Some(asked), ..Header::default() };
            assert_eq!(holds(by(asked.clone()), &bytes), input, "-i {pattern}");
            assert_eq!(holds(by(not(asked.clone())), &bytes), !input, "! -i {pattern}");
            let by = |asked| Header { output: Some(asked), ..Header::default() };
            assert_eq!(holds(by(asked.clone()), &bytes), output, "-o {pattern}");
            assert_eq!(holds(by(not(asked)), &bytes), !output, "! -o {pattern}");
        }
    }
}

#[test]
fn without_a_device_its_name_is_empty() {
    for (pattern, expected) in [("eth0", false), ("eth+", false), ("+", true)] {
        for (asked, expected) in [(device(pattern), expected), (not(device(pattern)), !expected)] {
            let bytes = udp(Family::V4);
            let mut packet = forwarded(&bytes);
            packet.input = None;
            let header = Header { input: Some(asked), ..Header::default() };
            assert_eq!(Stage::new().rule_outcome(asks(header), &mut packet), Some(expected), "{pattern}");
        }
    }
}

fn protocol(number: u8) -> Header {
    Header { protocol: Some(Not::plain(number)), ..Header::default() }
}

fn other_than(number: u8) -> Header {
    Header { protocol: Some(not(Not::plain(number))), ..Header::default() }
}

#[test]
fn the_protocol_of_ipv4_stands_in_the_header() {
    for family in FAMILIES {
        assert!(holds(protocol(17), &udp(family)) && !holds(protocol(6), &udp(family)));
        assert!(!holds(other_than(17), &udp(family)) && holds(other_than(6), &udp(family)));
    }
    // Extension headers are protocols like others there.
    assert!(holds(protocol(43), &raw(Family::V4, 43, &[17, 0, 0, 0, 0, 0, 0, 0])));
}

fn v6(extensions: &[(u8, &[u8])], fragment: Option<(u16, bool)>, next: u8, payload: &[u8]) -> Vec<u8> {
    let [client, server] =
        ["fd00::7", "2001:db8::1"].map(|text| text.parse::<std::net::Ipv6Addr>().expect("an address"));
    let mut packet = Ipv6::new(client, server, next);
    for (number, body) in extensions {
        packet = packet.extension(*number, body);
    }
    if let Some((offset, more)) = fragment {
        packet = packet.fragment(7, offset, more);
    }
    packet.build(payload)
}

#[test]
fn the_protocol_of_ipv6_is_that_of_the_last_header() {
    let options = v6(&[(60, &[0, 1, 4, 0, 0, 0, 0])], None, 17, &[0; 8]);
    let ours = |header| Stage::new().rule_outcome(asks(header), &mut forwarded(&options));
    let info = *forwarded(&options).info();
    assert_eq!((info.tuple.protocol, ours(protocol(17)), ours(protocol(60))), (17, Some(true), Some(false)));
    assert_eq!(ours(other_than(60)), Some(true));
    // A later fragment's is told by its fragment header, whatever its bytes are.
    let later = v6(&[], Some((8, true)), 17, &[0; 8]);
    assert!(holds(protocol(17), &later) && !holds(other_than(17), &later));
    // "No next header" is one.
    assert!(holds(protocol(59), &v6(&[], None, 59, &[])) && holds(other_than(6), &v6(&[], None, 59, &[])));
}

#[test]
fn ipv6_without_a_last_header_is_dropped_by_the_first_rule_that_asks_for_one() {
    let outcome = |bytes: &[u8], header| Stage::new().rule_outcome(asks(header), &mut forwarded(bytes));
    // Routing header, announced and not there; a fragment that would begin with another extension header.
    for bytes in [v6(&[], None, 43, &[]), v6(&[], Some((8, false)), 60, &[0; 16])] {
        assert_eq!(outcome(&bytes, protocol(17)), None);
        assert_eq!(outcome(&bytes, other_than(17)), None);
        assert_eq!(outcome(&bytes, Header::default()), Some(true));
        let elsewhere = Header { source: Some(prefix("fe80::/10")), ..protocol(17) };
        assert_eq!(outcome(&bytes, elsewhere), Some(false));
    }
    // Of a routing header all four bytes that every one has are wanted, though it tells the next header in its first; and
    // what it leads to need not be there.
    let cut_short = |bytes: &[u8]| outcome(&v6(&[], None, 43, bytes), protocol(58));
    assert_eq!([cut_short(&[58, 0, 0]), cut_short(&[58, 0, 0, 0])], [None, Some(true)]);
    // Where only the capture ends nobody knows.
    let whole = v6(&[(60, &[0, 1, 4, 0, 0, 0, 0])], None, 17, &[0; 8]);
    for header in [protocol(17), other_than(17)] {
        assert_eq!(Stage::new().rule_outcome(asks(header), &mut cut(&whole, 40)), Some(false));
    }
}

#[test]
fn fragments_are_second_and_further_ones() {
    let fragment = |offset, more| {
        Ipv4 { fragment_offset: offset, more_fragments: more, ..Ipv4::new([192, 168, 0, 7], [10, 0, 0, 1], 17) }
            .build(&[0; 16])
    };
    for (bytes, later) in [
        (fragment(0, false), false),
        (fragment(0, true), false),
        (fragment(16, true), true),
        (fragment(16, false), true),
    ] {
        let asked = |fragment| Header { fragment: Some(fragment), ..Header::default() };
        assert_eq!((holds(asked(true), &bytes), holds(asked(false), &bytes)), (later, !later));
    }
}
