//! Runs are the same for the same seed, and their packets are what they are meant to be.

use std::collections::HashMap;

use super::*;
use crate::{
    packets::{checksum_is_right, layout, protocol},
    step::Side,
};

const PACKETS: usize = 1_500;

#[test]
fn the_same_seed_gives_the_same_steps_and_another_gives_others() {
    for kind in Kind::ALL {
        let run = generate(kind, 7, PACKETS);
        assert_eq!(run.len(), PACKETS);
        assert_eq!(run, generate(kind, 7, PACKETS), "{kind}");
        assert_eq!(run[..100], generate(kind, 7, 100), "{kind}");
        assert_ne!(run, generate(kind, 8, PACKETS), "{kind}");
    }
}

#[test]
fn names_are_read_back() {
    for kind in Kind::ALL {
        assert_eq!(kind.to_string().parse(), Ok(kind));
    }
    let error = "tcpp".parse::<Kind>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "a kind of talk is one of tcp udp icmp sctp gre udplite generic fragments checksums helpers mixed"
    );
}

/// IP headers are right, destinations are across, hop counts are 64, no packet is too long for an Ethernet.
#[test]
fn every_packet_is_one_that_a_gateway_forwards() {
    for kind in Kind::ALL {
        for seed in 0..4 {
            let mut families = [0; 2];
            for step in generate(kind, seed, PACKETS) {
                let packet = &step.packet;
                let found = layout(packet).unwrap_or_else(|| panic!("{kind}: {packet:x?}"));
                assert!(places::is_on(places::across(step.side), found.dst), "{kind}: {}", describe(packet));
                assert!(packet.len() <= 1_520, "{kind}: {}", describe(packet));
                let v4 = packet[0] >> 4 == 4;
                families[usize::from(v4)] += 1;
                assert_eq!(if v4 { packet[8] } else { packet[7] }, 64);
                if v4 {
                    let header = usize::from(packet[0] & 15) * 4;
                    assert_eq!(crate::checksum::checksum(&packet[..header]), 0, "{kind}: {}", describe(packet));
                    assert!(packet[20..header].iter().all(|option| *option == 1));
                }
            }
            assert!(families.iter().all(|count| *count > PACKETS / 20), "{kind}: {families:?}");
        }
    }
}

/// How many packets of a run differ in length from what they say, and how many have a wrong checksum.
fn wrong(run: &[Step]) -> (usize, usize) {
    let whole = |step: &&Step| layout(&step.packet).is_some_and(|found| found.total_length == step.packet.len());
    let bad = run.iter().filter(whole).filter(|step| checksum_is_right(&step.packet) == Some(false));
    (run.iter().filter(|step| !whole(step)).count(), bad.count())
}

#[test]
fn lengths_and_checksums_are_wrong_only_where_they_are_meant_to_be() {
    for kind in Kind::ALL {
        let (lengths, checksums) = wrong(&generate(kind, 3, 4_000));
        assert!(lengths < 4_000 / 25, "{kind}: {lengths}");
        match kind {
            Kind::Tcp | Kind::Gre => assert_eq!(checksums, 0, "{kind}"),
            // Most are right for Linux, which is not what the standard says.
            Kind::UdpLite => assert!((2_500..3_900).contains(&checksums), "{checksums}"),
            Kind::Checksums => assert!((300..1_200).contains(&checksums), "{checksums}"),
            _ => assert!(checksums < 4_000 / 8, "{kind}: {checksums}"),
        }
    }
}

/// Every kind sends what it is named for.
#[test]
fn kinds_send_their_protocols() {
    let share = |kind, numbers: &[u8]| {
        let run = generate(kind, 5, PACKETS);
        let those = run.iter().filter(|step| numbers.contains(&layout(&step.packet).unwrap().protocol));
        those.count() * 100 / PACKETS
    };
    assert_eq!(share(Kind::Tcp, &[protocol::TCP]), 100);
    assert_eq!(share(Kind::Udp, &[protocol::UDP]), 100);
    assert_eq!(share(Kind::Sctp, &[protocol::SCTP]), 100);
    assert_eq!(share(Kind::Gre, &[protocol::GRE]), 100);
    assert_eq!(share(Kind::UdpLite, &[protocol::UDP_LITE]), 100);
    assert!(share(Kind::Icmp, &[protocol::ICMP, protocol::ICMPV6]) > 15);
    for number in [protocol::TCP, protocol::UDP, protocol::ICMP, protocol::ICMPV6, protocol::SCTP, protocol::GRE] {
        assert!(share(Kind::Mixed, &[number]) > 0, "{number}");
    }
    let fragments = generate(Kind::Fragments, 5, PACKETS);
    let cut = fragments.iter().filter(|step| layout(&step.packet).unwrap().fragment.is_some());
    assert!(cut.count() > PACKETS * 9 / 10);
}

#[test]
fn both_sides_speak() {
    for kind in Kind::ALL {
        let mut sides: HashMap<Side, usize> = HashMap::new();
        generate(kind, 2, PACKETS).iter().for_each(|step| *sides.entry(step.side).or_default() += 1);
        assert!(sides.len() == 2 && sides.values().all(|count| *count > PACKETS / 5), "{kind}: {sides:?}");
    }
}
