//! Packets that are never tracked.

use tctable_lab::packets::protocol;

use crate::packet::fragment;
use crate::support::{BOTH, Road, V6, echo};

#[test]
fn neighbour_listener_and_multicast_router_discovery() {
    for kind in [130, 131, 132, 133, 134, 135, 136, 143, 151, 152] {
        let mut road = Road::new();
        let mut packet = echo(V6.client, V6.neighbour, false, 0);
        packet[40] = kind;
        let shown = road.pass(&packet);
        assert_eq!((shown.line().as_str(), shown.host), ("UNTRACKED", Some(V6.client)), "{kind}");
        assert_eq!((road.gateway.conntrack().count(), road.gateway.conntrack().statistics().ignore), (0, 1));
        // Counted for both.
        assert_eq!(road.gateway.totals().inside_to_inside.packets, 1);
    }
}

#[test]
fn later_fragments_count_for_their_hosts_only() {
    for net in BOTH {
        let mut road = Road::new();
        let datagram = &net.ask()[net.header() as usize..];
        let first = fragment(net, protocol::UDP, 0, true, datagram);
        assert_eq!(road.line(&first), "NEW original udp 30 CONFIRMED");
        let later = fragment(net, protocol::UDP, 1, false, datagram);
        let shown = road.pass(&later);
        assert_eq!((shown.line().as_str(), shown.host), ("UNTRACKED", Some(net.client)));
        assert_eq!(road.gateway.totals().tx().bytes, (first.len() + later.len()) as u64);
        assert_eq!(road.connection().1.counter(tctable::conntrack::Direction::Original).packets, 1);
        assert_eq!(road.gateway.conntrack().statistics().ignore, 1);
    }
}
