//! What rules do.

use tctable_lab::packets::{Tcp, flags};

use super::super::Effect;
use super::stage::*;
use crate::conntrack::{Changes, CtState};
use crate::hook::{Ct, Template, Verdict};
use crate::packet::Family;
use crate::ruleset::{ConnmarkTarget, CtTarget, Log, MarkChange, Nfqueue, RejectWith, Target, TtlChange, TtlMatch};
use crate::ruleset::{Match, Not};

#[test]
fn verdicts() {
    for family in FAMILIES {
        let bytes = udp(family);
        let unreachable = match family {
            Family::V4 => RejectWith::PortUnreachable,
            Family::V6 => RejectWith::PortUnreachable6,
        };
        for (target, verdict) in [
            (Target::None, Verdict::Accept),
            (Target::Accept, Verdict::Accept),
            (Target::Drop, Verdict::DROP),
            (Target::Queue, Verdict::Queue { number: 0, bypass: false }),
            (Target::Reject(unreachable), Verdict::DROP),
        ] {
            let mut stage = Stage::new();
            let rejects = matches!(target, Target::Reject(_));
            assert_eq!(stage.apply(target, &mut forwarded(&bytes)), verdict);
            assert_eq!(matches!(stage.effects[..], [Effect::Reject(_)]), rejects);
        }
    }
}

#[test]
fn a_queue_is_named_or_shared_by_both_directions() {
    for family in FAMILIES {
        let apply = |count, bypass, bytes: &[u8]| {
            let target = Target::Nfqueue(Nfqueue { first: 100, count, bypass, fanout: false });
            match Stage::new().apply(target, &mut forwarded(bytes)) {
                Verdict::Queue { number, bypass } => (number, bypass),
                other => panic!("{other:?}"),
            }
        };
        for bypass in [false, true] {
            assert_eq!(apply(1, bypass, &udp(family)), (100, bypass));
        }
        assert_eq!(apply(8, false, &udp(family)), apply(8, false, &udp_answer(family)));
        let [client, server] = ends(family);
        let mut seen = [0; 8];
        for port in 0..64u16 {
            // By addresses: a port makes no difference.
            let from = std::net::SocketAddr::new(client.ip(), port);
            assert_eq!(
                apply(8, false, &tctable_lab::packets::udp_packet(from, server, b"")),
                apply(8, false, &udp(family))
            );
            let other = match family {
                Family::V4 => std::net::IpAddr::from([10, 0, 0, port as u8]),
                Family::V6 => std::net::IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, port]),
            };
            let (number, _) = apply(8, false, &tctable_lab::packets::udp_packet((other, 1).into(), server, b""));
            seen[usize::from(number) - 100] += 1;
        }
        assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
    }
}

#[test]
fn a_mark_is_cleared_under_the_mask_and_turned_by_the_value() {
    let bytes = udp(Family::V4);
    let mut packet = forwarded(&bytes);
    packet.mark = 0xff00_00ff;
    Stage::new().apply(Target::Mark(MarkChange { value: 0x0000_0f01, mask: 0x0000_00f0 }), &mut packet);
    assert_eq!(packet.mark, 0xff00_0f0e);
    Stage::new().apply(Target::Mark(MarkChange { value: 5, mask: u32::MAX }), &mut packet);
    assert_eq!(packet.mark, 5);
}

/// The packet's mark and its connection's after a target, where they were 0x00ff and 0x3300.
fn connmark(target: ConnmarkTarget, confirmed: bool, family: Family) -> (u32, u32, usize) {
    let bytes = udp(family);
    let (mut stage, mut packet) = (Stage::new(), forwarded(&bytes));
    stage.track(&mut packet);
    stage.apply(Target::Connmark(ConnmarkTarget::Set(MarkChange { value: 0x3300, mask: u32::MAX })), &mut packet);
    assert!(stage.effects.is_empty(), "nobody knows it yet");
    if confirmed {
        stage.confirm(&mut packet);
    }
    packet.mark = 0x00ff;
    assert_eq!(stage.apply(Target::Connmark(target), &mut packet), Verdict::Accept);
    let mark = packet.connection(&stage.conntrack).expect("a connection").0.mark();
    let id = packet.connection_id(&stage.conntrack);
    assert!(stage.effects.iter().all(|effect| matches!(effect, Effect::Marked(own) if Some(*own) == id)));
    (packet.mark, mark, stage.effects.len())
}

#[test]
fn connmark_sets_saves_and_restores() {
    for family in FAMILIES {
        for confirmed in [false, true] {
            let told = usize::from(confirmed);
            let set = ConnmarkTarget::Set(MarkChange { value: 0x0011, mask: 0x0300 });
            assert_eq!(connmark(set, confirmed, family), (0x00ff, 0x3011, told));
            let save = ConnmarkTarget::Save { ct_mask: 0x0f00, nf_mask: 0x000f };
            assert_eq!(connmark(save, confirmed, family), (0x00ff, 0x300f, told));
            let restore = ConnmarkTarget::Restore { ct_mask: 0x0f00, nf_mask: 0x000f };
            assert_eq!(connmark(restore, confirmed, family), (0x03f0, 0x3300, 0));
            // What stays as it is is no event.
            let same = ConnmarkTarget::Set(MarkChange { value: 0x3300, mask: u32::MAX });
            assert_eq!(connmark(same, confirmed, family), (0x00ff, 0x3300, 0));
        }
    }
}

#[test]
fn connmark_leaves_a_packet_without_a_connection_alone() {
    let bytes = udp(Family::V4);
    let mut packet = forwarded(&bytes);
    packet.mark = 7;
    Stage::new().apply(Target::Connmark(ConnmarkTarget::Restore { ct_mask: u32::MAX, nf_mask: u32::MAX }), &mut packet);
    assert_eq!(packet.mark, 7);
}

fn ct(target: CtTarget) -> Target {
    Target::Ct(Box::new(target))
}

#[test]
fn ct_lays_down_what_the_connection_will_have() {
    for family in FAMILIES {
        let bytes = tcp(family, &tctable_lab::packets::Tcp::default());
        let mut packet = forwarded(&bytes);
        let target = CtTarget {
            notrack: false,
            zone: Some(7),
            helper: Some("ftp".into()),
            events: Some(Changes::NEW.bits() | Changes::MARK.bits() | 1 << 8),
        };
        Stage::new().apply(ct(target), &mut packet);
        let expected =
            Template { notrack: false, zone: Some(7), helper: Some("ftp"), events: Some(Changes::NEW | Changes::MARK) };
        assert_eq!(packet.template.as_deref(), Some(&expected));
        // A helper of another protocol is none.
        let bytes = udp(family);
        let mut packet = forwarded(&bytes);
        Stage::new().apply(ct(CtTarget { helper: Some("ftp".into()), ..CtTarget::default() }), &mut packet);
        assert_eq!(packet.template.as_deref(), Some(&Template::default()));
    }
}

#[test]
fn what_is_laid_down_first_stays() {
    let untracked = Template { notrack: true, ..Template::default() };
    let zone = |zone| CtTarget { zone: Some(zone), ..CtTarget::default() };
    let bytes = udp(Family::V4);
    for notrack in [Target::Notrack, ct(CtTarget { notrack: true, ..CtTarget::default() })] {
        let mut packet = forwarded(&bytes);
        for target in [notrack.clone(), ct(zone(1))] {
            Stage::new().apply(target, &mut packet);
            assert_eq!((packet.template.as_deref(), packet.state()), (Some(&untracked), CtState::Untracked));
        }
        let mut packet = forwarded(&bytes);
        for target in [ct(zone(1)), notrack, ct(zone(2))] {
            Stage::new().apply(target, &mut packet);
            assert_eq!(packet.template.as_deref(), Some(&Template { zone: Some(1), ..Template::default() }));
        }
        // A packet that has a connection keeps it.
        let (mut stage, mut packet) = (Stage::new(), forwarded(&bytes));
        stage.track(&mut packet);
        stage.apply(Target::Notrack, &mut packet);
        assert!(packet.template.is_none() && matches!(packet.tracking.connection, Ct::New(_)));
    }
}

#[test]
fn a_class_is_the_packets_priority() {
    let bytes = udp(Family::V4);
    let mut packet = forwarded(&bytes);
    assert_eq!(Stage::new().apply(Target::Classify(0x0001_0002), &mut packet), Verdict::Accept);
    assert_eq!(packet.priority, 0x0001_0002);
}

#[test]
fn edits_are_seen_by_the_rules_that_follow() {
    for family in FAMILIES {
        let bytes = udp(family);
        let mut packet = forwarded(&bytes);
        let mut stage = Stage::new();
        stage.apply(Target::Ttl(TtlChange::Set(33)), &mut packet);
        assert!(stage.holds(Match::Ttl(TtlMatch::Equal(33)), &mut packet));
    }
    let bytes = udp(Family::V4);
    let mut packet = forwarded(&bytes);
    let mut stage = Stage::new();
    stage.apply(Target::Dscp(46), &mut packet);
    assert!(stage.holds(Match::Dscp(Not::plain(46)), &mut packet));
}

#[test]
fn what_is_logged_goes_on() {
    let bytes = udp(Family::V4);
    let mut stage = Stage::new();
    let log = Log { level: 4, prefix: "seen ".into(), flags: 0 };
    assert_eq!(stage.apply(Target::Log(Box::new(log)), &mut forwarded(&bytes)), Verdict::Accept);
    assert!(matches!(&stage.effects[..], [Effect::Log(record)] if &*record.prefix == "seen "));
}

#[test]
fn a_syn_announces_no_more_than_the_mtu_lets_pass() {
    for (family, length) in [(Family::V4, 960), (Family::V6, 940)] {
        let syn = Tcp { flags: flags::SYN, options: vec![2, 4, 5, 180], ..Tcp::default() };
        let bytes = tcp(family, &syn);
        for (target, expected) in [(Target::Tcpmss(None), length), (Target::Tcpmss(Some(500)), 500)] {
            let mut packet = forwarded(&bytes);
            assert_eq!(Stage::new().apply(target, &mut packet), Verdict::Accept);
            let at = packet.data().len() - 2;
            assert_eq!(packet.data()[at..], u16::to_be_bytes(expected));
        }
        // A header that cannot be is dropped.
        let bytes = raw(family, 6, &[0; 20]);
        assert_eq!(Stage::new().apply(Target::Tcpmss(Some(500)), &mut forwarded(&bytes)), Verdict::DROP);
    }
}
