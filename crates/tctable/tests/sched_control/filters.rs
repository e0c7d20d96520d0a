use tctable::sched::{Errno, EtherType, FilterDump, FilterQuery, Handle, Offer};

use super::world::{ETH0, World, both, handle, packet, to};

const TREE: [&str; 4] = [
    "qdisc add dev eth0 root handle 1: htb default 10",
    "class add dev eth0 parent 1: classid 1:1 htb rate 10mbit",
    "class add dev eth0 parent 1:1 classid 1:10 htb rate 1mbit",
    "class add dev eth0 parent 1:1 classid 1:11 htb rate 1mbit",
];

fn all_to(parent: &str, priority: u16, class: &str) -> String {
    format!("filter add dev eth0 parent {parent} protocol all prio {priority} matchall flowid {class}")
}

#[test]
fn they_put_packets_into_classes() {
    let mut world = World::told(&TREE);
    world.tc("filter add dev eth0 parent 1: protocol ip prio 1 u32 match ip src 10.0.0.2/32 flowid 1:11");
    world.tc("filter add dev eth0 parent 1: protocol ipv6 prio 2 u32 match ip6 src fd00::2/128 flowid 1:11");
    for (host, class) in [(1, "1:10"), (2, "1:11")] {
        for packet in both(host) {
            assert_eq!(world.offer(&packet), Offer::Queued { class: Some(handle(class).into()) });
        }
    }
}

#[test]
fn without_a_parent_they_hang_at_the_root() {
    let mut world = World::told(&TREE);
    world.tc("filter add dev eth0 protocol all prio 1 matchall flowid 1:11");
    assert_eq!(world.offer(&packet()), Offer::Queued { class: Some(handle("1:11").into()) });
    let listed = world.scheduler.dump_filters(&mut FilterDump::new(ETH0, handle("1:")), usize::MAX);
    assert!(!listed.is_empty() && listed.iter().all(|entry| entry.parent == handle("1:")));
}

#[test]
fn where_they_cannot_hang() {
    let mut world = World::told(&TREE);
    world.tc("qdisc add dev eth0 parent 1:10 handle 20: tbf rate 1mbit burst 5k limit 10k");
    world.tc("qdisc add dev eth0 parent 20:1 handle 21: pfifo");
    world.tc("qdisc add dev eth0 parent 1:11 handle 30: prio");
    for (parent, errno) in [
        // No qdisc, none with classes, classes without filters, no class, a class that asks none.
        ("9:", Errno::EINVAL),
        ("21:", Errno::EINVAL),
        ("20:", Errno::EOPNOTSUPP),
        ("20:1", Errno::EOPNOTSUPP),
        ("1:99", Errno::ENOENT),
        ("30:1", Errno::EINVAL),
        ("ffff:fff2", Errno::EINVAL),
    ] {
        assert_eq!(world.try_tc(&all_to(parent, 1, "1:10")), Err(errno), "{parent}");
        assert_eq!(world.try_tc(&format!("filter del dev eth0 parent {parent} prio 1")), Err(errno), "{parent}");
        // There is nothing to be listed, which is no error.
        assert!(world.scheduler.dump_filters(&mut FilterDump::new(ETH0, handle(parent)), 9).is_empty());
    }
    let line = "filter add dev eth9 parent 1: protocol all prio 1 matchall flowid 1:1";
    assert_eq!(world.try_tc(line), Err(Errno::ENODEV));
    // The default root.
    assert_eq!(World::new().try_tc("filter add dev eth0 protocol all prio 1 matchall"), Err(Errno::EINVAL));
}

#[test]
fn priorities_are_allocated_and_told() {
    let mut world = World::told(&TREE);
    for _ in 0..2 {
        world.tc("filter add dev eth0 parent 1: protocol all matchall flowid 1:10");
    }
    let listed = world.scheduler.dump_filters(&mut FilterDump::new(ETH0, handle("1:")), usize::MAX);
    let mut priorities: Vec<u16> = listed.iter().map(|entry| entry.view.key.priority).collect();
    priorities.dedup();
    assert_eq!(priorities, [49151, 49152]);
}

#[test]
fn a_priority_of_0_is_enoent_but_to_make_one_or_to_delete_all() {
    let mut world = World::told(&TREE);
    world.tc(&all_to("1:", 1, "1:10"));
    assert_eq!(world.try_tc("filter change dev eth0 parent 1: protocol all matchall flowid 1:11"), Err(Errno::ENOENT));
    let query = |protocol| FilterQuery {
        device: ETH0,
        parent: handle("1:"),
        protocol,
        priority: 0,
        chain: 0,
        handle: 0,
        kind: None,
    };
    let get = world.scheduler.filter(&query(EtherType::UNSPEC));
    assert_eq!(get.unwrap_err().errno(), Errno::ENOENT);
    let delete = world.scheduler.delete_filter(world.now, &query(EtherType::IPV4));
    assert_eq!(delete.unwrap_err().errno(), Errno::ENOENT);
    assert_eq!(world.scheduler.delete_filter(world.now, &query(EtherType::UNSPEC)), Ok(()));
    assert!(world.scheduler.dump_filters(&mut FilterDump::new(ETH0, handle("1:")), 9).is_empty());
}

#[test]
fn a_priority_holds_one_protocol_and_kind() {
    let mut world = World::told(&TREE);
    world.tc("filter add dev eth0 parent 1: protocol ip prio 1 u32 match u32 0 0 flowid 1:10");
    for line in [
        "filter add dev eth0 parent 1: protocol ipv6 prio 1 u32 match u32 0 0 flowid 1:10",
        "filter add dev eth0 parent 1: protocol ip prio 1 matchall flowid 1:10",
        "filter del dev eth0 parent 1: protocol ipv6 prio 1",
    ] {
        assert_eq!(world.try_tc(line), Err(Errno::EINVAL), "{line}");
    }
    assert_eq!(world.try_tc("filter del dev eth0 parent 1: prio 2"), Err(Errno::ENOENT));
    world.tc("filter del dev eth0 parent 1: prio 1");
}

#[test]
fn one_filter_is_told_by_its_handle() {
    let mut world = World::told(&TREE);
    world.tc("filter add dev eth0 parent 1: protocol all prio 1 handle 7 fw flowid 1:11");
    let query = |handle_of_filter| FilterQuery {
        device: ETH0,
        parent: handle("1:"),
        protocol: EtherType::UNSPEC,
        priority: 1,
        chain: 0,
        handle: handle_of_filter,
        kind: None,
    };
    let entry = world.scheduler.filter(&query(7)).unwrap();
    assert_eq!((entry.device, entry.parent, entry.view.key.handle), (ETH0, handle("1:"), 7));
    assert_eq!(world.scheduler.filter(&query(8)).unwrap_err().errno(), Errno::ENOENT);
    let line = "filter add dev eth0 parent 1: protocol all prio 1 handle 7 fw flowid 1:10";
    assert_eq!(world.try_tc(line), Err(Errno::EEXIST));
}

#[test]
fn a_class_that_a_filter_names_is_in_use() {
    let mut world = World::told(&TREE);
    world.tc(&all_to("1:", 1, "1:11"));
    assert_eq!(world.try_tc("class del dev eth0 classid 1:11"), Err(Errno::EBUSY));
    // Two of them, one at a class.
    world.tc(&all_to("1:1", 1, "1:11"));
    world.tc("filter del dev eth0 parent 1: prio 1");
    assert_eq!(world.try_tc("class del dev eth0 classid 1:11"), Err(Errno::EBUSY));
    world.tc("filter del dev eth0 parent 1:1 prio 1");
    world.tc("class del dev eth0 classid 1:11");
}

#[test]
fn a_filter_that_is_changed_names_another_class() {
    let mut world = World::told(&TREE);
    world.tc("filter add dev eth0 parent 1: protocol all prio 1 handle 7 fw flowid 1:10");
    world.tc("filter change dev eth0 parent 1: protocol all prio 1 handle 7 fw flowid 1:11");
    assert_eq!(world.try_tc("class del dev eth0 classid 1:11"), Err(Errno::EBUSY));
    world.tc("class del dev eth0 classid 1:10");
}

#[test]
fn a_class_that_is_made_after_the_filter_is_in_use() {
    let mut world = World::told(&TREE);
    world.tc(&all_to("1:", 1, "1:12"));
    world.tc("class add dev eth0 parent 1:1 classid 1:12 htb rate 1mbit");
    assert_eq!(world.try_tc("class del dev eth0 classid 1:12"), Err(Errno::EBUSY));
    world.tc("filter del dev eth0 parent 1: prio 1");
    world.tc("class del dev eth0 classid 1:12");
}

#[test]
fn filters_go_with_their_class_and_name_nothing_any_more() {
    let mut world = World::told(&TREE);
    world.tc(&all_to("1:10", 1, "1:11"));
    assert_eq!(world.try_tc("class del dev eth0 classid 1:11"), Err(Errno::EBUSY));
    world.tc("class del dev eth0 classid 1:10");
    world.tc("class del dev eth0 classid 1:11");
}

#[test]
fn filters_go_with_their_qdisc_and_name_nothing_any_more() {
    let mut world = World::told(&TREE);
    world.tc("qdisc add dev eth0 parent 1:10 handle 2: htb");
    world.tc("class add dev eth0 parent 2: classid 2:1 htb rate 1mbit");
    world.tc(&all_to("2:", 1, "2:1"));
    world.tc(&all_to("1:", 1, "1:11"));
    world.tc("qdisc del dev eth0 parent 1:10");
    world.tc("qdisc add dev eth0 parent 1:10 handle 2: htb");
    world.tc("class add dev eth0 parent 2: classid 2:1 htb rate 1mbit");
    world.tc("class del dev eth0 classid 2:1");
    world.tc("qdisc replace dev eth0 root handle 3: prio");
    world.tc("qdisc replace dev eth0 root handle 1: htb");
    world.tc("class add dev eth0 parent 1: classid 1:11 htb rate 1mbit");
    world.tc("class del dev eth0 classid 1:11");
}

#[test]
fn a_filter_names_classes_of_its_own_qdisc_only() {
    let mut world = World::told(&TREE);
    world.tc("qdisc add dev eth0 parent 1:10 handle 2: htb");
    world.tc("class add dev eth0 parent 2: classid 2:1 htb rate 1mbit");
    world.tc(&all_to("1:", 1, "2:1"));
    world.tc("class del dev eth0 classid 2:1");
}

#[test]
fn a_priority_names_a_class_without_filters() {
    let mut world = World::told(&TREE);
    assert_eq!(world.offer(&to("1:11")), Offer::Queued { class: Some(handle("1:11").into()) });
    assert_eq!(world.offer(&to("2:11")), Offer::Queued { class: Some(handle("1:10").into()) });
    assert_eq!(world.offer(&to("1:")), Offer::Queued { class: Some(Handle::new(1, 0).into()) });
}
