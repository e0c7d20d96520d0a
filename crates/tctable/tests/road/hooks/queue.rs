//! Packets that wait for a program.

use tctable::conntrack::CtState;
use tctable::gateway::{QueuedId, ReinjectError, Transmit};
use tctable::hook::{DropReason, Families, Hook, Verdict, priority};
use tctable::packet::{LinkType, NotIp};
use tctable::time::Duration;

use super::{Notes, always};
use crate::support::{BOTH, Net, Road, counter};

const QUEUE: Verdict = Verdict::Queue { number: 3, bypass: false };
const BYPASS: Verdict = Verdict::Queue { number: 3, bypass: true };

/// A road that queues at FORWARD, with somebody who reads.
fn queueing(notes: &Notes) -> Road {
    let mut road = Road::with(|config| config.max_transmits = 4);
    let mut register = |name, priority, verdict| {
        road.gateway.register_hook(Hook::Forward, priority, Families::Both, notes.named(name, verdict))
    };
    register("before", -1, Verdict::Accept);
    register("queue", 0, QUEUE);
    register("after", 1, Verdict::Accept);
    road.gateway.bind_queue(3, 2);
    road
}

/// Sends a packet that is to wait.
fn send(road: &mut Road, packet: &[u8]) -> QueuedId {
    road.gateway.receive([tctable::packet::Frame { time: road.now, ..crate::support::frame(LinkType::Raw, packet) }]);
    road.gateway.poll_queued(3).expect("it waits").id
}

#[test]
fn where_nobody_reads_packets_are_dropped_or_passed_by() {
    for net in BOTH {
        let packet = net.ask();
        let mut road = Road::new();
        let handle = always(&mut road.gateway, Hook::Forward, 0, QUEUE);
        assert_eq!(road.pass(&packet).verdict, Verdict::Drop(DropReason::NoQueue));
        let dropped = road.gateway.totals().unaccounted.queue_dropped;
        assert_eq!((dropped, road.gateway.totals().queue_bypassed), (counter(1, packet.len() as u64), 0));
        road.gateway.unregister_hook(handle);
        always(&mut road.gateway, Hook::Forward, 0, BYPASS);
        assert_eq!(road.pass(&packet).verdict, Verdict::Accept);
        assert_eq!(road.gateway.totals().unaccounted.queue_dropped.packets, 1);
        assert_eq!(road.gateway.totals().queue_bypassed, 1);
        assert_eq!(road.gateway.conntrack().count(), 1);
    }
}

#[test]
fn an_accepted_packet_goes_on_behind_the_function_that_queued_it() {
    for net in BOTH {
        let notes = Notes::default();
        let mut road = queueing(&notes);
        let packet = net.ask();
        let id = send(&mut road, &packet);
        assert_eq!(notes.take(), ["before", "queue"]);
        // It is nobody's yet, and in no table.
        assert_eq!(road.gateway.totals().unaccounted.queued, counter(1, packet.len() as u64));
        assert_eq!((road.gateway.conntrack().count(), road.gateway.queued_packets()), (0, 1));
        let queued = road.gateway.queued(id).expect("it waits");
        assert_eq!((queued.hook, queued.queue, queued.packet.state()), (Hook::Forward, 3, CtState::New));
        road.gateway.reinject(id, Verdict::Accept, Some(9), None).unwrap();
        assert_eq!(notes.take(), ["after"]);
        assert_eq!(road.gateway.totals().unaccounted.queued, counter(0, 0));
        assert_eq!((road.gateway.conntrack().count(), road.gateway.queued_packets()), (1, 0));
        assert_eq!(road.host(net.client).map(|host| host.open_connections()), Some(1));
        let transmit = Transmit { device: None, link: LinkType::Raw, data: packet };
        assert_eq!((road.gateway.poll_transmit(), road.gateway.poll_transmit()), (Some(transmit), None));
        assert_eq!(road.gateway.reinject(id, Verdict::Accept, None, None), Err(ReinjectError::Unknown));
    }
}

#[test]
fn repeating_asks_the_same_function_once_more() {
    let notes = Notes::default();
    let mut road = queueing(&notes);
    let id = send(&mut road, &BOTH[0].ask());
    notes.take();
    road.gateway.reinject(id, Verdict::Repeat, None, None).unwrap();
    assert_eq!((notes.take(), road.gateway.queued_packets()), (vec!["queue".to_owned()], 1));
}

#[test]
fn it_may_go_on_to_another_queue_or_end() {
    let notes = Notes::default();
    let mut road = queueing(&notes);
    let packet = BOTH[0].ask();
    let id = send(&mut road, &packet);
    road.gateway.bind_queue(4, 1);
    road.gateway.reinject(id, Verdict::Queue { number: 4, bypass: false }, None, None).unwrap();
    let id = road.gateway.poll_queued(4).expect("it waits there").id;
    road.gateway.reinject(id, Verdict::DROP, None, None).unwrap();
    assert_eq!(road.gateway.totals().unaccounted.dropped, counter(1, packet.len() as u64));
    assert_eq!((road.gateway.queued_packets(), road.gateway.conntrack().count()), (0, 0));
}

#[test]
fn new_bytes_are_the_packet_from_then_on() {
    for net in BOTH {
        let notes = Notes::default();
        let mut road = queueing(&notes);
        let id = send(&mut road, &net.ask());
        let refused = road.gateway.reinject(id, Verdict::Accept, None, Some(b"no packet"));
        assert!(matches!(refused, Err(ReinjectError::NotIp(NotIp::Malformed(_)))), "{refused:?}");
        let mut longer = net.ask();
        longer.push(0);
        road.gateway.reinject(id, Verdict::Accept, None, Some(&longer)).unwrap();
        assert_eq!(road.gateway.poll_transmit().expect("it goes on").data, longer);
    }
}

#[test]
fn a_full_queue_drops_and_so_does_one_that_is_left() {
    let notes = Notes::default();
    let mut road = queueing(&notes);
    let packet = BOTH[0].ask();
    let frames =
        |road: &Road| tctable::packet::Frame { time: road.now, ..crate::support::frame(LinkType::Raw, &packet) };
    for _ in 0..3 {
        road.gateway.receive([frames(&road)]);
    }
    let len = packet.len() as u64;
    let unaccounted = &road.gateway.totals().unaccounted;
    assert_eq!((unaccounted.queued, unaccounted.queue_dropped), (counter(2, 2 * len), counter(1, len)));
    road.gateway.unbind_queue(3);
    let unaccounted = &road.gateway.totals().unaccounted;
    assert_eq!((unaccounted.queued, unaccounted.queue_dropped), (counter(0, 0), counter(3, 3 * len)));
    assert!(road.gateway.poll_queued(3).is_none());
}

#[test]
fn a_function_that_went_meanwhile_has_still_its_place() {
    let notes = Notes::default();
    let mut road = Road::new();
    let register = |road: &mut Road, name, priority, verdict| {
        road.gateway.register_hook(Hook::Forward, priority, Families::Both, notes.named(name, verdict))
    };
    let queue = register(&mut road, "queue", 0, QUEUE);
    register(&mut road, "after", 0, Verdict::Accept);
    road.gateway.bind_queue(3, 2);
    let id = {
        // Of equals the latest comes first: it was asked before the one that queued.
        let id = send(&mut road, &BOTH[0].ask());
        assert_eq!(notes.take(), ["after", "queue"]);
        id
    };
    road.gateway.unregister_hook(queue);
    road.gateway.reinject(id, Verdict::Accept, None, None).unwrap();
    assert_eq!(notes.take(), Vec::<String>::new());
    assert_eq!(road.gateway.conntrack().count(), 1);
}

/// Whoever waits long may find its connection gone, and its host too.
#[test]
fn the_connection_may_end_while_its_packet_waits() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        let handle = always(&mut road.gateway, Hook::PreRouting, priority::MANGLE, QUEUE);
        road.gateway.bind_queue(3, 2);
        let id = send(&mut road, &net.ask());
        road.wait(Duration::from_secs(3600)).tick();
        assert!(road.gateway.hosts().is_empty() && road.gateway.conntrack().count() == 0);
        // Another host and another connection take the places.
        road.gateway.unregister_hook(handle);
        let other = Net { client: net.neighbour, ..net };
        road.pass(&other.ask());
        road.gateway.reinject(id, Verdict::Accept, None, None).unwrap();
        // It counted for its own host, and for no connection.
        assert_eq!(road.hosts().len(), 2);
        for host in [net.client, net.neighbour] {
            let host = road.host(host).expect("it sent");
            assert_eq!(host.class(tctable::account::Class::Udp).tx.packets, 1);
        }
        assert_eq!(road.connection().1.original().source, net.neighbour.into());
    }
}

/// Two first packets of one connection wait at once.
#[test]
fn the_second_of_two_first_packets_goes_over_to_the_first() {
    for net in BOTH {
        let notes = Notes::default();
        let mut road = queueing(&notes);
        let ids = [send(&mut road, &net.ask()), send(&mut road, &net.ask())];
        for id in ids {
            road.gateway.reinject(id, Verdict::Accept, None, None).unwrap();
        }
        assert_eq!(road.connection().1.counter(tctable::conntrack::Direction::Original).packets, 2);
        assert_eq!(road.gateway.conntrack().statistics().clash_resolve, 1);
        assert_eq!(road.host(net.client).map(|host| host.open_connections()), Some(1));
    }
}
