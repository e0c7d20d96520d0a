use std::net::IpAddr;

use crate::kernel::OWN_ADDRESSES;
use crate::packets::{Tcp, flags, icmp_echo, icmpv6_echo, ip, protocol, tcp_packet, udp_packet};
use crate::rng::Rng;
use crate::step::{Side, Step};
use crate::talks::{self, Kind};

/// Random packets of several kinds, one kind after the other, of about the same number each: those that [`takes`] takes.
/// One in sixteen is for the gateway itself.
pub fn steps(kinds: &[Kind], seed: u64, packets: usize) -> Vec<Step> {
    let mut rng = Rng::new(seed);
    let mut steps: Vec<Step> = (0..packets / 16).map(|_| for_gateway(&mut rng)).collect();
    let each = (packets - steps.len()).div_ceil(kinds.len().max(1));
    for kind in kinds {
        let wanted = each.min(packets - steps.len());
        // Some are not taken.
        let talks = talks::generate(*kind, seed, wanted + wanted / 3 + 8).into_iter().filter(takes);
        steps.extend(talks.take(wanted));
    }
    steps
}

/// A packet for the gateway itself.
fn for_gateway(rng: &mut Rng) -> Step {
    let side = rng.pick(&[Side::Left, Side::Right]);
    let to = rng.pick(&OWN_ADDRESSES);
    let (net, host) = (if side == Side::Left { 11 } else { 22 }, rng.below(4));
    let from: IpAddr = match to {
        IpAddr::V4(_) => format!("10.{net}.1.{}", 10 + host),
        IpAddr::V6(_) => format!("fd00:{net}::1:{:x}", 0x10 + host),
    }
    .parse()
    .expect("it is one");
    let ports = [(from, 1_024 + rng.below(12) as u16).into(), (to, rng.pick(&[22, 53, 80, 443])).into()];
    let packet = match rng.below(3) {
        0 => udp_packet(ports[0], ports[1], b"hello"),
        1 => {
            let flags = rng.pick(&[flags::SYN, flags::ACK, flags::RST]);
            tcp_packet(ports[0], ports[1], &Tcp { seq: 100, ack: 7, flags, ..Tcp::default() }, b"")
        }
        _ => {
            let (id, number) = (rng.below(4) as u16, rng.below(9) as u16);
            match (from, to) {
                (IpAddr::V6(src), IpAddr::V6(dst)) => {
                    ip(from, to, protocol::ICMPV6, &icmpv6_echo(src, dst, false, id, number, b"ping"))
                }
                _ => ip(from, to, protocol::ICMP, &icmp_echo(false, id, number, b"ping")),
            }
        }
    };
    Step { side, packet }
}

/// Whether a packet's way is the same in a router that looks at routes: from its own side to the other, and far enough.
pub fn takes(step: &Step) -> bool {
    let Step { side, packet } = step;
    let (own, other): (u8, u8) = match side {
        Side::Left => (11, 22),
        Side::Right => (22, 11),
    };
    match packet.first().map(|first| first >> 4) {
        Some(4) => packet.len() >= 20 && packet[8] > 1 && packet[12..14] == [10, own] && packet[16..18] == [10, other],
        Some(6) => {
            let net = |nth: u8| [0xfd, 0, 0, if nth == 11 { 0x11 } else { 0x22 }, 0, 0, 0, 0];
            packet.len() >= 40 && packet[7] > 1 && packet[8..16] == net(own) && packet[24..32] == net(other)
        }
        _ => false,
    }
}
