//! Packets that are never tracked.

use crate::support::{Road, V6, echo};

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
