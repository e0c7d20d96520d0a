//! What filters cost a packet: an offer to a `prio` without filters, with one that matches everything, and with `u32`
//! filters by the last byte of the destination and one more, found by hash tables: 10, 10,000 and 65,536 of them; and 10
//! and 1,000 one after the other.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tctable::packet::DeviceId;
use tctable::sched::text::{Command, Reader};
use tctable::sched::{Config, DeviceConfig, Offer, Poll, Scheduler, Skb};
use tctable::time::Instant;

const DEVICE: DeviceId = DeviceId(0);
const NOW: Instant = Instant::from_secs(1);
/// Packets of one measurement, which wait together.
const PACKETS: usize = 512;

fn scheduler(lines: &str) -> Scheduler {
    let mut scheduler = Scheduler::new(Config::default());
    scheduler.add_device(DEVICE, DeviceConfig::default()).expect("a device");
    let mut reader = Reader::new();
    reader.name_device("eth0", DEVICE);
    let lines = format!("qdisc add dev eth0 root handle 1: prio\n{lines}");
    for statement in reader.read(&lines).expect("lines of tc") {
        match &statement.command {
            Command::SetQdisc(request, flags) => scheduler.set_qdisc(NOW, request, *flags).expect("a qdisc"),
            Command::SetFilter(request, flags) => {
                scheduler.set_filter(NOW, request, *flags).expect("a filter");
            }
            command => panic!("{command:?}"),
        }
    }
    scheduler
}

/// Filters by destination, `hosts` in each of `nets`: a table of nets, each with a table of hosts.
fn by_tables(nets: u32, hosts: u32) -> String {
    let add = "filter add dev eth0 parent 1: protocol ip prio 1";
    let mut lines = format!("{add} handle 1: u32 divisor 256\n");
    lines += &format!("{add} u32 match u32 0 0 link 1: hashkey mask 0x0000ff00 at 16\n");
    for net in 0..nets {
        let table = 0x100 + net;
        lines += &format!("{add} handle {table:x}: u32 divisor 256\n");
        lines += &format!("{add} u32 ht 1:{net:x}: match u32 0 0 link {table:x}: hashkey mask 0x000000ff at 16\n");
        for host in 0..hosts {
            lines +=
                &format!("{add} u32 ht {table:x}:{host:x}: match ip dst 10.0.{net}.{host} flowid 1:{}\n", 1 + host % 3);
        }
    }
    lines
}

/// Filters by port, one after the other; packets meet the last one.
fn one_by_one(count: u32) -> String {
    let line = |port| {
        format!("filter add dev eth0 parent 1: protocol ip prio 1 u32 match ip dport {port} 0xffff flowid 1:1\n")
    };
    (0..count).map(|number| line(80 + count - 1 - number)).collect()
}

/// A TCP segment to 10.0.`net`.`host`, port 80.
fn packet(net: u32, host: u32) -> Vec<u8> {
    let mut bytes = vec![0; 12];
    bytes.extend([8, 0, 0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 9, 9, 9, 10, 0, net as u8, host as u8]);
    bytes.extend([4, 0, 0, 80]);
    bytes.resize(60, 0);
    bytes
}

fn offers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("filters");
    group.throughput(Throughput::Elements(PACKETS as u64));
    let all = "filter add dev eth0 parent 1: protocol ip prio 1 matchall flowid 1:1\n";
    for (name, lines, nets, hosts) in [
        ("none", String::new(), 1, 10),
        ("matchall", all.to_owned(), 1, 10),
        ("u32 tables 10", by_tables(1, 10), 1, 10),
        ("u32 tables 10000", by_tables(40, 250), 40, 250),
        ("u32 tables 65536", by_tables(256, 256), 256, 256),
        ("u32 in a row 10", one_by_one(10), 1, 10),
        ("u32 in a row 1000", one_by_one(1000), 1, 10),
    ] {
        let mut scheduler = scheduler(&lines);
        let step = |number: usize| (number as u32).wrapping_mul(2_654_435_761) >> 8;
        let packets: Vec<_> =
            (0..PACKETS).map(|number| packet(step(number) % nets, (step(number) >> 9) % hosts)).collect();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for data in &packets {
                    let offer = scheduler.offer(NOW, DEVICE, &mut skb(black_box(data)));
                    assert!(matches!(offer, Offer::Queued { .. }));
                }
                while matches!(scheduler.poll(NOW, DEVICE), Poll::Packet(_)) {}
            });
        });
    }
}

fn skb(data: &[u8]) -> Skb<'_> {
    Skb {
        token: 0,
        data,
        network_offset: 14,
        protocol: 0x0800,
        len: data.len() as u32,
        info: None,
        mark: 0,
        priority: 0,
        input: None,
        ct: None,
        host: None,
    }
}

criterion_group!(benches, offers);
criterion_main!(benches);
