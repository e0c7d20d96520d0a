//! Segments that begin no connection, belong to none, or change nothing.

use tctable::conntrack::Direction::Original;
use tctable::time::Duration;
use tctable_lab::packets::{Tcp, tcp_packet};

use super::tcp::open;
use crate::support::{BOTH, Road, packets};

/// The combinations of SYN, FIN, RST, ACK and URG that some stack sends, as `nf_conntrack_proto_tcp` lists them.
const SANE: [u8; 9] = [0x02, 0x22, SYN_ACK, 0x04, 0x14, 0x11, 0x31, 0x10, 0x30];
/// Sane, but not from the side that opened.
const SYN_ACK: u8 = 0x12;

#[test]
fn insane_flags_are_invalid_even_in_an_open_connection() {
    for net in BOTH {
        for flags in 0..=255u8 {
            // PSH, ECE and CWR may go with any of them.
            let sane = SANE.contains(&(flags & !0xc8));
            let mut road = open(net);
            let by_server = flags & !0xc8 == SYN_ACK;
            let (from, to) = if by_server { (net.to(), net.from()) } else { (net.from(), net.to()) };
            let shown = road.pass(&tcp_packet(from, to, &Tcp { flags, ..Tcp::default() }, b""));
            assert_eq!(shown.line() == "INVALID", !sane, "{flags:#04x}: {}", shown.line());
            // The host is counted all the same.
            assert_eq!((shown.host, road.gateway.totals().ip.packets), (Some(net.client), 4));
            let counted = packets(road.connection().1);
            assert!(sane || counted == [2, 1], "{flags:#04x}: {counted:?}");
        }
    }
}

#[test]
fn only_a_syn_or_a_segment_in_mid_stream_begins_a_connection() {
    for net in BOTH {
        for (flags, begins) in
            [("S", true), (".", true), ("P.", true), ("F.", false), ("S.", false), ("R", false), ("R.", false)]
        {
            let mut road = Road::new();
            let line = road.line(&net.out(flags));
            assert_eq!(line.starts_with("NEW"), begins, "{flags}: {line}");
            assert_eq!(line == "INVALID", !begins, "{flags}: {line}");
            assert_eq!(road.gateway.conntrack().count(), usize::from(begins));
        }
    }
}

#[test]
fn a_syn_in_an_open_connection_neither_counts_nor_keeps_it_alive() {
    for net in BOTH {
        let mut road = open(net);
        let deadline = road.connection().1.deadline();
        road.wait(Duration::from_secs(60));
        assert!(road.line(&net.out("S")).starts_with("ESTABLISHED original tcp ESTABLISHED"));
        let (_, connection) = road.connection();
        assert_eq!((connection.counter(Original).packets, connection.deadline()), (2, deadline));
        // The host sent it.
        assert_eq!(road.gateway.totals().tx().packets, 3);
    }
}

#[test]
fn a_refused_segment_neither_counts_nor_keeps_the_connection_alive() {
    for net in BOTH {
        let mut road = open(net);
        let before = road.connection().1.clone();
        road.wait(Duration::from_secs(60));
        // A SYN/ACK from the side that opened.
        assert_eq!(road.line(&net.out("S.")), "INVALID");
        let (_, after) = road.connection();
        assert_eq!((packets(after), after.deadline()), (packets(&before), before.deadline()));
        assert_eq!(road.gateway.conntrack().statistics().invalid, 1);
    }
}
