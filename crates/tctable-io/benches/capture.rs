//! How fast the records of a file in the page cache are walked.

use std::fs;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tctable::packet::LinkType;
use tctable::time::Instant;
use tctable_io::capture::{Capture, Resolution, Writer};

const RECORDS: u32 = 1_000_000;
const FRAME: [u8; 96] = [0x5a; 96];
const BURST: usize = 256;

fn pcap() -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), LinkType::Ethernet, 65_535, Resolution::Micros).expect("memory");
    for number in 0..u64::from(RECORDS) {
        writer.write(Instant::from_nanos(number * 1000), 96, &FRAME).expect("memory");
    }
    writer.finish().expect("memory")
}

fn pcap_swapped() -> Vec<u8> {
    let mut file = pcap();
    let record = 16 + FRAME.len();
    let (header, records) = file.split_at_mut(24);
    let (versions, words) = header.split_at_mut(8);
    versions[..4].reverse();
    versions[4..].chunks_mut(2).for_each(<[u8]>::reverse);
    words.chunks_mut(4).for_each(<[u8]>::reverse);
    for record in records.chunks_mut(record) {
        record[..16].chunks_mut(4).for_each(<[u8]>::reverse);
    }
    file
}

fn pcapng() -> Vec<u8> {
    let mut file = Vec::new();
    let mut block = |kind: u32, body: &[u8]| {
        let length = body.len() as u32 + 12;
        file.extend(kind.to_le_bytes());
        file.extend(length.to_le_bytes());
        file.extend(body);
        file.extend(length.to_le_bytes());
    };
    block(0x0a0d_0d0a, &[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]);
    block(1, &[1, 0, 0, 0, 0, 0, 0, 0]);
    let length = FRAME.len() as u32;
    for number in 0..RECORDS {
        let fields = [0, 0, number, length, length].map(u32::to_le_bytes);
        block(6, &[fields.as_flattened(), &FRAME].concat());
    }
    file
}

fn walk(mut capture: Capture) -> u64 {
    let mut bytes = 0;
    while let Some(burst) = capture.next_burst(BURST).expect("a whole file") {
        bytes += burst.frames().map(|frame| u64::from(frame.wire_len) + frame.data.len() as u64).sum::<u64>();
    }
    bytes
}

fn walks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("walk");
    group.throughput(Throughput::Elements(RECORDS.into())).sample_size(20);
    for (name, file) in [("pcap", pcap()), ("pcap_swapped", pcap_swapped()), ("pcapng", pcapng())] {
        let path = std::env::temp_dir().join(format!("tctable-io-bench-{}-{name}", std::process::id()));
        fs::write(&path, &file).expect("a temporary file");
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(walk(Capture::open(&path).expect("a capture"))));
        });
        fs::remove_file(&path).expect("the temporary file");
    }
    group.finish();
}

criterion_group!(benches, walks);
criterion_main!(benches);
