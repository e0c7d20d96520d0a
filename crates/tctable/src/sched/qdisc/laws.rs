//! What holds for every kind: no packet is lost or made, none overtakes another of its flow, and what is told to wait does.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::Enqueue;
use crate::sched::context::DropCause;
use crate::sched::handle::ClassId;
use crate::sched::options::*;
use crate::sched::queued::Ecn;
use crate::sched::rate::{Rate, RateSpec};
use crate::sched::testing::{Packet, World, waiting};
use crate::time::Duration;

/// Every kind with small limits, as two options of which one can be changed to the other.
fn kinds() -> Vec<[QdiscOptions; 2]> {
    let tbf = TbfOptions {
        rate: RateSpec::new(Rate(1_000_000)),
        burst: 4000,
        limit: 20_000,
        peak_rate: Some(RateSpec::new(Rate(5_000_000))),
        mtu: 2000,
    };
    let red = RedOptions {
        limit: 30_000,
        min: 3000,
        max: 12_000,
        avpkt: 500,
        burst: None,
        probability: 0.2,
        bandwidth: Rate(1_000_000),
        ecn: true,
        hard_drop: true,
        adaptive: true,
    };
    let codel = CodelOptions {
        limit: 30,
        target: Duration::from_nanos(500_000),
        interval: Duration::from_millis(2),
        ..Default::default()
    };
    let fq_codel = FqCodelOptions {
        limit: 40,
        flows: 16,
        quantum: Some(300),
        target: codel.target,
        interval: codel.interval,
        memory_limit: 25_000,
        drop_batch: 4,
        ..Default::default()
    };
    let sfq = SfqOptions {
        limit: 30,
        depth: 8,
        divisor: 16,
        quantum: Some(700),
        perturb: Duration::from_millis(7),
        ..Default::default()
    };
    let prio = PrioOptions::default();
    let cbq = CbqOptions { bandwidth: RateSpec::new(Rate(1_000_000)), avpkt: 500 };
    vec![
        [QdiscOptions::Pfifo { limit: Some(20) }, QdiscOptions::Pfifo { limit: Some(10) }],
        [QdiscOptions::Bfifo { limit: Some(10_000) }, QdiscOptions::Bfifo { limit: Some(5000) }],
        [QdiscOptions::PfifoHeadDrop { limit: Some(20) }, QdiscOptions::PfifoHeadDrop { limit: Some(10) }],
        [QdiscOptions::PfifoFast, QdiscOptions::PfifoFast],
        [QdiscOptions::Noqueue, QdiscOptions::Noqueue],
        [QdiscOptions::Prio(prio), QdiscOptions::Prio(PrioOptions { bands: 5, ..prio })],
        [QdiscOptions::Tbf(tbf), QdiscOptions::Tbf(TbfOptions { burst: 1500, limit: 5000, peak_rate: None, ..tbf })],
        [QdiscOptions::Sfq(sfq), QdiscOptions::Sfq(SfqOptions { limit: 12, head_drop: true, divisor: 32, ..sfq })],
        [QdiscOptions::Codel(codel), QdiscOptions::Codel(CodelOptions { limit: 12, ecn: true, ..codel })],
        [
            QdiscOptions::FqCodel(fq_codel),
            QdiscOptions::FqCodel(FqCodelOptions { limit: 12, memory_limit: 8000, ..fq_codel }),
        ],
        [QdiscOptions::Red(red), QdiscOptions::Red(RedOptions { limit: 9000, ecn: false, ..red })],
        [QdiscOptions::Cbq(cbq), QdiscOptions::Cbq(CbqOptions { avpkt: 700, ..cbq })],
    ]
}

/// A packet limit that drops what is beyond it when it is set.
fn packet_limit(options: &QdiscOptions) -> Option<u32> {
    match options {
        QdiscOptions::Sfq(options) => Some(options.limit),
        QdiscOptions::Codel(options) => Some(options.limit),
        _ => None,
    }
}

#[derive(Clone, Debug)]
enum Step {
    Offer { flow: u32, len: u32, ecn: Ecn },
    Take(u8),
    Pass(u64),
    Change(usize),
    Drain,
}

fn step() -> impl Strategy<Value = Step> {
    let ecn = prop_oneof![Just(Ecn::NotEct), Just(Ecn::Ect), Just(Ecn::Ce)];
    prop_oneof![
        12 => (0u32..24, 40u32..1600, ecn).prop_map(|(flow, len, ecn)| Step::Offer { flow, len, ecn }),
        4 => (1u8..4).prop_map(Step::Take),
        4 => (0u64..3_000_000).prop_map(Step::Pass),
        1 => (0usize..2).prop_map(Step::Change),
        1 => Just(Step::Drain),
    ]
}

/// What waits, by token: its length.
#[derive(Default)]
struct Model {
    waits: BTreeMap<u64, u32>,
    offered: usize,
    left: usize,
    lost: usize,
    /// The newest token that left, of each flow.
    newest: BTreeMap<u64, u64>,
}

impl Model {
    /// Notes what was dropped of what waited.
    fn lose(&mut self, world: &mut World) {
        for (queued, _) in world.dropped.drain(..) {
            assert_eq!(self.waits.remove(&queued.token), Some(queued.len), "dropped, but did not wait");
            self.lost += 1;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn packets_are_conserved_and_flows_keep_their_order(steps in proptest::collection::vec(step(), 1..250)) {
        for kind in kinds() {
            let mut world = World { queue_len: 25, ..World::new() };
            let mut qdisc = world.create(&kind[0]);
            if let QdiscOptions::Cbq(CbqOptions { bandwidth, avpkt }) = kind[0] {
                for minor in 1..4 {
                    let options = ClassOptions::Cbq(CbqClassOptions {
                        bandwidth,
                        rate: RateSpec::new(Rate(100_000 * u64::from(minor))),
                        allot: 1514,
                        weight: None,
                        prio: minor as u8,
                        avpkt,
                        max_burst: 4,
                        min_burst: 2,
                        bounded: minor == 1,
                        isolated: minor == 2,
                    });
                    let [class, root] = [minor, 0].map(|minor| ClassId { major: 1, minor });
                    qdisc.classful_mut().unwrap().add(&mut world.context(), class, root, &options).unwrap();
                }
            }
            let mut model = Model::default();
            for (number, step) in steps.iter().enumerate() {
                match *step {
                    Step::Offer { flow, len, ecn } => {
                        let token = (number as u64) << 8 | u64::from(flow);
                        // A flow has one priority: 8 of them are classes.
                        // But for sfq, which may hash a flow into a class that another one names, and then take them apart.
                        let is_named = flow >= 16 && !matches!(kind[0], QdiscOptions::Sfq(_));
                        let priority = if is_named { 0x1_0000 | (flow % 4) } else { flow & 15 };
                        let offered = Packet { token, len, flow: flow.wrapping_mul(0x0b00_b135), priority, ecn };
                        model.offered += 1;
                        match world.offer(&mut *qdisc, offered) {
                            Enqueue::Queued | Enqueue::Congested => drop(model.waits.insert(token, len)),
                            Enqueue::Dropped(_) => model.lost += 1,
                            Enqueue::Stolen => prop_assert!(false, "stolen without a filter"),
                        }
                    }
                    Step::Take(count) => {
                        for _ in 0..count {
                            let Some(queued) = world.take(&mut *qdisc) else { break };
                            prop_assert_eq!(model.waits.remove(&queued.token), Some(queued.len), "{:?}", &kind[0]);
                            let newest = model.newest.insert(queued.token & 255, queued.token);
                            prop_assert!(newest < Some(queued.token), "overtaken in {:?}", &kind[0]);
                            model.left += 1;
                        }
                    }
                    Step::Pass(nanos) => world.pass(Duration::from_nanos(nanos)),
                    Step::Change(to) => {
                        let before = qdisc.backlog().packets;
                        qdisc.change(&mut world.context(), &kind[to]).unwrap();
                        if let Some(limit) = packet_limit(&kind[to]) {
                            let beyond = before.saturating_sub(limit);
                            prop_assert_eq!(qdisc.backlog().packets, before - beyond, "{:?}", &kind[to]);
                        }
                    }
                    Step::Drain => {
                        let before = qdisc.backlog();
                        qdisc.drain(&mut world.context(), DropCause::Deleted);
                        prop_assert_eq!(world.dropped.len(), before.packets as usize, "{:?}", &kind[0]);
                        prop_assert!(qdisc.backlog().is_empty());
                    }
                }
                model.lose(&mut world);
                let bytes = model.waits.values().map(|len| u64::from(*len)).sum();
                prop_assert_eq!(qdisc.backlog(), waiting(model.waits.len() as u32, bytes), "{:?}", &kind[0]);
                prop_assert_eq!(model.offered, model.left + model.lost + model.waits.len());
            }
            qdisc.drain(&mut world.context(), DropCause::Deleted);
            model.lose(&mut world);
            prop_assert!(model.waits.is_empty() && qdisc.backlog().is_empty(), "{:?}", &kind[0]);
        }
    }

    #[test]
    fn all_that_waits_leaves_in_time(steps in proptest::collection::vec(step(), 1..100)) {
        for kind in kinds() {
            let mut world = World { queue_len: 25, ..World::new() };
            let mut qdisc = world.create(&kind[0]);
            for (number, step) in steps.iter().enumerate() {
                if let Step::Offer { flow, len, ecn } = *step {
                    let offered = Packet { token: number as u64, len, flow: flow << 24, priority: flow % 16, ecn };
                    world.offer(&mut *qdisc, offered);
                }
            }
            let mut turns = 0;
            while !qdisc.backlog().is_empty() {
                turns += 1;
                prop_assert!(turns < 1000, "{qdisc:?}");
                match qdisc.dequeue(&mut world.context()) {
                    super::Dequeue::Later(due) => {
                        prop_assert!(due > world.now, "{:?}", &kind[0]);
                        world.now = due;
                    }
                    super::Dequeue::Empty => prop_assert!(qdisc.backlog().is_empty(), "{:?}", &kind[0]),
                    super::Dequeue::Packet(_) => {}
                }
            }
        }
    }
}
