use tctable::sched::{ClassDump, FilterDump, Handle, QdiscDump};

use super::world::{ETH0, World, handle};

fn world() -> World {
    let mut world = World::told(&["qdisc add dev eth0 root handle 1: htb", "qdisc add dev eth1 root handle 1: pfifo"]);
    for minor in 1..=9 {
        world.tc(&format!("class add dev eth0 parent 1: classid 1:{minor} htb rate 1mbit"));
        world.tc(&format!("qdisc add dev eth0 parent 1:{minor} handle {minor}0: pfifo"));
        world.tc(&format!("filter add dev eth0 parent 1: protocol ip prio {minor} u32 match u32 0 0 flowid 1:{minor}"));
    }
    world.tc("qdisc add dev eth0 clsact");
    world
}

#[test]
fn qdiscs_of_all_devices_come_in_order() {
    let world = world();
    let all = world.scheduler.dump_qdiscs(&mut QdiscDump::new(None), usize::MAX);
    assert_eq!(all.len(), 1 + 9 + 1 + 1);
    let handles: Vec<String> = all.iter().map(|view| view.handle.to_string()).collect();
    assert_eq!(handles, ["1:", "10:", "20:", "30:", "40:", "50:", "60:", "70:", "80:", "90:", "ffff:", "1:"]);
}

#[test]
fn a_dump_in_parts_is_the_dump_at_once() {
    let mut world = world();
    for size in 1..12 {
        let mut dump = QdiscDump::new(None);
        let parts = std::iter::repeat_with(|| world.scheduler.dump_qdiscs(&mut dump, size));
        let all: Vec<_> = parts.take_while(|part| !part.is_empty()).flatten().collect();
        assert_eq!(all, world.scheduler.dump_qdiscs(&mut QdiscDump::new(None), usize::MAX));
        let mut dump = ClassDump::new(ETH0);
        let parts = std::iter::repeat_with(|| world.scheduler.dump_classes(&mut dump, size));
        let all: Vec<_> = parts.take_while(|part| !part.is_empty()).flatten().collect();
        assert_eq!(all, world.classes());
        let mut dump = FilterDump::new(ETH0, handle("1:"));
        let parts = std::iter::repeat_with(|| world.scheduler.dump_filters(&mut dump, size));
        let all: Vec<_> = parts.take_while(|part| !part.is_empty()).flatten().collect();
        assert_eq!(all, world.scheduler.dump_filters(&mut FilterDump::new(ETH0, handle("1:")), usize::MAX));
    }
}

#[test]
fn classes_that_come_and_go_between_parts_disturb_no_others() {
    let mut world = world();
    let mut dump = ClassDump::new(ETH0);
    let mut ids = Vec::new();
    let take = |world: &World, dump: &mut ClassDump, ids: &mut Vec<String>| {
        ids.extend(world.scheduler.dump_classes(dump, 3).iter().map(|entry| entry.view.id.to_string()));
    };
    for minor in 1..=9 {
        world.tc(&format!("filter del dev eth0 parent 1: prio {minor}"));
    }
    take(&world, &mut dump, &mut ids);
    // The last one that was listed, one that was, and one that is to be.
    for class in ["1:3", "1:1", "1:5"] {
        world.tc(&format!("class del dev eth0 classid {class}"));
    }
    world.tc("class add dev eth0 parent 1: classid 1:0a htb rate 1mbit");
    world.tc("class add dev eth0 parent 1: classid 1:1 htb rate 1mbit");
    take(&world, &mut dump, &mut ids);
    take(&world, &mut dump, &mut ids);
    take(&world, &mut dump, &mut ids);
    assert_eq!(ids, ["1:1", "1:2", "1:3", "1:4", "1:6", "1:7", "1:8", "1:9", "1:a"]);
}

#[test]
fn qdiscs_that_come_and_go_between_parts_disturb_no_others() {
    let mut world = world();
    let mut dump = QdiscDump::new(Some(ETH0));
    let mut handles: Vec<Handle> = Vec::new();
    handles.extend(world.scheduler.dump_qdiscs(&mut dump, 4).iter().map(|view| view.handle));
    world.tc("qdisc del dev eth0 parent 1:3");
    world.tc("qdisc del dev eth0 parent 1:5");
    world.tc("qdisc add dev eth0 parent 1:3 handle 35: pfifo");
    handles.extend(world.scheduler.dump_qdiscs(&mut dump, 100).iter().map(|view| view.handle));
    let told: Vec<String> = handles.iter().map(Handle::to_string).collect();
    assert_eq!(told, ["1:", "10:", "20:", "30:", "35:", "40:", "60:", "70:", "80:", "90:", "ffff:"]);
    assert!(world.scheduler.dump_qdiscs(&mut dump, 100).is_empty());
}

#[test]
fn filters_that_go_between_parts_disturb_no_others() {
    let mut world = world();
    let mut dump = FilterDump::new(ETH0, handle("1:"));
    let mut priorities = Vec::new();
    let take = |world: &mut World, dump: &mut FilterDump, most| -> Vec<u16> {
        world.scheduler.dump_filters(dump, most).iter().map(|entry| entry.view.key.priority).collect()
    };
    priorities.extend(take(&mut world, &mut dump, 4));
    world.tc("filter del dev eth0 parent 1: prio 2");
    world.tc("filter del dev eth0 parent 1: prio 4");
    priorities.extend(take(&mut world, &mut dump, 100));
    priorities.dedup();
    assert_eq!(priorities, [1, 2, 3, 5, 6, 7, 8, 9]);
}

#[test]
fn a_dump_of_one_qdisc_or_priority_has_no_others() {
    let mut world = world();
    world.tc("qdisc replace dev eth0 parent 1:9 handle 2: prio");
    let classes = world.scheduler.dump_classes(&mut ClassDump::of_qdisc(ETH0, handle("2:")), usize::MAX);
    assert_eq!(classes.len(), 3);
    assert!(classes.iter().all(|entry| entry.view.id.major == 2 && entry.kind == "prio"));
    let mut dump = FilterDump::new(ETH0, handle("1:"));
    dump.priority = 3;
    let filters = world.scheduler.dump_filters(&mut dump, usize::MAX);
    assert!(!filters.is_empty() && filters.iter().all(|entry| entry.view.key.priority == 3));
}

#[test]
fn a_device_that_is_not_there_has_nothing() {
    let mut world = world();
    let device = tctable::packet::DeviceId(9);
    assert!(world.scheduler.dump_qdiscs(&mut QdiscDump::new(Some(device)), 9).is_empty());
    assert!(world.scheduler.dump_classes(&mut ClassDump::new(device), 9).is_empty());
    assert!(world.scheduler.dump_filters(&mut FilterDump::new(device, handle("1:")), 9).is_empty());
}
