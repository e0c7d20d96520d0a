//! A packet's road in its parts, and as a whole on three kinds of traffic. Every number is for one packet.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration as WallTime;

use criterion::measurement::WallTime as Clock;
use criterion::{BatchSize, BenchmarkGroup, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType, PacketInfo};
use tctable::time::{Duration, Instant};
use tctable::{Config, Gateway};
use tctable_lab::generate::{self, Kind, Options};
use tctable_lab::packets::udp_packet;

const START: Instant = Instant::from_secs(1_700_000_000);
/// Packets of each generated traffic.
const PACKETS: u64 = 200_000;
/// Connections that are there when packets are looked up among them: more than the caches hold.
const KNOWN: u32 = 1_000_000;
/// Packets looked up, connections inserted and expired at a time.
const SOME: u32 = 100_000;

/// A frame as it is handed in; one that the capture cut tells its length on the wire.
fn frame(time: Instant, link: LinkType, wire_len: u32, data: &[u8]) -> Frame<'_> {
    Frame { time, device: DeviceId(0), direction: FrameDirection::Unknown, link, wire_len, data }
}

/// Traffic in memory, as a capture file.
fn capture(kind: Kind) -> Vec<u8> {
    let mut file = Vec::new();
    generate::write(&Options::new(kind, PACKETS, 1), &mut file, |_| ()).expect("memory");
    file
}

/// The frames of such a file: a header of 24 bytes, then records of 16 bytes and the data.
fn frames(file: &[u8]) -> Vec<Frame<'_>> {
    let mut rest = &file[24..];
    let mut frames = Vec::new();
    while let Some((head, after)) = rest.split_first_chunk::<16>() {
        let [seconds, micros, kept, wire_len] =
            [0, 4, 8, 12].map(|at| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]));
        let (data, after) = after.split_at(kept as usize);
        let time = Instant::from_secs(seconds.into()) + Duration::from_nanos(1000 * u64::from(micros));
        frames.push(frame(time, LinkType::Ethernet, wire_len, data));
        rest = after;
    }
    frames
}

/// The first datagram of the connection of that number: a thousand of them from each host inside.
fn opening(number: u32) -> Vec<u8> {
    let client = IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + number / 1000));
    let server = SocketAddr::from(([198, 51, 100, 1], 53));
    udp_packet(SocketAddr::new(client, 1024 + (number % 1000) as u16), server, b"")
}

fn gateway() -> Gateway {
    let mut config = Config::default();
    config.conntrack.max = u32::MAX;
    Gateway::new(config)
}

/// Sends packets along the road, all at the same time.
fn send(gateway: &mut Gateway, packets: &[Vec<u8>]) {
    gateway.receive(packets.iter().map(|data| frame(START, LinkType::Raw, data.len() as u32, data)));
}

fn parse(group: &mut BenchmarkGroup<'_, Clock>) {
    let file = capture(Kind::Office);
    let frames = frames(&file);
    group.throughput(Throughput::Elements(PACKETS));
    group.bench_function("parse", |bencher| {
        bencher.iter(|| frames.iter().filter(|frame| black_box(PacketInfo::read(frame)).is_ok()).count());
    });
}

fn lookup_hit(group: &mut BenchmarkGroup<'_, Clock>) {
    let mut gateway = gateway();
    for first in (0..KNOWN).step_by(1000) {
        send(&mut gateway, &(first..first + 1000).map(opening).collect::<Vec<_>>());
    }
    assert_eq!(gateway.conntrack().count(), KNOWN as usize);
    // A stride that is prime to their number: no two packets in a row find neighbours.
    let known: Vec<Vec<u8>> =
        (0..SOME).map(|number| opening((u64::from(number) * 387_007 % u64::from(KNOWN)) as u32)).collect();
    group.throughput(Throughput::Elements(SOME.into()));
    group.bench_function("lookup_hit_in_1M", |bencher| bencher.iter(|| send(&mut gateway, &known)));
    assert_eq!(gateway.conntrack().count(), KNOWN as usize);
}

fn lookup_miss_and_insert(group: &mut BenchmarkGroup<'_, Clock>) {
    let new: Vec<Vec<u8>> = (0..SOME).map(opening).collect();
    group.throughput(Throughput::Elements(SOME.into()));
    group.bench_function("lookup_miss_and_insert", |bencher| {
        let insert = |mut gateway: Gateway| {
            send(&mut gateway, &new);
            gateway
        };
        bencher.iter_batched(gateway, insert, BatchSize::PerIteration);
    });
}

fn expiry(group: &mut BenchmarkGroup<'_, Clock>) {
    let new: Vec<Vec<u8>> = (0..SOME).map(opening).collect();
    let full = || {
        let mut gateway = gateway();
        send(&mut gateway, &new);
        gateway
    };
    group.throughput(Throughput::Elements(SOME.into()));
    group.bench_function("expiry", |bencher| {
        let expire = |mut gateway: Gateway| {
            gateway.handle_timeout(START + Duration::from_secs(60));
            assert_eq!(gateway.conntrack().count(), 0);
            gateway
        };
        bencher.iter_batched(full, expire, BatchSize::PerIteration);
    });
}

fn packet(group: &mut BenchmarkGroup<'_, Clock>) {
    group.throughput(Throughput::Elements(PACKETS));
    for kind in Kind::ALL {
        let file = capture(kind);
        let frames = frames(&file);
        let replay = |mut gateway: Gateway| {
            gateway.receive(frames.iter().copied());
            gateway
        };
        group.bench_function(format!("packet/{kind}"), |bencher| {
            bencher.iter_batched(gateway, replay, BatchSize::PerIteration);
        });
    }
}

fn road(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("road");
    group.sampling_mode(SamplingMode::Flat).sample_size(20);
    group.warm_up_time(WallTime::from_secs(1)).measurement_time(WallTime::from_secs(3));
    parse(&mut group);
    lookup_hit(&mut group);
    lookup_miss_and_insert(&mut group);
    expiry(&mut group);
    packet(&mut group);
    group.finish();
}

criterion_group!(benches, road);
criterion_main!(benches);
