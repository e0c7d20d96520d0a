use tctable::sched::{
    CbqClassOptions, ClassOptions, ClassRequest, DropCause, Errno, Flags, Handle, HtbClassOptions, Rate, RateSpec,
};
use tctable::time::Duration;

use super::world::{ETH0, World, handle, to};

const TREE: [&str; 5] = [
    "qdisc add dev eth0 root handle 1: htb default 10",
    "class add dev eth0 parent 1: classid 1:1 htb rate 10mbit",
    "class add dev eth0 parent 1:1 classid 1:10 htb rate 1mbit",
    "class add dev eth0 parent 1:1 classid 1:11 htb rate 1mbit",
    "qdisc add dev eth0 parent 1:11 handle 20: pfifo",
];

fn request(parent: Handle, class: Handle) -> ClassRequest {
    let options = HtbClassOptions { rate: RateSpec::new(Rate(125_000)), ..HtbClassOptions::default() };
    ClassRequest { device: ETH0, parent, class, options: Some(ClassOptions::Htb(options)) }
}

impl World {
    fn set_class(&mut self, parent: Handle, class: Handle, flags: Flags) -> Result<(), Errno> {
        self.scheduler.set_class(self.now, &request(parent, class), flags).map_err(|error| error.errno())
    }
}

#[test]
fn no_such_device_is_enodev() {
    let mut world = World::new();
    assert_eq!(world.try_tc("class add dev eth9 parent 1: classid 1:1 htb rate 1mbit"), Err(Errno::ENODEV));
    assert_eq!(world.try_tc("class del dev eth9 classid 1:1"), Err(Errno::ENODEV));
}

#[test]
fn the_qdisc_is_that_of_class_or_parent_or_the_root() {
    for (parent, class, expected) in [
        // Parent unspecified, root, X:0, X:Y, 0:Y; class X:Y, 0:Y.
        (Handle::UNSPEC, handle("1:5"), "1:5 1:"),
        (Handle::UNSPEC, Handle::new(0, 5), "1:5 1:"),
        (Handle::ROOT, handle("1:5"), "1:5 1:"),
        (Handle::ROOT, Handle::new(0, 5), "1:5 1:"),
        (handle("1:"), handle("1:5"), "1:5 1:"),
        (handle("1:"), Handle::new(0, 5), "1:5 1:"),
        (handle("1:1"), handle("1:5"), "1:5 1:1"),
        (handle("1:1"), Handle::new(0, 5), "1:5 1:1"),
        (Handle::new(0, 1), handle("1:5"), "1:5 1:1"),
        (Handle::new(0, 1), Handle::new(0, 5), "1:5 1:1"),
    ] {
        let mut world = World::told(&TREE);
        assert_eq!(world.set_class(parent, class, Flags::ADD), Ok(()), "{parent} {class}");
        assert!(world.class_lines().iter().any(|line| line == expected), "{parent} {class}: {:?}", world.class_lines());
    }
}

#[test]
fn differing_majors_are_einval() {
    let mut world = World::told(&TREE);
    assert_eq!(world.set_class(handle("2:1"), handle("1:5"), Flags::ADD), Err(Errno::EINVAL));
    assert_eq!(world.set_class(handle("2:"), handle("1:10"), Flags::CHANGE), Err(Errno::EINVAL));
    let request = request(handle("2:"), handle("1:10"));
    assert_eq!(world.scheduler.delete_class(world.now, &request).unwrap_err().errno(), Errno::EINVAL);
    assert_eq!(world.scheduler.class(&request).unwrap_err().errno(), Errno::EINVAL);
}

#[test]
fn no_such_qdisc_is_enoent() {
    let mut world = World::told(&TREE);
    assert_eq!(world.try_tc("class add dev eth0 parent 7: classid 7:1 htb rate 1mbit"), Err(Errno::ENOENT));
    assert_eq!(world.try_tc("class del dev eth0 classid 7:1"), Err(Errno::ENOENT));
    // The default root has no handle to be found by.
    assert_eq!(World::new().set_class(Handle::ROOT, Handle::new(0, 1), Flags::ADD), Err(Errno::ENOENT));
}

#[test]
fn a_qdisc_without_classes_is_einval() {
    let mut world = World::told(&TREE);
    assert_eq!(world.try_tc("class add dev eth0 parent 20: classid 20:1 htb rate 1mbit"), Err(Errno::EINVAL));
    assert_eq!(world.try_tc("class del dev eth0 classid 20:1"), Err(Errno::EINVAL));
}

#[test]
fn a_kind_with_classes_of_its_own_making_takes_no_others() {
    let mut world = World::told(&["qdisc add dev eth0 root handle 1: prio"]);
    assert_eq!(world.set_class(handle("1:"), handle("1:9"), Flags::ADD), Err(Errno::EOPNOTSUPP));
    assert_eq!(world.set_class(handle("1:"), handle("1:1"), Flags::ADD), Err(Errno::EEXIST));
    assert_eq!(world.set_class(handle("1:"), handle("1:1"), Flags::CHANGE), Err(Errno::EOPNOTSUPP));
    assert_eq!(world.try_tc("class del dev eth0 classid 1:1"), Err(Errno::EOPNOTSUPP));
    assert_eq!(world.class_lines(), ["1:1 1:", "1:2 1:", "1:3 1:"]);
}

#[test]
fn add_is_exclusive_change_wants_one_replace_takes_both() {
    let mut world = World::told(&TREE);
    assert_eq!(world.try_tc("class add dev eth0 parent 1:1 classid 1:10 htb rate 2mbit"), Err(Errno::EEXIST));
    assert_eq!(world.try_tc("class change dev eth0 parent 1:1 classid 1:5 htb rate 2mbit"), Err(Errno::ENOENT));
    assert_eq!(world.try_tc("class del dev eth0 classid 1:5"), Err(Errno::ENOENT));
    assert_eq!(world.scheduler.class(&request(Handle::UNSPEC, handle("1:5"))).unwrap_err().errno(), Errno::ENOENT);
    world.tc("class replace dev eth0 parent 1:1 classid 1:10 htb rate 2mbit");
    world.tc("class replace dev eth0 parent 1:1 classid 1:5 htb rate 2mbit");
    assert_eq!(world.class_lines(), ["1:1 1:", "1:5 1:1", "1:10 1:1", "1:11 1:1"]);
    let Some(ClassOptions::Htb(options)) = world.class("1:10").view.options else { panic!() };
    assert_eq!(options.rate.rate, Rate::from_bits(2_000_000));
}

#[test]
fn htb_wants_an_id_and_takes_the_top_for_a_parent_that_is_not_there() {
    let mut world = World::told(&TREE);
    assert_eq!(world.set_class(handle("1:"), Handle::UNSPEC, Flags::ADD), Err(Errno::EINVAL));
    assert_eq!(world.set_class(handle("1:99"), handle("1:5"), Flags::ADD), Ok(()));
    assert!(world.class_lines().contains(&"1:5 1:".to_owned()));
}

#[test]
fn no_class_is_called_as_its_qdisc_is() {
    let mut world = World::told(&TREE);
    assert_eq!(world.set_class(handle("1:1"), handle("1:"), Flags::ADD), Err(Errno::EINVAL));
    assert_eq!(world.set_class(Handle::ROOT, Handle::UNSPEC, Flags::ADD), Err(Errno::EINVAL));
}

#[test]
fn cbq_allocates_ids_from_8001_on() {
    let mut world = World::told(&["qdisc add dev eth0 root handle 1: cbq bandwidth 10mbit avpkt 1000"]);
    let options = CbqClassOptions {
        bandwidth: RateSpec::new(Rate(1_250_000)),
        rate: RateSpec::new(Rate(125_000)),
        allot: 1514,
        weight: None,
        prio: 5,
        avpkt: 1000,
        max_burst: 20,
        min_burst: 2,
        bounded: false,
        isolated: false,
    };
    for _ in 0..2 {
        let request = ClassRequest {
            device: ETH0,
            parent: handle("1:"),
            class: Handle::UNSPEC,
            options: Some(ClassOptions::Cbq(options)),
        };
        world.scheduler.set_class(world.now, &request, Flags::ADD).unwrap();
    }
    assert_eq!(world.class_lines(), ["1:8001 1:", "1:8002 1:"]);
}

#[test]
fn without_options_or_with_another_kinds_it_is_einval() {
    let mut world = World::told(&TREE);
    let request = ClassRequest { options: None, ..request(handle("1:1"), handle("1:5")) };
    assert_eq!(world.scheduler.set_class(world.now, &request, Flags::ADD).unwrap_err().errno(), Errno::EINVAL);
    let line =
        "class add dev eth0 parent 1:1 classid 1:5 cbq bandwidth 10mbit rate 1mbit allot 1514 avpkt 1000 maxburst 20";
    assert_eq!(world.try_tc(line), Err(Errno::EINVAL));
}

#[test]
fn nine_levels_are_too_many() {
    let mut world = World::told(&["qdisc add dev eth0 root handle 1: htb"]);
    world.tc("class add dev eth0 parent 1: classid 1:1 htb rate 1mbit");
    for above in 1..8 {
        world.tc(&format!("class add dev eth0 parent 1:{above} classid 1:{} htb rate 1mbit", above + 1));
    }
    assert_eq!(world.try_tc("class add dev eth0 parent 1:8 classid 1:9 htb rate 1mbit"), Err(Errno::EINVAL));
}

#[test]
fn a_class_with_children_is_in_use() {
    let mut world = World::told(&TREE);
    assert_eq!(world.try_tc("class del dev eth0 classid 1:1"), Err(Errno::EBUSY));
    world.tc("class del dev eth0 classid 1:10");
    world.tc("class del dev eth0 classid 1:11");
    world.tc("class del dev eth0 classid 1:1");
    assert!(world.classes().is_empty());
}

#[test]
fn changed_rates_keep_packets_counters_and_tokens() {
    let mut world = World::told(&TREE);
    world.queue(&to("1:10"), 20);
    let left = world.leave().len();
    assert!(left > 0 && left < 20, "{left}");
    let before = world.class("1:10").view;
    world.tc("class change dev eth0 parent 1:1 classid 1:10 htb rate 2mbit");
    let after = world.class("1:10").view;
    assert_eq!((after.backlog, after.sent, after.dropped), (before.backlog, before.sent, before.dropped));
    assert_eq!(after.xstats, before.xstats);
    assert!(world.dropped().is_empty());
    world.pass(Duration::from_secs(10));
    let rest = world.leave().len();
    assert!(rest > 0, "it goes on");
}

#[test]
fn deleting_a_class_gives_its_packets_back() {
    let mut world = World::told(&TREE);
    world.queue(&to("1:10"), 4);
    world.queue(&to("1:11"), 3);
    world.tc("class del dev eth0 classid 1:11");
    let dropped = world.dropped();
    assert_eq!(dropped.iter().map(|dropped| dropped.token).collect::<Vec<_>>(), [5, 6, 7]);
    assert!(dropped.iter().all(|dropped| dropped.cause == DropCause::Deleted));
    let root = world.qdisc("1:");
    assert_eq!((root.backlog.packets, root.dropped), (4, 3));
    // Its leaf is gone too.
    world.tc("qdisc add dev eth0 parent 1:10 handle 20: pfifo");
}

#[test]
fn a_leaf_that_gets_a_child_loses_its_qdisc() {
    let mut world = World::told(&TREE);
    world.queue(&to("1:11"), 3);
    world.tc("class add dev eth0 parent 1:11 classid 1:12 htb rate 1mbit");
    assert_eq!(world.qdisc_lines(), ["htb 1: root"]);
    assert_eq!(world.dropped().len(), 3);
    // It is a leaf again when the child goes, with what it has by default.
    world.tc("class del dev eth0 classid 1:12");
    world.queue(&to("1:11"), 1);
    world.tc("qdisc add dev eth0 parent 1:11 handle 20: pfifo");
}
