//! `tcp`, `udp`, `icmp`, `multiport`, and packets that end before what these read.

use tctable_lab::packets::{Ipv4, Ipv6, Tcp, flags, icmp_echo, icmpv6_echo};

use super::stage::*;
use crate::packet::Family;
use crate::ruleset::{IcmpMatch, Match, Multiport, MultiportSide, Not, PortRange, PortsMatch, TcpMatch};

fn holds(asked: Match, bytes: &[u8]) -> bool {
    Stage::new().holds(asked, &mut forwarded(bytes))
}

/// Every way to ask for a port, with and without `!`: 40000 is the source, 80 the destination.
fn ports_asked() -> Vec<(PortsMatch, bool)> {
    let mut all = vec![(PortsMatch::default(), true)];
    for (range, source, destination) in [
        (ports(40000, 40000), true, false),
        (ports(80, 80), false, true),
        (ports(79, 81), false, true),
        (ports(80, 40000), true, true),
        (ports(81, 39999), false, false),
        (ports(0, 65535), true, true),
    ] {
        for (asked, source, destination) in [(range, source, destination), (not(range), !source, !destination)] {
            all.push((PortsMatch { source: Some(asked), destination: None }, source));
            all.push((PortsMatch { source: None, destination: Some(asked) }, destination));
            all.push((PortsMatch { source: Some(asked), destination: Some(ports(80, 80)) }, source));
        }
    }
    all
}

#[test]
fn ports_of_tcp_and_udp() {
    for family in FAMILIES {
        for (asked, expected) in ports_asked() {
            let tcp_match = TcpMatch { ports: asked, ..TcpMatch::default() };
            assert_eq!(holds(Match::Tcp(tcp_match), &tcp(family, &Tcp::default())), expected, "{asked:?}");
            assert_eq!(holds(Match::Udp(asked), &udp(family)), expected, "{asked:?}");
        }
    }
}

#[test]
fn tcp_flags_are_asked_under_a_mask() {
    let syn = (flags::FIN | flags::SYN | flags::RST | flags::ACK, flags::SYN);
    for family in FAMILIES {
        for (set, asked, expected) in [
            (flags::SYN, syn, true),
            (flags::SYN | flags::ACK, syn, false),
            (flags::SYN | flags::PSH, syn, true),
            (0, syn, false),
            (0, (0xff, 0), true),
            (0xff, (0xff, 0xff), true),
            (flags::ACK, (flags::ACK | flags::FIN, flags::ACK), true),
        ] {
            let bytes = tcp(family, &Tcp { flags: set, ..Tcp::default() });
            let ask = |flags| Match::Tcp(TcpMatch { flags: Some(flags), ..TcpMatch::default() });
            assert_eq!(holds(ask(Not::plain(asked)), &bytes), expected, "{set:#x} {asked:?}");
            assert_eq!(holds(ask(not(Not::plain(asked))), &bytes), !expected, "{set:#x} ! {asked:?}");
        }
    }
}

fn option(kind: Not<u8>) -> Match {
    Match::Tcp(TcpMatch { option: Some(kind), ..TcpMatch::default() })
}

#[test]
fn tcp_options_are_found_by_their_kinds_also_behind_their_end() {
    for (options, kind, expected) in [
        (&[2, 4, 5, 180][..], 2, true),
        (&[2, 4, 5, 180], 5, false),
        (&[1, 1, 4, 2], 4, true),
        (&[0, 0, 4, 2], 4, true),
        // A length of zero is a step of one.
        (&[9, 0, 4, 2], 4, true),
        (&[3, 3, 4, 1], 4, false),
        (&[], 2, false),
    ] {
        for family in FAMILIES {
            let bytes = tcp(family, &Tcp { options: options.to_vec(), ..Tcp::default() });
            assert_eq!(holds(option(Not::plain(kind)), &bytes), expected, "{options:?} {kind}");
            assert_eq!(holds(option(not(Not::plain(kind))), &bytes), !expected, "{options:?} ! {kind}");
        }
    }
    // The kernel takes 0 for any.
    assert!(holds(option(Not::plain(0)), &tcp(Family::V4, &Tcp::default())));
}

#[test]
fn icmp_types_and_codes() {
    let [client, server] =
        ["fd00::7", "2001:db8::1"].map(|text| text.parse::<std::net::Ipv6Addr>().expect("an address"));
    let v4 = raw(Family::V4, 1, &icmp_echo(false, 1, 1, b""));
    let v6 = Ipv6::new(client, server, 58).build(&icmpv6_echo(client, server, false, 1, 1, b""));
    for (bytes, kind) in [(v4, 8), (v6, 128)] {
        for (asked, codes, expected) in
            [(kind, (0, 255), true), (kind, (0, 0), true), (kind, (1, 255), false), (kind + 1, (0, 255), false)]
        {
            let asked = Not::plain(IcmpMatch { kind: asked, codes });
            assert_eq!(holds(Match::Icmp(asked), &bytes), expected, "{asked:?}");
            assert_eq!(holds(Match::Icmp(not(asked)), &bytes), !expected, "! {asked:?}");
        }
        // IPv4's "any".
        let any = Not::plain(IcmpMatch { kind: 255, codes: (0, 255) });
        assert_eq!(holds(Match::Icmp(any), &bytes), kind == 8);
        assert_eq!(holds(Match::Icmp(not(any)), &bytes), kind != 8);
    }
}

#[test]
fn multiport_looks_at_either_side_or_both() {
    let list =
        |ranges: &[(u16, u16)]| ranges.iter().map(|(first, last)| PortRange { first: *first, last: *last }).collect();
    for (side, ranges, expected) in [
        (MultiportSide::Source, &[(1, 1), (40000, 40000)][..], true),
        (MultiportSide::Source, &[(80, 80)], false),
        (MultiportSide::Destination, &[(22, 22), (79, 81)], true),
        (MultiportSide::Destination, &[(40000, 40000), (81, 39999)], false),
        (MultiportSide::Either, &[(80, 80)], true),
        (MultiportSide::Either, &[(1, 1), (40000, 50000)], true),
        (MultiportSide::Either, &[(81, 39999)], false),
    ] {
        let asked = Not::plain(Multiport { side, ports: list(ranges) });
        for family in FAMILIES {
            for bytes in [udp(family), tcp(family, &Tcp::default())] {
                assert_eq!(holds(Match::Multiport(asked.clone()), &bytes), expected, "{asked:?}");
                assert_eq!(holds(Match::Multiport(not(asked.clone())), &bytes), !expected, "! {asked:?}");
            }
        }
    }
}

/// Each of these matches, what it asks held by every packet, with its protocol and the bytes that it reads.
fn readers() -> Vec<(Match, u8, usize)> {
    let icmp = |kind| Match::Icmp(Not::plain(IcmpMatch { kind, codes: (0, 255) }));
    let ports = vec![PortRange { first: 0, last: 65535 }];
    vec![
        (Match::Tcp(TcpMatch::default()), 6, 20),
        (Match::Udp(PortsMatch::default()), 17, 8),
        (icmp(0), 1, 8),
        (icmp(0), 58, 8),
        (Match::Multiport(Not::plain(Multiport { side: MultiportSide::Either, ports })), 132, 4),
    ]
}

#[test]
fn a_packet_that_ends_before_what_is_read_is_dropped() {
    for family in FAMILIES {
        for (asked, protocol, need) in readers() {
            for length in [0, need - 1, need] {
                let bytes = raw(family, protocol, &vec![0; length]);
                let outcome = Stage::new().outcome(asked.clone(), &mut forwarded(&bytes));
                assert_eq!(outcome, (length == need).then_some(true), "{asked:?} {length}");
            }
            // Where the capture ends there, nobody knows.
            let bytes = raw(family, protocol, &vec![0; need]);
            let outcome = Stage::new().outcome(asked.clone(), &mut cut(&bytes, bytes.len() - 1));
            assert_eq!(outcome, Some(false), "{asked:?}");
        }
    }
}

#[test]
fn a_later_fragment_has_no_transport_header() {
    for (asked, protocol, _) in readers() {
        let v4 = Ipv4 { fragment_offset: 8, ..Ipv4::new([192, 168, 0, 7], [10, 0, 0, 1], protocol) }.build(&[0; 32]);
        assert!(!holds(asked.clone(), &v4), "{asked:?}");
        let ends = ["fd00::7", "2001:db8::1"].map(|text| text.parse::<std::net::Ipv6Addr>().expect("an address"));
        let v6 = Ipv6::new(ends[0], ends[1], protocol).fragment(7, 8, false).build(&[0; 32]);
        assert!(!holds(asked.clone(), &v6), "{asked:?}");
        // One that would bring TCP's flags is dropped (RFC 1858).
        let evil = Ipv4 { fragment_offset: 1, ..Ipv4::new([192, 168, 0, 7], [10, 0, 0, 1], protocol) }.build(&[0; 32]);
        let outcome = Stage::new().outcome(asked.clone(), &mut forwarded(&evil));
        assert_eq!(outcome, if protocol == 6 { None } else { Some(false) }, "{asked:?}");
    }
}

#[test]
fn a_tcp_header_that_is_too_short_for_itself_is_dropped_where_options_are_asked_for() {
    for family in FAMILIES {
        let mut header = vec![0; 20];
        for (words, expected) in [(4, None), (5, Some(false)), (6, None)] {
            header[12] = words << 4;
            let bytes = raw(family, 6, &header);
            assert_eq!(Stage::new().outcome(option(Not::plain(2)), &mut forwarded(&bytes)), expected, "{words}");
            assert!(holds(Match::Tcp(TcpMatch::default()), &bytes));
        }
    }
}
