//! Who looks when, and what it is shown.

use tctable::conntrack::CtState;
use tctable::gateway::{Passing, Route};
use tctable::hook::{Families, Hook, Verdict, priority};
use tctable::packet::{DeviceId, FrameDirection};

use super::Notes;
use crate::support::{BOTH, Road, START};

const LAN: DeviceId = DeviceId(0);
const WAN: DeviceId = DeviceId(1);

/// A road between two devices, on which every hook takes down that it was passed.
fn watched(notes: &Notes) -> Road {
    let mut road = Road::with(|config| config.route = Route::Between(LAN, WAN));
    road.gateway.name_device(LAN, "lan0");
    road.gateway.name_device(WAN, "wan0");
    for hook in Hook::ALL {
        let notes = notes.clone();
        road.gateway.register_hook(hook, 0, Families::Both, move |passing: &mut Passing<'_, '_>| {
            let Passing { hook, packet, devices, .. } = passing;
            notes.write(format!("{hook} {}>{}", devices.name(packet.input()), devices.name(packet.output())));
            Verdict::Accept
        });
    }
    road
}

#[test]
fn the_hooks_of_each_road() {
    for net in BOTH {
        let notes = Notes::default();
        let mut road = watched(&notes);
        road.pass(&net.ask());
        assert_eq!(notes.take(), ["PREROUTING lan0>", "FORWARD lan0>wan0", "POSTROUTING lan0>wan0"]);
        road.device = WAN;
        road.pass(&net.answer());
        assert_eq!(notes.take(), ["PREROUTING wan0>", "FORWARD wan0>lan0", "POSTROUTING wan0>lan0"]);
        // The server's address is the gateway's own now.
        road.gateway.set_local(&[net.server]);
        road.device = LAN;
        road.pass(&net.ask());
        assert_eq!(notes.take(), ["PREROUTING lan0>", "INPUT lan0>"]);
        road.pass(&net.answer());
        assert_eq!(notes.take(), ["OUTPUT >lan0", "POSTROUTING >lan0"]);
    }
}

#[test]
fn a_packet_to_the_gateway_opens_its_connection_and_counts_too() {
    for net in BOTH {
        let mut road = Road::with(|config| config.local = vec![net.server]);
        super::always(&mut road.gateway, Hook::LocalIn, 0, Verdict::Accept);
        let shown = road.pass(&net.out("S"));
        assert_eq!((shown.ct_state, shown.host), (Some(CtState::New), Some(net.client)));
        assert_eq!(road.pass(&net.back("S.")).ct_state, Some(CtState::Established));
        assert_eq!(road.connection().1.status().names().collect::<Vec<_>>(), ["SEEN_REPLY", "CONFIRMED"]);
        assert_eq!(road.gateway.totals().unaccounted, Default::default());
    }
}

#[test]
fn captures_of_one_side_tell_the_devices_by_addresses() {
    for net in BOTH {
        let notes = Notes::default();
        let mut road = watched(&notes);
        road.gateway.set_route(Route::Sides { lan: LAN, wan: WAN });
        for (packet, expected) in [
            (net.ask(), "FORWARD lan0>wan0"),
            (net.answer(), "FORWARD wan0>lan0"),
            (crate::support::echo(net.client, net.neighbour, false, 1), "FORWARD lan0>lan0"),
        ] {
            road.pass(&packet);
            assert_eq!(notes.take()[1], expected);
        }
    }
}

#[test]
fn without_a_route_a_frames_own_device_is_told_alone() {
    for net in BOTH {
        let notes = Notes::default();
        let mut road = watched(&notes);
        road.gateway.set_route(Route::Unknown);
        road.pass(&net.ask());
        assert_eq!(notes.take()[1], "FORWARD lan0>");
        road.direction = FrameDirection::Outbound;
        road.pass(&net.ask());
        assert_eq!(notes.take()[1], "FORWARD >lan0");
    }
}

#[test]
fn lower_priorities_first_and_of_equals_the_latest() {
    let notes = Notes::default();
    let mut road = Road::new();
    for (name, priority) in [("filter", 0), ("later filter", 0), ("last", 1), ("first", i32::MIN)] {
        road.gateway.register_hook(Hook::Forward, priority, Families::Both, notes.named(name, Verdict::Accept));
    }
    road.pass(&BOTH[0].ask());
    assert_eq!(notes.take(), ["first", "later filter", "filter", "last"]);
}

#[test]
fn what_is_known_of_a_packet_grows_on_its_road() {
    for net in BOTH {
        let notes = Notes::default();
        let mut road = Road::new();
        let mut watch = |hook, priority| {
            let notes = notes.clone();
            road.gateway.register_hook(hook, priority, Families::Both, move |passing: &mut Passing<'_, '_>| {
                assert_eq!(passing.now, START);
                let packet = &*passing.packet;
                let connection = packet.connection(passing.conntrack);
                let in_table = packet.connection_id(passing.conntrack).is_some();
                notes.write(format!("{} {} {in_table}", packet.state(), connection.is_some()));
                Verdict::Accept
            });
        };
        watch(Hook::PreRouting, priority::RAW);
        watch(Hook::PreRouting, priority::MANGLE);
        watch(Hook::PostRouting, priority::NAT_SRC);
        road.pass(&net.ask());
        assert_eq!(notes.take(), ["INVALID false false", "NEW true false", "NEW true false"]);
        road.pass(&net.answer());
        assert_eq!(notes.take(), ["INVALID false false", "ESTABLISHED true true", "ESTABLISHED true true"]);
    }
}

#[test]
fn a_function_sees_its_families_alone_and_goes_when_it_is_told() {
    let notes = Notes::default();
    let mut road = Road::new();
    let mut register =
        |families, name| road.gateway.register_hook(Hook::PreRouting, 0, families, notes.named(name, Verdict::Accept));
    let handles = [register(Families::V4, "v4"), register(Families::V6, "v6"), register(Families::Both, "both")];
    for (net, expected) in BOTH.into_iter().zip([["both", "v4"], ["both", "v6"]]) {
        road.pass(&net.ask());
        assert_eq!(notes.take(), expected);
    }
    for handle in handles {
        assert!(road.gateway.unregister_hook(handle).is_some());
        assert!(road.gateway.unregister_hook(handle).is_none());
    }
    road.pass(&BOTH[0].ask());
    assert_eq!(notes.take(), Vec::<String>::new());
}
