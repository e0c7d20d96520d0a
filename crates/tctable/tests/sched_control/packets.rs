use tctable::packet::DeviceId;
use tctable::sched::{DropCause, Offer, Poll};
use tctable::time::Duration;

use super::world::{ETH0, World, both, packet, to};

#[test]
fn a_packet_waits_and_leaves() {
    let mut world = World::told(&["qdisc add dev eth0 root handle 1: pfifo"]);
    let arrived = world.now;
    world.queue(&packet(), 1);
    assert_eq!((world.qdisc("1:").backlog.packets, world.qdisc("1:").backlog.bytes), (1, 1000));
    world.pass(Duration::from_millis(3));
    let Poll::Packet(departure) = world.scheduler.poll(world.now, ETH0) else { panic!("it leaves") };
    assert_eq!((departure.token, departure.len, departure.arrived), (1, 1000, arrived));
    assert!(!departure.is_marked);
    assert_eq!(world.scheduler.poll(world.now, ETH0), Poll::Empty);
    let view = world.qdisc("1:");
    assert_eq!((view.sent.packets, view.sent.bytes, view.backlog.packets), (1, 1000, 0));
}

#[test]
fn a_device_that_is_not_there_drops() {
    let mut world = World::new();
    let offer = world.offer_to(DeviceId(9), &packet());
    assert_eq!(offer, Offer::Dropped { class: None, cause: DropCause::NoDevice });
    assert_eq!(world.scheduler.poll(world.now, DeviceId(9)), Poll::Empty);
}

#[test]
fn what_comes_back_leaves_first_and_counts_as_requeued() {
    let mut world = World::told(&["qdisc add dev eth0 root handle 1: pfifo"]);
    world.queue(&packet(), 3);
    let mut departures = Vec::new();
    for _ in 0..2 {
        let Poll::Packet(departure) = world.scheduler.poll(world.now, ETH0) else { panic!("it leaves") };
        departures.push(departure);
    }
    for departure in departures {
        world.scheduler.requeue(ETH0, departure);
    }
    let view = world.qdisc("1:");
    assert_eq!((view.requeues, view.backlog.packets, view.backlog.bytes, view.sent.packets), (2, 3, 3000, 2));
    assert_eq!(world.leave(), [1, 2, 3]);
    let view = world.qdisc("1:");
    assert_eq!((view.requeues, view.backlog.packets, view.sent.packets), (2, 0, 3));
}

#[test]
fn what_came_back_is_dropped_with_the_root() {
    let mut world = World::told(&["qdisc add dev eth0 root handle 1: pfifo"]);
    world.queue(&packet(), 2);
    let Poll::Packet(departure) = world.scheduler.poll(world.now, ETH0) else { panic!("it leaves") };
    world.scheduler.requeue(ETH0, departure);
    world.tc("qdisc replace dev eth0 root handle 2: bfifo");
    let mut tokens: Vec<u64> = world.dropped().iter().map(|dropped| dropped.token).collect();
    tokens.sort_unstable();
    assert_eq!(tokens, [1, 2]);
    assert_eq!(world.qdisc("2:").requeues, 0);
}

#[test]
fn flows_of_either_family_have_turns_of_their_own() {
    for family in 0..2 {
        let mut world = World::told(&["qdisc add dev eth0 root handle 1: sfq"]);
        world.queue(&both(1)[family], 10);
        world.queue(&both(2)[family], 10);
        let left = world.leave();
        // Not one after the other as they came.
        let place = left.iter().position(|token| *token == 11).expect("the other's first");
        assert!(place < 4, "{left:?}");
    }
}

#[test]
fn the_hash_key_changes_no_flow_but_where_it_lies() {
    let order = |key: u64| {
        let config = tctable::sched::Config { hash_key: tctable::HashKey([key, 7]), ..Default::default() };
        let mut world = World::with(config);
        world.tc("qdisc add dev eth0 root handle 1: sfq");
        world.queue(&both(1)[0], 3);
        world.queue(&both(2)[0], 3);
        world.leave()
    };
    assert_eq!(order(1), order(2));
}

#[test]
fn marks_are_for_those_that_allow_it_of_either_family() {
    for family in 0..2 {
        for (field, is_marked) in [(0, false), (1, true), (2, true), (3, true)] {
            let mut world = World::told(&["qdisc add dev eth0 root handle 1: codel ecn target 1us ce_threshold 1ms"]);
            let mut packet = both(1)[family].clone();
            match family {
                0 => packet.bytes[1] |= field,
                _ => packet.bytes[1] |= field << 4,
            }
            world.queue(&packet, 1);
            world.pass(Duration::from_millis(2));
            let Poll::Packet(departure) = world.scheduler.poll(world.now, ETH0) else { panic!("it leaves") };
            // One that is marked already stays as it is.
            assert_eq!(departure.is_marked, is_marked && field != 3, "{family} {field}");
        }
    }
}

#[test]
fn limits_drop_what_is_offered() {
    let mut world = World::told(&["qdisc add dev eth0 root handle 1: pfifo limit 2"]);
    world.queue(&packet(), 2);
    assert_eq!(world.offer(&packet()), Offer::Dropped { class: None, cause: DropCause::Limit });
    assert_eq!(world.qdisc("1:").dropped, 1);
    assert!(world.dropped().is_empty(), "the answer said so");
}

#[test]
fn statistics_are_those_of_each_qdisc_on_the_way() {
    let mut world = World::told(&[
        "qdisc add dev eth0 root handle 1: prio bands 2 priomap 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "qdisc add dev eth0 parent 1:2 handle 2: pfifo limit 3",
    ]);
    world.queue(&packet(), 3);
    assert!(matches!(world.offer(&packet()), Offer::Dropped { cause: DropCause::Limit, .. }));
    world.leave();
    for qdisc in ["1:", "2:"] {
        let view = world.qdisc(qdisc);
        assert_eq!((view.sent.packets, view.sent.bytes, view.dropped), (3, 3000, 1), "{qdisc}");
    }
    // And what is dropped by an operation below.
    world.queue(&packet(), 3);
    world.tc("qdisc del dev eth0 parent 1:2");
    assert_eq!(world.qdisc("1:").dropped, 4);
}

#[test]
fn wake_ups_are_exact() {
    let mut world = World::told(&["qdisc add dev eth0 root handle 1: tbf rate 8mbit burst 1000 limit 10000"]);
    world.queue(&packet(), 2);
    assert_eq!(world.leave(), [1]);
    let Poll::Later(at) = world.scheduler.poll(world.now, ETH0) else { panic!("it waits") };
    assert_eq!(at, world.now + Duration::from_millis(1));
    world.now = at;
    assert_eq!(world.leave(), [2]);
}

#[test]
fn a_class_below_a_class_is_told() {
    let mut world = World::told(&[
        "qdisc add dev eth0 root handle 1: htb",
        "class add dev eth0 parent 1: classid 1:1 htb rate 1mbit",
        "qdisc add dev eth0 parent 1:1 handle 2: prio",
    ]);
    let offer = world.offer(&to("1:1"));
    assert_eq!(offer, Offer::Queued { class: Some(super::world::handle("2:2").into()) });
}
