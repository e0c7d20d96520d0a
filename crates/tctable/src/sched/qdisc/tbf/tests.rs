use proptest::prelude::*;

use super::*;
use crate::sched::handle::ClassId;
use crate::sched::options::FqCodelOptions;
use crate::sched::rate::{LinkLayer, Rate, RateSpec};
use crate::sched::testing::{Packet, World, packet, waiting};
use crate::time::Instant;

/// A kilobyte a second, two packets at once, ten may wait.
const OPTIONS: TbfOptions =
    TbfOptions { rate: RateSpec::new(Rate(1000)), burst: 2000, limit: 10_000, peak_rate: None, mtu: 0 };

fn tbf(world: &mut World, options: TbfOptions) -> Box<dyn Qdisc> {
    world.create(&QdiscOptions::Tbf(options))
}

/// Takes packets as soon as they may leave, waking up when it is told to, until `end`: when each left, and its length.
fn departures(world: &mut World, qdisc: &mut dyn Qdisc, end: Instant) -> Vec<(Instant, u32)> {
    let mut left = Vec::new();
    while world.now <= end {
        match qdisc.dequeue(&mut world.context()) {
            Dequeue::Packet(queued) => left.push((world.now, queued.len)),
            Dequeue::Later(due) => {
                assert!(due > world.now);
                world.now = due;
            }
            Dequeue::Empty => break,
        }
    }
    left
}

#[test]
fn a_burst_leaves_at_once_and_then_the_rate_holds() {
    let mut world = World::new();
    let mut qdisc = tbf(&mut world, OPTIONS);
    let begin = world.now;
    (1..=5).for_each(|token| assert_eq!(world.offer(&mut *qdisc, packet(token)), Enqueue::Queued));
    let left = departures(&mut world, &mut *qdisc, Instant::MAX);
    let seconds: Vec<u64> = left.iter().map(|(when, _)| (*when - begin).as_secs()).collect();
    assert_eq!(seconds, [0, 0, 1, 2, 3]);
    assert_eq!(qdisc.overlimits(), 3);
}

#[test]
fn the_rate_is_met_from_64_kbit_to_10_gbit() {
    for bits in [64_000, 1_000_000, 30_000_000, 100_000_000, 999_999_999, 1_000_000_000, 2_500_000_000, 10_000_000_000]
    {
        for len in [64, 577, 1514] {
            let rate = Rate::from_bits(bits);
            let mut world = World::new();
            // tc(8): a burst of what ten milliseconds need.
            let burst = (rate.0 / 100).max(2000) as u32;
            let options = TbfOptions { rate: RateSpec::new(rate), burst, limit: u32::MAX, ..OPTIONS };
            let mut qdisc = tbf(&mut world, options);
            let count = u64::from(burst / len) + 3000;
            for token in 0..count {
                world.offer(&mut *qdisc, Packet { len, ..packet(token) });
            }
            let begin = world.now;
            let left = departures(&mut world, &mut *qdisc, Instant::MAX);
            let seconds = (world.now - begin).as_nanos() as f64 / 1e9;
            let sent = left.len() as f64 * f64::from(len) - f64::from(burst);
            let error = sent / seconds / rate.0 as f64 - 1.0;
            assert!(error.abs() < 1e-3, "{bits} bit/s, {len} bytes: off by {error}");
        }
    }
}

proptest! {
    #[test]
    fn no_window_has_more_than_the_rate_and_a_burst(
        rate in 1_000u64..2_000_000_000,
        peak in proptest::option::of(1u64..1000),
        burst in 1514u32..200_000,
        mtu in 1514u32..20_000,
        overhead in 0u16..64,
        mpu in 0u16..200,
        atm in any::<bool>(),
        steps in proptest::collection::vec((0u64..4_000_000, 60u32..1514, 0u64..2), 1..120),
    ) {
        let link_layer = if atm { LinkLayer::Atm } else { LinkLayer::Ethernet };
        let spec = |rate| RateSpec { rate: Rate(rate), overhead, mpu, link_layer };
        let peak_rate = peak.map(|peak| spec(rate + peak * rate / 100 + 1));
        let options = TbfOptions { rate: spec(rate), burst, limit: u32::MAX, peak_rate, mtu };
        let mut world = World::new();
        let mut qdisc = tbf(&mut world, options);
        let mut left = Vec::new();
        for (token, (pause, len, polls)) in steps.into_iter().enumerate() {
            world.offer(&mut *qdisc, Packet { len, ..packet(token as u64) });
            for _ in 0..polls {
                if let Some(queued) = world.take(&mut *qdisc) {
                    left.push((world.now, queued.len));
                }
            }
            world.pass(Duration::from_nanos(pause));
        }
        left.extend(departures(&mut world, &mut *qdisc, Instant::MAX));
        prop_assert!(qdisc.backlog().is_empty());
        for (spec, burst) in [(options.rate, burst)].into_iter().chain(peak_rate.map(|peak| (peak, mtu))) {
            for first in 0..left.len() {
                let mut bytes = 0;
                for (when, len) in &left[first..] {
                    bytes += u128::from(spec.taken(*len));
                    let nanos = u128::from((*when - left[first].0).as_nanos());
                    let most = u128::from(spec.taken(burst)) * 1_000_000_000 + nanos * u128::from(spec.rate.0);
                    prop_assert!(bytes * 1_000_000_000 <= most);
                }
            }
        }
    }
}

#[test]
fn packets_that_the_bucket_could_never_hold_are_dropped() {
    let mut world = World::new();
    let mut qdisc = tbf(&mut world, OPTIONS);
    let long = |len| Packet { len, ..packet(1) };
    assert_eq!(world.offer(&mut *qdisc, long(2001)), Enqueue::Dropped(DropCause::TooLong));
    assert_eq!(world.offer(&mut *qdisc, long(2000)), Enqueue::Queued);
    let peak_rate = Some(RateSpec::new(Rate(2000)));
    let mut qdisc = tbf(&mut world, TbfOptions { peak_rate, mtu: 1500, ..OPTIONS });
    assert_eq!(world.offer(&mut *qdisc, long(1501)), Enqueue::Dropped(DropCause::TooLong));
    assert_eq!(world.offer(&mut *qdisc, long(1500)), Enqueue::Queued);
}

#[test]
fn at_its_limit_the_bfifo_below_refuses() {
    let mut world = World::new();
    let mut qdisc = tbf(&mut world, OPTIONS);
    (0..10).for_each(|token| assert_eq!(world.offer(&mut *qdisc, packet(token)), Enqueue::Queued));
    assert_eq!(world.offer(&mut *qdisc, packet(10)), Enqueue::Dropped(DropCause::Limit));
    assert_eq!(qdisc.backlog(), waiting(10, 10_000));
}

#[test]
fn a_peak_rate_spreads_a_burst() {
    let mut world = World::new();
    let peak_rate = Some(RateSpec::new(Rate(4000)));
    let mut qdisc = tbf(&mut world, TbfOptions { burst: 3000, peak_rate, mtu: 1000, ..OPTIONS });
    let begin = world.now;
    (0..6).for_each(|token| assert_eq!(world.offer(&mut *qdisc, packet(token)), Enqueue::Queued));
    let left = departures(&mut world, &mut *qdisc, Instant::MAX);
    // One each quarter of a second, until 3,000 bytes and what came meanwhile are spent; then one a second.
    let millis: Vec<u64> = left.iter().map(|(when, _)| (*when - begin).as_millis()).collect();
    assert_eq!(millis, [0, 250, 500, 1000, 2000, 3000]);
}

#[test]
fn options_have_the_kernel_s_bounds() {
    let spec = |rate| Some(RateSpec::new(Rate(rate)));
    for (options, ok) in [
        (OPTIONS, true),
        (TbfOptions { rate: RateSpec::new(Rate(0)), ..OPTIONS }, false),
        (TbfOptions { burst: 0, ..OPTIONS }, false),
        (TbfOptions { limit: 0, ..OPTIONS }, true),
        (TbfOptions { peak_rate: spec(1000), mtu: 1500, ..OPTIONS }, false),
        (TbfOptions { peak_rate: spec(1001), mtu: 1500, ..OPTIONS }, true),
        (TbfOptions { peak_rate: spec(1001), mtu: 0, ..OPTIONS }, false),
    ] {
        assert_eq!(Tbf::new(&mut World::new().context(), 1, &options).is_ok(), ok, "{options:?}");
    }
}

#[test]
fn a_change_keeps_packets_and_tokens() {
    let mut world = World::new();
    let mut qdisc = tbf(&mut world, OPTIONS);
    (0..4).for_each(|token| assert_eq!(world.offer(&mut *qdisc, packet(token)), Enqueue::Queued));
    assert_eq!(world.take_all(&mut *qdisc), [0, 1]);
    // Half a packet's tokens, then twice the rate, and room for one packet.
    world.pass(Duration::from_millis(500));
    let faster = TbfOptions { rate: RateSpec::new(Rate(2000)), burst: 1000, limit: 1000, ..OPTIONS };
    let change = QdiscOptions::Tbf(faster);
    assert_eq!(qdisc.change(&mut world.context(), &change), Ok(()));
    assert_eq!(qdisc.options(), change);
    assert!(world.dropped.is_empty());
    assert_eq!(qdisc.dequeue(&mut world.context()), Dequeue::Later(world.now + Duration::from_millis(250)));
    world.pass(Duration::from_millis(250));
    assert_eq!(world.take_all(&mut *qdisc), [2]);
    assert_eq!(world.offer(&mut *qdisc, packet(9)), Enqueue::Dropped(DropCause::Limit));
    // A packet that came when longer ones were allowed goes when the bucket is full.
    let smaller = QdiscOptions::Tbf(TbfOptions { burst: 500, ..faster });
    assert_eq!(qdisc.change(&mut world.context(), &smaller), Ok(()));
    world.pass(Duration::from_millis(250));
    assert_eq!(world.take_all(&mut *qdisc), [3]);
    let other = QdiscOptions::PfifoFast;
    assert_eq!(qdisc.change(&mut world.context(), &other), Err(OptionsError::OtherKind));
}

#[test]
fn another_qdisc_below_decides_which_packet_is_next() {
    let mut world = World::new();
    let mut qdisc = tbf(&mut world, TbfOptions { burst: 1000, ..OPTIONS });
    let class = ClassId { major: 1, minor: 1 };
    world.offer(&mut *qdisc, packet(0));
    let leaf = world.create(&QdiscOptions::FqCodel(FqCodelOptions { quantum: Some(1000), ..Default::default() }));
    let leaf = Node::new(Handle::new(2, 0), leaf);
    let classful = qdisc.classful_mut().unwrap();
    assert!(classful.has(class) && !classful.has(ClassId { major: 1, minor: 2 }));
    classful.graft(&mut world.context(), class, Some(leaf)).unwrap();
    assert_eq!(classful.view_after(None).map(|view| (view.id, view.leaf)), Some((class, Some(Handle::new(2, 0)))));
    assert_eq!(classful.view_after(Some(class)), None);
    assert_eq!(world.dropped_for(DropCause::Deleted), [0]);
    for (token, flow) in [(1, 0), (2, 0), (3, 0), (4, 1 << 31), (5, 1 << 31)] {
        world.offer(&mut *qdisc, Packet { flow, ..packet(token) });
    }
    assert_eq!(world.take(&mut *qdisc).map(|queued| queued.token), Some(1));
    // The next one is known, and has to wait: nothing is lost while it does.
    assert_eq!(world.take(&mut *qdisc), None);
    assert_eq!(qdisc.backlog(), waiting(4, 4000));
    world.pass(Duration::from_secs(1));
    assert_eq!(world.take_all(&mut *qdisc), [4]);
    assert_eq!(world.take(&mut *qdisc), None);
    // Its own qdisc comes back, and what waited goes, the one that was next too.
    qdisc.classful_mut().unwrap().graft(&mut world.context(), class, None).unwrap();
    let mut gone = world.dropped_for(DropCause::Deleted);
    gone.sort();
    assert_eq!(gone, [2, 3, 5]);
    assert_eq!(qdisc.backlog(), waiting(0, 0));
    let leaf = qdisc.classful().unwrap().leaf(class).unwrap();
    assert_eq!(leaf.qdisc.options(), QdiscOptions::Bfifo { limit: Some(10_000) });
}
