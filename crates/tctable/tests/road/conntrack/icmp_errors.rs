//! ICMP and ICMPv6 errors belong to the connection that they quote.

use std::net::{IpAddr, Ipv6Addr};

use tctable::conntrack::Statistics;
use tctable::time::Duration;
use tctable_lab::packets::{Ipv6, icmp_error, icmpv6, ip, protocol, udp};

use crate::packet::fragment;
use crate::support::{BOTH, Net, Road, V4, V6, packets, segment, unreachable};

/// An SCTP INIT from port 7 to port 80, and what answers it; checksums are not looked at.
const INIT: [u8; 32] =
    [0, 7, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 20, 0, 0, 0, 1, 0, 0, 9, 9, 0, 1, 0, 1, 0, 0, 0, 1];
const INIT_ACK: [u8; 32] =
    [0, 80, 0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0, 20, 0, 0, 0, 2, 0, 0, 9, 9, 0, 1, 0, 1, 0, 0, 0, 1];

/// An opening packet of each protocol and the answer to it.
fn talks(net: Net) -> Vec<(Vec<u8>, Vec<u8>)> {
    vec![
        (net.ask(), net.answer()),
        (net.out("S"), net.back("S.")),
        (net.ping(7), net.pong(7)),
        (ip(net.client, net.server, 47, b"gre"), ip(net.server, net.client, 47, b"gre")),
        (ip(net.client, net.server, 50, b"esp"), ip(net.server, net.client, 50, b"esp")),
        (
            ip(net.client, net.server, 136, &udp(net.from(), net.to(), b"")),
            ip(net.server, net.client, 136, &udp(net.to(), net.from(), b"")),
        ),
        (ip(net.client, net.server, 132, &INIT), ip(net.server, net.client, 132, &INIT_ACK)),
    ]
}

#[test]
fn an_error_about_the_original_direction_comes_back_in_the_reply_direction() {
    for net in BOTH {
        for (there, _) in talks(net) {
            let mut road = Road::new();
            let opened = road.pass(&there);
            let error = road.pass(&unreachable(net.router, net.client, &there));
            assert!(error.line().starts_with("RELATED reply "), "{}", error.line());
            assert_eq!((error.id, error.host), (opened.id, Some(net.client)));
        }
    }
}

#[test]
fn an_error_about_the_reply_direction_goes_in_the_original_direction() {
    for net in BOTH {
        for (there, back) in talks(net) {
            let mut road = Road::new();
            road.pass(&there);
            let opened = road.pass(&back);
            let error = road.pass(&unreachable(net.client, net.server, &back));
            assert!(error.line().starts_with("RELATED original "), "{}", error.line());
            assert_eq!((error.id, error.host), (opened.id, Some(net.client)));
        }
    }
}

#[test]
fn an_error_neither_counts_for_the_connection_nor_keeps_it_alive_nor_answers_it() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        let deadline = road.connection().1.deadline();
        road.wait(Duration::from_secs(10));
        assert_eq!(road.line(&unreachable(net.server, net.client, &net.ask())), "RELATED reply udp 30 CONFIRMED");
        let (_, connection) = road.connection();
        assert_eq!((packets(connection), connection.deadline()), ([1, 0], deadline));
        // It counts for the host.
        assert_eq!(road.gateway.totals().rx().packets, 1);
    }
}

#[test]
fn eight_bytes_of_the_quoted_transport_header_are_enough() {
    for net in BOTH {
        for (there, _) in talks(net) {
            let mut road = Road::new();
            road.pass(&there);
            let quote = &there[..there.len().min(net.header() as usize + 8)];
            assert!(road.line(&unreachable(net.router, net.client, quote)).starts_with("RELATED reply "));
        }
    }
}

#[test]
fn a_quote_that_is_cut_before_it_names_a_connection_is_invalid() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        for length in 0..net.header() as usize + 4 {
            let error = unreachable(net.router, net.client, &net.ask()[..length]);
            assert_eq!(road.line(&error), "INVALID", "{length}");
        }
        // The same where only the capture was cut: lengths stay, bytes are missing.
        let error = unreachable(net.router, net.client, &net.ask());
        for kept in net.header() as usize..2 * net.header() as usize + 8 + 4 {
            assert_eq!(road.pass_cut(&error, kept).line(), "INVALID", "{kept}");
        }
        assert!(road.pass_cut(&error, 2 * net.header() as usize + 8 + 4).line().starts_with("RELATED"));
    }
}

#[test]
fn padding_is_no_quote() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        let mut error = unreachable(net.router, net.client, &net.ask()[..net.header() as usize]);
        error.extend(&net.ask()[net.header() as usize..]);
        assert_eq!(road.line(&error), "INVALID");
    }
}

#[test]
fn an_error_about_nothing_known_is_invalid() {
    for net in BOTH {
        let mut road = Road::new();
        assert_eq!(road.line(&unreachable(net.router, net.client, &net.ask())), "INVALID");
        road.pass(&net.ask());
        let mut other = net.from();
        other.set_port(1);
        let quote = segment(other, net.to(), "S");
        assert_eq!(road.line(&unreachable(net.router, net.client, &quote)), "INVALID");
        assert_eq!(road.gateway.conntrack().statistics().error, 2);
        assert_eq!(road.gateway.conntrack().count(), 1);
    }
}

#[test]
fn an_error_about_a_connection_whose_time_is_over_is_invalid() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        road.wait(Duration::from_nanos(29_999_999_999));
        assert!(road.line(&unreachable(net.router, net.client, &net.ask())).starts_with("RELATED"));
        road.wait(Duration::from_nanos(1));
        assert_eq!(road.line(&unreachable(net.router, net.client, &net.ask())), "INVALID");
    }
}

#[test]
fn an_error_must_go_to_who_had_sent_the_packet() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        for to in [net.neighbour, net.server, net.router] {
            assert_eq!(road.line(&unreachable(net.router, to, &net.ask())), "INVALID");
        }
    }
}

#[test]
fn an_error_about_a_later_fragment_or_an_error_is_invalid() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        let later = fragment(net, protocol::UDP, 1, false, &net.ask()[net.header() as usize..]);
        assert_eq!(road.line(&unreachable(net.router, net.client, &later)), "INVALID");
        let first = fragment(net, protocol::UDP, 0, true, &net.ask()[net.header() as usize..]);
        assert!(road.line(&unreachable(net.router, net.client, &first)).starts_with("RELATED"));
        let error = unreachable(net.client, net.router, &net.answer());
        assert_eq!(road.line(&unreachable(net.router, net.client, &error)), "INVALID");
    }
}

#[test]
fn every_icmp_error_type_is_related() {
    for net in BOTH {
        let number = if net.client.is_ipv4() { protocol::ICMP } else { protocol::ICMPV6 };
        let errors: Vec<u8> = if net.client.is_ipv4() { vec![3, 4, 5, 11, 12] } else { (0..128).collect() };
        for kind in 0..=255 {
            let mut road = Road::new();
            road.pass(&net.ask());
            let error = ip(net.router, net.client, number, &icmp_error(kind, 0, 0, &net.ask()));
            assert_eq!(road.line(&error).starts_with("RELATED reply"), errors.contains(&kind), "{kind}");
        }
    }
}

/// A redirect to the client with these options, from that source.
fn redirect(source: &str, code: u8, options: &[u8]) -> Vec<u8> {
    let (Ok(from), IpAddr::V6(to)) = (source.parse::<Ipv6Addr>(), V6.client) else { panic!("IPv6") };
    // Target and destination.
    let body = [&[0xfe; 32], options].concat();
    Ipv6 { hop_limit: 255, ..Ipv6::new(from, to, protocol::ICMPV6) }.build(&icmpv6(from, to, [137, code], 0, &body))
}

/// An option of a redirect with 6 bytes that nobody reads and a quote.
fn option(kind: u8, quote: &[u8]) -> Vec<u8> {
    let mut option = [&[kind, (8 + quote.len()).div_ceil(8) as u8, 0, 0, 0, 0, 0, 0], quote].concat();
    option.resize(option.len().next_multiple_of(8), 0);
    option
}

#[test]
fn an_icmpv6_redirect_by_a_neighbour_is_related_to_what_it_quotes() {
    let (about, other) = (option(4, &V6.ask()), option(2, &[]));
    let mut elsewhere = redirect("fe80::1", 0, &about);
    elsewhere[39] ^= 1;
    let mut from_afar = redirect("fe80::1", 0, &about);
    from_afar[7] = 64;
    let mut no_length = about.clone();
    no_length[1] = 0;
    let mut short = [0, 1].map(|code| redirect("fe80::1", code, &[]));
    for packet in &mut short {
        packet.pop();
        packet[5] -= 1;
    }
    let [short, short_with_a_code] = short;
    // With the statistic that counts it.
    for (packet, line, counted) in [
        (redirect("fe80::1", 0, &about), "RELATED reply udp 30 CONFIRMED", ""),
        (redirect("febf::1", 0, &about), "RELATED reply udp 30 CONFIRMED", ""),
        (elsewhere, "INVALID", "error"),
        (from_afar, "INVALID", "error"),
        (redirect("2001:db8::1", 0, &about), "INVALID", "error"),
        (redirect("fec0::1", 0, &about), "INVALID", "error"),
        (redirect("fe80::1", 1, &about), "INVALID", "invalid"),
        (redirect("fe80::1", 0, &no_length), "INVALID", "error"),
        (redirect("fe80::1", 0, &[]), "INVALID", "error"),
        // The quote is looked for in the first option alone.
        (redirect("fe80::1", 0, &[other, about].concat()), "INVALID", "invalid"),
        (short, "INVALID", "error"),
        (short_with_a_code, "INVALID", "error"),
    ] {
        let mut road = Road::new();
        road.pass(&V6.ask());
        assert_eq!(road.line(&packet), line, "{packet:02x?}");
        let Statistics { invalid, error, .. } = *road.gateway.conntrack().statistics();
        assert_eq!((invalid, error), (u64::from(counted == "invalid"), u64::from(counted == "error")), "{packet:02x?}");
    }
}

#[test]
fn the_version_and_the_lengths_of_a_quoted_packet_are_not_looked_at() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        let mut quote = net.ask();
        quote[0] = quote[0] & 0x0f | 0x70;
        let length = if net.client.is_ipv4() { 2 } else { 4 };
        quote[length..length + 2].copy_from_slice(&[0, 0]);
        assert!(road.line(&unreachable(net.router, net.client, &quote)).starts_with("RELATED reply"));
    }
    // Not even that the header is shorter than a header: then its end is taken for the ports.
    let mut road = Road::new();
    let mut to = V4.to();
    to.set_port(0x6401);
    let mut from = V4.from();
    from.set_port(0xc633);
    let packet = ip(V4.client, V4.server, protocol::UDP, &udp(from, to, b""));
    road.pass(&packet);
    let mut quote = packet[..20].to_vec();
    quote[0] = 0x44;
    assert!(road.line(&unreachable(V4.router, V4.client, &quote)).starts_with("RELATED reply"));
    quote[0] = 0x46;
    assert_eq!(road.line(&unreachable(V4.router, V4.client, &quote)), "INVALID");
}

#[test]
fn extension_headers_of_the_error_and_of_its_quote_are_stepped_over() {
    let net = V6;
    let (IpAddr::V6(client), IpAddr::V6(server)) = (net.client, net.server) else { panic!("IPv6") };
    let mut road = Road::new();
    road.pass(&net.ask());
    let datagram = udp(net.from(), net.to(), b"ask");
    let quote = Ipv6::new(client, server, protocol::UDP).extension(protocol::DESTINATION, &[0; 6]).build(&datagram);
    assert!(road.line(&unreachable(net.router, net.client, &quote)).starts_with("RELATED reply"));
    for length in 0..52 {
        assert_eq!(road.line(&unreachable(net.router, net.client, &quote[..length])), "INVALID", "{length}");
    }
    let error = unreachable(net.server, net.client, &net.ask())[40..].to_vec();
    let error = Ipv6::new(server, client, protocol::ICMPV6).extension(protocol::HOP_BY_HOP, &[0; 6]).build(&error);
    assert!(road.line(&error).starts_with("RELATED reply"));
    let nothing = Ipv6::new(client, server, protocol::NO_NEXT).build(b"");
    assert_eq!(road.line(&unreachable(net.router, net.client, &nothing)), "INVALID");
}

#[test]
fn ports_are_enough_of_a_quoted_header_and_protocols_without_them_need_none() {
    for net in BOTH {
        let header = net.header() as usize;
        for (there, _) in talks(net) {
            let need = match there[if net.client.is_ipv4() { 9 } else { 6 }] {
                protocol::ICMP | protocol::ICMPV6 => 8,
                47 | 50 => 0,
                _ => 4,
            };
            let mut road = Road::new();
            road.pass(&there);
            for length in 0..=there.len() {
                let related = road.line(&unreachable(net.router, net.client, &there[..length])).starts_with("RELATED");
                assert_eq!(related, length >= header + need, "{there:02x?} {length}");
            }
        }
    }
}
