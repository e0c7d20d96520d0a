use tctable::packet::DeviceId;
use tctable::sched::{DropCause, Errno, Flags, Handle, QdiscOptions, QdiscRequest, QdiscSpec, SetQdiscError};

use super::world::{ETH0, World, packet, to};

/// An htb root with a class, a leaf below it, and a class without.
const TREE: [&str; 4] = [
    "qdisc add dev eth0 root handle 1: htb default 10",
    "class add dev eth0 parent 1: classid 1:10 htb rate 1mbit",
    "class add dev eth0 parent 1: classid 1:11 htb rate 1mbit",
    "qdisc add dev eth0 parent 1:10 handle 20: pfifo limit 50",
];

fn request(parent: Handle, handle: Handle, spec: QdiscSpec) -> QdiscRequest {
    QdiscRequest { device: ETH0, parent, handle, spec }
}

#[test]
fn a_device_has_its_default_until_a_root_is_hung_and_after_it_is_deleted() {
    let mut world = World::new();
    assert_eq!(world.qdisc_lines(), ["fq_codel none root"]);
    world.tc("qdisc add dev eth0 root handle 1: pfifo");
    assert_eq!(world.qdisc_lines(), ["pfifo 1: root"]);
    world.tc("qdisc del dev eth0 root");
    assert_eq!(world.qdisc_lines(), ["fq_codel none root"]);
}

#[test]
fn a_default_cannot_be_deleted() {
    let mut world = World::told(&TREE);
    assert_eq!(World::new().try_tc("qdisc del dev eth0 root"), Err(Errno::ENOENT));
    assert_eq!(world.try_tc("qdisc del dev eth0 parent 1:11"), Err(Errno::ENOENT));
}

#[test]
fn handles_are_allocated_from_8001_on_past_those_that_are_taken() {
    let mut world = World::told(&["qdisc add dev eth0 root handle 8002: htb"]);
    world.tc("class add dev eth0 classid 8002:1 htb rate 1mbit");
    world.tc("class add dev eth0 classid 8002:2 htb rate 1mbit");
    world.tc("qdisc add dev eth0 parent 8002:1 pfifo");
    world.tc("qdisc add dev eth0 parent 8002:2 pfifo");
    assert_eq!(world.qdisc_lines(), ["htb 8002: root", "pfifo 8001: 8002:1", "pfifo 8003: 8002:2"]);
}

#[test]
fn after_fffe_allocation_begins_anew_at_8000() {
    let mut world = World::new();
    for _ in 0..0x7ffe {
        world.tc("qdisc replace dev eth0 root pfifo");
        world.tc("qdisc del dev eth0 root");
    }
    for expected in ["pfifo 8000: root", "pfifo 8001: root"] {
        world.tc("qdisc add dev eth0 root pfifo");
        assert_eq!(world.qdisc_lines(), [expected]);
        world.tc("qdisc del dev eth0 root");
    }
}

#[test]
fn no_such_device_is_enodev() {
    let mut world = World::new();
    assert_eq!(world.try_tc("qdisc add dev eth9 root pfifo"), Err(Errno::ENODEV));
    assert_eq!(world.try_tc("qdisc del dev eth9 root"), Err(Errno::ENODEV));
    let request = QdiscRequest { device: DeviceId(9), ..request(Handle::ROOT, Handle::UNSPEC, QdiscSpec::Any) };
    assert_eq!(world.scheduler.qdisc(&request).unwrap_err().errno(), Errno::ENODEV);
}

#[test]
fn add_is_exclusive_at_a_place_and_for_a_handle() {
    let mut world = World::told(&TREE);
    // The same handle, another one, none.
    for line in [
        "qdisc add dev eth0 root handle 1: htb",
        "qdisc add dev eth0 root handle 2: htb",
        "qdisc add dev eth0 root htb",
        "qdisc add dev eth0 parent 1:10 handle 20: pfifo",
        "qdisc add dev eth0 parent 1:10 handle 21: pfifo",
    ] {
        assert_eq!(world.try_tc(line), Err(Errno::EEXIST), "{line}");
    }
    // As the kernel: of another kind, without a handle, it takes the place.
    world.tc("qdisc add dev eth0 parent 1:10 bfifo limit 5000");
    assert_eq!(world.qdisc_lines(), ["htb 1: root", "bfifo 8001: 1:10"]);
}

#[test]
fn change_wants_one_that_is_there() {
    let mut world = World::told(&TREE);
    assert_eq!(world.try_tc("qdisc change dev eth0 parent 1:11 pfifo limit 3"), Err(Errno::ENOENT));
    assert_eq!(world.try_tc("qdisc change dev eth0 parent 1:11 handle 30: pfifo limit 3"), Err(Errno::ENOENT));
    assert_eq!(world.try_tc("qdisc link dev eth0 parent 1:11 handle 30:"), Err(Errno::ENOENT));
    // There is another one than is named.
    assert_eq!(world.try_tc("qdisc change dev eth0 parent 1:10 handle 30: pfifo limit 3"), Err(Errno::EEXIST));
    world.tc("qdisc change dev eth0 parent 1:10 handle 20: pfifo limit 3");
    assert_eq!(world.qdisc("20:").options, QdiscOptions::Pfifo { limit: Some(3) });
}

#[test]
fn another_kind_under_change_is_einval_where_the_handle_is_named() {
    let mut world = World::told(&TREE);
    let line = "qdisc change dev eth0 parent 1:10 handle 20: bfifo limit 3000";
    assert_eq!(world.try_tc(line), Err(Errno::EINVAL));
    assert_eq!(world.try_tc("qdisc replace dev eth0 parent 1:10 handle 20: bfifo limit 3000"), Err(Errno::EINVAL));
    // Without a handle it takes the place, flags or not.
    world.tc("qdisc change dev eth0 parent 1:10 bfifo limit 3000");
    assert_eq!(world.qdisc_lines(), ["htb 1: root", "bfifo 8001: 1:10"]);
}

#[test]
fn what_cannot_be_changed_is_einval() {
    let mut world = World::told(&TREE);
    assert_eq!(world.try_tc("qdisc change dev eth0 root handle 1: htb default 11"), Err(Errno::EINVAL));
    world.tc("qdisc replace dev eth0 root handle 2: htb default 11");
    assert_eq!(world.qdisc_lines(), ["htb 2: root"]);
}

#[test]
fn replace_of_the_same_kind_changes_in_place() {
    let mut world = World::told(&TREE);
    world.queue(&to("1:10"), 40);
    world.tc("qdisc replace dev eth0 parent 1:10 pfifo limit 30");
    assert_eq!(world.qdisc_lines(), ["htb 1: root", "pfifo 20: 1:10"]);
    // A lower limit drops what is beyond it, as soon as it is there or with the next packet.
    let waits = world.qdisc("1:").backlog.packets as usize;
    assert_eq!(waits + world.dropped().len(), 40);
}

#[test]
fn replace_by_another_kind_gives_the_packets_back() {
    let mut world = World::told(&TREE);
    world.queue(&to("1:10"), 40);
    world.tc("qdisc replace dev eth0 parent 1:10 handle 21: bfifo limit 30000");
    assert_eq!(world.qdisc_lines(), ["htb 1: root", "bfifo 21: 1:10"]);
    let dropped = world.dropped();
    assert_eq!(dropped.iter().map(|dropped| dropped.token).collect::<Vec<_>>(), (1..=40).collect::<Vec<_>>());
    assert!(dropped.iter().all(|dropped| dropped.cause == DropCause::Deleted && dropped.device == ETH0));
    assert!(world.qdisc("1:").backlog.is_empty());
    assert_eq!(world.qdisc("1:").dropped, 40);
}

#[test]
fn a_parent_that_is_not_there_is_enoent() {
    let mut world = World::told(&TREE);
    for line in ["qdisc add dev eth0 parent 9:1 pfifo", "qdisc add dev eth0 parent 1:99 pfifo"] {
        assert_eq!(world.try_tc(line), Err(Errno::ENOENT), "{line}");
    }
    assert_eq!(world.try_tc("qdisc del dev eth0 parent 9:1"), Err(Errno::ENOENT));
    assert_eq!(world.try_tc("qdisc del dev eth0 parent 1:99"), Err(Errno::ENOENT));
}

#[test]
fn a_parent_without_classes_is_eopnotsupp() {
    let mut world = World::told(&TREE);
    assert_eq!(world.try_tc("qdisc add dev eth0 parent 20:1 pfifo"), Err(Errno::EOPNOTSUPP));
    assert_eq!(world.try_tc("qdisc del dev eth0 parent 20:1"), Err(Errno::EOPNOTSUPP));
}

#[test]
fn a_class_with_children_takes_no_qdisc() {
    let mut world = World::told(&TREE);
    world.tc("class add dev eth0 parent 1:11 classid 1:12 htb rate 1mbit");
    assert_eq!(world.try_tc("qdisc add dev eth0 parent 1:11 pfifo"), Err(Errno::EINVAL));
    assert_eq!(world.try_tc("qdisc del dev eth0 parent 1:11"), Err(Errno::ENOENT));
}

#[test]
fn noqueue_hangs_at_a_root_only() {
    let mut world = World::told(&TREE);
    assert_eq!(world.try_tc("qdisc add dev eth0 parent 1:11 noqueue"), Err(Errno::EINVAL));
    world.tc("qdisc replace dev eth0 root noqueue");
    world.queue(&packet(), 2);
    assert_eq!(world.leave(), [1, 2]);
}

#[test]
fn a_handle_with_a_minor_number_is_einval() {
    let mut world = World::told(&TREE);
    let spec = || QdiscSpec::Options(QdiscOptions::Pfifo { limit: None });
    let minor = Handle::new(3, 1);
    let set = world.scheduler.set_qdisc(world.now, &request(Handle::new(1, 0x11), minor, spec()), Flags::ADD);
    assert_eq!(set, Err(SetQdiscError::MinorNumber));
    assert_eq!(set.unwrap_err().errno(), Errno::EINVAL);
    // Where one hangs already, that is said first.
    let set = world.scheduler.set_qdisc(world.now, &request(Handle::ROOT, minor, spec()), Flags::ADD);
    assert_eq!(set, Err(SetQdiscError::Exists));
}

#[test]
fn a_qdisc_cannot_be_moved() {
    let mut world = World::told(&TREE);
    for line in [
        "qdisc add dev eth0 parent 1:11 handle 20: pfifo",
        "qdisc replace dev eth0 parent 1:11 handle 20: pfifo",
        "qdisc replace dev eth0 root handle 20: pfifo",
        "qdisc link dev eth0 parent 1:11 handle 20:",
        "qdisc link dev eth0 root handle 20:",
        // Nor can it hang below itself.
        "qdisc replace dev eth0 parent 1:10 handle 1: htb",
    ] {
        assert_eq!(world.try_tc(line), Err(Errno::EINVAL), "{line}");
    }
    world.tc("qdisc link dev eth0 parent 1:10 handle 20:");
    assert_eq!(world.qdisc_lines(), ["htb 1: root", "pfifo 20: 1:10"]);
}

#[test]
fn without_a_parent_the_handle_names_one_that_is_there() {
    let mut world = World::told(&TREE);
    let spec = || QdiscSpec::Options(QdiscOptions::Pfifo { limit: Some(7) });
    let mut set = |handle, flags| {
        world.scheduler.set_qdisc(world.now, &request(Handle::UNSPEC, handle, spec()), flags).map_err(|e| e.errno())
    };
    assert_eq!(set(Handle::UNSPEC, Flags::ADD), Err(Errno::EINVAL));
    assert_eq!(set(Handle::new(9, 0), Flags::ADD), Err(Errno::ENOENT));
    assert_eq!(set(Handle::new(0x20, 0), Flags::ADD), Err(Errno::EEXIST));
    assert_eq!(set(Handle::new(1, 0), Flags::CHANGE), Err(Errno::EINVAL));
    assert_eq!(set(Handle::new(0x20, 0), Flags::CHANGE), Ok(()));
    assert_eq!(world.qdisc("20:").options, QdiscOptions::Pfifo { limit: Some(7) });
    // To delete, a parent is needed.
    let delete = request(Handle::UNSPEC, Handle::new(0x20, 0), QdiscSpec::Any);
    assert_eq!(world.scheduler.delete_qdisc(world.now, &delete).unwrap_err().errno(), Errno::EINVAL);
}

#[test]
fn kinds_are_known_or_enoent_and_some_need_options() {
    let mut world = World::new();
    let mut set = |spec| {
        let request = request(Handle::ROOT, Handle::UNSPEC, spec);
        world.scheduler.set_qdisc(world.now, &request, Flags::REPLACE).map_err(|error| error.errno())
    };
    assert_eq!(set(QdiscSpec::Any), Err(Errno::ENOENT));
    assert_eq!(set(QdiscSpec::Kind("nope".to_owned())), Err(Errno::ENOENT));
    for kind in ["htb", "prio", "tbf", "red", "cbq"] {
        assert_eq!(set(QdiscSpec::Kind(kind.to_owned())), Err(Errno::EINVAL), "{kind}");
    }
    for kind in ["pfifo", "bfifo", "pfifo_head_drop", "pfifo_fast", "sfq", "codel", "fq_codel", "noqueue"] {
        assert_eq!(set(QdiscSpec::Kind(kind.to_owned())), Ok(()), "{kind}");
    }
    // The kind alone leaves the options as they are.
    assert_eq!(set(QdiscSpec::Options(QdiscOptions::Pfifo { limit: Some(3) })), Ok(()));
    assert_eq!(set(QdiscSpec::Kind("pfifo".to_owned())), Ok(()));
    assert_eq!(world.qdiscs()[0].options, QdiscOptions::Pfifo { limit: Some(3) });
}

#[test]
fn options_out_of_range_are_einval_and_change_nothing() {
    let mut world = World::told(&TREE);
    let tbf = QdiscOptions::Tbf(tctable::sched::TbfOptions {
        rate: tctable::sched::RateSpec::default(),
        burst: 0,
        limit: 0,
        peak_rate: None,
        mtu: 0,
    });
    let set =
        world.scheduler.set_qdisc(world.now, &request(Handle::ROOT, Handle::new(5, 0), tbf.into()), Flags::REPLACE);
    assert_eq!(set.unwrap_err().errno(), Errno::EINVAL);
    assert_eq!(world.qdisc_lines(), ["htb 1: root", "pfifo 20: 1:10"]);
}

#[test]
fn get_and_delete_want_the_handle_and_kind_that_are_there() {
    let mut world = World::told(&TREE);
    let class = Handle::new(1, 0x10);
    for (handle, kind, errno) in [
        (Handle::new(0x21, 0), "pfifo", Errno::EINVAL),
        (Handle::new(0x20, 0), "bfifo", Errno::EINVAL),
        (Handle::UNSPEC, "nope", Errno::EINVAL),
    ] {
        let request = request(class, handle, QdiscSpec::Kind(kind.to_owned()));
        assert_eq!(world.scheduler.qdisc(&request).unwrap_err().errno(), errno);
        assert_eq!(world.scheduler.delete_qdisc(world.now, &request).unwrap_err().errno(), errno);
    }
    let request = request(class, Handle::new(0x20, 0), QdiscSpec::Kind("pfifo".to_owned()));
    assert_eq!(world.scheduler.qdisc(&request), Ok(world.qdisc("20:")));
    assert_eq!(world.scheduler.delete_qdisc(world.now, &request), Ok(()));
    assert_eq!(world.qdisc_lines(), ["htb 1: root"]);
}

#[test]
fn what_hangs_below_a_class_by_default_is_not_told_of() {
    let world = World::told(&TREE);
    let request = request(Handle::new(1, 0x11), Handle::UNSPEC, QdiscSpec::Any);
    assert_eq!(world.scheduler.qdisc(&request).unwrap_err().errno(), Errno::EINVAL);
}

#[test]
fn a_handle_with_no_qdisc_is_enoent() {
    let world = World::told(&TREE);
    let request = request(Handle::UNSPEC, Handle::new(9, 0), QdiscSpec::Any);
    assert_eq!(world.scheduler.qdisc(&request).unwrap_err().errno(), Errno::ENOENT);
}

#[test]
fn qdiscs_are_nested_eight_deep_and_no_deeper() {
    let mut world = World::told(&["qdisc add dev eth0 root handle 1: prio"]);
    for above in 1..8 {
        world.tc(&format!("qdisc add dev eth0 parent {above}:1 handle {}: prio", above + 1));
    }
    assert_eq!(world.try_tc("qdisc add dev eth0 parent 8:1 handle 9: prio"), Err(Errno::ELOOP));
}

#[test]
fn all_below_goes_with_a_qdisc_and_its_handles_are_free() {
    let mut world = World::told(&TREE);
    world.tc("qdisc replace dev eth0 parent 1:10 handle 21: prio");
    world.tc("qdisc add dev eth0 parent 21:1 handle 22: pfifo");
    world.queue(&to("1:10"), 3);
    world.tc("qdisc del dev eth0 parent 1:10");
    assert_eq!(world.qdisc_lines(), ["htb 1: root"]);
    assert_eq!(world.dropped().len(), 3);
    world.tc("qdisc add dev eth0 parent 1:11 handle 22: pfifo");
    world.tc("qdisc del dev eth0 root");
    world.tc("qdisc add dev eth0 root handle 22: pfifo");
    assert_eq!(world.qdisc_lines(), ["pfifo 22: root"]);
}

#[test]
fn fewer_bands_take_what_hangs_below_the_others() {
    let mut world =
        World::told(&["qdisc add dev eth0 root handle 1: prio bands 3 priomap 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2"]);
    world.tc("qdisc add dev eth0 parent 1:3 handle 3: pfifo");
    world.queue(&packet(), 2);
    world.tc("qdisc change dev eth0 root handle 1: prio bands 2 priomap 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1");
    assert_eq!(world.qdisc_lines(), ["prio 1: root"]);
    assert_eq!(world.dropped().len(), 2);
    world.tc("qdisc add dev eth0 parent 1:1 handle 3: pfifo");
}
