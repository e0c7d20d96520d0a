//! Everything that is not TCP: each is a few packets, or a stream of them, without a state to keep right.

use std::net::IpAddr;

use super::{
    frame::{Frame, Payload, Side},
    rng::{Rng, mix},
};

/// Microseconds between two echo requests.
const SECOND: u64 = 1_000_000;
/// What an echo carries, as `ping` sends it: 56 bytes.
const ECHO_BYTES: usize = 56;

/// A question to a name server, and its answer.
pub(super) struct Dns {
    pub route: [Side; 2],
    /// Microseconds until the answer, if one comes.
    pub answer_after: Option<u64>,
    pub asked: bool,
}

impl Dns {
    pub(super) fn step(&mut self, frame: &mut Frame) -> Option<u64> {
        let [client, server] = &self.route;
        let seed = mix(u64::from(client.port) << 32 | u64::from(server.port));
        let mut message = [0; 96];
        if self.asked {
            let len = answer(seed, client.ip.is_ipv6(), &mut message);
            frame.udp(server, client, Payload::whole(&message[..len]));
            return None;
        }
        let len = question(seed, client.ip.is_ipv6(), &mut message);
        frame.udp(client, server, Payload::whole(&message[..len]));
        self.asked = true;
        self.answer_after
    }
}

/// Writes a DNS query (RFC 1035 section 4.1) for `hXXXX.example.net`; returns its length.
fn question(seed: u64, ipv6: bool, message: &mut [u8; 96]) -> usize {
    let id = (seed as u16).to_be_bytes();
    message[..12].copy_from_slice(&[id[0], id[1], 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0]);
    message[12..31].copy_from_slice(b"\x05h0000\x07example\x03net\0");
    for (digit, at) in message[14..18].iter_mut().enumerate() {
        *at = b"0123456789abcdef"[(seed >> (16 + 4 * digit)) as usize & 15];
    }
    message[31..35].copy_from_slice(&[0, if ipv6 { 28 } else { 1 }, 0, 1]);
    35
}

/// Writes the answer to [`question`]: one address for the name.
fn answer(seed: u64, ipv6: bool, message: &mut [u8; 96]) -> usize {
    let asked = question(seed, ipv6, message);
    message[2..4].copy_from_slice(&[0x81, 0x80]);
    message[7] = 1;
    let (kind, len) = if ipv6 { (28, 16) } else { (1, 4) };
    message[asked..asked + 12].copy_from_slice(&[0xc0, 12, 0, kind, 0, 1, 0, 0, 1, 0x2c, 0, len]);
    let address = if ipv6 { [0x2a; 16] } else { [0x5d; 16] };
    message[asked + 12..][..usize::from(len)].copy_from_slice(&address[..usize::from(len)]);
    asked + 12 + usize::from(len)
}

/// Datagrams both ways, three to the client for each from it, as QUIC looks to anyone who has no key.
pub(super) struct Quic {
    pub route: [Side; 2],
    /// Packets still to send.
    pub left: u64,
    /// Packets sent.
    pub sent: u64,
    /// Mean microseconds between two packets.
    pub gap: u64,
}

impl Quic {
    pub(super) fn step(&mut self, rng: &mut Rng, frame: &mut Frame) -> Option<u64> {
        let [client, server] = &self.route;
        let id = mix(u64::from(client.port)).to_be_bytes();
        // RFC 9000: two Initials (section 17.2.2) padded to 1200 bytes (section 14.1), then short headers (section 17.3).
        let mut initial = [0; 18];
        initial[..6].copy_from_slice(&[0xc3, 0, 0, 0, 1, 8]);
        initial[6..14].copy_from_slice(&id);
        // No source id, no token, and the length of the rest as a two-byte integer.
        initial[14..18].copy_from_slice(&[0, 0, 0x44, 0x9e]);
        let mut short = [0x41; 9];
        short[1..].copy_from_slice(&id);
        let (from, to) = if self.sent == 0 || (self.sent > 1 && self.sent.is_multiple_of(4)) {
            (client, server)
        } else {
            (server, client)
        };
        let payload = match self.sent {
            0 | 1 => Payload { head: &initial, len: 1200 },
            _ if from.port == client.port => Payload { head: &short, len: rng.range(30, 90) as usize },
            _ => Payload { head: &short, len: rng.range(600, 1350) as usize },
        };
        frame.udp(from, to, payload);
        self.sent += 1;
        self.left = self.left.saturating_sub(1);
        (self.left > 0).then(|| rng.around(self.gap))
    }
}

/// Echo requests, a second apart, each with its reply.
pub(super) struct Echo {
    pub route: [Side; 2],
    /// Requests still to send.
    pub left: u16,
    /// The next request's sequence number.
    pub sequence: u16,
    /// Whether the last request waits for its reply.
    pub asked: bool,
    /// Microseconds until a reply.
    pub round_trip: u64,
}

impl Echo {
    pub(super) fn step(&mut self, frame: &mut Frame) -> Option<u64> {
        let [client, server] = &self.route;
        let rest = u32::from(client.port) << 16 | u32::from(self.sequence);
        let payload = Payload { head: &[], len: ECHO_BYTES };
        let (request, reply) = if client.ip.is_ipv6() { (128, 129) } else { (8, 0) };
        if !self.asked {
            frame.icmp(client, server, request, 0, rest, payload);
            self.asked = true;
            return Some(self.round_trip);
        }
        frame.icmp(server, client, reply, 0, rest, payload);
        self.asked = false;
        self.sequence = self.sequence.wrapping_add(1);
        self.left -= 1;
        (self.left > 0).then_some(SECOND)
    }
}

/// A datagram to a port where nobody listens, and the error that says so and quotes it.
pub(super) struct Unreachable {
    pub route: [Side; 2],
    pub asked: bool,
    /// Microseconds until the error.
    pub round_trip: u64,
}

impl Unreachable {
    pub(super) fn step(&mut self, frame: &mut Frame) -> Option<u64> {
        let [client, server] = &self.route;
        frame.udp(client, server, Payload::whole(&[0x55; 32]));
        if !self.asked {
            self.asked = true;
            return Some(self.round_trip);
        }
        let mut quoted = [0; 80];
        let len = frame.packet().len();
        quoted[..len].copy_from_slice(frame.packet());
        let (kind, code) = if client.ip.is_ipv6() { (1, 4) } else { (3, 3) };
        frame.icmp(server, client, kind, code, 0, Payload::whole(&quoted[..len]));
        None
    }
}

/// One datagram and nothing else.
pub(super) struct Stray {
    pub route: [Side; 2],
}

impl Stray {
    pub(super) fn step(&mut self, frame: &mut Frame) -> Option<u64> {
        frame.udp(&self.route[0], &self.route[1], Payload { head: &[], len: 120 });
        None
    }
}

/// The gateway asks who has an address, and its owner answers (RFC 826).
pub(super) struct Arp {
    pub gateway: Side,
    pub host: Side,
    pub asked: bool,
}

impl Arp {
    pub(super) fn step(&mut self, frame: &mut Frame) -> Option<u64> {
        let nobody = Side { mac: [0; 6], ..self.host };
        if !self.asked {
            self.asked = true;
            frame.ethernet(self.gateway.mac, [0xff; 6], 0x0806, &arp(1, &self.gateway, &nobody));
            return Some(300);
        }
        frame.ethernet(self.host.mac, self.gateway.mac, 0x0806, &arp(2, &self.host, &self.gateway));
        None
    }
}

fn arp(operation: u8, sender: &Side, target: &Side) -> [u8; 28] {
    let mut message = [0; 28];
    message[..8].copy_from_slice(&[0, 1, 8, 0, 6, 4, 0, operation]);
    for (side, at) in [(sender, 8), (target, 18)] {
        message[at..at + 6].copy_from_slice(&side.mac);
        if let IpAddr::V4(address) = side.ip {
            message[at + 6..at + 10].copy_from_slice(&address.octets());
        }
    }
    message
}
