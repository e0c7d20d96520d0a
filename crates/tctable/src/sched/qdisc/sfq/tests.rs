use super::*;
use crate::sched::handle::ClassId;
use crate::sched::qdisc::{ClassRefusal, ClassXstats};
use crate::sched::testing::{Packet, World, packet, waiting};

fn options() -> SfqOptions {
    SfqOptions::default()
}

fn sfq(world: &mut World, options: SfqOptions) -> Box<dyn Qdisc> {
    world.create(&QdiscOptions::Sfq(options))
}

/// Packets that name their bucket, so that no two of them meet by chance.
fn of(bucket: u32, token: u64) -> Packet {
    Packet { priority: 0x1_0000 | (bucket + 1), ..packet(token) }
}

#[test]
fn mckenney_1990_each_of_n_flows_gets_its_share_whatever_it_offers() {
    // Flow n offers n + 1 packets of its own length while one packet of a thousand bytes would leave.
    for flows in [2, 5, 10] {
        let mut world = World::new();
        let mut qdisc = sfq(&mut world, SfqOptions { quantum: Some(1514), ..options() });
        let len = |flow: u32| 300 + 100 * flow;
        let mut sent = vec![0u64; flows as usize];
        for round in 0..20_000u64 {
            for flow in 0..flows {
                for _ in 0..=flow {
                    world.offer(&mut *qdisc, Packet { len: len(flow), ..of(flow, u64::from(flow) | round << 8) });
                }
            }
            if let Some(queued) = world.take(&mut *qdisc).filter(|_| round >= 1000) {
                sent[(queued.token & 255) as usize] += u64::from(queued.len);
            }
            world.dropped.clear();
        }
        let (least, most) = (sent.iter().min().unwrap(), sent.iter().max().unwrap());
        // By deficit round robin, they differ by a quantum and a packet at most.
        assert!(most - least <= 1514 + 1300, "{flows}: {sent:?}");
    }
}

#[test]
fn mckenney_1990_who_sends_little_loses_nothing_and_waits_for_one_round_at_most() {
    let mut world = World::new();
    let mut qdisc = sfq(&mut world, options());
    let mut lost = 0;
    for round in 0..10_000u64 {
        for flow in 0..4 {
            world.offer(&mut *qdisc, of(flow, round << 8));
        }
        // Each tenth round, a packet of a flow of its own.
        if round % 10 == 0 {
            world.offer(&mut *qdisc, of(9, round << 8 | 1));
            let order: Vec<u64> = (0..10).filter_map(|_| world.take(&mut *qdisc)).map(|each| each.token).collect();
            let place = order.iter().position(|token| token & 255 == 1);
            // Two packets of a thousand bytes in a turn, four flows before.
            assert!(place.is_some_and(|place| place <= 8), "{order:?}");
        }
        lost += world.dropped.drain(..).filter(|(queued, _)| queued.token & 255 == 1).count();
    }
    assert_eq!(lost, 0);
}

#[test]
fn mckenney_1990_where_no_room_is_left_the_longest_queue_loses_a_packet() {
    let mut world = World::new();
    let mut qdisc = sfq(&mut world, SfqOptions { limit: 10, ..options() });
    (1..=7).for_each(|token| assert_eq!(world.offer(&mut *qdisc, of(1, token)), Enqueue::Queued));
    (8..=10).for_each(|token| assert_eq!(world.offer(&mut *qdisc, of(2, token)), Enqueue::Queued));
    // The newest of the longest goes; head drop takes the oldest.
    assert_eq!(world.offer(&mut *qdisc, of(3, 11)), Enqueue::Queued);
    assert_eq!(world.dropped_for(DropCause::Limit), [7]);
    assert_eq!(world.offer(&mut *qdisc, of(1, 12)), Enqueue::Congested);
    assert_eq!(world.dropped_for(DropCause::Limit), [12]);
    let head_drop = QdiscOptions::Sfq(SfqOptions { head_drop: true, limit: 10, ..options() });
    assert_eq!(qdisc.change(&mut world.context(), &head_drop), Ok(()));
    assert_eq!(world.offer(&mut *qdisc, of(3, 13)), Enqueue::Queued);
    assert_eq!(world.dropped_for(DropCause::Limit), [1]);
    assert_eq!(qdisc.backlog(), waiting(10, 10_000));
}

#[test]
fn where_all_flows_have_one_packet_the_one_whose_turn_is_next_loses_it() {
    let mut world = World::new();
    let mut qdisc = sfq(&mut world, SfqOptions { limit: 3, flows: 4, ..options() });
    (1..=3).for_each(|token| assert_eq!(world.offer(&mut *qdisc, of(token as u32, token)), Enqueue::Queued));
    // Its limit is also the number of its flows, as in the kernel.
    assert_eq!(world.offer(&mut *qdisc, of(4, 4)), Enqueue::Dropped(DropCause::Limit));
    assert_eq!(world.take(&mut *qdisc).map(|queued| queued.token), Some(1));
    assert_eq!(world.offer(&mut *qdisc, of(4, 5)), Enqueue::Queued);
    let fewer = QdiscOptions::Sfq(SfqOptions { limit: 2, ..options() });
    assert_eq!(qdisc.change(&mut world.context(), &fewer), Ok(()));
    assert_eq!(world.dropped_for(DropCause::Limit), [2]);
    assert_eq!(world.take_all(&mut *qdisc), [3, 5]);
}

#[test]
fn a_flow_may_have_so_many_packets() {
    for head_drop in [false, true] {
        let mut world = World::new();
        let mut qdisc = sfq(&mut world, SfqOptions { depth: 3, head_drop, ..options() });
        (1..=3).for_each(|token| assert_eq!(world.offer(&mut *qdisc, of(1, token)), Enqueue::Queued));
        let told = world.offer(&mut *qdisc, of(1, 4));
        if head_drop {
            assert_eq!(told, Enqueue::Congested);
            assert_eq!(world.dropped_for(DropCause::Limit), [1]);
            assert_eq!(world.take_all(&mut *qdisc), [2, 3, 4]);
        } else {
            assert_eq!(told, Enqueue::Dropped(DropCause::Limit));
            assert_eq!(world.take_all(&mut *qdisc), [1, 2, 3]);
        }
    }
}

#[test]
fn flows_are_served_in_turns_of_a_quantum() {
    let mut world = World::new();
    let mut qdisc = sfq(&mut world, SfqOptions { quantum: Some(2000), ..options() });
    for token in 0..12 {
        world.offer(&mut *qdisc, of(token / 4, token.into()));
    }
    assert_eq!(world.take_all(&mut *qdisc), [0, 1, 4, 5, 8, 9, 2, 3, 6, 7, 10, 11]);
}

#[test]
fn the_hash_changes_with_time_and_no_flow_s_packets_overtake_each_other() {
    let mut world = World::new();
    let perturb = Duration::from_secs(10);
    let mut qdisc = sfq(&mut world, SfqOptions { perturb, divisor: 16, flows: 16, ..options() });
    let hashed = |token: u64| Packet { flow: (token % 8) as u32 * 0x1234_5677, ..packet(token) };
    let buckets = |qdisc: &dyn Qdisc| {
        let classful = qdisc.classful().unwrap();
        let first = classful.view_after(None);
        std::iter::successors(first, |view| classful.view_after(Some(view.id))).map(|view| view.id.minor).collect()
    };
    (0..64).for_each(|token| assert_eq!(world.offer(&mut *qdisc, hashed(token)), Enqueue::Queued));
    let before: Vec<u32> = buckets(&*qdisc);
    world.pass(Duration::from_nanos(9_999_999_999));
    assert_eq!(world.offer(&mut *qdisc, hashed(64)), Enqueue::Queued);
    assert_eq!(buckets(&*qdisc), before);
    world.pass(Duration::from_nanos(1));
    assert_eq!(world.offer(&mut *qdisc, hashed(65)), Enqueue::Queued);
    assert_ne!(buckets(&*qdisc), before);
    let order = world.take_all(&mut *qdisc);
    assert_eq!(order.len(), 66);
    for flow in 0..8 {
        let tokens: Vec<u64> = order.iter().copied().filter(|token| token % 8 == flow).collect();
        assert!(tokens.is_sorted(), "{tokens:?}");
    }
}

#[test]
fn what_was_put_in_a_class_by_name_stays_there_when_the_hash_changes() {
    let mut world = World::new();
    let mut qdisc = sfq(&mut world, SfqOptions { perturb: Duration::from_secs(10), ..options() });
    (0..40).for_each(|token| assert_eq!(world.offer(&mut *qdisc, of(token as u32 % 20, token)), Enqueue::Queued));
    world.pass(Duration::from_secs(10));
    world.offer(&mut *qdisc, of(19, 40));
    let classful = qdisc.classful().unwrap();
    let views = std::iter::successors(classful.view_after(None), |view| classful.view_after(Some(view.id)));
    let waits: Vec<(u32, u32)> = views.map(|view| (view.id.minor, view.backlog.packets)).collect();
    let expected: Vec<(u32, u32)> = (1..=20).map(|minor| (minor, if minor == 20 { 3 } else { 2 })).collect();
    assert_eq!(waits, expected);
}

#[test]
fn another_divisor_hashes_anew_and_keeps_all() {
    let mut world = World::new();
    let mut qdisc = sfq(&mut world, options());
    for token in 0..50 {
        world.offer(&mut *qdisc, Packet { flow: token as u32 * 0x0123_4567, ..packet(token) });
    }
    let change = QdiscOptions::Sfq(SfqOptions { divisor: 64, flows: 64, quantum: Some(1514), ..options() });
    assert_eq!(qdisc.change(&mut world.context(), &change), Ok(()));
    assert_eq!(qdisc.options(), change);
    let last = std::iter::successors(qdisc.classful().unwrap().view_after(None), |view| {
        qdisc.classful().unwrap().view_after(Some(view.id))
    });
    assert!(last.last().is_some_and(|view| view.id.minor <= 64));
    let mut order = world.take_all(&mut *qdisc);
    order.sort();
    assert_eq!(order, (0..50).collect::<Vec<u64>>());
}

#[test]
fn options_have_the_kernel_s_bounds_and_defaults() {
    let mut world = World::new();
    let qdisc = sfq(&mut world, options());
    // `tc qdisc show`: limit 127p quantum 1514b depth 127 flows 128/1024 divisor 1024. The limit holds flows down to it.
    assert_eq!(qdisc.options(), QdiscOptions::Sfq(SfqOptions { quantum: Some(1514), flows: 127, ..options() }));
    for (given, ok) in [
        (SfqOptions { divisor: 1000, ..options() }, false),
        (SfqOptions { divisor: 0, ..options() }, false),
        (SfqOptions { divisor: 131_072, ..options() }, false),
        (SfqOptions { divisor: 65_536, ..options() }, true),
        (SfqOptions { limit: 1, ..options() }, false),
        (SfqOptions { limit: 2, ..options() }, true),
        (SfqOptions { limit: 300, flows: 1, depth: 1, ..options() }, false),
        (SfqOptions { quantum: Some(0), ..options() }, false),
        (SfqOptions { quantum: Some(1 << 31), ..options() }, false),
        (SfqOptions { flows: 0, ..options() }, false),
        (SfqOptions { depth: 0, ..options() }, false),
    ] {
        assert_eq!(Sfq::new(&mut world.context(), 1, &given).is_ok(), ok, "{given:?}");
    }
    let lowered = sfq(&mut world, SfqOptions { limit: 100_000, flows: 70_000, depth: 500, divisor: 512, ..options() });
    let QdiscOptions::Sfq(SfqOptions { limit: 65_024, flows: 512, depth: 127, .. }) = lowered.options() else {
        panic!("{:?}", lowered.options())
    };
}

#[test]
fn its_classes_are_its_flows_and_only_to_be_looked_at() {
    let mut world = World::new();
    let mut qdisc = sfq(&mut world, SfqOptions { quantum: Some(1500), ..options() });
    for (bucket, token) in [(7, 1), (7, 2), (7, 3), (2, 4)] {
        world.offer(&mut *qdisc, of(bucket, token));
    }
    world.take(&mut *qdisc);
    let class = |minor| ClassId { major: 1, minor };
    let classful = qdisc.classful_mut().unwrap();
    let view = classful.view(class(8)).unwrap();
    assert_eq!((view.backlog, view.xstats), (waiting(2, 2000), ClassXstats::Sfq { allot: 500 }));
    assert_eq!(classful.view_after(None).map(|view| view.id), Some(class(3)));
    assert_eq!(classful.view_after(Some(class(3))).map(|view| view.id), Some(class(8)));
    assert_eq!(classful.view_after(Some(class(8))), None);
    assert!(!classful.has(class(1)) && !classful.has(class(0)) && classful.leaf(class(8)).is_none());
    assert_eq!(classful.graft(&mut world.context(), class(8), None), Err(ClassRefusal::NotSupported));
    assert_eq!(classful.delete(&mut world.context(), class(8)), Err(ClassRefusal::NotSupported));
}
