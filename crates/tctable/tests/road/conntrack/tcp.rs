//! TCP from the handshake on.

use tctable::conntrack::Direction::{Original, Reply};
use tctable::time::Duration;
use tctable_lab::packets::{Tcp, tcp_packet};

use crate::support::{BOTH, Net, Road, counter};

/// A road along which a connection was opened.
pub fn open(net: Net) -> Road {
    let mut road = Road::new();
    for packet in [net.out("S"), net.back("S."), net.out(".")] {
        road.pass(&packet);
    }
    road
}

#[test]
fn a_handshake_and_data() {
    for net in BOTH {
        let mut road = Road::new();
        assert_eq!(road.line(&net.out("S")), "NEW original tcp SYN_SENT 120 CONFIRMED");
        assert_eq!(road.line(&net.back("S.")), "ESTABLISHED reply tcp SYN_RECV 60 SEEN_REPLY,CONFIRMED");
        let open = "tcp ESTABLISHED 432000 SEEN_REPLY,ASSURED,CONFIRMED";
        assert_eq!(road.line(&net.out(".")), format!("ESTABLISHED original {open}"));
        assert_eq!(road.line(&net.out("P.")), format!("ESTABLISHED original {open}"));
        assert_eq!(road.line(&net.back("P.")), format!("ESTABLISHED reply {open}"));
    }
}

#[test]
fn both_directions_are_counted_in_packets_and_bytes() {
    for net in BOTH {
        let mut road = open(net);
        let begin = road.now;
        road.wait(Duration::from_secs(5));
        let sent = tcp_packet(net.from(), net.to(), &Tcp::default(), &[0; 100]);
        road.pass(&sent);
        let (_, connection) = road.connection();
        let small = net.header() + 20;
        assert_eq!(connection.counter(Original), counter(3, 3 * small + 100));
        assert_eq!(connection.counter(Reply), counter(1, small));
        assert_eq!((connection.first_seen(), connection.last_seen()), (begin, road.now));
    }
}

#[test]
fn the_tuples_of_both_directions() {
    for net in BOTH {
        let road = open(net);
        let (_, connection) = road.connection();
        let (client, server) = (net.client, net.server);
        assert_eq!(connection.original().to_string(), format!("src={client} dst={server} sport=40000 dport=443"));
        assert_eq!(connection.reply().to_string(), format!("src={server} dst={client} sport=443 dport=40000"));
    }
}

#[test]
fn a_syn_that_is_sent_again_does_not_keep_the_connection_alive() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.out("S"));
        let again = road.wait(Duration::from_secs(100)).pass(&net.out("S"));
        assert_eq!(again.line(), "NEW original tcp SYN_SENT 120 CONFIRMED");
        assert_eq!(again.packets(), [1, 0]);
        // Twenty seconds were left: this one opens another connection.
        assert_eq!(road.wait(Duration::from_secs(20)).pass(&net.out("S")).id, Some(2));
    }
}

#[test]
fn both_sides_may_open_at_once() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.out("S"));
        assert_eq!(road.line(&net.back("S")), "ESTABLISHED reply tcp SYN_SENT2 120 SEEN_REPLY,CONFIRMED");
        assert_eq!(road.line(&net.out("S.")), "ESTABLISHED original tcp SYN_RECV 60 SEEN_REPLY,CONFIRMED");
        assert!(road.line(&net.back(".")).starts_with("ESTABLISHED reply tcp ESTABLISHED 432000"));
    }
}

#[test]
fn a_connection_is_picked_up_in_mid_stream() {
    for net in BOTH {
        let mut road = Road::new();
        // Until both sides were seen it is not worth five days.
        assert_eq!(road.line(&net.out(".")), "NEW original tcp ESTABLISHED 300 CONFIRMED");
        assert_eq!(road.line(&net.out("P.")), "NEW original tcp ESTABLISHED 300 CONFIRMED");
        assert_eq!(road.line(&net.back(".")), "ESTABLISHED reply tcp ESTABLISHED 300 SEEN_REPLY,CONFIRMED");
        let both = "ESTABLISHED original tcp ESTABLISHED 432000 SEEN_REPLY,ASSURED,CONFIRMED";
        assert_eq!(road.line(&net.out(".")), both);
    }
}

#[test]
fn mid_stream_pickup_can_be_forbidden() {
    for net in BOTH {
        let mut road = Road::with(|config| config.conntrack.tcp.loose = false);
        assert_eq!(road.line(&net.out(".")), "INVALID");
        assert_eq!(road.line(&net.out("P.")), "INVALID");
        assert_eq!(road.gateway.conntrack().count(), 0);
        assert!(road.line(&net.out("S")).starts_with("NEW original tcp SYN_SENT"));
    }
}

#[test]
fn timeouts_can_be_set() {
    for net in BOTH {
        let mut road = Road::with(|config| {
            config.conntrack.timeouts.tcp_syn_sent = Duration::from_secs(7);
            config.conntrack.timeouts.tcp_syn_recv = Duration::from_secs(8);
        });
        assert_eq!(road.line(&net.out("S")), "NEW original tcp SYN_SENT 7 CONFIRMED");
        assert_eq!(road.line(&net.back("S.")), "ESTABLISHED reply tcp SYN_RECV 8 SEEN_REPLY,CONFIRMED");
    }
}
