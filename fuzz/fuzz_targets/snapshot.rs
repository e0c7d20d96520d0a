//! Arbitrary bytes as a snapshot of the host table, with and without a right frame around them: never a panic, refused ones
//! change nothing, and what is taken over comes back, also after more has happened.
#![no_main]

use std::net::SocketAddr;

use libfuzzer_sys::fuzz_target;
use tctable::account::{Group, Groups, HardMark, Limits, MacAddress, Member, OverQuota, Period, Quota};
use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType};
use tctable::time::{Duration, Instant};
use tctable::{Config, Gateway};
use tctable_lab::packets::udp_packet;

const HOSTS: [&str; 4] = ["10.0.0.1:1", "10.0.0.2:2", "[fd00::1]:1", "[fd00::2]:2"];
const SERVERS: [&str; 2] = ["198.51.100.1:53", "[2001:db8::1]:53"];

fuzz_target!(|input: &[u8]| {
    let Some(([bits], bytes)) = input.split_first_chunk() else { return };
    let mut gateway = Gateway::new(config(*bits));
    let start = Instant::from_secs(1_700_000_000);
    if bits & 1 != 0 {
        pass(&mut gateway, start, bits.wrapping_mul(37));
        gateway.handle_timeout(start + Duration::from_secs(40));
    }
    let before = gateway.snapshot_hosts();
    let bytes = if bits & 2 == 0 { bytes.to_vec() } else { framed(bytes) };
    if gateway.restore_hosts(&bytes).is_err() {
        assert_eq!(gateway.snapshot_hosts(), before, "what is refused changes nothing");
        return;
    }
    comes_back(&gateway, *bits);
    let now = gateway.now() + Duration::from_secs((bits >> 2).into());
    pass(&mut gateway, now, *bits);
    let _ = (
        gateway.groups().count(),
        gateway.zero_group("all"),
        gateway.zero_host("10.0.0.1".parse().expect("an address")),
    );
    comes_back(&gateway, *bits);
    gateway.handle_timeout(now + Duration::from_secs(100_000));
    assert!(gateway.hosts().is_empty());
    comes_back(&gateway, *bits);
});

/// A version and a checksum for any body.
fn framed(body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u64).to_le_bytes();
    let whole = [b"tcthosts", &1u16.to_le_bytes()[..], &length, body].concat();
    let checksum = crc32c::crc32c(&whole).to_le_bytes();
    [&whole[..], &checksum].concat()
}

fn comes_back(gateway: &Gateway, bits: u8) {
    let snapshot = gateway.snapshot_hosts();
    let mut other = Gateway::new(config(bits));
    other.restore_hosts(&snapshot).expect("it was made by an engine");
    assert_eq!(other.snapshot_hosts(), snapshot);
}

fn config(bits: u8) -> Config {
    let mut config = Config::default();
    config.hosts.max = 100;
    if bits & 4 != 0 {
        return config;
    }
    let hard = Some(HardMark { bytes: 100_000, verdict: OverQuota::Drop });
    let quota = Some(Quota { period: Period::Day, soft: Some(1_000), hard });
    let prefix = |text: &str| Member::Prefix(text.parse().expect("a prefix"));
    let part =
        |name: &str, members: Vec<Member>| Group { parent: Some("all".into()), members, quota, ..Group::new(name) };
    let all = Group { limits: Limits { connections: 9, new_connections: 9 }, quota, ..Group::new("all") };
    let groups = vec![
        part("a", vec![prefix("10.0.0.1/32"), prefix("fd00::1/128")]),
        part("b", vec![prefix("10.0.0.0/8"), Member::Mac(MacAddress([2; 6]))]),
        all,
    ];
    config.hosts.groups = Groups::new(groups).expect("they make sense");
    config.hosts.quota = quota;
    config.hosts.max_new_connections = 9;
    (config.hosts.rates, config.hosts.links) = (bits & 8 != 0, bits & 16 != 0);
    config
}

/// Some packets of each host.
fn pass(gateway: &mut Gateway, now: Instant, size: u8) {
    for host in HOSTS {
        let from: SocketAddr = host.parse().expect("an address");
        let to = SERVERS[usize::from(from.is_ipv6())].parse().expect("an address");
        for data in [udp_packet(from, to, &vec![0; size.into()]), udp_packet(to, from, b"")] {
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
