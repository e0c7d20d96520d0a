use super::*;
use crate::sched::handle::Handle;
use crate::sched::node::Node;
use crate::sched::options::ClassOptions;
use crate::sched::qdisc::{ClassRefusal, ClassXstats};
use crate::sched::rate::{Rate, RateSpec};
use crate::sched::testing::{Packet, World, packet, waiting};
use crate::time::Duration;

/// A link of 10 Mbit/s.
const LINK: RateSpec = RateSpec::new(Rate(1_250_000));

fn options(kbit: u64) -> CbqClassOptions {
    CbqClassOptions {
        bandwidth: LINK,
        rate: RateSpec::new(Rate::from_bits(1000 * kbit)),
        allot: 1514,
        weight: None,
        prio: 5,
        avpkt: 1000,
        max_burst: 10,
        min_burst: 1,
        bounded: false,
        isolated: false,
    }
}

fn class(minor: u32) -> ClassId {
    ClassId { major: 1, minor }
}

/// A queue for a link of 10 Mbit/s with these classes: parent, minor number, options. What waits has plain queues.
fn cbq(classes: &[(u32, u32, CbqClassOptions)]) -> (World, Cbq) {
    let mut world = World { default_leaf: QdiscOptions::Pfifo { limit: Some(1000) }, ..World::new() };
    let mut qdisc = Cbq::new(&mut world.context(), 1, &CbqOptions { bandwidth: LINK, avpkt: 1000 }).unwrap();
    for (parent, minor, options) in classes {
        let options = ClassOptions::Cbq(*options);
        qdisc.add(&mut world.context(), class(*minor), class(*parent), &options).unwrap();
    }
    (world, qdisc)
}

fn of(minor: u32, len: u32, token: u64) -> Packet {
    Packet { priority: 0x1_0000 | minor, len, ..packet(token << 8 | u64::from(minor)) }
}

/// Classes that always have packets of that length, over the link: what left when, of which class, how long.
fn greedy(world: &mut World, qdisc: &mut Cbq, classes: &[(u32, u32)], span: Duration) -> Vec<(Instant, u32, u32)> {
    let end = world.now + span;
    let mut left = Vec::new();
    while world.now < end {
        for (minor, len) in classes {
            while qdisc.view(class(*minor)).unwrap().backlog.packets < 3 {
                assert_eq!(world.offer(qdisc, of(*minor, *len, 0)), Enqueue::Queued);
            }
        }
        match qdisc.dequeue(&mut world.context()) {
            Dequeue::Packet(queued) => {
                left.push((world.now, (queued.token & 255) as u32, queued.len));
                world.pass(Duration::from_nanos(u64::from(queued.len) * 800));
            }
            Dequeue::Later(due) => {
                assert!(due > world.now);
                world.now = due;
            }
            Dequeue::Empty => panic!("{qdisc:?}"),
        }
    }
    left
}

/// What a class got, in kbit/s.
fn kbit(left: &[(Instant, u32, u32)], minor: u32, span: Duration) -> f64 {
    let bytes: u64 = left.iter().filter(|(_, each, _)| *each == minor).map(|(.., len)| u64::from(*len)).sum();
    bytes as f64 * 8.0 / span.as_millis() as f64
}

/// Asserts what classes got in kbit/s, within two hundredths: the estimator forgets some of what a class could not use at once.
fn assert_shares(left: &[(Instant, u32, u32)], span: Duration, shares: &[(u32, f64)]) {
    for (minor, share) in shares {
        let got = kbit(left, *minor, span);
        assert!((got / share - 1.0).abs() < 0.02, "1:{minor} got {got} kbit/s of {share}");
    }
}

const SPAN: Duration = Duration::from_secs(50);

#[test]
fn floyd_and_jacobson_1995_section_2_a_bounded_class_never_gets_more_than_its_rate() {
    let bounded = CbqClassOptions { bounded: true, ..options(1000) };
    for len in [64, 1000, 1514] {
        let (mut world, mut qdisc) = cbq(&[(0, 1, bounded)]);
        let left = greedy(&mut world, &mut qdisc, &[(1, len)], SPAN);
        // Ten average packets were saved up at first; beyond them, the rate in every window.
        for first in (0..left.len()).step_by(97) {
            let mut bytes = 0;
            for (when, _, len) in &left[first..] {
                let span = *when - left[first].0;
                bytes += u64::from(*len);
                assert!(bytes <= 13_000 + span.as_nanos() * 125_000 / 1_000_000_000, "{bytes} in {span}");
            }
        }
        let got = kbit(&left, 1, SPAN);
        assert!((999.0..1003.0).contains(&got), "{len}: {got}");
    }
}

#[test]
fn a_bounded_class_with_packets_of_all_lengths_never_gets_more_and_hardly_less() {
    let (mut world, mut qdisc) = cbq(&[(0, 1, CbqClassOptions { bounded: true, ..options(1000) })]);
    let mut bytes = 0;
    let begin = world.now;
    let mut token = 0;
    while world.now < begin + SPAN {
        while qdisc.backlog().packets < 3 {
            token += 1;
            let len = 64 + world.random.below(1450);
            world.offer(&mut qdisc, of(1, len, token));
        }
        match qdisc.dequeue(&mut world.context()) {
            Dequeue::Packet(queued) => bytes += u64::from(queued.len),
            Dequeue::Later(due) => world.now = due,
            Dequeue::Empty => panic!(),
        }
    }
    // What it saves up with a long packet before a short one, the average forgets a little of.
    let expected = 125_000.0 * 50.0;
    assert!(bytes as f64 <= expected + 13_000.0 && bytes as f64 >= expected * 0.98, "{bytes} {expected}");
}

#[test]
fn floyd_and_jacobson_1995_section_3_who_is_below_its_rate_comes_first_and_the_rest_goes_by_priority() {
    let first = CbqClassOptions { prio: 1, ..options(1000) };
    let last = CbqClassOptions { prio: 8, ..options(2000) };
    let (mut world, mut qdisc) = cbq(&[(0, 1, first), (0, 2, last)]);
    let left = greedy(&mut world, &mut qdisc, &[(1, 1000), (2, 1000)], SPAN);
    // The last one gets what is its own, the first one all that is left.
    assert_shares(&left, SPAN, &[(1, 8000.0), (2, 2000.0)]);
}

#[test]
fn classes_of_a_priority_share_what_they_borrow_by_their_weights() {
    let heavy = CbqClassOptions { weight: Some(Rate(3)), ..options(1000) };
    let light = CbqClassOptions { weight: Some(Rate(1)), ..options(1000) };
    for lens in [[1000, 1000], [300, 1400]] {
        let (mut world, mut qdisc) = cbq(&[(0, 1, heavy), (0, 2, light)]);
        let left = greedy(&mut world, &mut qdisc, &[(1, lens[0]), (2, lens[1])], SPAN);
        // Each has its own 1,000 kbit/s, and they share the rest three to one.
        assert_shares(&left, SPAN, &[(1, 7000.0), (2, 3000.0)]);
    }
}

#[test]
fn floyd_and_jacobson_1995_figure_2_what_a_class_leaves_goes_to_its_own_agency_first() {
    // Two agencies with half of the link each; of the first one, one of two classes sends nothing.
    let classes = [
        (0, 10, options(5000)),
        (0, 20, options(5000)),
        (10, 11, options(4000)),
        (10, 12, options(1000)),
        (20, 21, options(5000)),
    ];
    let (mut world, mut qdisc) = cbq(&classes);
    let left = greedy(&mut world, &mut qdisc, &[(12, 1000), (21, 1000)], SPAN);
    assert_shares(&left, SPAN, &[(12, 5000.0), (21, 5000.0)]);
    let ClassXstats::Cbq { borrows, .. } = qdisc.view(class(12)).unwrap().xstats else { panic!() };
    let ClassXstats::Cbq { borrows: lent, .. } = qdisc.view(class(10)).unwrap().xstats else { panic!() };
    // Four fifths of its packets are borrowed, all of them of the agency.
    let packets = qdisc.view(class(12)).unwrap().sent.packets;
    assert!((f64::from(borrows) / packets as f64 - 0.8).abs() < 0.02, "{borrows} of {packets}");
    assert!(lent > borrows * 9 / 10, "{lent} {borrows}");
    // Then the other one sends, too, and gets what is its own at once.
    let left = greedy(&mut world, &mut qdisc, &[(11, 1000), (12, 1000), (21, 1000)], SPAN);
    assert_shares(&left, SPAN, &[(11, 4000.0), (12, 1000.0), (21, 5000.0)]);
}

#[test]
fn floyd_and_jacobson_1995_section_2_nobody_gets_what_an_isolated_class_leaves() {
    let isolated = CbqClassOptions { isolated: true, bounded: true, ..options(4000) };
    let (mut world, mut qdisc) = cbq(&[(0, 1, isolated), (0, 2, options(3000))]);
    let left = greedy(&mut world, &mut qdisc, &[(2, 1000)], SPAN);
    assert_shares(&left, SPAN, &[(2, 6000.0)]);
    let left = greedy(&mut world, &mut qdisc, &[(1, 1000), (2, 1000)], SPAN);
    assert_shares(&left, SPAN, &[(1, 4000.0), (2, 6000.0)]);
    // Without that, the other one gets all.
    let (mut world, mut qdisc) = cbq(&[(0, 1, options(4000)), (0, 2, options(3000))]);
    let left = greedy(&mut world, &mut qdisc, &[(2, 1000)], SPAN);
    assert_shares(&left, SPAN, &[(2, 10_000.0)]);
}

#[test]
fn floyd_and_jacobson_1995_appendix_a_after_an_idle_time_max_burst_packets_leave_at_once() {
    for max_burst in [1, 5, 20] {
        let bounded = CbqClassOptions { bounded: true, max_burst, ..options(500) };
        let (mut world, mut qdisc) = cbq(&[(0, 1, bounded)]);
        world.pass(Duration::from_secs(10));
        let begin = world.now;
        let left = greedy(&mut world, &mut qdisc, &[(1, 1000)], Duration::from_secs(2));
        let burst =
            left.iter().take_while(|(when, ..)| (*when - begin).as_nanos() < 800_000 * u64::from(max_burst)).count();
        assert_eq!(burst, max_burst as usize);
        // Then one after the other: 1,000 bytes take 16 ms.
        let gaps: Vec<u64> = left[burst..].windows(2).map(|pair| (pair[1].0 - pair[0].0).as_nanos()).collect();
        assert!(gaps.iter().skip(2).all(|gap| gap.abs_diff(16_000_000) <= 1000), "{gaps:?}");
    }
}

#[test]
fn min_burst_packets_leave_together_once_a_class_was_put_off() {
    let bounded = CbqClassOptions { bounded: true, max_burst: 8, min_burst: 4, ..options(500) };
    let (mut world, mut qdisc) = cbq(&[(0, 1, bounded)]);
    let left = greedy(&mut world, &mut qdisc, &[(1, 1000)], SPAN);
    let gaps: Vec<u64> = left.windows(2).map(|pair| (pair[1].0 - pair[0].0).as_nanos()).collect();
    let bursts = gaps.split(|gap| *gap > 1_000_000).map(|gaps| gaps.len() + 1).skip(2);
    let (count, together) = bursts.fold((0, 0), |(count, together), each| (count + 1, together + each));
    assert!((3.9..4.1).contains(&(together as f64 / count as f64)), "{together} {count}");
    assert!(kbit(&left, 1, SPAN) <= 502.0 && kbit(&left, 1, SPAN) > 470.0, "{}", kbit(&left, 1, SPAN));
}

#[test]
fn what_no_class_takes_waits_in_the_root_s_own_queue() {
    let (mut world, mut qdisc) = cbq(&[(0, 1, options(1000))]);
    for (token, priority) in [(1, 0), (2, 0x1_0009), (3, 0x2_0001)] {
        assert_eq!(world.offer(&mut qdisc, Packet { priority, ..packet(token) }), Enqueue::Queued);
    }
    assert_eq!(qdisc.backlog(), waiting(3, 3000));
    assert_eq!(qdisc.view(class(1)).unwrap().backlog, waiting(0, 0));
    // A class with packets comes first: the root is the last by priority, and of the highest level.
    world.offer(&mut qdisc, of(1, 1000, 9));
    assert_eq!(world.take_all(&mut qdisc), [9 << 8 | 1, 1, 2, 3]);
}

#[test]
fn a_class_counts_what_happens_to_it() {
    let bounded = CbqClassOptions { bounded: true, max_burst: 1, ..options(1000) };
    let (mut world, mut qdisc) = cbq(&[(0, 1, bounded)]);
    for token in 0..3 {
        world.offer(&mut qdisc, of(1, 1000, token));
    }
    assert!(world.take(&mut qdisc).is_some());
    // 1,000 bytes take 8 ms at its rate.
    let due = match qdisc.dequeue(&mut world.context()) {
        Dequeue::Later(due) => due - world.now,
        other => panic!("{other:?}"),
    };
    assert!(due.as_nanos().abs_diff(8_000_000) < 1000, "{due}");
    qdisc.dequeue(&mut world.context());
    let view = qdisc.view(class(1)).unwrap();
    assert_eq!((view.overlimits, view.sent.packets, view.backlog), (2, 1, waiting(2, 2000)));
    let ClassXstats::Cbq { borrows: 0, overactions: 1, avgidle, undertime } = view.xstats else { panic!("{view:?}") };
    assert!(avgidle <= 0 && undertime == due.as_nanos() as i64, "{avgidle} {undertime}");
    assert_eq!(qdisc.overlimits(), 2);
    world.pass(due);
    assert!(world.take(&mut qdisc).is_some());
    let ClassXstats::Cbq { overactions: 1, .. } = qdisc.view(class(1)).unwrap().xstats else { panic!() };
}

#[test]
fn classes_have_the_kernel_s_rules() {
    let (mut world, mut qdisc) = cbq(&[(0, 1, options(1000)), (1, 2, options(500))]);
    let add = |world: &mut World, qdisc: &mut Cbq, minor, parent, options| {
        qdisc.add(&mut world.context(), class(minor), class(parent), &ClassOptions::Cbq(options))
    };
    assert_eq!(add(&mut world, &mut qdisc, 3, 9, options(1)), Err(ClassRefusal::NoParent));
    for wrong in [
        CbqClassOptions { prio: 0, ..options(1) },
        CbqClassOptions { prio: 9, ..options(1) },
        CbqClassOptions { avpkt: 0, ..options(1) },
        CbqClassOptions { allot: 0, ..options(1) },
        CbqClassOptions { weight: Some(Rate(0)), ..options(1) },
        CbqClassOptions { bandwidth: RateSpec::new(Rate(0)), ..options(1) },
        options(0),
    ] {
        assert!(matches!(add(&mut world, &mut qdisc, 3, 0, wrong), Err(ClassRefusal::Options(_))), "{wrong:?}");
    }
    // Eight levels below the root: 1:1, 1:2, and six more.
    for minor in 3..9 {
        assert_eq!(add(&mut world, &mut qdisc, minor, minor - 1, options(100)), Ok(()));
    }
    assert_eq!(add(&mut world, &mut qdisc, 9, 8, options(100)), Err(ClassRefusal::TooMany));
    assert_eq!(qdisc.delete(&mut world.context(), class(7)), Err(ClassRefusal::Busy));
    qdisc.bind(class(8), true);
    assert_eq!(qdisc.delete(&mut world.context(), class(8)), Err(ClassRefusal::Busy));
    qdisc.bind(class(8), false);
    world.offer(&mut qdisc, of(8, 1000, 5));
    assert_eq!(qdisc.delete(&mut world.context(), class(8)), Ok(()));
    assert_eq!(world.dropped_for(DropCause::Deleted), [5 << 8 | 8]);
    assert_eq!(qdisc.backlog(), waiting(0, 0));
    assert_eq!(qdisc.delete(&mut world.context(), class(8)), Err(ClassRefusal::NotFound));
    assert_eq!(qdisc.delete(&mut world.context(), class(7)), Ok(()));
    let ids = std::iter::successors(qdisc.view_after(None), |view| qdisc.view_after(Some(view.id)));
    assert_eq!(
        ids.map(|view| (view.id.minor, view.parent.minor)).collect::<Vec<_>>(),
        [(1, 0), (2, 1), (3, 2), (4, 3), (5, 4), (6, 5)]
    );
}

#[test]
fn a_change_keeps_packets_and_debts() {
    let bounded = CbqClassOptions { bounded: true, max_burst: 1, ..options(1000) };
    let (mut world, mut qdisc) = cbq(&[(0, 1, bounded)]);
    (0..3).for_each(|token| assert_eq!(world.offer(&mut qdisc, of(1, 1000, token)), Enqueue::Queued));
    assert!(world.take(&mut qdisc).is_some());
    let change = ClassOptions::Cbq(CbqClassOptions { prio: 1, ..bounded });
    assert_eq!(Classful::change(&mut qdisc, &mut world.context(), class(1), &change), Ok(()));
    assert_eq!(qdisc.view(class(1)).unwrap().options, Some(change));
    assert_eq!(qdisc.view(class(1)).unwrap().backlog, waiting(2, 2000));
    assert_eq!(world.take(&mut qdisc), None);
    world.pass(Duration::from_millis(9));
    assert!(world.take(&mut qdisc).is_some());
    assert!(world.dropped.is_empty());
}

#[test]
fn another_qdisc_below_a_class() {
    let (mut world, mut qdisc) = cbq(&[(0, 1, options(1000))]);
    world.offer(&mut qdisc, of(1, 1000, 1));
    let leaf = Node::new(Handle::new(2, 0), world.create(&QdiscOptions::Pfifo { limit: Some(1) }));
    assert_eq!(qdisc.graft(&mut world.context(), class(1), Some(leaf)), Ok(()));
    assert_eq!(world.dropped_for(DropCause::Deleted), [1 << 8 | 1]);
    assert_eq!(qdisc.view(class(1)).unwrap().leaf, Some(Handle::new(2, 0)));
    assert_eq!(world.offer(&mut qdisc, of(1, 1000, 2)), Enqueue::Queued);
    assert_eq!(world.offer(&mut qdisc, of(1, 1000, 3)), Enqueue::Dropped(DropCause::Limit));
    assert_eq!(qdisc.view(class(1)).unwrap().dropped, 2);
    // What waits below changes from outside.
    let before = qdisc.leaf(class(1)).unwrap().backlog();
    qdisc.leaf_mut(class(1)).unwrap().drain(&mut world.context(), DropCause::Limit);
    qdisc.settle(&mut world.context(), class(1), before);
    assert_eq!(qdisc.backlog(), waiting(0, 0));
    assert_eq!(qdisc.dequeue(&mut world.context()), Dequeue::Empty);
}
