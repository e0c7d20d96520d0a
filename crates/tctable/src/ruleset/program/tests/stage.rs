//! Rule sets, packets and connections for the tests.

use std::net::{IpAddr, SocketAddr};

use tctable_lab::packets::{Tcp, ip, protocol, tcp_packet, udp_packet};

use super::super::{CompiledSets, Effect, Env, Program};
use crate::HashKey;
use crate::conntrack::helper::Helpers;
use crate::conntrack::{Attached, Config, Conntrack, Counter};
use crate::hook::{Ct, Devices, Hook, PacketBuf, Tracking, Verdict};
use crate::packet::{Address, DeviceId, Family, Frame, FrameDirection, LinkType, PacketInfo};
use crate::ruleset::{
    Base, Chain, DevicePattern, Header, Masked, Match, Not, Policy, PortRange, Rule, Ruleset, Table, TableName, Target,
};
use crate::table::Random;
use crate::time::Instant;

pub(super) const NOW: Instant = Instant::from_secs(1_700_000_000);
pub(super) const FAMILIES: [Family; 2] = [Family::V4, Family::V6];
pub(super) const ETH0: DeviceId = DeviceId(0);
pub(super) const ETH1: DeviceId = DeviceId(1);

/// What is there beside the rules.
pub(super) struct Stage {
    pub(super) conntrack: Conntrack,
    pub(super) devices: Devices,
    pub(super) random: Random,
    pub(super) effects: Vec<Effect>,
    pub(super) now: Instant,
}

impl Stage {
    pub(super) fn new() -> Stage {
        let config = Config { checksum: false, ..Config::default() };
        let mut devices = Devices::default();
        devices.set(ETH0, "eth0");
        devices.set(ETH1, "eth1");
        Stage {
            conntrack: Conntrack::new(config, Helpers::default(), HashKey([1, 2]), 3),
            devices,
            random: Random::new(7),
            effects: Vec::new(),
            now: NOW,
        }
    }

    pub(super) fn run(
        &mut self,
        program: &mut Program,
        table: TableName,
        hook: Hook,
        packet: &mut PacketBuf<'_>,
    ) -> Verdict {
        let mut env = Env {
            now: self.now,
            conntrack: &mut self.conntrack,
            devices: &self.devices,
            random: &mut self.random,
            effects: &mut self.effects,
            utc_offset: 0,
            own: None,
            mtu: 1000,
        };
        program.run(table, hook, packet, &mut env)
    }

    /// Tracks a packet, as the road does before `mangle` and `filter`.
    pub(super) fn track(&mut self, packet: &mut PacketBuf<'_>) {
        let tuple = packet.info().tuple;
        let hash = self.conntrack.hash(&tuple);
        let found = self.conntrack.search(hash, &tuple);
        let tracked = self.conntrack.track(self.now, packet.packet().as_packet(), found);
        let mut begun = None;
        packet.tracking = match tracked.attached {
            Attached::New => {
                let new = self.conntrack.begin(self.now, packet.packet().as_packet(), hash, true, &mut begun);
                match new.map(|new| new.state()) {
                    Ok(state) => {
                        let connection = begun.map_or(Ct::None, |new| Ct::New(Box::new(new)));
                        Tracking { state, connection, ..Tracking::NONE }
                    }
                    Err(_) => Tracking::NONE,
                }
            }
            Attached::Confirmed(place) => Tracking {
                state: tracked.state,
                direction: tracked.direction,
                connection: Ct::Confirmed(place),
                ..Tracking::NONE
            },
            Attached::None => Tracking { state: tracked.state, ..Tracking::NONE },
        };
    }

    /// Puts the connection that begins with a packet into the table.
    pub(super) fn confirm(&mut self, packet: &mut PacketBuf<'_>) {
        if let Ct::New(unconfirmed) = &mut packet.tracking.connection {
            let place = self.conntrack.confirm(unconfirmed).expect("it is alone");
            packet.tracking.connection = Ct::Confirmed(place);
        }
    }

    /// A packet that was tracked and confirmed.
    pub(super) fn pass(&mut self, bytes: &[u8]) {
        let mut packet = forwarded(bytes);
        self.track(&mut packet);
        self.confirm(&mut packet);
    }

    /// Whether a rule with that one match, and with what it needs of the header, holds for a packet.
    pub(super) fn holds(&mut self, asked: Match, packet: &mut PacketBuf<'_>) -> bool {
        self.outcome(asked, packet).expect("no packet to be dropped at once")
    }

    /// The same; `None` where the packet is dropped at once.
    pub(super) fn outcome(&mut self, asked: Match, packet: &mut PacketBuf<'_>) -> Option<bool> {
        let rule = rule(Header::default(), vec![asked], Target::Drop);
        self.rule_outcome(rule, packet)
    }

    /// Whether a rule holds for a packet; `None` where that is dropped at once.
    pub(super) fn rule_outcome(&mut self, rule: Rule, packet: &mut PacketBuf<'_>) -> Option<bool> {
        let mut program = one(packet.info().tuple.family, vec![chain(Hook::Forward, vec![rule])]);
        let verdict = self.run(&mut program, TableName::Filter, Hook::Forward, packet);
        match (verdict, hits(&program, packet.info().tuple.family, 0)[0]) {
            (Verdict::DROP, 1) => Some(true),
            (Verdict::DROP, 0) => None,
            (Verdict::Accept, 0) => Some(false),
            other => panic!("{other:?}"),
        }
    }

    /// Runs one rule with a target over a packet.
    pub(super) fn apply(&mut self, target: Target, packet: &mut PacketBuf<'_>) -> Verdict {
        let mut program = one(packet.info().tuple.family, vec![chain(Hook::Forward, vec![to(target)])]);
        self.run(&mut program, TableName::Filter, Hook::Forward, packet)
    }
}

/// A packet as the road has it at FORWARD: from eth0 to eth1.
pub(super) fn forwarded(data: &[u8]) -> PacketBuf<'_> {
    cut(data, data.len())
}

/// The same, of which the capture kept so much.
pub(super) fn cut(data: &[u8], kept: usize) -> PacketBuf<'_> {
    let (direction, link) = (FrameDirection::Unknown, LinkType::Raw);
    let frame = Frame { time: NOW, device: ETH0, direction, link, wire_len: data.len() as u32, data: &data[..kept] };
    let mut packet = PacketBuf::new(frame, PacketInfo::read(&frame).expect("an IP packet"));
    (packet.input, packet.output) = (Some(ETH0), Some(ETH1));
    packet
}

/// Client and server.
pub(super) fn ends(family: Family) -> [SocketAddr; 2] {
    let [client, server] = match family {
        Family::V4 => ["192.168.0.7:40000", "198.51.100.1:80"],
        Family::V6 => ["[fd00::7]:40000", "[2001:db8::1]:80"],
    };
    [client.parse().expect("an address"), server.parse().expect("an address")]
}

pub(super) fn udp(family: Family) -> Vec<u8> {
    let [client, server] = ends(family);
    udp_packet(client, server, b"question")
}

pub(super) fn udp_answer(family: Family) -> Vec<u8> {
    let [client, server] = ends(family);
    udp_packet(server, client, b"answer")
}

pub(super) fn tcp(family: Family, header: &Tcp) -> Vec<u8> {
    let [client, server] = ends(family);
    tcp_packet(client, server, header, b"")
}

/// A packet of any protocol with what is behind the IP header.
pub(super) fn raw(family: Family, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let [client, server] = ends(family);
    ip(client.ip(), server.ip(), protocol, payload)
}

pub(super) const UDP: u8 = protocol::UDP;

pub(super) fn rule(header: Header, matches: Vec<Match>, target: Target) -> Rule {
    Rule { header, matches, target, counter: Counter::default(), line: 0 }
}

pub(super) fn to(target: Target) -> Rule {
    rule(Header::default(), Vec::new(), target)
}

/// A built-in chain that accepts at its end.
pub(super) fn chain(hook: Hook, rules: Vec<Rule>) -> Chain {
    let base = Base { hook, policy: Policy::Accept, counter: Counter::default() };
    Chain { name: hook.chain().into(), base: Some(base), rules }
}

pub(super) fn user(name: &str, rules: Vec<Rule>) -> Chain {
    Chain { name: name.into(), base: None, rules }
}

pub(super) fn ruleset(family: Family, name: TableName, chains: Vec<Chain>) -> Ruleset {
    Ruleset { family, tables: vec![Table { name, chains }] }
}

pub(super) fn program(ruleset: Ruleset) -> Program {
    let (v4, v6) = match ruleset.family {
        Family::V4 => (Some(ruleset), None),
        Family::V6 => (None, Some(ruleset)),
    };
    Program::new(v4, v6, CompiledSets::default())
}

/// A program with the table `filter` alone.
pub(super) fn one(family: Family, chains: Vec<Chain>) -> Program {
    program(ruleset(family, TableName::Filter, chains))
}

pub(super) fn rules_of(program: &Program, family: Family) -> &Ruleset {
    let (v4, v6) = program.rulesets();
    match family {
        Family::V4 => v4.expect("rules for IPv4"),
        Family::V6 => v6.expect("rules for IPv6"),
    }
}

/// The packets that each rule of the first table's chain has counted.
pub(super) fn hits(program: &Program, family: Family, chain: usize) -> Vec<u64> {
    let rules = &rules_of(program, family).tables[0].chains[chain].rules;
    rules.iter().map(|rule| rule.counter.packets).collect()
}

/// A prefix, such as `10.0.0.0/8`.
pub(super) fn prefix(text: &str) -> Not<Masked> {
    let (address, length) = text.split_once('/').expect("a prefix");
    let (ip, length): (IpAddr, u32) = (address.parse().expect("an address"), length.parse().expect("a length"));
    let mask = match ip {
        IpAddr::V4(_) => Address::from_v4_bits(u32::MAX.checked_shl(32 - length).unwrap_or_default()),
        IpAddr::V6(_) => Address::from_v6_bits(u128::MAX.checked_shl(128 - length).unwrap_or_default()),
    };
    Not::plain(Masked { address: ip.into(), mask })
}

pub(super) fn ports(first: u16, last: u16) -> Not<PortRange> {
    Not::plain(PortRange { first, last })
}

pub(super) fn not<T>(asked: Not<T>) -> Not<T> {
    Not { negated: !asked.negated, value: asked.value }
}

pub(super) fn device(pattern: &str) -> Not<DevicePattern> {
    let (name, wildcard) = match pattern.strip_suffix('+') {
        Some(name) => (name, true),
        None => (pattern, false),
    };
    Not::plain(DevicePattern { name: name.into(), wildcard })
}
