//! Arbitrary talks on a connection with a helper, cut or not: never a panic, no more expected than the policies allow,
//! and nothing is left when the connection ends.
#![no_main]

use std::net::IpAddr;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use tctable::conntrack::expect::Expectations;
use tctable::conntrack::helper::{Attached, Helpers, Keymap, Payload};
use tctable::conntrack::{ConnectionId, CtState, Direction};
use tctable::packet::{DeviceId, Family, Frame, FrameDirection, LinkType, PacketInfo, Tuple, protocol};
use tctable::time::{Duration, Instant};
use tctable::{Config, Gateway, HashKey};

const HELPERS: [(&str, u8); 6] = [
    ("ftp", protocol::TCP),
    ("tftp", protocol::UDP),
    ("sip", protocol::UDP),
    ("sip", protocol::TCP),
    ("irc", protocol::TCP),
    ("pptp", protocol::TCP),
];
const NOW: Instant = Instant::from_secs(1_700_000_000);
const MAX: u32 = 8;

fuzz_target!(|input: &[u8]| {
    let Some(([kind, family], mut rest)) = input.split_first_chunk() else { return };
    let (name, proto) = HELPERS[usize::from(*kind) % HELPERS.len()];
    let family = if family & 1 == 0 { Family::V4 } else { Family::V6 };
    let helpers = Helpers::default();
    let Some(helper) = helpers.find(name, family, proto) else { return };
    let port = helper.default_ports()[0];

    let mut expectations = Expectations::new(MAX, HashKey::default());
    let mut keymap = Keymap::new(MAX, HashKey::default());
    // Two talks in turns, so that what they expect may meet.
    let mut talks = masters().map(|master| {
        let original = tuple(family, proto, port);
        let tuples = [original, original.inverted().expect("ports turn round")];
        (master, tuples, Attached::new(helper.clone()), [0u32; 2])
    });
    let mut now = NOW;
    while let Some((head, after)) = rest.split_first_chunk::<5>() {
        let [bits, cut, wait, high, low] = *head;
        let (bytes, after) = after.split_at(after.len().min(u16::from_be_bytes([high, low]).into()));
        rest = after;
        now += Duration::from_secs(wait.into());
        let (master, tuples, attached, sequences) = &mut talks[usize::from(bits & 1)];
        let direction = if bits & 2 == 0 { Direction::Original } else { Direction::Reply };
        let sequence = &mut sequences[direction as usize];
        let wire_len = bytes.len() as u32 + if bits & 4 == 0 { 0 } else { cut.into() };
        let payload = Payload {
            now,
            direction,
            tuples,
            state: if bits & 8 == 0 { CtState::Established } else { CtState::New },
            expected: bits & 16 != 0,
            sequence: *sequence,
            bytes,
            wire_len,
        };
        if bits & 32 == 0 {
            *sequence = sequence.wrapping_add(wire_len);
        }
        attached.packet(&payload, *master, 0, &mut expectations, &mut keymap);

        assert!(expectations.len() <= MAX as usize && keymap.len() <= MAX as usize);
        for (class, policy) in helper.policies().iter().enumerate() {
            let expected =
                expectations.of_master(*master).filter(|expectation| usize::from(expectation.class) == class);
            assert!(expected.count() <= policy.max_expected as usize);
        }
        for expectation in expectations.iter() {
            assert!(expectation.deadline > now && expectation.tuple.family == family);
            assert!(expectations.find(now, &expectation.tuple, 0) == Some(expectation));
            let _ = tctable::text::expectation(expectation, now).to_string();
        }
        let statistics = expectations.statistics();
        assert_eq!(statistics.create - statistics.delete, expectations.len() as u64);
        let first = expectations.iter().next().copied();
        if let Some(first) = first.filter(|_| bits & 64 != 0) {
            expectations.take(now, &first.tuple, 0, |_| true);
        }
    }
    for (master, tuples, attached, _) in talks {
        attached.end(now, &tuples, master, 0, &mut expectations, &mut keymap);
    }
    assert!(expectations.is_empty() && keymap.is_empty());
    assert_eq!(expectations.next_timeout(), None);
});

/// Names of two connections, which only a gateway gives.
fn masters() -> [ConnectionId; 2] {
    static MASTERS: OnceLock<[ConnectionId; 2]> = OnceLock::new();
    *MASTERS.get_or_init(|| {
        let mut gateway = Gateway::new(Config::default());
        let packets = [1, 2].map(|number| packet(Family::V4, 253, number));
        gateway.receive(packets.iter().map(|packet| frame(packet)));
        let ids: Vec<ConnectionId> = gateway.conntrack().iter().map(|(id, _)| id).collect();
        [ids[0], ids[1]]
    })
}

/// The tuple of a client's packet to a server.
fn tuple(family: Family, proto: u8, port: u16) -> Tuple {
    let packet = packet(family, 253, 1);
    let mut tuple = PacketInfo::read(&frame(&packet)).expect("a packet that was made here").tuple;
    tuple.protocol = proto;
    tuple.source_port = 20_000;
    tuple.destination_port = port;
    tuple
}

/// A packet from 10.1.0.1 or fd01::1 to that number in the network beside.
fn packet(family: Family, proto: u8, number: u8) -> Vec<u8> {
    let ip = |text: &str| -> Vec<u8> {
        match text.parse().expect("an address") {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        }
    };
    match family {
        Family::V4 => {
            let header = [0x45, 0, 0, 20, 0, 0, 0, 0, 64, proto, 0, 0];
            [&header[..], &ip("10.1.0.1"), &ip(&format!("10.2.0.{number}"))].concat()
        }
        Family::V6 => {
            let header = [0x60, 0, 0, 0, 0, 0, proto, 64];
            [&header[..], &ip("fd01::1"), &ip(&format!("fd02::{number}"))].concat()
        }
    }
}

fn frame(packet: &[u8]) -> Frame<'_> {
    Frame {
        time: NOW,
        device: DeviceId(0),
        direction: FrameDirection::Unknown,
        link: LinkType::Raw,
        wire_len: packet.len() as u32,
        data: packet,
    }
}
