//! What each kind that takes filters makes of what they say: by a `fw` filter without options, for which a packet's mark is its
//! class.

use super::{Enqueue, Qdisc};
use crate::packet::DeviceId;
use crate::sched::context::DropCause;
use crate::sched::control::Flags;
use crate::sched::filter::{Block, EtherType, FilterKinds, FilterOptions, FilterRequest};
use crate::sched::handle::{ClassId, Handle};
use crate::sched::options::*;
use crate::sched::rate::{Rate, RateSpec};
use crate::sched::testing::{World, packet};

fn hang_fw(world: &World, block: &mut Block) {
    let qdisc = Handle::new(1, 0);
    let request = FilterRequest {
        device: DeviceId(1),
        parent: qdisc,
        protocol: EtherType::ALL,
        priority: 1,
        chain: 0,
        handle: 0,
        options: FilterOptions::Fw(None),
    };
    block.change(&FilterKinds::default(), world.now, qdisc, &request, Flags::ADD).unwrap();
}

fn filtered(world: &mut World, options: QdiscOptions) -> Box<dyn Qdisc> {
    let mut qdisc = world.create(&options);
    hang_fw(world, qdisc.block().unwrap());
    qdisc
}

fn offer(world: &mut World, qdisc: &mut dyn Qdisc, token: u64, mark: u32) -> Enqueue {
    let mut skb = packet(token).skb();
    skb.mark = mark;
    let queued = packet(token).queued(world.now);
    qdisc.enqueue(&mut world.context(), &mut skb, queued)
}

fn waits(qdisc: &dyn Qdisc, minor: u32) -> u32 {
    qdisc.classful().unwrap().view(ClassId { major: 1, minor }).map_or(0, |view| view.backlog.packets)
}

#[test]
fn prio_takes_the_band_and_goes_by_priority_where_filters_know_nothing() {
    let mut world = World::new();
    let mut qdisc = filtered(&mut world, QdiscOptions::Prio(PrioOptions::default()));
    for (token, mark) in [(1, 0x1_0003), (2, 0x1_0001), (3, 3), (4, 0), (5, 0x1_0009)] {
        assert_eq!(offer(&mut world, &mut *qdisc, token, mark), Enqueue::Queued);
    }
    // Priority 0 has the second band, and so has what names no band.
    assert_eq!([1, 2, 3].map(|minor| waits(&*qdisc, minor)), [1, 2, 2]);
    assert_eq!(world.take_all(&mut *qdisc), [2, 4, 5, 1, 3]);
}

#[test]
fn sfq_takes_the_flow_and_drops_what_filters_do_not_know() {
    let mut world = World::new();
    let mut qdisc = filtered(&mut world, QdiscOptions::Sfq(SfqOptions::default()));
    assert_eq!(offer(&mut world, &mut *qdisc, 1, 0x1_0007), Enqueue::Queued);
    assert_eq!(offer(&mut world, &mut *qdisc, 2, 0x1_0400), Enqueue::Queued);
    assert_eq!(offer(&mut world, &mut *qdisc, 3, 0x1_0401), Enqueue::Dropped(DropCause::NoClass));
    assert_eq!(offer(&mut world, &mut *qdisc, 4, 0), Enqueue::Dropped(DropCause::NoClass));
    assert_eq!((waits(&*qdisc, 7), waits(&*qdisc, 0x400)), (1, 1));
}

#[test]
fn fq_codel_takes_the_flow_and_drops_what_filters_do_not_know() {
    let mut world = World::new();
    let options = FqCodelOptions { quantum: Some(1000), ..FqCodelOptions::default() };
    let mut qdisc = filtered(&mut world, QdiscOptions::FqCodel(options));
    for (token, mark) in [(1, 7), (2, 7), (3, 0x1_0400)] {
        assert_eq!(offer(&mut world, &mut *qdisc, token, mark), Enqueue::Queued);
    }
    assert_eq!(offer(&mut world, &mut *qdisc, 4, 0x401), Enqueue::Dropped(DropCause::NoClass));
    assert_eq!(offer(&mut world, &mut *qdisc, 5, 0), Enqueue::Dropped(DropCause::NoClass));
    assert_eq!(world.take_all(&mut *qdisc), [1, 3, 2]);
}

#[test]
fn cbq_goes_down_from_class_to_class_as_filters_say() {
    let mut world = World::new();
    let link = RateSpec::new(Rate(1_250_000));
    let mut qdisc = filtered(&mut world, QdiscOptions::Cbq(CbqOptions { bandwidth: link, avpkt: 1000 }));
    let options = ClassOptions::Cbq(CbqClassOptions {
        bandwidth: link,
        rate: RateSpec::new(Rate(125_000)),
        allot: 1514,
        weight: None,
        prio: 1,
        avpkt: 1000,
        max_burst: 10,
        min_burst: 1,
        bounded: false,
        isolated: false,
    });
    let classful = qdisc.classful_mut().unwrap();
    for (parent, minor) in [(0, 1), (1, 2), (1, 3)] {
        let [class, parent] = [minor, parent].map(|minor| ClassId { major: 1, minor });
        classful.add(&mut world.context(), class, parent, &options).unwrap();
    }
    // The root's filter names an inner class, which has none: the packet stays there.
    assert_eq!(offer(&mut world, &mut *qdisc, 1, 0x1_0001), Enqueue::Queued);
    assert_eq!(offer(&mut world, &mut *qdisc, 2, 0x1_0002), Enqueue::Queued);
    // What filters do not know, or name a class that is not there, stays at the root.
    assert_eq!(offer(&mut world, &mut *qdisc, 3, 0), Enqueue::Queued);
    assert_eq!(offer(&mut world, &mut *qdisc, 4, 0x1_0009), Enqueue::Queued);
    assert_eq!([1, 2, 3].map(|minor| waits(&*qdisc, minor)), [1, 1, 0]);
    assert_eq!(qdisc.backlog().packets, 4);
    // A filter of the inner class that names itself leads nowhere.
    hang_fw(&world, qdisc.classful_mut().unwrap().class_block(ClassId { major: 1, minor: 1 }).unwrap());
    assert_eq!(offer(&mut world, &mut *qdisc, 5, 0x1_0001), Enqueue::Queued);
    assert_eq!(waits(&*qdisc, 1), 2);
}
