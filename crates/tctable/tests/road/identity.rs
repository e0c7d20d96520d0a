//! Whatever passes, nothing is lost and nothing is counted twice, and only the packets and their order matter.

mod customers;
mod model;
pub mod steps;

use proptest::prelude::*;
use tctable::gateway::Passing;
use tctable::hook::{Families, Hook, Verdict};
use tctable::packet::LinkType;
use tctable::{Config, Gateway, HashKey};

use model::{Auditor, Outcome};
use steps::{Step, World};

use crate::support::{crowd, frame};

/// Sends the steps along a road in bursts of these sizes, over and over.
fn run(world: &World, steps: &[Step], bursts: &[usize], key: HashKey) -> Outcome {
    drive(world, steps, bursts, Gateway::new(Config { hash_key: key, ..world.config() }))
}

fn drive(world: &World, steps: &[Step], bursts: &[usize], mut gateway: Gateway) -> Outcome {
    let others: Vec<Vec<u8>> = if world.crowded { crowd().collect() } else { Vec::new() };
    gateway.receive(others.iter().map(|packet| frame(LinkType::Raw, packet)));
    let mut auditor = Auditor::after(world, &others);
    let mut sizes = bursts.iter().copied().cycle();
    let frames = steps::frames(steps);
    let mut rest = &frames[..];
    while !rest.is_empty() {
        // A call without a frame ends a burst.
        let upto = rest.iter().position(|frame| frame.calls()).unwrap_or(rest.len());
        let (burst, after) = rest.split_at(upto.min(sizes.next().unwrap_or(usize::MAX)).min(rest.len()));
        gateway.receive_observed(burst.iter().map(steps::Sent::frame), &mut auditor);
        rest = after;
        if let Some((first, others)) = rest.split_first().filter(|(first, _)| first.calls()) {
            gateway.handle_timeout(first.time);
            auditor.take_events(&mut gateway);
            auditor.check(&gateway);
            rest = others;
        }
    }
    if !world.device {
        auditor.check_addresses(gateway.totals());
    }
    let outcome = auditor.finish(gateway);
    let mut restored = Gateway::new(world.config());
    restored.restore_hosts(outcome.snapshot()).expect("a snapshot");
    assert_eq!(restored.snapshot_hosts(), outcome.snapshot());
    outcome
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_packet_is_counted_once_at_any_time(world in steps::world(false), steps in steps::steps()) {
        run(&world, &steps, &[usize::MAX], HashKey::default());
    }

    #[test]
    fn functions_that_only_look_change_nothing(world in steps::world(false), steps in steps::steps()) {
        let mut looked_at = Gateway::new(world.config());
        for hook in Hook::ALL {
            looked_at.register_hook(hook, 0, Families::Both, |_: &mut Passing<'_, '_>| Verdict::Accept);
        }
        let expected = run(&world, &steps, &[usize::MAX], HashKey::default());
        prop_assert_eq!(&expected, &drive(&world, &steps, &[usize::MAX], looked_at));
    }

    #[test]
    fn the_state_depends_on_neither_bursts_nor_the_hash_key(
        world in steps::world(false),
        steps in steps::steps(),
        bursts in proptest::collection::vec(1usize..100, 1..20),
        key: [u64; 2],
    ) {
        let expected = run(&world, &steps, &[1], HashKey::default());
        prop_assert_eq!(&expected, &run(&world, &steps, &[usize::MAX], HashKey::default()));
        prop_assert_eq!(&expected, &run(&world, &steps, &bursts, HashKey(key)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    #[test]
    fn the_state_depends_on_neither_of_them_in_a_crowded_table_either(
        world in steps::world(true),
        steps in steps::steps(),
        bursts in proptest::collection::vec(1usize..100, 1..20),
        key: [u64; 2],
    ) {
        let expected = run(&world, &steps, &[1], HashKey::default());
        prop_assert_eq!(&expected, &run(&world, &steps, &[usize::MAX], HashKey::default()));
        prop_assert_eq!(&expected, &run(&world, &steps, &bursts, HashKey(key)));
    }
}
