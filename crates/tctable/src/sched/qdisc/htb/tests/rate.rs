//! One class: rates, bursts, wake-ups.

use super::*;
use crate::sched::options::TbfOptions;
use crate::sched::rate::LinkLayer;

#[test]
fn a_rate_is_met_from_64_kbit_to_10_gbit() {
    for bits in [64 * KBIT, 999_999, 7 * MBIT + 8, 100 * MBIT, 1000 * MBIT, 2_500_000_008, 10_000 * MBIT] {
        for len in [64, 590, 1514] {
            let mut bench = Bench::new();
            bench.add(1, 0, class(bits));
            // As long as 20,000 packets take.
            let span = Duration::from_nanos(20_000 * u64::from(len) * 8 * 1_000_000_000 / bits);
            bench.saturate(&[1], len, span);
            // The first packets are the burst's.
            bench.forget();
            bench.saturate(&[1], len, span);
            close(bench.bits(1, span), bits as f64, 0.001);
        }
    }
}

#[test]
fn ten_gigabits_of_short_packets_do_not_drift() {
    let mut bench = Bench::new();
    bench.add(1, 0, HtbClassOptions { burst: Some(64), cburst: Some(64), ..class(10_000 * MBIT) });
    let span = Duration::from_millis(100);
    bench.saturate(&[1], 64, span);
    // 51.2 ns each: whole nanoseconds would be 0.4 % off. The sender can only look at whole ones, and the burst makes up for it.
    close(bench.bits(1, span), 1e10, 0.000_01);
}

#[test]
fn a_burst_leaves_at_once_and_the_rest_at_the_rate() {
    let mut bench = Bench::new();
    bench.add(1, 0, HtbClassOptions { burst: Some(5_000), cburst: Some(5_000), ..class(8 * MBIT) });
    bench.fill(1, 1000, 10);
    // As the kernel: as long as there are any tokens the next packet leaves, so one more than the burst.
    assert_eq!(bench.take_all().len(), 6);
    let start = bench.world.now;
    for sent in 1..=4 {
        let Dequeue::Later(at) = bench.dequeue() else { panic!("a packet waits") };
        assert_eq!(at, start + Duration::from_millis(sent));
        bench.world.now = at;
        assert_eq!(bench.take_all().len(), 1);
        bench.check();
    }
    assert_eq!(bench.dequeue(), Dequeue::Empty);
}

#[test]
fn a_wake_up_is_exact_to_the_nanosecond() {
    let mut bench = Bench::new();
    bench.add(1, 0, HtbClassOptions { burst: Some(0), cburst: Some(0), ..class(3 * MBIT + 8) });
    bench.fill(1, 1001, 3);
    assert_eq!(bench.take_all(), [1]);
    let Dequeue::Later(at) = bench.dequeue() else { panic!("a packet waits") };
    bench.world.now = Instant::from_nanos(at.as_nanos() - 1);
    assert_eq!(bench.dequeue(), Dequeue::Later(at));
    bench.world.now = at;
    assert_eq!(bench.take_all(), [1]);
}

#[test]
fn the_ceil_s_burst_limits_too() {
    let mut bench = Bench::new();
    let options = HtbClassOptions { burst: Some(100_000), cburst: Some(2_000), ..class_up_to(8 * MBIT, 8 * MBIT) };
    bench.add(1, 0, options);
    bench.fill(1, 1000, 10);
    assert_eq!(bench.take_all().len(), 3);
}

#[test]
fn a_class_over_its_ceil_is_counted() {
    let mut bench = Bench::new();
    bench.add(1, 0, HtbClassOptions { burst: Some(1_500), cburst: Some(1_500), ..class(8 * MBIT) });
    bench.fill(1, 1000, 4);
    assert_eq!(bench.take_all().len(), 2);
    assert_eq!((bench.view(1).overlimits, bench.htb.overlimits()), (1, 1));
    assert_eq!(bench.tokens(1), (-500_000, -500_000));
}

#[test]
fn overhead_mpu_and_cells_slow_a_class_down() {
    for (spec, taken) in [
        (RateSpec { overhead: 100, ..rate(8 * MBIT) }, 1100),
        (RateSpec { mpu: 1500, ..rate(8 * MBIT) }, 1500),
        (RateSpec { link_layer: LinkLayer::Atm, ..rate(8 * MBIT) }, 21 * 53),
    ] {
        let mut bench = Bench::new();
        bench.add(1, 0, HtbClassOptions { burst: Some(0), cburst: Some(0), rate: spec, ..class(8 * MBIT) });
        bench.fill(1, 1000, 2);
        let start = bench.world.now;
        assert_eq!(bench.take_all(), [1]);
        assert_eq!(bench.dequeue(), Dequeue::Later(start + Duration::from_nanos(taken * 1000)));
    }
}

#[test]
fn giants_are_counted_and_sent() {
    let mut bench = Bench::new();
    bench.add(1, 0, HtbClassOptions { mtu: 500, burst: Some(10_000), cburst: Some(10_000), ..class(MBIT) });
    [500, 501, 1500].into_iter().for_each(|len| bench.fill(1, len, 1));
    assert_eq!(bench.take_all().len(), 3);
    assert!(matches!(bench.view(1).xstats, ClassXstats::Htb { giants: 2, lends: 3, .. }));
}

#[test]
fn options_that_are_not_given_are_those_of_tc_and_the_kernel() {
    let mut bench = Bench::with(&HtbOptions { r2q: 0, ..HtbOptions::default() });
    // r2q 0 is taken for 1.
    bench.add(1, 0, class(64 * KBIT)).add(2, 0, class(10_000 * MBIT)).add(3, 0, class(MBIT / 2));
    let shown = |bench: &Bench, minor| match bench.view(minor).options {
        Some(ClassOptions::Htb(HtbClassOptions { burst, cburst, quantum, prio, ceil, .. })) => {
            (burst, cburst, quantum, prio, ceil)
        }
        other => panic!("{other:?}"),
    };
    // rate / HZ + mtu, with the HZ of high resolution timers.
    assert_eq!(shown(&bench, 1), (Some(1600), Some(1600), Some(8_000), 0, Some(rate(64 * KBIT))));
    assert_eq!(shown(&bench, 2), (Some(1601), Some(1601), Some(200_000), 0, Some(rate(10_000 * MBIT))));
    assert_eq!(shown(&bench, 3).2, Some(62_500));
    let mut bench = Bench::new();
    bench.add(1, 0, class(64 * KBIT));
    bench.add(2, 0, HtbClassOptions { quantum: Some(60), prio: 9, ..class(64 * KBIT) });
    assert_eq!(shown(&bench, 1).2, Some(1000));
    assert_eq!((shown(&bench, 2).2, shown(&bench, 2).3), (Some(60), 7));
}

#[test]
fn a_leaf_that_holds_packets_back_is_waited_for() {
    let mut bench = Bench::new();
    bench.add(1, 0, class(80 * MBIT)).add(2, 0, class(80 * MBIT));
    let tbf = TbfOptions { rate: rate(8 * MBIT), burst: 1500, limit: 100_000, peak_rate: None, mtu: 0 };
    let tbf = crate::sched::qdisc::create(&mut bench.world.context(), 5, &QdiscOptions::Tbf(tbf)).expect("a tbf");
    let node = crate::sched::node::Node::new("5:".parse().expect("a handle"), tbf);
    assert_eq!(bench.htb.graft(&mut bench.world.context(), id(1), Some(node)), Ok(()));
    bench.fill(1, 1000, 3);
    bench.fill(2, 1000, 1);
    let start = bench.world.now;
    assert_eq!(bench.take_all(), [1, 2]);
    bench.check();
    // 500 bytes of the burst are left.
    assert_eq!(bench.dequeue(), Dequeue::Later(start + Duration::from_nanos(500_000)));
    bench.world.now = start + Duration::from_nanos(500_000);
    assert_eq!(bench.take_all(), [1]);
    assert_eq!(bench.dequeue(), Dequeue::Later(start + Duration::from_nanos(1_500_000)));
    assert_eq!(bench.view(1).leaf, Some("5:".parse().expect("a handle")));
    bench.check();
}
