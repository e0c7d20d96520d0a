use super::*;
use crate::sched::handle::Handle;
use crate::sched::options::TbfOptions;
use crate::sched::rate::{Rate, RateSpec};
use crate::sched::testing::{Packet, World, packet, waiting};
use crate::time::Duration;

fn prio(world: &mut World) -> Box<dyn Qdisc> {
    world.create(&QdiscOptions::Prio(PrioOptions::default()))
}

fn class(minor: u32) -> ClassId {
    ClassId { major: 1, minor }
}

#[test]
fn each_priority_has_the_band_that_tc_prio_documents() {
    // tc-prio(8): the priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1.
    let bands = [1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1];
    let mut world = World::new();
    let mut qdisc = prio(&mut world);
    for priority in 0..16 {
        let offered = Packet { priority, flow: priority << 28, ..packet(priority.into()) };
        assert_eq!(world.offer(&mut *qdisc, offered), Enqueue::Queued);
    }
    assert_eq!(qdisc.backlog(), waiting(16, 16_000));
    let order: Vec<u64> = (0..3).flat_map(|band| (0..16).filter(move |token| bands[*token as usize] == band)).collect();
    assert_eq!(world.take_all(&mut *qdisc), order);
}

#[test]
fn a_priority_that_is_a_class_names_its_band() {
    let mut world = World::new();
    let mut qdisc = prio(&mut world);
    // 1:3, 1:1, 1:2; 1:0 and 1:4 are no bands, and 2:1 is a class elsewhere: these have the band of priority 0.
    for (token, priority) in [(3, 0x1_0003), (1, 0x1_0001), (2, 0x1_0002), (4, 0x1_0000), (5, 0x1_0004), (6, 0x2_0001)]
    {
        let offered = Packet { priority, ..packet(token) };
        assert_eq!(world.offer(&mut *qdisc, offered), Enqueue::Queued);
    }
    assert_eq!(world.take_all(&mut *qdisc), [1, 2, 4, 5, 6, 3]);
}

#[test]
fn a_band_that_has_to_wait_lets_the_next_one_send() {
    let mut world = World::new();
    let mut qdisc = prio(&mut world);
    let tbf = QdiscOptions::Tbf(TbfOptions {
        rate: RateSpec::new(Rate(1000)),
        burst: 1000,
        limit: 10_000,
        peak_rate: None,
        mtu: 0,
    });
    let leaf = Node::new(Handle::new(2, 0), world.create(&tbf));
    qdisc.classful_mut().unwrap().graft(&mut world.context(), class(1), Some(leaf)).unwrap();
    for (token, priority) in [(1, 6), (2, 6), (3, 0)] {
        world.offer(&mut *qdisc, Packet { priority, ..packet(token) });
    }
    assert_eq!(world.take_all(&mut *qdisc), [1, 3]);
    let due = world.now + Duration::from_secs(1);
    assert_eq!(qdisc.dequeue(&mut world.context()), Dequeue::Later(due));
    world.now = due;
    assert_eq!(world.take_all(&mut *qdisc), [2]);
    assert_eq!(qdisc.dequeue(&mut world.context()), Dequeue::Empty);
}

#[test]
fn bands_and_map_have_the_kernel_s_bounds() {
    let mut world = World::new();
    for (bands, band, ok) in [(1, 0, false), (2, 1, true), (2, 2, false), (16, 15, true), (17, 0, false)] {
        let mut map = [0; 16];
        map[15] = band;
        let options = PrioOptions { bands, map };
        assert_eq!(Prio::new(&mut world.context(), 1, &options).is_ok(), ok, "{options:?}");
    }
}

#[test]
fn bands_that_go_take_their_packets_with_them_and_others_keep_theirs() {
    let mut world = World::new();
    let mut qdisc = prio(&mut world);
    for (token, priority) in [(1, 6), (2, 0), (3, 1)] {
        world.offer(&mut *qdisc, Packet { priority, ..packet(token) });
    }
    let fewer = QdiscOptions::Prio(PrioOptions { bands: 2, map: [1; 16] });
    assert_eq!(qdisc.change(&mut world.context(), &fewer), Ok(()));
    assert_eq!(qdisc.options(), fewer);
    assert_eq!(world.dropped_for(DropCause::Deleted), [3]);
    assert_eq!(qdisc.backlog(), waiting(2, 2000));
    assert!(!qdisc.classful().unwrap().has(class(3)));
    assert_eq!(world.take_all(&mut *qdisc), [1, 2]);
}

#[test]
fn its_classes_are_its_bands() {
    let mut world = World::new();
    let mut qdisc = prio(&mut world);
    world.offer(&mut *qdisc, Packet { priority: 6, ..packet(1) });
    world.offer(&mut *qdisc, packet(2));
    world.take(&mut *qdisc);
    let classful = qdisc.classful_mut().unwrap();
    let first = classful.view_after(None).unwrap();
    assert_eq!((first.id, first.parent, first.leaf, first.backlog), (class(1), class(0), None, waiting(0, 0)));
    assert_eq!((first.sent.packets, first.sent.bytes), (1, 1000));
    let ids: Vec<ClassId> =
        std::iter::successors(Some(first), |view| classful.view_after(Some(view.id))).map(|view| view.id).collect();
    assert_eq!(ids, [class(1), class(2), class(3)]);
    assert!(!classful.has(class(0)) && !classful.has(class(4)) && !classful.has(ClassId { major: 2, minor: 1 }));
    assert_eq!(classful.delete(&mut world.context(), class(1)), Err(ClassRefusal::NotSupported));
    // Another qdisc below a band: what waited in the old one goes.
    let leaf = world.create(&QdiscOptions::Pfifo { limit: Some(5) });
    let leaf = Node::new(Handle::new(0x10, 0), leaf);
    classful.graft(&mut world.context(), class(2), Some(leaf)).unwrap();
    assert_eq!(classful.view(class(2)).unwrap().leaf, Some(Handle::new(0x10, 0)));
    assert_eq!(classful.leaf(class(2)).unwrap().qdisc.options(), QdiscOptions::Pfifo { limit: Some(5) });
    assert_eq!(classful.graft(&mut world.context(), class(9), None), Err(ClassRefusal::NotFound));
    assert_eq!(world.dropped_for(DropCause::Deleted), [2]);
    assert_eq!(qdisc.backlog(), waiting(0, 0));
}

#[test]
fn a_packet_says_which_band_it_was_put_in() {
    let mut world = World::new();
    let mut qdisc = Prio::new(&mut world.context(), 1, &PrioOptions::default()).unwrap();
    let skb_class = |priority: u32, world: &mut World, qdisc: &mut Prio| {
        let offered = Packet { priority, ..packet(1) };
        let queued = offered.queued(world.now);
        let mut context = world.context();
        qdisc.enqueue(&mut context, &mut offered.skb(), queued);
        context.class
    };
    assert_eq!(skb_class(6, &mut world, &mut qdisc), Some(class(1)));
    assert_eq!(skb_class(1, &mut world, &mut qdisc), Some(class(3)));
}
