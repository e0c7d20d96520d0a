use super::*;
use crate::packet::DeviceId;
use crate::sched::filter::testing::skb;
use crate::sched::handle::Handle;
use crate::sched::rate::{LinkLayer, Rate, RateSpec};
use crate::sched::testing::World;
use crate::time::Duration;

fn gact(verdict: ActionVerdict) -> ActionOptions {
    ActionOptions::Gact(GactOptions::new(verdict))
}

fn actions(world: &World, options: &[ActionOptions]) -> Actions {
    Actions::new(options, world.now).unwrap()
}

#[test]
fn pipe_goes_on_and_all_others_end() {
    use ActionVerdict::*;
    let mut world = World::new();
    let mut none = Actions::default();
    assert_eq!(none.run(&mut world.context(), &mut skb(&[0; 60])), Ok);
    for verdict in [Ok, Drop, Reclassify, Continue, GotoChain(3), Stolen] {
        let mut actions = actions(&world, &[gact(Pipe), gact(verdict), gact(Ok)]);
        assert_eq!(actions.run(&mut world.context(), &mut skb(&[0; 60])), verdict);
        let given: Vec<_> = actions.statistics().iter().map(|one| (one.given.packets, one.given.bytes)).collect();
        assert_eq!(given, [(1, 60), (1, 60), (0, 0)]);
        assert_eq!(actions.statistics()[1].dropped, u64::from(verdict == Drop));
    }
    let mut piped = actions(&world, &[gact(Pipe), gact(Pipe)]);
    assert_eq!(piped.run(&mut world.context(), &mut skb(&[])), Pipe);
}

#[test]
fn some_packets_get_another_verdict() {
    let mut world = World::new();
    let mut share = |choice, one_in| {
        let random = Some(GactRandom { choice, one_in, verdict: ActionVerdict::Drop });
        let options = ActionOptions::Gact(GactOptions { verdict: ActionVerdict::Ok, random });
        let mut actions = actions(&world, &[options]);
        let verdicts: Vec<_> = (0..10_000).map(|_| actions.run(&mut world.context(), &mut skb(&[]))).collect();
        let drops = verdicts.iter().filter(|verdict| **verdict == ActionVerdict::Drop).count();
        assert_eq!(actions.statistics()[0].dropped, drops as u64);
        (drops, verdicts.iter().position(|verdict| *verdict == ActionVerdict::Drop))
    };
    assert_eq!(share(GactChoice::Deterministic, 5), (2000, Some(4)));
    assert_eq!(share(GactChoice::Deterministic, 0), (10_000, Some(0)));
    let (drops, _) = share(GactChoice::Random, 5);
    assert!((1850..2150).contains(&drops), "{drops}");
    assert_eq!(share(GactChoice::Random, 1).0, 10_000);
}

#[test]
fn marks_and_priorities_are_written() {
    let mut world = World::new();
    let edit = SkbeditOptions {
        mark: Some(MarkEdit { value: 0xff, mask: 0x0f }),
        priority: Some(Handle::new(1, 5)),
        ..SkbeditOptions::default()
    };
    let mut actions = actions(&world, &[ActionOptions::Skbedit(edit)]);
    let mut packet = skb(&[]);
    packet.mark = 0x30;
    assert_eq!(actions.run(&mut world.context(), &mut packet), ActionVerdict::Pipe);
    assert_eq!((packet.mark, packet.priority), (0x3f, 0x0001_0005));
}

#[test]
fn other_devices_are_told() {
    let mut world = World::new();
    let mirror = MirredOptions { device: DeviceId(3), ingress: false, redirect: false, verdict: ActionVerdict::Pipe };
    let redirect = MirredOptions { device: DeviceId(4), ingress: true, redirect: true, verdict: ActionVerdict::Stolen };
    let edit = SkbeditOptions { mark: Some(MarkEdit { value: 7, mask: u32::MAX }), ..SkbeditOptions::default() };
    let options = [ActionOptions::Mirred(mirror), ActionOptions::Skbedit(edit), ActionOptions::Mirred(redirect)];
    let mut actions = actions(&world, &options);
    assert_eq!(actions.run(&mut world.context(), &mut skb(&[])), ActionVerdict::Stolen);
    let [copy, itself] = world.redirects[..] else { panic!("{:?}", world.redirects) };
    assert_eq!((copy.device, copy.ingress, copy.is_copy, copy.mark), (DeviceId(3), false, true, 0));
    assert_eq!((itself.device, itself.ingress, itself.is_copy, itself.mark), (DeviceId(4), true, false, 7));
}

/// Offers packets for ten seconds at twice the rate: the bytes that conformed, and the statistics.
fn conforming(options: PoliceOptions, len: u32, offered: u64) -> (u64, ActionStatistics) {
    let mut world = World::new();
    let options = PoliceOptions { exceed: ActionVerdict::Drop, ..options };
    let mut actions = actions(&world, &[ActionOptions::Police(options)]);
    let start = world.now;
    let mut packet = skb(&[]);
    packet.len = len;
    let mut conformed = 0;
    for number in 1.. {
        let nanos = (u128::from(number as u64) * u128::from(len) * 1_000_000_000 / u128::from(offered)) as u64;
        if nanos > 10_000_000_000 || number > 200_000 {
            break;
        }
        world.now = start + Duration::from_nanos(nanos);
        if actions.run(&mut world.context(), &mut packet) == ActionVerdict::Ok {
            conformed += u64::from(len);
        }
    }
    (conformed, actions.statistics()[0])
}

#[test]
fn a_rate_is_met_from_64_kbit_to_10_gbit() {
    for (bits, len) in [(64_000, 100), (1_000_000, 64), (100_000_000, 1500), (1_000_000_000, 64), (10_000_000_000, 64)]
    {
        let rate = Rate::from_bits(bits);
        let burst = 10 * len;
        let options = PoliceOptions { rate: Some(RateSpec::new(rate)), burst, ..PoliceOptions::default() };
        let offered = rate.0 * 2;
        let (conformed, statistics) = conforming(options, len, offered);
        // Up to the last packet, plus the burst, within one packet.
        let time = u128::from(statistics.given.packets) * u128::from(len) * 1_000_000_000 / u128::from(offered);
        let expected = u128::from(rate.0) * time / 1_000_000_000 + u128::from(burst);
        assert!(u128::from(conformed).abs_diff(expected) <= u128::from(len), "{bits}: {conformed} {expected}");
        assert_eq!(statistics.given.packets, statistics.overlimits + conformed / u64::from(len));
        assert_eq!(statistics.dropped, statistics.overlimits);
    }
}

#[test]
fn a_packet_counts_as_its_link_counts_it() {
    let spec = RateSpec { rate: Rate(10_600), overhead: 8, mpu: 0, link_layer: LinkLayer::Atm };
    // 88 and 8 bytes are two cells, 106 bytes: one of the packets that come every millisecond passes in ten.
    let options = PoliceOptions { rate: Some(spec), burst: 106, ..PoliceOptions::default() };
    let (conformed, _) = conforming(options, 88, 88_000);
    assert_eq!(conformed, 88 * 1000);
}

#[test]
fn long_packets_exceed() {
    let rate = Some(RateSpec::new(Rate(1_000_000)));
    let verdict = |options: PoliceOptions, len| {
        let mut world = World::new();
        let mut actions = actions(&world, &[ActionOptions::Police(options)]);
        let mut packet = skb(&[]);
        packet.len = len;
        let verdict = actions.run(&mut world.context(), &mut packet);
        (verdict, actions.statistics()[0].overlimits)
    };
    let plain = PoliceOptions {
        exceed: ActionVerdict::GotoChain(5),
        conform: ActionVerdict::Pipe,
        mtu: Some(1500),
        ..PoliceOptions::default()
    };
    assert_eq!(verdict(plain, 1500), (ActionVerdict::Pipe, 0));
    assert_eq!(verdict(plain, 1501), (ActionVerdict::GotoChain(5), 1));
    // What tc says where it is not told.
    let rated = PoliceOptions { rate, burst: 10_000, mtu: None, ..plain };
    assert_eq!(verdict(rated, 2040), (ActionVerdict::Pipe, 0));
    assert_eq!(verdict(rated, 2041), (ActionVerdict::GotoChain(5), 1));
    // Longer than the burst never conforms.
    assert_eq!(verdict(PoliceOptions { burst: 1000, ..rated }, 1001), (ActionVerdict::GotoChain(5), 1));
}

#[test]
fn a_peak_rate_spreads_a_burst() {
    let rate = Some(RateSpec::new(Rate(1_000)));
    let peak = Some(RateSpec::new(Rate(100_000)));
    let options = PoliceOptions { rate, burst: 50_000, peak_rate: peak, mtu: Some(1_000), ..PoliceOptions::default() };
    // At 200,000 bytes a second every second packet is over the peak, until the burst is used up after half a second.
    let (conformed, _) = conforming(options, 1_000, 200_000);
    let expected = 50_000 + 10 * 1_000;
    assert!(u64::abs_diff(conformed, expected) <= 1_000, "{conformed}");
    let (in_half, _) = conforming(PoliceOptions { burst: 1_000_000, ..options }, 1_000, 200_000);
    assert!(u64::abs_diff(in_half, 1_000_000) <= 10_000, "{in_half}");
}

#[test]
fn an_average_rate_lets_bursts_pass() {
    let estimator = Some(Estimator { interval: Duration::from_secs(1), ewma_log: 1 });
    let options = PoliceOptions { average_rate: Some(Rate(1_000)), estimator, ..PoliceOptions::default() };
    // 4,000 bytes a second: nothing is known in the first second, and too much ever after.
    let (conformed, statistics) = conforming(options, 100, 4_000);
    assert_eq!(conformed, 100 * 39);
    assert_eq!(statistics.overlimits, 400 - 39);
    // What stays below passes.
    assert_eq!(conforming(options, 100, 900).1.overlimits, 0);
}

#[test]
fn wrong_requests() {
    let rate = Some(RateSpec::new(Rate(1_000)));
    let zero = Some(RateSpec::new(Rate(0)));
    let police = PoliceOptions { rate, burst: 1_000, ..PoliceOptions::default() };
    let goto = ActionVerdict::GotoChain(1);
    let random = Some(GactRandom { choice: GactChoice::Random, one_in: 1, verdict: goto });
    for options in [
        ActionOptions::Police(PoliceOptions::default()),
        ActionOptions::Police(PoliceOptions { burst: 0, ..police }),
        ActionOptions::Police(PoliceOptions { rate: zero, ..police }),
        ActionOptions::Police(PoliceOptions { peak_rate: rate, ..police }),
        ActionOptions::Police(PoliceOptions { peak_rate: zero, mtu: Some(1), ..police }),
        ActionOptions::Police(PoliceOptions { average_rate: Some(Rate(1)), ..police }),
        ActionOptions::Police(PoliceOptions { conform: goto, ..police }),
        ActionOptions::Gact(GactOptions { verdict: ActionVerdict::Ok, random }),
        gact(ActionVerdict::GotoChain(1 << 28)),
    ] {
        let made = Actions::new(std::slice::from_ref(&options), Instant::ZERO);
        assert!(matches!(made, Err(OptionsError::Invalid(_))), "{options:?}");
    }
    assert!(Actions::new(&vec![gact(ActionVerdict::Pipe); 32], Instant::ZERO).is_ok());
    assert!(Actions::new(&vec![gact(ActionVerdict::Pipe); 33], Instant::ZERO).is_err());
}
