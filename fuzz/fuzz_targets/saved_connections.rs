//! Arbitrary bytes as saved connections, in a right frame: never a panic, and what is taken over can be saved and taken over
//! again, also after packets, and ends when its time is over.
#![no_main]

use std::net::SocketAddr;

use libfuzzer_sys::fuzz_target;
use tctable::conntrack::SavedConnections;
use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType};
use tctable::time::Duration;
use tctable::{Config, Gateway};
use tctable_lab::packets::udp_packet;

/// More than an input of sensible length has.
const PLACES: usize = 1 << 20;

fuzz_target!(|input: &[u8]| {
    let Some(([bits], body)) = input.split_first_chunk() else { return };
    let mut saved = SavedConnections::default();
    if saved.read(1, &framed(body)).is_err() {
        assert!(saved.is_empty(), "what is refused changes nothing");
        return;
    }
    // Twice the same: the other time there is no room for its tuples.
    if bits & 1 != 0 {
        saved.read(2, &framed(body)).expect("as before");
    }
    let mut gateway = Gateway::new(config(*bits));
    if bits & 2 != 0 {
        pass(&mut gateway);
    }
    let (there, given) = (gateway.conntrack().count(), saved.len() as u64);
    let restored = gateway.restore_connections(saved);
    assert_eq!(restored.connections + restored.left_out, given);
    assert_eq!(gateway.conntrack().count() as u64, there as u64 + restored.connections);
    comes_back(&gateway, *bits);
    pass(&mut gateway);
    comes_back(&gateway, *bits);
    gateway.handle_timeout(gateway.now() + Duration::from_secs(1 << 33));
    assert_eq!(gateway.conntrack().count(), 0);
});

/// A version and a checksum for any body.
fn framed(body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u64).to_le_bytes();
    let whole = [b"tctconn1", &1u16.to_le_bytes()[..], &length, body].concat();
    let checksum = crc32c::crc32c(&whole).to_le_bytes();
    [&whole[..], &checksum].concat()
}

fn comes_back(gateway: &Gateway, bits: u8) {
    let (page, next) = gateway.save_connections(0, PLACES);
    assert_eq!(next, None);
    let mut saved = SavedConnections::default();
    saved.read(0, &page).expect("it was made by an engine");
    assert_eq!(saved.len(), gateway.conntrack().count());
    let mut other = Gateway::new(config(bits));
    other.restore_hosts(&gateway.snapshot_hosts()).expect("it was made by an engine");
    let restored = other.restore_connections(saved);
    assert_eq!((restored.connections, restored.left_out), (gateway.conntrack().count() as u64, 0));
}

fn config(bits: u8) -> Config {
    let mut config = Config::default();
    config.conntrack.max = if bits & 4 == 0 { 1000 } else { 8 };
    config.conntrack.checksum = bits & 8 != 0;
    config
}

/// Packets of a few connections in both directions.
fn pass(gateway: &mut Gateway) {
    let now = gateway.now();
    for (host, server) in [("10.0.0.1:1", "198.51.100.1:53"), ("[fd00::1]:1", "[2001:db8::1]:53")] {
        let [from, to]: [SocketAddr; 2] = [host, server].map(|end| end.parse().expect("an address"));
        for data in [udp_packet(from, to, b"?"), udp_packet(to, from, b"!")] {
            gateway.receive([Frame {
                time: now,
                device: DeviceId(0),
                direction: FrameDirection::Unknown,
                link: LinkType::Raw,
                wire_len: data.len() as u32,
                data: &data,
            }]);
        }
    }
}
