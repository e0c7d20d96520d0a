use tctable::packet::DeviceId;
use tctable::sched::{DropCause, Ingress, Offer, Redirected};

use super::world::{ETH0, ETH1, World, handle, packet, to};

/// An action of a filter that all packets meet.
fn all(hook: &str, action: &str) -> String {
    format!("filter add dev eth0 {hook} protocol all prio 1 matchall action {action}")
}

#[test]
fn a_packet_is_redirected_from_ingress() {
    let mut world = World::told(&["qdisc add dev eth0 ingress", &all("ingress", "mirred egress redirect dev eth1")]);
    let ingress = world.with_skb(&packet(), |scheduler, now, skb| scheduler.receive(now, ETH0, skb));
    assert_eq!(ingress, Ingress::Redirected(Redirected::Queued { device: ETH1, class: None }));
    assert_eq!(world.leave_from(ETH1), [1]);
    assert!(world.leave().is_empty());
}

#[test]
fn a_packet_is_redirected_from_egress_and_from_a_root() {
    for lines in [
        ["qdisc add dev eth0 clsact", &all("egress", "mirred egress redirect dev eth1")],
        ["qdisc add dev eth0 root handle 1: htb", &all("parent 1:", "mirred egress redirect dev eth1")],
    ] {
        let mut world = World::told(&lines);
        assert_eq!(
            world.offer(&packet()),
            Offer::Redirected(Redirected::Queued { device: ETH1, class: None }),
            "{lines:?}"
        );
        assert_eq!(world.leave_from(ETH1), [1]);
        assert!(world.leave().is_empty());
    }
}

#[test]
fn a_copy_goes_to_another_device_and_the_packet_stays() {
    let mut world = World::told(&["qdisc add dev eth0 clsact", &all("egress", "mirred egress mirror dev eth1")]);
    assert!(matches!(world.offer(&packet()), Offer::Queued { .. }));
    assert_eq!(world.scheduler.copies(), [Redirected::Queued { device: ETH1, class: None }]);
    assert_eq!(world.leave_from(ETH1), [1]);
    assert_eq!(world.leave(), [1]);
    // The next one has no copy.
    world.tc("filter del dev eth0 egress prio 1");
    world.queue(&packet(), 1);
    assert!(world.scheduler.copies().is_empty());
}

#[test]
fn a_packet_can_be_received_by_another_device() {
    let mut world = World::told(&["qdisc add dev eth0 clsact", &all("egress", "mirred ingress redirect dev eth1")]);
    assert_eq!(world.offer(&packet()), Offer::Redirected(Redirected::Received { device: ETH1 }));
    world.tc("qdisc add dev eth1 ingress");
    world.tc("filter add dev eth1 ingress protocol all prio 1 matchall action drop");
    assert_eq!(world.offer(&packet()), Offer::Dropped { class: None, cause: DropCause::Filter });
}

#[test]
fn it_goes_by_the_class_that_it_was_given_on_the_way() {
    let mut world = World::told(&[
        "qdisc add dev eth1 root handle 1: htb",
        "class add dev eth1 parent 1: classid 1:5 htb rate 1mbit",
        "qdisc add dev eth0 clsact",
        &all("egress", "skbedit priority 1:5 pipe action mirred egress redirect dev eth1"),
    ]);
    let class = Some(handle("1:5").into());
    assert_eq!(world.offer(&packet()), Offer::Redirected(Redirected::Queued { device: ETH1, class }));
}

#[test]
fn a_redirection_to_a_device_that_is_not_there_drops() {
    let mut world = World::told(&["qdisc add dev eth0 clsact", &all("egress", "mirred egress redirect dev eth9")]);
    assert_eq!(world.offer(&packet()), Offer::Dropped { class: None, cause: DropCause::NoDevice });
}

#[test]
fn redirections_within_each_other_end_after_four() {
    // Each sends to the other, before its root.
    let mut world = World::told(&[
        "qdisc add dev eth0 clsact",
        "qdisc add dev eth1 clsact",
        &all("egress", "mirred egress redirect dev eth1"),
        "filter add dev eth1 egress protocol all prio 1 matchall action mirred egress redirect dev eth0",
    ]);
    assert_eq!(world.offer(&packet()), Offer::Dropped { class: None, cause: DropCause::Filter });
    // Three times there, twice back: the fifth is refused where it would begin.
    let dropped = |world: &World, device: DeviceId| {
        let mut dump = tctable::sched::QdiscDump::new(Some(device));
        let hooks = world.scheduler.dump_qdiscs(&mut dump, 9).pop().expect("clsact");
        (hooks.sent.packets, hooks.dropped)
    };
    assert_eq!(dropped(&world, ETH0), (3, 1));
    assert_eq!(dropped(&world, ETH1), (2, 0));
}

#[test]
fn a_root_does_not_take_back_what_it_redirected() {
    let mut world = World::told(&[
        "qdisc add dev eth0 root handle 1: htb",
        &all("parent 1:", "mirred egress redirect dev eth1"),
        "qdisc add dev eth1 root handle 1: htb",
        "filter add dev eth1 parent 1: protocol all prio 1 matchall action mirred egress redirect dev eth0",
    ]);
    assert_eq!(world.offer(&packet()), Offer::Dropped { class: None, cause: DropCause::Loop });
    assert_eq!(world.qdisc("1:").dropped, 1);
}

#[test]
fn copies_of_copies_end_too() {
    let mut world = World::told(&["qdisc add dev eth0 clsact", &all("egress", "mirred egress mirror dev eth0")]);
    // The fifth of them is dropped as it meets the action.
    assert!(matches!(world.offer(&packet()), Offer::Queued { .. }));
    assert_eq!(world.scheduler.copies().len(), 3);
    assert_eq!(world.leave(), [1, 1, 1, 1]);
    assert!(matches!(world.offer(&to("1:1")), Offer::Queued { .. }));
}
