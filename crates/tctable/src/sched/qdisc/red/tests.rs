use super::*;
use crate::sched::handle::ClassId;
use crate::sched::queued::Ecn;
use crate::sched::rate::Rate;
use crate::sched::testing::{Packet, World, packet, waiting};
use crate::sched::testing_tcp::Sources;
use crate::table::Random;

/// tc-red(8)'s example.
const OPTIONS: RedOptions = RedOptions {
    limit: 400_000,
    min: 30_000,
    max: 90_000,
    avpkt: 1000,
    burst: Some(55),
    probability: 0.02,
    bandwidth: Rate::from_bits(10_000_000),
    ecn: false,
    hard_drop: false,
    adaptive: false,
};

fn red(world: &mut World, options: RedOptions) -> Box<dyn Qdisc> {
    world.create(&QdiscOptions::Red(options))
}

fn xstats(qdisc: &dyn Qdisc) -> (u32, u32, u32, u64) {
    match qdisc.xstats() {
        QdiscXstats::Red { early, pdrop, marked, average } => (early, pdrop, marked, average),
        other => panic!("{other:?}"),
    }
}

/// An average that stands at so many bytes.
fn standing(bytes: u64) -> Average {
    let mut average = Average::new(9);
    (0..20_000).for_each(|_| average.follow(bytes));
    assert!(average.bytes().abs_diff(bytes) <= 1);
    average
}

/// How many packets there are between two that meet congestion while the average stands.
fn gaps(bytes: u64, probability: f64, count: usize) -> Vec<u32> {
    let mut random = Random::new(7);
    let mut curve = Curve::new(30_000, 90_000, probability).unwrap();
    let average = standing(bytes);
    let mut gaps = Vec::new();
    let mut gap = 0;
    // The first packet between the bounds only begins the count.
    assert_eq!(curve.meet(average, &mut random), Congestion::None);
    while gaps.len() < count {
        gap += 1;
        if curve.meet(average, &mut random) == Congestion::Early {
            gaps.push(std::mem::take(&mut gap));
        }
    }
    gaps
}

#[test]
fn floyd_and_jacobson_1993_section_7_gaps_are_uniform_up_to_the_inverse_of_p_b() {
    // p_b = max_p (avg - min) / (max - min); the gap X is uniform in 1 to 1/p_b, so E(X) = 1 / (2 p_b) + 1/2.
    for (bytes, p_b) in [(45_000, 0.005), (60_000, 0.01), (75_000, 0.015)] {
        let gaps = gaps(bytes, 0.02, 20_000);
        let most = 1.0 / p_b;
        assert!(gaps.iter().all(|gap| f64::from(*gap) < most + 1.5), "{bytes}: {:?}", gaps.iter().max());
        let mean = gaps.iter().map(|gap| f64::from(*gap)).sum::<f64>() / gaps.len() as f64;
        assert!((mean / (most / 2.0 + 0.5) - 1.0).abs() < 0.02, "{bytes}: {mean}");
        for quarter in 0..4 {
            let (from, to) = (most * f64::from(quarter) / 4.0, most * f64::from(quarter + 1) / 4.0);
            let share = gaps.iter().filter(|gap| (from..to).contains(&(f64::from(**gap) - 0.5))).count() as f64;
            assert!((share / gaps.len() as f64 - 0.25).abs() < 0.02, "{bytes}, quarter {quarter}: {share}");
        }
    }
}

#[test]
fn floyd_and_jacobson_1993_section_4_nothing_below_min_and_all_from_max_on() {
    let mut random = Random::new(7);
    let mut curve = Curve::new(30_000, 90_000, 1.0).unwrap();
    for _ in 0..1000 {
        assert_eq!(curve.meet(standing(29_990), &mut random), Congestion::None);
        assert_eq!(curve.meet(standing(90_010), &mut random), Congestion::Forced);
    }
    // In the middle of the curve at max_p = 1, one of one and a half.
    let gaps = gaps(60_000, 1.0, 10_000);
    assert!(gaps.iter().all(|gap| *gap <= 2));
}

#[test]
fn floyd_gummadi_and_shenker_2001_max_p_rises_by_a_hundredth_and_falls_by_a_tenth() {
    let mut curve = Curve::new(30_000, 90_000, 0.02).unwrap();
    // The target is 54,000 to 66,000: within it nothing changes.
    assert!(!curve.adapt(standing(55_000)) && !curve.adapt(standing(65_000)));
    let mut expected = 0.02;
    for _ in 0..100 {
        curve.adapt(standing(67_000));
        expected = if expected <= 0.5 { expected + f64::min(0.01, expected / 4.0) } else { expected };
        assert!((curve.probability() - expected).abs() < 1e-6, "{} {expected}", curve.probability());
    }
    assert!((0.5..0.52).contains(&expected));
    for _ in 0..100 {
        curve.adapt(standing(53_000));
        expected = if expected >= 0.01 { expected * 0.9 } else { expected };
        assert!((curve.probability() - expected).abs() < 1e-6, "{} {expected}", curve.probability());
    }
    assert!((0.009..0.01).contains(&expected));
}

#[test]
fn floyd_gummadi_and_shenker_2001_the_average_comes_to_lie_between_the_bounds_whatever_the_load() {
    for count in [10, 25] {
        let mut world = World::new();
        let options = RedOptions {
            min: 25_000,
            max: 75_000,
            avpkt: 1250,
            burst: None,
            adaptive: true,
            limit: 1_000_000,
            ..OPTIONS
        };
        let mut qdisc = red(&mut world, options);
        let sources = Sources::over_10_mbit(count);
        let minute = Duration::from_secs(60);
        let sent = sources.run(&mut world, &mut *qdisc, minute, minute);
        // The target is 45,000 to 55,000 bytes, 36 to 44 ms.
        let delays = sent.delays(|_| true);
        let mean = delays.iter().sum::<f64>() / delays.len() as f64;
        assert!((30.0..50.0).contains(&mean), "{count} sources: {mean}");
        let QdiscOptions::Red(RedOptions { probability, .. }) = qdisc.options() else { panic!() };
        assert!(probability > 0.02, "{probability}");
    }
}

#[test]
fn the_probability_is_adapted_twice_a_second_and_also_when_nothing_comes() {
    let mut world = World::new();
    let mut qdisc = red(&mut world, RedOptions { adaptive: true, probability: 0.1, ..OPTIONS });
    let probability = |qdisc: &dyn Qdisc| match qdisc.options() {
        QdiscOptions::Red(options) => options.probability,
        other => panic!("{other:?}"),
    };
    world.pass(Duration::from_millis(499));
    world.take(&mut *qdisc);
    assert!((probability(&*qdisc) - 0.1).abs() < 1e-6);
    world.pass(Duration::from_millis(1));
    world.take(&mut *qdisc);
    assert!((probability(&*qdisc) - 0.09).abs() < 1e-6);
    world.pass(Duration::from_secs(1));
    world.take(&mut *qdisc);
    assert!((probability(&*qdisc) - 0.0729).abs() < 1e-6);
    world.pass(Duration::from_secs(1_000_000_000));
    world.take(&mut *qdisc);
    assert!((0.009..0.01).contains(&probability(&*qdisc)));
}

#[test]
fn an_idle_time_counts_as_the_packets_that_could_have_been_sent() {
    let mut world = World::new();
    let mut qdisc = red(&mut world, OPTIONS);
    (0..40).for_each(|token| assert_eq!(world.offer(&mut *qdisc, packet(token)), Enqueue::Queued));
    let (.., before) = xstats(&*qdisc);
    assert!(before > 10_000, "{before}");
    world.take_all(&mut *qdisc);
    // 1,000 bytes take 0.8 ms at 10 Mbit/s: 20 packets, with a weight of 2^-5.
    world.pass(Duration::from_millis(16));
    world.offer(&mut *qdisc, packet(40));
    let expected = before as f64 * f64::powi(31.0 / 32.0, 20);
    assert!((xstats(&*qdisc).3 as f64 - expected).abs() < 2.0, "{:?} {expected}", xstats(&*qdisc));
}

/// Offers packets to a queue that holds 60 of them for so long that the average stands.
fn fill(world: &mut World, qdisc: &mut dyn Qdisc, waiting: u32, ecn: Ecn, count: u64) -> (u32, u32, u32) {
    let (mut dropped, mut marked, mut sent) = (0, 0, 0);
    for token in 0..count {
        match world.offer(qdisc, Packet { ecn, ..packet(token) }) {
            Enqueue::Dropped(DropCause::Red) => dropped += 1,
            told => assert_eq!(told, Enqueue::Queued),
        }
        if qdisc.backlog().packets > waiting {
            let queued = world.take(qdisc).unwrap();
            sent += 1;
            marked += u32::from(queued.is_marked);
        }
    }
    (dropped, marked, sent)
}

#[test]
fn a_standing_queue_between_the_bounds_loses_the_share_that_its_average_says() {
    let mut world = World::new();
    let mut qdisc = red(&mut world, OPTIONS);
    let (dropped, marked, sent) = fill(&mut world, &mut *qdisc, 60, Ecn::Ect, 100_000);
    // The average is 60,000: p_b = 0.01, and E(X) = 50.5.
    assert!((f64::from(dropped) / (100_000.0 / 50.5) - 1.0).abs() < 0.05, "{dropped}");
    assert_eq!((marked, qdisc.overlimits()), (0, dropped.into()));
    assert_eq!(dropped + sent + qdisc.backlog().packets, 100_000);
    let (early, pdrop, counted, average) = xstats(&*qdisc);
    assert_eq!((early, pdrop, counted), (dropped, 0, 0));
    assert!((59_000..=61_000).contains(&average), "{average}");
}

#[test]
fn with_ecn_packets_are_marked_in_place_of_being_dropped() {
    let mut world = World::new();
    let mut qdisc = red(&mut world, RedOptions { ecn: true, ..OPTIONS });
    let (dropped, marked, _) = fill(&mut world, &mut *qdisc, 60, Ecn::Ect, 100_000);
    assert_eq!(dropped, 0);
    assert!((f64::from(marked) / (100_000.0 / 50.5) - 1.0).abs() < 0.05, "{marked}");
    let waiting_marked = world.take_all(&mut *qdisc).len();
    assert!(xstats(&*qdisc).2 >= marked && xstats(&*qdisc).2 <= marked + waiting_marked as u32);
    // What cannot be marked is dropped all the same.
    let mut qdisc = red(&mut world, RedOptions { ecn: true, ..OPTIONS });
    assert!(fill(&mut world, &mut *qdisc, 60, Ecn::NotEct, 10_000).0 > 0);
}

#[test]
fn above_max_ecn_marks_all_and_hard_drop_drops_all() {
    for (hard_drop, ecn) in [(false, true), (true, true), (false, false)] {
        let mut world = World::new();
        let mut qdisc = red(&mut world, RedOptions { ecn, hard_drop, probability: 0.0, ..OPTIONS });
        // The average grows beyond 90,000 while 100 packets wait, so far without a chance of being dropped.
        for token in 0..400 {
            world.offer(&mut *qdisc, Packet { ecn: Ecn::Ect, ..packet(token) });
            if qdisc.backlog().packets > 120 {
                world.take(&mut *qdisc);
            }
        }
        let told = world.offer(&mut *qdisc, Packet { ecn: Ecn::Ect, ..packet(999) });
        let (early, _, marked, average) = xstats(&*qdisc);
        assert!(average >= 90_000 || hard_drop || !ecn, "{average}");
        if ecn && !hard_drop {
            assert!(told == Enqueue::Queued && marked > 0 && early == 0);
        } else {
            assert!(early > 0 && marked == 0);
        }
    }
}

#[test]
fn the_bfifo_below_has_its_limit() {
    let mut world = World::new();
    let mut qdisc = red(&mut world, RedOptions { limit: 2000, ..OPTIONS });
    world.offer(&mut *qdisc, packet(1));
    world.offer(&mut *qdisc, packet(2));
    assert_eq!(world.offer(&mut *qdisc, packet(3)), Enqueue::Dropped(DropCause::Limit));
    let (early, pdrop, ..) = xstats(&*qdisc);
    assert_eq!((early, pdrop, qdisc.backlog()), (0, 1, waiting(2, 2000)));
}

#[test]
fn options_have_the_kernel_s_bounds() {
    for (options, ok) in [
        (OPTIONS, true),
        (RedOptions { burst: None, ..OPTIONS }, true),
        (RedOptions { max: 30_000, ..OPTIONS }, true),
        (RedOptions { max: 29_999, ..OPTIONS }, false),
        (RedOptions { avpkt: 0, ..OPTIONS }, false),
        (RedOptions { bandwidth: Rate(0), ..OPTIONS }, false),
        (RedOptions { burst: Some(20), ..OPTIONS }, false),
        (RedOptions { probability: 1.0, ..OPTIONS }, true),
        (RedOptions { probability: 1.1, ..OPTIONS }, false),
        (RedOptions { probability: f64::NAN, ..OPTIONS }, false),
        (RedOptions { max: u32::MAX, burst: Some(1_000_000), ..OPTIONS }, false),
    ] {
        assert_eq!(Red::new(&mut World::new().context(), 1, &options).is_ok(), ok, "{options:?}");
    }
}

#[test]
fn a_change_keeps_packets_and_the_average() {
    let mut world = World::new();
    let mut qdisc = red(&mut world, OPTIONS);
    (0..40).for_each(|token| assert_eq!(world.offer(&mut *qdisc, packet(token)), Enqueue::Queued));
    let (.., before) = xstats(&*qdisc);
    let change = QdiscOptions::Red(RedOptions { limit: 40_000, burst: Some(100), ..OPTIONS });
    assert_eq!(qdisc.change(&mut world.context(), &change), Ok(()));
    assert_eq!(qdisc.options(), change);
    let (.., after) = xstats(&*qdisc);
    assert!(before.abs_diff(after) <= 1, "{before} {after}");
    assert_eq!(world.offer(&mut *qdisc, packet(40)), Enqueue::Dropped(DropCause::Limit));
    assert_eq!(world.take_all(&mut *qdisc), (0..40).collect::<Vec<u64>>());
}

#[test]
fn its_class_takes_another_qdisc() {
    let mut world = World::new();
    let mut qdisc = red(&mut world, OPTIONS);
    let class = ClassId { major: 1, minor: 1 };
    world.offer(&mut *qdisc, packet(1));
    let leaf = Node::new(Handle::new(2, 0), world.create(&QdiscOptions::PfifoHeadDrop { limit: Some(1) }));
    qdisc.classful_mut().unwrap().graft(&mut world.context(), class, Some(leaf)).unwrap();
    assert_eq!(world.dropped_for(DropCause::Deleted), [1]);
    world.offer(&mut *qdisc, packet(2));
    assert_eq!(world.offer(&mut *qdisc, packet(3)), Enqueue::Congested);
    assert_eq!(qdisc.backlog(), waiting(1, 1000));
    qdisc.classful_mut().unwrap().graft(&mut world.context(), class, None).unwrap();
    let leaf = qdisc.classful().unwrap().leaf(class).unwrap();
    assert_eq!(leaf.qdisc.options(), QdiscOptions::Bfifo { limit: Some(400_000) });
}
