//! Fragments on the road: their datagram is tracked when it is whole, and each counts for its hosts as it comes.

use tctable::conntrack::Direction;
use tctable::packet::Family;
use tctable::time::Duration;
use tctable_lab::packets::{ip, protocol};

use crate::packet::fragment;
use crate::support::{BOTH, Net, Road, V6, counter};

/// A datagram from the client to the server in two pieces.
fn halves(net: Net) -> [Vec<u8>; 2] {
    let datagram = tctable_lab::packets::udp(net.from(), net.to(), &[7; 40]);
    [fragment(net, protocol::UDP, 0, true, &datagram[..24]), fragment(net, protocol::UDP, 3, false, &datagram[24..])]
}

fn family(net: Net) -> Family {
    if net.client.is_ipv4() { Family::V4 } else { Family::V6 }
}

#[test]
fn a_datagram_is_tracked_when_it_is_whole() {
    for net in BOTH {
        for order in [[0, 1], [1, 0]] {
            let mut road = Road::with(|config| config.conntrack.checksum = true);
            let halves = halves(net);
            let first = road.pass(&halves[order[0]]);
            assert_eq!((first.line().as_str(), first.host), ("-", Some(net.client)));
            assert_eq!(road.gateway.conntrack().count(), 0);
            assert_eq!(road.line(&halves[order[1]]), "NEW original udp 30 CONFIRMED");
            let (_, connection) = road.connection();
            assert_eq!(
                (connection.original().source_port, connection.original().destination_port),
                (net.from().port(), net.to().port())
            );
            // One packet, with one header, for the connection; two, with two headers, for the host.
            let whole = ip(net.client, net.server, protocol::UDP, &[0; 48]).len() as u64;
            assert_eq!(connection.counter(Direction::Original), counter(1, whole));
            let bytes = halves.iter().map(|half| half.len() as u64).sum();
            assert_eq!(road.gateway.totals().tx(), counter(2, bytes));
            let told = road.gateway.defrag(family(net));
            assert_eq!((told.requests, told.oks, told.queues, told.memory), (2, 1, 0, 0));
        }
    }
}

#[test]
fn a_datagram_that_the_capture_has_not_kept_is_tracked_by_what_is_known() {
    for net in BOTH {
        let mut road = Road::new();
        let [first, last] = halves(net);
        road.pass_cut(&last, net.header() as usize + 8);
        assert_eq!(road.pass_cut(&first, net.header() as usize + 16).line(), "NEW original udp 30 CONFIRMED");
        assert_eq!((road.gateway.defrag(family(net)).cut, road.gateway.defrag(family(net)).transport_cut), (1, 0));
    }
}

#[test]
fn what_makes_no_sense_is_dropped_and_counted() {
    for net in BOTH {
        let mut road = Road::new();
        let [first, _] = halves(net);
        road.pass(&first);
        // The same bytes and some more.
        let overlap = fragment(net, protocol::UDP, 1, true, &[9; 32]);
        let refused = road.pass(&overlap);
        assert_eq!((refused.line().as_str(), refused.host), ("-", None));
        assert_eq!(road.gateway.totals().unaccounted.fragments_refused, counter(1, overlap.len() as u64));
        assert_eq!(road.gateway.defrag(family(net)).overlaps, 1);
    }
}

#[test]
fn a_datagram_that_takes_too_long_is_forgotten() {
    for net in BOTH {
        let mut road = Road::new();
        let [first, last] = halves(net);
        road.pass(&first);
        let seconds = if net.client.is_ipv4() { 30 } else { 60 };
        let end = road.now + Duration::from_secs(seconds);
        road.sleep_until(end);
        road.tick();
        assert_eq!((road.gateway.defrag(family(net)).timeouts, road.gateway.defrag(family(net)).queues), (1, 0));
        assert_eq!(road.line(&last), "-");
        assert_eq!(road.gateway.conntrack().count(), 0);
    }
}

#[test]
fn limits_and_times_are_tunables() {
    for net in BOTH {
        let mut road = Road::new();
        for name in ["net.ipv4.ipfrag_high_thresh", "nf_conntrack_frag6_high_thresh"] {
            road.gateway.set_sysctl(name, "0").expect("a tunable");
        }
        let [first, _] = halves(net);
        road.pass(&first);
        assert_eq!(road.gateway.totals().unaccounted.fragments_refused.packets, 1);
    }
}

#[test]
fn a_packet_that_ends_inside_its_fragment_header_is_dropped() {
    for extension in [&[][..], &[protocol::FRAGMENT, 0, 1, 4, 0, 0, 0, 0]] {
        for length in 0..4 {
            let header = [17, 0, 0, 8];
            let number = if extension.is_empty() { protocol::FRAGMENT } else { protocol::DESTINATION };
            let payload = [extension, &header[..length]].concat();
            let packet = ip(V6.client, V6.server, number, &payload);
            let mut road = Road::new();
            // A payload length of zero means a jumbogram, which is never split.
            let expected = if payload.is_empty() { "INVALID" } else { "-" };
            assert_eq!(road.line(&packet), expected, "{payload:02x?}");
            let refused = road.gateway.totals().unaccounted.fragments_refused;
            assert_eq!(refused.packets, u64::from(!payload.is_empty()));
        }
    }
}
