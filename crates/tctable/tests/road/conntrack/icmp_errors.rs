//! ICMP and ICMPv6 errors belong to the connection that they quote.

use tctable::time::Duration;
use tctable_lab::packets::{icmp_error, ip, protocol};

use crate::packet::fragment;
use crate::support::{BOTH, Net, Road, V4, packets, segment, unreachable};

/// An opening packet of each protocol and the answer to it.
fn talks(net: Net) -> Vec<(Vec<u8>, Vec<u8>)> {
    vec![
        (net.ask(), net.answer()),
        (net.out("S"), net.back("S.")),
        (net.ping(7), net.pong(7)),
        (ip(net.client, net.server, 47, b"gre"), ip(net.server, net.client, 47, b"gre")),
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
    for kind in [3, 4, 5, 11, 12] {
        let mut road = Road::new();
        road.pass(&V4.ask());
        let error = ip(V4.router, V4.client, protocol::ICMP, &icmp_error(kind, 0, 0, &V4.ask()));
        assert!(road.line(&error).starts_with("RELATED reply"), "{kind}");
    }
}
