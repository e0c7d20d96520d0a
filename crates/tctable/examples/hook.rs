//! A function at a hook: it drops what goes to port 23, and marks what goes to port 443.
//!
//! `cargo run -p tctable --example hook`

use tctable::gateway::Passing;
use tctable::hook::{Families, Hook, Verdict, priority};
use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType};
use tctable::time::Instant;
use tctable::{Config, Gateway};

fn main() {
    // Checksums are not looked at: the packets below have none.
    let mut config = Config::default();
    config.conntrack.checksum = false;
    let mut gateway = Gateway::new(config);

    // It sees every packet that is forwarded, right before the table `filter` would.
    let no_telnet = |passing: &mut Passing<'_, '_>| {
        match passing.packet.info().tuple.destination_port {
            23 => return Verdict::DROP,
            443 => passing.packet.mark = 1,
            _ => {}
        }
        Verdict::Accept
    };
    let handle = gateway.register_hook(Hook::Forward, priority::FILTER, Families::Both, no_telnet);

    for port in [23, 443] {
        gateway.receive([frame(&syn(port))]);
    }
    println!("{} packet dropped", gateway.totals().unaccounted.dropped.packets);
    println!("{} connection open", gateway.conntrack().count());

    // It can go at any time; the next packet passes.
    gateway.unregister_hook(handle);
    gateway.receive([frame(&syn(23))]);
    println!("{} connections open", gateway.conntrack().count());
}

/// An IP packet as a TUN device would hand it over.
fn frame(packet: &[u8]) -> Frame<'_> {
    Frame {
        time: Instant::from_secs(1),
        device: DeviceId(0),
        direction: FrameDirection::Inbound,
        link: LinkType::Raw,
        wire_len: packet.len() as u32,
        data: packet,
    }
}

/// A TCP SYN from 192.168.0.7 to 198.51.100.1.
fn syn(port: u16) -> Vec<u8> {
    let mut packet = vec![0; 40];
    packet[..20].copy_from_slice(&[0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 192, 168, 0, 7, 198, 51, 100, 1]);
    packet[20..22].copy_from_slice(&40_000u16.to_be_bytes());
    packet[22..24].copy_from_slice(&port.to_be_bytes());
    (packet[32], packet[33]) = (0x50, 0x02);
    packet
}
