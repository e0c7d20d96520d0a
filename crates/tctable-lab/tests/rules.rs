//! The engine's rules beside those of the running kernel. Needs root, nf_conntrack, TUN and iptables; where they are missing
//! nothing is tested and one line says so.

use std::fmt::Write as _;
use std::process::Command;

use tctable_lab::differential::rules::{Difference, Pair, RulesDifferential, Run, Tally, steps};
use tctable_lab::kernel::{Error, Kernel, not_tested};
use tctable_lab::packets::{Ipv4, protocol};
use tctable_lab::rules::Variant;
use tctable_lab::step::{Side, Step};
use tctable_lab::talks::{self, Kind};

/// Runs `work` with both sides, or says why not.
fn with_both(variant: Variant, work: impl FnOnce(&mut RulesDifferential) + Send) {
    if Command::new("iptables-legacy-save").output().is_err() {
        not_tested("no iptables here");
        return;
    }
    let ran = Kernel::run(|kernel| RulesDifferential::new(kernel, variant).map(|mut both| work(&mut both)));
    match ran {
        Ok(Ok(())) => {}
        Err(Error::Unavailable(why)) => not_tested(why),
        Ok(Err(error)) | Err(error) => panic!("{error}"),
    }
}

/// Both say the same of these rules and packets.
fn agree(both: &mut RulesDifferential, rules: &Pair, steps: &[Step]) -> Tally {
    let Run { tally, difference } = both.run(rules, steps).expect("the kernel works");
    if let Some(difference) = difference {
        let reduced = both.reduce(rules.clone(), steps.to_vec(), difference).expect("the kernel works");
        panic!("{}\n{}\n{}", reduced.difference, reduced.rules, talks::print(&reduced.steps));
    }
    tally
}

#[test]
fn fifty_thousand_packets_through_random_rules() {
    with_both(Variant::Legacy, |both| {
        let mut tally = Tally::default();
        for seed in 0..25 {
            tally += agree(both, &Pair::random(seed), &steps(&Kind::ALL, seed, 2_000));
        }
        let met = tally.kinds.values().filter(|[_, met]| *met > 0).count();
        assert!(tally.packets == 50_000 && met >= 40, "{met} kinds\n{tally}");
        assert!(tally.forwarded > 10_000 && tally.answers > 100, "{tally:?}");
    });
}

#[test]
fn chance_is_told_from_agreement() {
    let rules = Pair::read("*filter\n-A FORWARD -m statistic --mode random --probability 0.5 -j DROP\nCOMMIT\n", "");
    let steps: Vec<Step> =
        steps(&[Kind::Udp], 1, 400).into_iter().filter(|step| step.packet[0] >> 4 == 4).take(100).collect();
    assert_eq!(steps.len(), 100);
    with_both(Variant::Legacy, |both| {
        let difference = both.run(&rules, &steps).expect("the kernel works").difference;
        assert!(matches!(difference, Some(Difference::Packet { .. })), "{difference:?}");
    });
}

/// nf_tables looks no further where a datagram has no ports; ip_tables drops it, and so do we.
#[test]
fn a_difference_is_reduced_to_one_packet_and_one_rule() {
    let rules = Pair::read(
        "*filter\n-A FORWARD -s 10.11.0.0/16 -p udp -m comment --comment a -m udp --dport 53 -j ACCEPT\n\
         -A FORWARD -p udp -m udp --sport 53\n-A FORWARD -p tcp\nCOMMIT\n",
        "*filter\n-A FORWARD -p tcp\nCOMMIT\n",
    );
    let cut = Ipv4::new([10, 11, 1, 10], [10, 22, 1, 10], protocol::UDP).build(&[4, 4, 0]);
    let mut steps = steps(&[Kind::Icmp, Kind::Sctp], 1, 100);
    steps.insert(60, Step { side: Side::Left, packet: cut.clone() });
    with_both(Variant::Nft, |both| {
        let difference = both.run(&rules, &steps).expect("the kernel works").difference.expect("nf_tables forwards it");
        let reduced = both.reduce(rules, steps, difference).expect("the kernel works");
        let count = |rules: &Pair| rules.to_string().matches("-A ").count();
        assert_eq!((reduced.steps.len(), count(&reduced.rules), reduced.shows_again), (1, 1, true), "{reduced:?}");
        let Difference::Packet { kernel, engine, .. } = reduced.difference else { panic!("{}", reduced.difference) };
        assert!(kernel.forwarded.is_some() && engine.forwarded.is_none());
    });
}

#[test]
fn every_rejection_is_answered_as_the_kernel_does() {
    let [v4, v6] = [
        "icmp-net-unreachable icmp-host-unreachable icmp-port-unreachable icmp-proto-unreachable icmp-net-prohibited \
         icmp-host-prohibited icmp-admin-prohibited",
        "icmp6-no-route icmp6-adm-prohibited icmp6-addr-unreachable icmp6-port-unreachable icmp6-policy-fail \
         icmp6-reject-route",
    ]
    .map(|all| {
        let kinds: Vec<&str> = all.split_whitespace().collect();
        let mut text = String::from("*filter\n-A OUTPUT\n-A FORWARD -m conntrack --ctstate NEW -m statistic --mode nth --every 2 --packet 0 -j ACCEPT\n");
        for chain in ["FORWARD", "INPUT"] {
            for (nth, kind) in kinds.iter().enumerate() {
                let left = kinds.len() + 1 - nth;
                let _ = writeln!(
                    text,
                    "-A {chain} -m statistic --mode nth --every {left} --packet 0 -j REJECT --reject-with {kind}"
                );
            }
            let _ = writeln!(text, "-A {chain} -p tcp -j REJECT --reject-with tcp-reset");
        }
        text + "COMMIT\n"
    });
    let rules = Pair::read(&v4, &v6);
    with_both(Variant::Legacy, |both| {
        for seed in 1..5 {
            let tally = agree(both, &rules, &steps(&Kind::ALL, seed, 2_000));
            assert!(tally.answers > 500, "{tally:?}");
        }
    });
}

/// The kernel looks no more than once in a tick whether the packet that begins a connection is counted already, and whether
/// others have ended. So nothing is dropped here, all packets have connections, and UDP's do not end.
#[test]
fn connections_are_counted_by_address() {
    let rules = |mask: [u8; 2]| {
        let [v4, v6] = mask.map(|mask| {
            let counting = ["above 1", "above 3 --connlimit-daddr", "upto 2 --connlimit-saddr", "upto 7", "above 20"];
            let rules = counting.map(|asked| {
                format!(
                    "-A FORWARD -p udp -m connlimit --connlimit-mask {mask} --connlimit-{asked} -j MARK --set-mark 1\n"
                )
            });
            format!("*filter\n{}COMMIT\n", rules.concat())
        });
        Pair::read(&v4, &v6)
    };
    let is_right = |step: &Step| {
        let text = talks::describe(&step.packet);
        text.contains("UDP, length") && !["bad checksum", "header says"].iter().any(|wrong| text.contains(wrong))
    };
    with_both(Variant::Legacy, |both| {
        for (seed, mask) in [[32, 128], [16, 64], [31, 127], [0, 0]].into_iter().enumerate() {
            let steps: Vec<Step> = steps(&[Kind::Udp], seed as u64, 2_000).into_iter().filter(is_right).collect();
            let tally = agree(both, &rules(mask), &steps);
            assert!(tally.packets > 1_000 && tally.kinds["-m connlimit"][1] > 5, "{tally}");
        }
    });
}

#[test]
fn sets_have_the_same_members() {
    let rules = |sets: &[&str]| {
        let each = sets.iter().map(|set| {
            format!(
                "-A FORWARD -m set --match-set {set} src\n-A FORWARD -m set ! --match-set {set} dst -j MARK --or-mark 1\n"
            )
        });
        format!("*filter\n{}COMMIT\n", each.collect::<String>())
    };
    with_both(Variant::Legacy, |both| {
        if let Err(error) = both.load_sets() {
            not_tested(error);
            return;
        }
        let rules = Pair::read(&rules(&["hosts", "halves", "nets"]), &rules(&["hosts6", "nets6"]));
        let tally = agree(both, &rules, &steps(&[Kind::Mixed], 1, 3_000));
        assert_eq!(tally.kinds["-m set"], [10, 10], "all are met");
    });
}

#[test]
fn a_run_is_the_same_for_the_same_seed() {
    let both = [steps(&[Kind::Tcp, Kind::Udp], 5, 100), steps(&[Kind::Tcp, Kind::Udp], 5, 100)];
    assert!(both[0] == both[1] && both[0].len() == 100);
    assert_ne!(both[0], steps(&[Kind::Tcp, Kind::Udp], 6, 100));
    assert_eq!(Pair::random(5), Pair::random(5));
    assert!(talks::describe(&both[0][0].packet).starts_with("IP"));
}
