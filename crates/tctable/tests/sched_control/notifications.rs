use tctable::sched::{Change, Config, Notification, Object};

use super::world::World;

impl World {
    /// Notifications as `WHAT OBJECT`.
    fn told_now(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.scheduler.poll_notification()).map(line).collect()
    }
}

fn line(Notification { what, object }: Notification) -> String {
    let what = match what {
        Change::New => "new",
        Change::Placed => "placed",
        Change::Deleted => "deleted",
    };
    match object {
        Object::Qdisc(view) => format!("{what} qdisc {} {} {}", view.options.kind(), view.handle, view.parent),
        Object::Class(entry) => format!("{what} class {} {}", entry.view.id, entry.view.parent),
        Object::Filter(entry) => {
            format!("{what} filter {} {} {:x}", entry.parent, entry.view.key.priority, entry.view.key.handle)
        }
    }
}

#[test]
fn every_change_is_told_in_order() {
    let mut world = World::new();
    for (line, told) in [
        (
            "qdisc add dev eth0 root handle 1: htb",
            &["deleted qdisc fq_codel none root", "placed qdisc htb 1: root"][..],
        ),
        ("class add dev eth0 parent 1: classid 1:1 htb rate 1mbit", &["new class 1:1 1:"]),
        ("class change dev eth0 parent 1: classid 1:1 htb rate 2mbit", &["new class 1:1 1:"]),
        ("qdisc add dev eth0 parent 1:1 handle 5: pfifo", &["placed qdisc pfifo 5: 1:1"]),
        ("qdisc change dev eth0 parent 1:1 handle 5: pfifo limit 7", &["new qdisc pfifo 5: 1:1"]),
        ("qdisc link dev eth0 parent 1:1 handle 5:", &["new qdisc pfifo 5: 1:1"]),
        (
            "qdisc replace dev eth0 parent 1:1 handle 6: pfifo",
            &["deleted qdisc pfifo 5: 1:1", "placed qdisc pfifo 6: 1:1"],
        ),
        ("filter add dev eth0 parent 1: protocol ip prio 1 handle 7 fw flowid 1:1", &["new filter 1: 1 7"]),
        ("filter change dev eth0 parent 1: protocol ip prio 1 handle 7 fw flowid 1:1", &["new filter 1: 1 7"]),
        ("filter add dev eth0 parent 1: protocol ip prio 2 handle 8 fw flowid 1:1", &["new filter 1: 2 8"]),
        ("filter del dev eth0 parent 1: protocol ip prio 1 handle 7 fw", &["deleted filter 1: 1 7"]),
        ("filter del dev eth0 parent 1: prio 2", &["deleted filter 1: 2 0"]),
        ("class del dev eth0 classid 1:1", &["deleted class 1:1 1:"]),
        ("qdisc del dev eth0 root", &["deleted qdisc htb 1: root"]),
        ("qdisc add dev eth0 clsact", &["placed qdisc clsact ffff: ingress"]),
        ("qdisc del dev eth0 clsact", &["deleted qdisc clsact ffff: ingress"]),
    ] {
        world.tc(line);
        assert_eq!(world.told_now(), told, "{line}");
    }
}

#[test]
fn what_fails_is_not_told_of() {
    let mut world = World::told(&["qdisc add dev eth0 root handle 1: htb"]);
    for line in [
        "qdisc add dev eth0 root handle 1: htb",
        "qdisc del dev eth0 parent 1:1",
        "class del dev eth0 classid 1:1",
        "filter del dev eth0 parent 1: prio 1",
    ] {
        assert!(world.try_tc(line).is_err());
        assert_eq!(world.told_now(), [""; 0], "{line}");
    }
}

#[test]
fn beyond_the_limit_they_are_lost_and_counted() {
    let mut world = World::with(Config { max_notifications: 3, ..Config::default() });
    world.tc("qdisc add dev eth0 root handle 1: htb");
    for minor in 1..=4 {
        world.tc(&format!("class add dev eth0 parent 1: classid 1:{minor} htb rate 1mbit"));
    }
    let told = world.told_now();
    assert_eq!(told, ["deleted qdisc fq_codel none root", "placed qdisc htb 1: root", "new class 1:1 1:"]);
    assert_eq!(world.scheduler.lost_notifications(), 3);
    world.tc("class del dev eth0 classid 1:4");
    assert_eq!(world.told_now(), ["deleted class 1:4 1:"]);
}

#[test]
fn where_nobody_asks_none_is_lost() {
    let mut world = World::with(Config::default());
    world.tc("qdisc add dev eth0 root handle 1: htb");
    assert!(world.scheduler.poll_notification().is_none());
    assert_eq!(world.scheduler.lost_notifications(), 0);
}
