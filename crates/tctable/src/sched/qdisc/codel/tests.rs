use super::*;
use crate::sched::queued::Ecn;
use crate::sched::testing::{Packet, World, packet, waiting};
use crate::sched::testing_tcp::Sources;
use crate::time::Duration;

const TICK: Duration = Duration::from_nanos(100_000);

fn options() -> CodelOptions {
    CodelOptions { limit: 1_000_000, ..CodelOptions::default() }
}

fn codel(world: &mut World, options: CodelOptions) -> Box<dyn Qdisc> {
    world.create(&QdiscOptions::Codel(options))
}

/// A source that does not react: two packets of 1,000 bytes come and one leaves every 0.1 ms. When packets were dropped or
/// marked, in nanoseconds from the beginning.
fn overload(world: &mut World, qdisc: &mut dyn Qdisc, ecn: Ecn, ticks: u64) -> Vec<u64> {
    let begin = world.now;
    let mut hits = Vec::new();
    for tick in 0..ticks {
        for token in [2 * tick, 2 * tick + 1] {
            assert_eq!(world.offer(qdisc, Packet { ecn, ..packet(token) }), Enqueue::Queued);
        }
        let is_marked = world.take(qdisc).is_some_and(|queued| queued.is_marked);
        let since = (world.now - begin).as_nanos();
        hits.extend(world.dropped_for(DropCause::Codel).iter().map(|_| since));
        hits.extend(is_marked.then_some(since));
        world.pass(TICK);
    }
    hits
}

/// RFC 8289 section 5.4: the drops of one dropping state are `interval / sqrt(count)` apart, counted from the first.
fn assert_rfc_8289_times(hits: &[u64]) {
    let mut due = hits[0] as f64;
    for (drop, hit) in hits.iter().enumerate() {
        let late = *hit as f64 - due;
        // Each time in between is rounded down to a nanosecond.
        assert!((-(drop as f64)..=TICK.as_nanos() as f64).contains(&late), "drop {drop}: {late} ns late");
        due += 100e6 / ((drop + 1) as f64).sqrt();
    }
}

#[test]
fn rfc_8289_section_5_4_drops_come_at_interval_by_root_of_count() {
    let mut world = World::new();
    let mut qdisc = codel(&mut world, options());
    let hits = overload(&mut world, &mut *qdisc, Ecn::NotEct, 30_000);
    // Packet n comes in tick n / 2 and leaves in tick n: number 99 is the first one that waited 5 ms. An interval later one goes.
    assert_eq!(hits[0] / 100_000, 99 + 1000);
    assert_rfc_8289_times(&hits);
    // 100 ms times the sum of 1 / sqrt(k), about 2 sqrt(n) - 1.46, is 2.89 s for n = 230.
    assert!((229..=231).contains(&hits.len()), "{}", hits.len());
    let QdiscXstats::Codel { count, last_count, drop_next, max_packet: 1000, drop_overlimit: 0, .. } = qdisc.xstats()
    else {
        panic!("{:?}", qdisc.xstats())
    };
    assert_eq!((count as usize, last_count), (hits.len(), 1));
    assert!(drop_next.is_some_and(|next| next + TICK >= world.now));
}

#[test]
fn ecn_marks_at_the_times_at_which_packets_would_be_dropped() {
    let mut world = World::new();
    let mut qdisc = codel(&mut world, CodelOptions { ecn: true, ..options() });
    let hits = overload(&mut world, &mut *qdisc, Ecn::Ect, 20_000);
    assert_rfc_8289_times(&hits);
    let QdiscXstats::Codel { ecn_mark, .. } = qdisc.xstats() else { panic!("{:?}", qdisc.xstats()) };
    assert_eq!(ecn_mark as usize, hits.len());
    // Without ECN in the packet it is dropped after all.
    let mut qdisc = codel(&mut world, CodelOptions { ecn: true, ..options() });
    assert!(!overload(&mut world, &mut *qdisc, Ecn::NotEct, 3000).is_empty());
    let QdiscXstats::Codel { ecn_mark: 0, .. } = qdisc.xstats() else { panic!("{:?}", qdisc.xstats()) };
}

#[test]
fn rfc_8289_section_5_5_a_new_dropping_state_begins_near_the_rate_of_the_last_one() {
    let mut world = World::new();
    let mut qdisc = codel(&mut world, options());
    let hits = overload(&mut world, &mut *qdisc, Ecn::NotEct, 10_000);
    let count = hits.len() as u32;
    while world.take(&mut *qdisc).is_some() {}
    world.dropped.clear();
    // An empty queue ends the state; 16 intervals after its last scheduled drop it would be forgotten.
    overload(&mut world, &mut *qdisc, Ecn::NotEct, 1101);
    let QdiscXstats::Codel { count: again, last_count, .. } = qdisc.xstats() else { panic!() };
    assert_eq!((again, last_count), (count - 1, count - 1));
    let mut qdisc = codel(&mut world, options());
    overload(&mut world, &mut *qdisc, Ecn::NotEct, 10_000);
    while world.take(&mut *qdisc).is_some() {}
    world.dropped.clear();
    world.pass(Duration::from_millis(1700));
    overload(&mut world, &mut *qdisc, Ecn::NotEct, 1101);
    let QdiscXstats::Codel { count: 1, last_count: 1, .. } = qdisc.xstats() else { panic!("{:?}", qdisc.xstats()) };
}

#[test]
fn rfc_8289_section_4_a_delay_below_target_or_a_queue_of_one_packet_is_never_touched() {
    let mut world = World::new();
    let mut qdisc = codel(&mut world, options());
    // Packets of 1,000 bytes, each of which waits 4.9 ms, for ten seconds.
    (0..49).for_each(|token| {
        world.offer(&mut *qdisc, packet(token));
        world.pass(TICK);
    });
    for token in 49..100_000 {
        world.offer(&mut *qdisc, packet(token));
        assert!(world.take(&mut *qdisc).is_some());
        world.pass(TICK);
    }
    // At most one packet of the longest size is behind it, for how long ever.
    let mut qdisc = codel(&mut world, options());
    world.offer(&mut *qdisc, Packet { len: 1514, ..packet(0) });
    for token in 1..100 {
        world.offer(&mut *qdisc, Packet { len: 1514, ..packet(token) });
        world.pass(Duration::from_millis(50));
        assert!(world.take(&mut *qdisc).is_some());
    }
    assert!(world.dropped.is_empty());
}

#[test]
fn rfc_8289_section_1_a_standing_queue_of_sources_that_react_is_held_near_the_target() {
    let (warm_up, span) = (Duration::from_secs(60), Duration::from_secs(60));
    let mut world = World::new();
    let mut qdisc = codel(&mut world, CodelOptions::default());
    let sources = Sources::over_10_mbit(1);
    let sent = sources.run(&mut world, &mut *qdisc, warm_up, span);
    let delays = sent.delays(|_| true);
    let (median, high) = (delays[delays.len() / 2], delays[delays.len() * 95 / 100]);
    assert!(median < 10.0 && high < 40.0, "{median} {high}");
    // Without any queue, a source that halves its window would use three quarters of 60,000 packets' time.
    assert!(sent.packets.len() > 48_000, "{}", sent.packets.len());
    // What it is for: a plain queue stands at the length that its limit allows.
    let mut fifo = world.create(&QdiscOptions::Pfifo { limit: Some(1000) });
    let bloated = sources.run(&mut world, &mut *fifo, warm_up, span).delays(|_| true);
    assert!(bloated[bloated.len() / 2] > 100.0, "{}", bloated[bloated.len() / 2]);
}

#[test]
fn packets_that_waited_longer_than_ce_threshold_are_marked() {
    let mut world = World::new();
    let ce_threshold = Some(Duration::from_millis(1));
    let mut qdisc = codel(&mut world, CodelOptions { ce_threshold, ..options() });
    for (token, ecn) in [(1, Ecn::Ect), (2, Ecn::Ect), (3, Ecn::NotEct)] {
        world.offer(&mut *qdisc, Packet { ecn, ..packet(token) });
    }
    world.pass(Duration::from_millis(1));
    assert!(world.take(&mut *qdisc).is_some_and(|queued| !queued.is_marked));
    world.pass(Duration::from_nanos(1));
    assert!(world.take(&mut *qdisc).is_some_and(|queued| queued.is_marked));
    assert!(world.take(&mut *qdisc).is_some_and(|queued| !queued.is_marked));
    let QdiscXstats::Codel { ce_mark: 1, ecn_mark: 0, delay, .. } = qdisc.xstats() else { panic!() };
    assert_eq!(delay, Duration::from_nanos(1_000_001));
}

#[test]
fn a_full_queue_refuses_and_a_lower_limit_drops_the_oldest() {
    let mut world = World::new();
    let mut qdisc = codel(&mut world, CodelOptions { limit: 3, ..options() });
    (1..=3).for_each(|token| assert_eq!(world.offer(&mut *qdisc, packet(token)), Enqueue::Queued));
    assert_eq!(world.offer(&mut *qdisc, packet(4)), Enqueue::Dropped(DropCause::Limit));
    let QdiscXstats::Codel { drop_overlimit: 1, .. } = qdisc.xstats() else { panic!("{:?}", qdisc.xstats()) };
    let lower = QdiscOptions::Codel(CodelOptions { limit: 2, ..options() });
    assert_eq!(qdisc.change(&mut world.context(), &lower), Ok(()));
    assert_eq!(qdisc.options(), lower);
    assert_eq!(world.dropped_for(DropCause::Limit), [1]);
    assert_eq!(qdisc.backlog(), waiting(2, 2000));
    assert_eq!(world.take_all(&mut *qdisc), [2, 3]);
}
