use super::*;
use crate::sched::queued::Ecn;
use crate::sched::testing::{Packet, World, packet, waiting};
use crate::sched::testing_tcp::Sources;
use crate::time::Duration;

fn options() -> FqCodelOptions {
    FqCodelOptions { quantum: Some(1500), ..FqCodelOptions::default() }
}

fn fq_codel(world: &mut World, options: FqCodelOptions) -> FqCodel {
    FqCodel::new(&world.context(), 1, &options).unwrap()
}

/// Packets that name their bucket, so that no two of them meet by chance.
fn of(bucket: u32, token: u64) -> Packet {
    Packet { priority: 0x1_0000 | (bucket + 1), ..packet(token) }
}

#[test]
fn an_idle_queue_is_small_and_has_no_flows() {
    assert!(size_of::<FqCodel>() <= 120, "{}", size_of::<FqCodel>());
    let mut world = World::new();
    let mut qdisc = fq_codel(&mut world, options());
    for round in 0..10u64 {
        for flow in 0..100 {
            world.offer(&mut qdisc, of(flow, round << 8 | u64::from(flow)));
        }
        assert!(qdisc.rare.as_ref().is_some_and(|rare| rare.table.len() == 1024));
        assert_eq!(world.take_all(&mut qdisc).len(), 100);
        assert!(qdisc.rare.as_ref().is_some_and(|rare| rare.table.is_empty()));
        assert_eq!((qdisc.new.len(), qdisc.old.len(), qdisc.kept.len()), (0, 0, 0));
    }
    assert_eq!(world.flows.places(), 100);
    // A few flows never need the table.
    let mut qdisc = fq_codel(&mut world, options());
    (0..8).for_each(|flow| assert_eq!(world.offer(&mut qdisc, of(flow, flow.into())), Enqueue::Queued));
    assert!(qdisc.rare.is_none());
}

#[test]
fn rfc_8290_section_4_2_new_flows_have_their_turn_before_old_ones() {
    let mut world = World::new();
    let mut qdisc = fq_codel(&mut world, options());
    (0..20).for_each(|token| assert_eq!(world.offer(&mut qdisc, of(1, token)), Enqueue::Queued));
    // The first flow spends its quantum as a new one, and is an old one from then on.
    let taken: Vec<u64> = (0..4).filter_map(|_| world.take(&mut qdisc)).map(|queued| queued.token).collect();
    assert_eq!(taken, [0, 1, 2, 3]);
    let QdiscXstats::FqCodel { new_flows_len: 0, old_flows_len: 1, new_flow_count: 1, .. } = qdisc.xstats() else {
        panic!("{:?}", qdisc.xstats())
    };
    for token in [100, 101, 102] {
        world.offer(&mut qdisc, of(2, token));
    }
    world.offer(&mut qdisc, of(3, 200));
    // Each of the new ones has a quantum first, then they take turns with the old one.
    let taken: Vec<u64> = (0..7).filter_map(|_| world.take(&mut qdisc)).map(|queued| queued.token).collect();
    assert_eq!(taken, [100, 101, 200, 4, 102, 5, 6]);
}

#[test]
fn rfc_8290_section_4_2_a_new_flow_that_ran_empty_waits_for_the_old_ones_once() {
    let mut world = World::new();
    let mut qdisc = fq_codel(&mut world, options());
    (0..10).for_each(|token| assert_eq!(world.offer(&mut qdisc, of(1, token)), Enqueue::Queued));
    (0..3).for_each(|_| assert!(world.take(&mut qdisc).is_some()));
    // Sends one at a time, so as to be new each time: the old flow has its turns all the same.
    let mut old = 0;
    for token in 100..110 {
        world.offer(&mut qdisc, of(2, token));
        old += usize::from(world.take(&mut qdisc).is_some_and(|queued| queued.token < 100));
        if qdisc.new.len() == 0 && old >= 3 {
            break;
        }
    }
    assert!(old >= 3);
}

#[test]
fn rfc_8290_section_4_1_flows_with_packets_share_by_bytes_within_a_quantum() {
    for flows in [2u32, 7, 30] {
        let mut world = World::new();
        let mut qdisc = fq_codel(&mut world, options());
        let (mut sent, mut waiting) = (vec![0u64; flows as usize], vec![0; flows as usize]);
        for round in 0..200 * u64::from(flows) {
            for flow in 0..flows {
                while waiting[flow as usize] < 20 {
                    waiting[flow as usize] += 1;
                    world.offer(&mut qdisc, Packet { len: 100 + 47 * flow, ..of(flow, round << 8 | u64::from(flow)) });
                }
            }
            let queued = world.take(&mut qdisc).unwrap();
            waiting[(queued.token & 255) as usize] -= 1;
            if round > 50 * u64::from(flows) {
                sent[(queued.token & 255) as usize] += u64::from(queued.len);
            }
        }
        let backlogged = |flow: u32| sent[flow as usize];
        let (least, most) = ((0..flows).map(backlogged).min().unwrap(), (0..flows).map(backlogged).max().unwrap());
        assert!(most - least <= 1500 + 100 + 47 * 30, "{flows}: {sent:?}");
        assert!(world.dropped.is_empty());
    }
}

#[test]
fn rfc_8290_section_3_a_sparse_flow_sees_no_queue() {
    let mut world = World::new();
    let mut qdisc = fq_codel(&mut world, options());
    let mut worst = Duration::ZERO;
    for tick in 0..20_000u64 {
        // 8 Mbit/s, filled twice by four flows; and 64 kbit/s in packets of 160 bytes, as a telephone call.
        for flow in 0..4 {
            if (tick + u64::from(flow)) % 2 == 0 {
                world.offer(&mut qdisc, of(flow, tick << 8));
            }
        }
        if tick % 20 == 0 {
            world.offer(&mut qdisc, Packet { len: 160, ..of(9, tick << 8 | 1) });
        }
        if let Some(queued) = world.take(&mut qdisc).filter(|queued| tick > 100 && queued.token & 255 == 1) {
            worst = worst.max(world.now - queued.arrived);
        }
        world.pass(Duration::from_millis(1));
    }
    assert!(world.dropped.drain(..).all(|(queued, _)| queued.token & 255 == 0));
    // At most the packet that is being sent.
    assert!(worst <= Duration::from_millis(1), "{worst}");
    assert!(qdisc.backlog().packets > 100);
}

#[test]
fn rfc_8290_section_1_flows_that_react_have_equal_shares_and_short_queues() {
    let mut world = World::new();
    let mut qdisc = fq_codel(&mut world, FqCodelOptions::default());
    let sources = Sources::over_10_mbit(4);
    let sent = sources.run(&mut world, &mut qdisc, Duration::from_secs(10), Duration::from_secs(60));
    for flow in 0..4 {
        let of_flow = |queued: &Queued| queued.token & 255 == flow;
        let share = sent.bytes(of_flow) as f64 / sent.bytes(|_| true) as f64;
        assert!((0.23..0.27).contains(&share), "{flow}: {share}");
        let delays = sent.delays(of_flow);
        assert!(delays[delays.len() / 2] < 15.0, "{flow}: {}", delays[delays.len() / 2]);
    }
    assert!(sent.packets.len() > 54_000, "{}", sent.packets.len());
}

#[test]
fn rfc_8290_section_4_1_the_fattest_flow_loses_half_of_its_oldest_packets_or_64() {
    let mut world = World::new();
    let mut qdisc = fq_codel(&mut world, FqCodelOptions { limit: 300, ..options() });
    (0..200).for_each(|token| assert_eq!(world.offer(&mut qdisc, of(1, token)), Enqueue::Queued));
    (200..300).for_each(|token| assert_eq!(world.offer(&mut qdisc, of(2, token)), Enqueue::Queued));
    assert_eq!(world.offer(&mut qdisc, of(2, 300)), Enqueue::Queued);
    assert_eq!(world.dropped_for(DropCause::Limit), (0..64).collect::<Vec<u64>>());
    assert_eq!(qdisc.backlog(), waiting(237, 237_000));
    let QdiscXstats::FqCodel { drop_overlimit: 64, drop_overmemory: 0, memory_usage: 237_000, .. } = qdisc.xstats()
    else {
        panic!("{:?}", qdisc.xstats())
    };
    // Half of a shorter one; the packet's own flow was hit this time.
    let mut qdisc = fq_codel(&mut world, FqCodelOptions { limit: 9, ..options() });
    (0..9).for_each(|token| assert_eq!(world.offer(&mut qdisc, of(1, token)), Enqueue::Queued));
    assert_eq!(world.offer(&mut qdisc, of(1, 9)), Enqueue::Congested);
    assert_eq!(world.dropped_for(DropCause::Limit), [0, 1, 2, 3, 4]);
    // The batch is an option.
    let mut qdisc = fq_codel(&mut world, FqCodelOptions { limit: 9, drop_batch: 2, ..options() });
    (0..9).for_each(|token| assert_eq!(world.offer(&mut qdisc, of(1, token)), Enqueue::Queued));
    assert_eq!(world.offer(&mut qdisc, of(1, 9)), Enqueue::Congested);
    assert_eq!(world.dropped_for(DropCause::Limit), [0, 1]);
}

#[test]
fn bytes_that_wait_have_a_limit_too() {
    let mut world = World::new();
    let mut qdisc = fq_codel(&mut world, FqCodelOptions { memory_limit: 5000, ..options() });
    (0..5).for_each(|token| assert_eq!(world.offer(&mut qdisc, of(1, token)), Enqueue::Queued));
    assert_eq!(world.offer(&mut qdisc, of(2, 5)), Enqueue::Queued);
    assert_eq!(world.dropped_for(DropCause::Limit), [0, 1, 2]);
    let QdiscXstats::FqCodel { drop_overlimit: 3, drop_overmemory: 3, .. } = qdisc.xstats() else {
        panic!("{:?}", qdisc.xstats())
    };
}

/// Two packets come and one leaves each millisecond, over two flows.
fn overload(world: &mut World, qdisc: &mut FqCodel, ecn: Ecn, millis: u64) -> u32 {
    let mut marked = 0;
    for tick in 0..millis {
        for flow in 0..2 {
            world.offer(qdisc, Packet { ecn, ..of(flow, tick << 8) });
        }
        marked += u32::from(world.take(qdisc).is_some_and(|queued| queued.is_marked));
        world.pass(Duration::from_millis(1));
    }
    marked
}

#[test]
fn rfc_8290_section_4_2_packets_are_marked_by_default_and_dropped_where_they_cannot_be() {
    let mut world = World::new();
    let mut qdisc = fq_codel(&mut world, options());
    let marked = overload(&mut world, &mut qdisc, Ecn::Ect, 2000);
    assert!(marked > 20 && world.dropped.is_empty());
    let QdiscXstats::FqCodel { ecn_mark, ce_mark: 0, max_packet: 1000, .. } = qdisc.xstats() else {
        panic!("{:?}", qdisc.xstats())
    };
    assert_eq!(ecn_mark, marked);
    let mut qdisc = fq_codel(&mut world, FqCodelOptions { ecn: false, ..options() });
    assert_eq!(overload(&mut world, &mut qdisc, Ecn::Ect, 2000), 0);
    assert!(!world.dropped_for(DropCause::Codel).is_empty());
    let mut qdisc = fq_codel(&mut world, options());
    assert_eq!(overload(&mut world, &mut qdisc, Ecn::NotEct, 2000), 0);
    assert!(!world.dropped_for(DropCause::Codel).is_empty());
}

#[test]
fn packets_that_waited_longer_than_ce_threshold_are_marked() {
    let mut world = World::new();
    let ce_threshold = Some(Duration::from_millis(2));
    let mut qdisc = fq_codel(&mut world, FqCodelOptions { ce_threshold, ..options() });
    world.offer(&mut qdisc, Packet { ecn: Ecn::Ect, ..of(1, 1) });
    world.offer(&mut qdisc, Packet { ecn: Ecn::Ect, ..of(1, 2) });
    world.pass(Duration::from_millis(2));
    assert!(world.take(&mut qdisc).is_some_and(|queued| !queued.is_marked));
    world.pass(Duration::from_nanos(1));
    assert!(world.take(&mut qdisc).is_some_and(|queued| queued.is_marked));
    let QdiscXstats::FqCodel { ce_mark: 1, ecn_mark: 0, .. } = qdisc.xstats() else { panic!() };
}

#[test]
fn a_flow_s_codel_state_is_kept_while_it_says_something() {
    let mut world = World::new();
    let mut qdisc = fq_codel(&mut world, options());
    overload(&mut world, &mut qdisc, Ecn::NotEct, 2000);
    while world.take(&mut qdisc).is_some() {}
    world.dropped.clear();
    assert_eq!(qdisc.kept.len(), 2);
    let counts: Vec<u32> =
        qdisc.kept.places(&world.flows).map(|place| world.flows.get(place).unwrap().codel.count).collect();
    assert!(counts.iter().all(|count| *count > 5), "{counts:?}");
    // The next busy time takes it up again: it is new, and drops as fast as before at once.
    overload(&mut world, &mut qdisc, Ecn::NotEct, 210);
    let again: Vec<u32> = qdisc.places(&world.flows).map(|place| world.flows.get(place).unwrap().codel.count).collect();
    assert!(again.iter().all(|count| *count > 3), "{again:?}");
    // After 16 intervals it is forgotten, two flows for each packet that comes.
    while world.take(&mut qdisc).is_some() {}
    world.pass(Duration::from_millis(2000));
    for token in 0..2 {
        world.offer(&mut qdisc, of(9, token));
        world.take(&mut qdisc);
    }
    assert_eq!((qdisc.kept.len(), qdisc.old.len(), qdisc.new.len()), (0, 0, 0));
}

#[test]
fn a_lower_limit_drops_what_is_too_much_of_the_fattest_flow() {
    let mut world = World::new();
    let mut qdisc = fq_codel(&mut world, options());
    (0..10).for_each(|token| assert_eq!(world.offer(&mut qdisc, of(1, token)), Enqueue::Queued));
    (10..14).for_each(|token| assert_eq!(world.offer(&mut qdisc, of(2, token)), Enqueue::Queued));
    let lower = QdiscOptions::FqCodel(FqCodelOptions { limit: 9, ..options() });
    assert_eq!(qdisc.change(&mut world.context(), &lower), Ok(()));
    assert_eq!(qdisc.options(), lower);
    assert_eq!(world.dropped_for(DropCause::Limit), [0, 1, 2, 3, 4]);
    assert_eq!(qdisc.backlog(), waiting(9, 9000));
    let other = QdiscOptions::FqCodel(FqCodelOptions { flows: 512, ..options() });
    assert_eq!(qdisc.change(&mut world.context(), &other), Err(OptionsError::Fixed));
}

#[test]
fn options_have_the_kernel_s_bounds_and_defaults() {
    let mut world = World::new();
    for (given, ok) in [
        (FqCodelOptions { flows: 0, ..options() }, false),
        (FqCodelOptions { flows: 65_536, ..options() }, true),
        (FqCodelOptions { flows: 65_537, ..options() }, false),
        (FqCodelOptions { quantum: Some((1 << 20) + 1), ..options() }, false),
        (FqCodelOptions { limit: 0, ..options() }, true),
    ] {
        assert_eq!(FqCodel::new(&world.context(), 1, &given).is_ok(), ok, "{given:?}");
    }
    // tc-fq_codel(8): the quantum is the link's MTU, which on Ethernet is 1514 bytes.
    let qdisc = fq_codel(&mut world, FqCodelOptions::default());
    let default = FqCodelOptions { quantum: Some(1514), ..FqCodelOptions::default() };
    assert_eq!(qdisc.options(), QdiscOptions::FqCodel(default));
    let least = FqCodelOptions { quantum: Some(1), drop_batch: 0, memory_limit: u32::MAX, ..options() };
    let raised = FqCodelOptions { quantum: Some(256), drop_batch: 1, memory_limit: 1 << 31, ..options() };
    assert_eq!(fq_codel(&mut world, least).options(), QdiscOptions::FqCodel(raised));
}

#[test]
fn without_a_handle_a_priority_names_no_flow() {
    let mut world = World::new();
    let mut qdisc = FqCodel::new(&world.context(), 0, &options()).unwrap();
    for (token, priority, flow) in [(1, 6, 0), (2, 6, 1 << 31)] {
        world.offer(&mut qdisc, Packet { priority, flow, ..packet(token) });
    }
    assert_eq!(qdisc.new.len(), 2);
    qdisc.drain(&mut world.context(), DropCause::Deleted);
    assert_eq!(world.dropped_for(DropCause::Deleted), [1, 2]);
    assert_eq!((qdisc.backlog(), qdisc.new.len()), (waiting(0, 0), 0));
}
