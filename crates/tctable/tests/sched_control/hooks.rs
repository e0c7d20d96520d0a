use tctable::sched::{DropCause, Errno, Handle, Ingress, Offer};

use super::world::{ETH0, World, both, packet};

impl World {
    fn receive(&mut self, packet: &super::world::Packet) -> Ingress {
        self.with_skb(packet, |scheduler, now, skb| scheduler.receive(now, ETH0, skb))
    }
}

#[test]
fn ingress_and_clsact_exclude_each_other() {
    for (first, second) in [("ingress", "clsact"), ("clsact", "ingress")] {
        let mut world = World::new();
        world.tc(&format!("qdisc add dev eth0 {first}"));
        assert_eq!(world.qdisc_lines(), ["fq_codel none root", &format!("{first} ffff: ingress")]);
        assert_eq!(world.try_tc(&format!("qdisc add dev eth0 {first}")), Err(Errno::EEXIST));
        assert_eq!(world.try_tc(&format!("qdisc add dev eth0 {second}")), Err(Errno::EEXIST));
        assert_eq!(world.try_tc(&format!("qdisc replace dev eth0 {second}")), Err(Errno::EINVAL));
        assert_eq!(world.try_tc(&format!("qdisc del dev eth0 {second}")), Err(Errno::EINVAL));
        world.tc(&format!("qdisc replace dev eth0 {first}"));
        world.tc(&format!("qdisc del dev eth0 {first}"));
        assert_eq!(world.try_tc(&format!("qdisc del dev eth0 {first}")), Err(Errno::ENOENT));
        world.tc(&format!("qdisc add dev eth0 {second}"));
    }
}

#[test]
fn they_hang_at_their_own_parent_and_nothing_else_does() {
    use tctable::sched::{Flags, QdiscOptions, QdiscRequest, QdiscSpec};
    let mut world = World::told(&["qdisc add dev eth0 ingress"]);
    assert_eq!(world.try_tc("qdisc add dev eth0 parent ffff:1 pfifo"), Err(Errno::EOPNOTSUPP));
    world.tc("qdisc del dev eth0 ingress");
    let mut set = |parent, options: QdiscOptions| {
        let spec = QdiscSpec::Options(options);
        let request = QdiscRequest { device: ETH0, parent, handle: Handle::UNSPEC, spec };
        world.scheduler.set_qdisc(world.now, &request, Flags::ADD).map_err(|error| error.errno())
    };
    assert_eq!(set(Handle::ROOT, QdiscOptions::Clsact), Err(Errno::EOPNOTSUPP));
    assert_eq!(set(Handle::INGRESS, QdiscOptions::Pfifo { limit: None }), Err(Errno::EINVAL));
    // Whatever handle is asked for, theirs is ffff:, and only one has it.
    assert_eq!(set(Handle::INGRESS, QdiscOptions::Ingress), Ok(()));
    assert_eq!(world.try_tc("qdisc add dev eth0 root handle ffff: pfifo"), Err(Errno::EINVAL));
    world.tc("qdisc del dev eth0 ingress");
    world.tc("qdisc add dev eth0 root handle ffff: pfifo");
    assert_eq!(world.try_tc("qdisc add dev eth0 ingress"), Err(Errno::EINVAL));
}

#[test]
fn they_have_no_classes_of_anybodys_making() {
    let mut world = World::told(&["qdisc add dev eth0 ingress"]);
    let class = "class add dev eth0 parent ffff: classid ffff:1 htb rate 1mbit";
    assert_eq!(world.try_tc(class), Err(Errno::EEXIST));
    assert_eq!(world.try_tc("class del dev eth0 classid ffff:1"), Err(Errno::EOPNOTSUPP));
    world.tc("qdisc del dev eth0 ingress");
    world.tc("qdisc add dev eth0 clsact");
    assert_eq!(world.try_tc(class), Err(Errno::EOPNOTSUPP));
    assert_eq!(world.try_tc("class del dev eth0 classid ffff:1"), Err(Errno::ENOENT));
    assert!(world.classes().is_empty());
}

#[test]
fn filters_at_clsact_hang_at_ingress_or_egress() {
    let mut world = World::told(&["qdisc add dev eth0 clsact"]);
    let add = |parent| format!("filter add dev eth0 parent {parent} protocol all prio 1 matchall action drop");
    assert_eq!(world.try_tc(&add("ffff:")), Err(Errno::EINVAL));
    assert_eq!(world.try_tc(&add("ffff:1")), Err(Errno::ENOENT));
    world.tc("filter add dev eth0 ingress protocol all prio 1 matchall action drop");
    assert_eq!(world.receive(&packet()), Ingress::Dropped(DropCause::Filter));
    assert!(matches!(world.offer(&packet()), Offer::Queued { .. }));
    world.tc("filter del dev eth0 ingress prio 1");
    world.tc("filter add dev eth0 egress protocol all prio 1 matchall action drop");
    assert_eq!(world.receive(&packet()), Ingress::Pass);
    assert_eq!(world.offer(&packet()), Offer::Dropped { class: None, cause: DropCause::Filter });
    let view = world.qdiscs().pop().unwrap();
    assert_eq!((view.sent.packets, view.dropped), (4, 2));
}

#[test]
fn ingress_has_one_place_by_many_names() {
    let mut world = World::told(&["qdisc add dev eth0 ingress"]);
    for (prio, parent) in [(1, "ffff:"), (2, "ffff:1"), (3, "ffff:fff2"), (4, "ffff:fff3")] {
        let line = format!("filter add dev eth0 parent {parent} protocol all prio {prio} matchall action pipe");
        world.tc(&line);
    }
    assert_eq!(world.receive(&packet()), Ingress::Pass);
    let mut dump = tctable::sched::FilterDump::new(ETH0, Handle::new(0xffff, 0));
    let listed = world.scheduler.dump_filters(&mut dump, usize::MAX);
    let mut priorities: Vec<u16> = listed.iter().map(|entry| entry.view.key.priority).collect();
    priorities.dedup();
    assert_eq!(priorities, [1, 2, 3, 4]);
}

#[test]
fn incoming_packets_are_policed_of_either_family() {
    let mut world = World::told(&["qdisc add dev eth0 ingress"]);
    world.tc("filter add dev eth0 ingress protocol all prio 1 u32 match u32 0 0 police rate 8kbit burst 2000 drop");
    for packet in both(1) {
        assert_eq!(world.receive(&packet), Ingress::Pass);
    }
    for packet in both(1) {
        assert_eq!(world.receive(&packet), Ingress::Dropped(DropCause::Filter));
    }
}

#[test]
fn a_device_without_them_lets_all_pass() {
    assert_eq!(World::new().receive(&packet()), Ingress::Pass);
}
