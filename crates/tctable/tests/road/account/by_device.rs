//! What is behind an inside device is inside, whatever its address.

use tctable::account::{Class, Inside};
use tctable::packet::{DeviceId, FrameDirection};
use tctable::time::Duration;

use crate::support::{BOTH, Net, Road};

const LAN: DeviceId = DeviceId(1);
const WAN: DeviceId = DeviceId(0);

/// A road with an inside device and no prefix, told which way frames cross it or not.
fn road(device: DeviceId, direction: FrameDirection) -> Road {
    let mut road = Road::with(|config| {
        config.inside = Inside::new(&[]);
        config.inside.set_device(LAN, true);
    });
    (road.device, road.direction) = (device, direction);
    road
}

/// Packets that the client sent and received.
fn client(road: &Road, net: Net) -> (u64, u64) {
    let counters = road.host(net.client).expect("the client is a host").class(Class::Udp);
    (counters.tx.packets, counters.rx.packets)
}

#[test]
fn what_it_received_comes_from_inside_and_what_it_sent_goes_inside() {
    for net in BOTH {
        let mut road = road(LAN, FrameDirection::Inbound);
        assert_eq!(road.pass(&net.ask()).host, Some(net.client));
        road.direction = FrameDirection::Outbound;
        assert_eq!(road.pass(&net.answer()).host, Some(net.client));
        assert_eq!((road.hosts(), client(&road, net)), (vec![net.client], (1, 1)));
    }
}

#[test]
fn what_it_sent_makes_a_host_of_who_receives_it() {
    for net in BOTH {
        let mut road = road(LAN, FrameDirection::Outbound);
        assert_eq!(road.pass(&net.answer()).host, Some(net.client));
        assert_eq!(client(&road, net), (0, 1));
    }
}

#[test]
fn without_a_direction_the_first_to_speak_is_inside_and_stays_known() {
    for net in BOTH {
        let mut road = road(LAN, FrameDirection::Unknown);
        road.pass(&net.ask());
        road.pass(&net.answer());
        road.pass(&net.ask());
        // Also on a connection that the server begins.
        assert_eq!(road.pass(&net.back("S")).host, Some(net.client));
        assert_eq!((road.hosts(), client(&road, net)), (vec![net.client], (2, 1)));
    }
}

#[test]
fn an_address_that_is_known_counts_on_the_other_devices_too() {
    for net in BOTH {
        let mut road = road(LAN, FrameDirection::Inbound);
        road.pass(&net.ask());
        for direction in [FrameDirection::Inbound, FrameDirection::Outbound, FrameDirection::Unknown] {
            (road.device, road.direction) = (WAN, direction);
            assert_eq!(road.pass(&net.answer()).host, Some(net.client), "{direction:?}");
        }
        assert_eq!(client(&road, net), (1, 3));
    }
}

#[test]
fn an_address_is_forgotten_with_its_host() {
    for net in BOTH {
        let mut road = road(LAN, FrameDirection::Inbound);
        road.pass(&net.ask());
        road.device = WAN;
        road.wait(Duration::from_secs(1000)).tick();
        assert_eq!(road.pass(&net.answer()).host, None);
        assert_eq!(road.gateway.totals().unaccounted.outside_to_outside.packets, 1);
    }
}

#[test]
fn another_device_makes_nobody_inside() {
    for net in BOTH {
        for direction in [FrameDirection::Inbound, FrameDirection::Outbound, FrameDirection::Unknown] {
            let mut road = road(WAN, direction);
            assert_eq!(road.pass(&net.ask()).host, None);
            assert_eq!(road.gateway.totals().unaccounted.outside_to_outside.packets, 1);
        }
    }
}

#[test]
fn two_hosts_of_the_same_device() {
    for net in BOTH {
        let mut road = road(LAN, FrameDirection::Inbound);
        road.pass(&net.ask());
        // The server turns out to be inside as well.
        road.pass(&net.answer());
        assert_eq!(client(&road, net), (1, 1));
        assert_eq!(road.gateway.totals().inside_to_inside.packets, 1);
        let mut hosts = [net.client, net.server];
        hosts.sort_unstable();
        assert_eq!(road.hosts(), hosts);
    }
}

#[test]
fn prefixes_and_devices_go_together() {
    for net in BOTH {
        let mut road = Road::with(|config| config.inside.set_device(LAN, true));
        road.device = WAN;
        assert_eq!(road.pass(&net.ask()).host, Some(net.client));
        assert_eq!(road.pass(&net.answer()).host, Some(net.client));
        (road.device, road.direction) = (LAN, FrameDirection::Inbound);
        // By its device the server is inside too.
        assert_eq!(road.pass(&net.answer()).host, Some(net.server));
        assert_eq!(road.gateway.totals().inside_to_inside.packets, 1);
    }
}

#[test]
fn devices_may_be_set_while_packets_pass() {
    for net in BOTH {
        let mut road = Road::with(|config| config.inside = Inside::new(&[]));
        (road.device, road.direction) = (LAN, FrameDirection::Inbound);
        assert_eq!(road.pass(&net.ask()).host, None);
        road.gateway.inside_mut().set_device(LAN, true);
        assert_eq!(road.pass(&net.ask()).host, Some(net.client));
        road.gateway.inside_mut().set_device(LAN, false);
        assert_eq!(road.pass(&net.out("S")).host, None);
    }
}

/// In line every packet crosses from one device to the other, so where it goes is known, whoever it is for.
#[test]
fn between_an_inside_and_an_outside_device_every_packet_counts() {
    for net in BOTH {
        let mut road = Road::with(|config| {
            config.inside = Inside::new(&[]);
            config.inside.set_device(LAN, true);
            config.route = tctable::gateway::Route::Between(LAN, WAN);
        });
        road.direction = FrameDirection::Inbound;
        // From outside, to a host that has not been heard of.
        road.device = WAN;
        assert_eq!(road.pass(&net.answer()).host, Some(net.client));
        road.device = LAN;
        assert_eq!(road.pass(&net.ask()).host, Some(net.client));
        // And of a connection that is known.
        road.pass(&net.ask());
        road.device = WAN;
        road.pass(&net.answer());
        assert_eq!((road.hosts(), client(&road, net)), (vec![net.client], (2, 2)));
    }
}
