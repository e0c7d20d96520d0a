//! Counting does not allocate: once a packet's connection and hosts are known, the heap is left alone. Nor does showing
//! what was counted, but for one line.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType};
use tctable::time::{Duration, Instant};
use tctable::{Config, Gateway, text};
use tctable_lab::packets::{
    Tcp, ethernet, flags, icmp_echo, icmp_error, icmpv6_echo, icmpv6_error, ip, protocol, tcp_packet, udp_packet,
};

/// The system's allocator, counting.
struct Counting;

thread_local! {
    /// Allocations of this thread: those of the test harness do not matter.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
}

// SAFETY: every call is handed on to the system's allocator as it came. The counter needs no allocation: it is
// initialised at compile time and has no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `GlobalAlloc::realloc`.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `GlobalAlloc::dealloc`.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Connections of each kind in each family.
const CONNECTIONS: u16 = 100;
const START: Instant = Instant::from_secs(1_700_000_000);

/// Somebody inside or outside.
fn person(v6: bool, inside: bool, nth: u16) -> IpAddr {
    let nth = nth % 20 + 1;
    match (v6, inside) {
        (false, true) => IpAddr::V4(Ipv4Addr::new(192, 168, 0, nth as u8)),
        (false, false) => IpAddr::V4(Ipv4Addr::new(198, 51, 100, nth as u8)),
        (true, true) => IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, nth)),
        (true, false) => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, nth)),
    }
}

/// Both directions of one connection of each kind, an error about it, and what belongs to none.
fn talk(v6: bool, nth: u16) -> Vec<Vec<u8>> {
    let ends = [(true, nth, 1000 + nth), (nth.is_multiple_of(3), nth + 1, 443)];
    let [client, server] = ends.map(|(inside, nth, port)| SocketAddr::new(person(v6, inside, nth), port));
    let segment = |from, to, flags| tcp_packet(from, to, &Tcp { flags, ..Tcp::default() }, b"");
    let asked = udp_packet(client, server, b"ask");
    let (ping, pong, error) = match (client.ip(), server.ip()) {
        (IpAddr::V6(here), IpAddr::V6(there)) => (
            ip(client.ip(), server.ip(), protocol::ICMPV6, &icmpv6_echo(here, there, false, nth, 1, b"")),
            ip(server.ip(), client.ip(), protocol::ICMPV6, &icmpv6_echo(there, here, true, nth, 1, b"")),
            ip(server.ip(), client.ip(), protocol::ICMPV6, &icmpv6_error(there, here, 1, 4, 0, &asked)),
        ),
        _ => (
            ip(client.ip(), server.ip(), protocol::ICMP, &icmp_echo(false, nth, 1, b"")),
            ip(server.ip(), client.ip(), protocol::ICMP, &icmp_echo(true, nth, 1, b"")),
            ip(server.ip(), client.ip(), protocol::ICMP, &icmp_error(3, 3, 0, &asked)),
        ),
    };
    vec![
        segment(client, server, flags::ACK),
        segment(server, client, flags::ACK),
        // A SYN that is ignored, and flags that nobody sends.
        segment(client, server, flags::SYN),
        segment(client, server, flags::SYN | flags::FIN),
        asked,
        udp_packet(server, client, b"answer"),
        ping,
        pong,
        error,
        ip(client.ip(), server.ip(), protocol::GRE, b""),
        ip(server.ip(), client.ip(), protocol::GRE, b""),
        // From outside to outside, and no packet at all.
        ip(person(v6, false, nth), person(v6, false, nth + 1), protocol::GRE, b""),
        vec![0x55; 40],
    ]
}

/// One round of traffic: the link type and the bytes of each frame.
fn round() -> Vec<(LinkType, Vec<u8>)> {
    let packets = [false, true].into_iter().flat_map(|v6| (0..CONNECTIONS).flat_map(move |nth| talk(v6, nth)));
    let mut round: Vec<(LinkType, Vec<u8>)> = packets.map(|packet| (LinkType::Raw, packet)).collect();
    round.push((LinkType::Ethernet, ethernet([2; 6], [4; 6], 0x0806, &[0; 46])));
    round
}

/// Sends a round, spread over ten seconds, in bursts of that size.
fn send(gateway: &mut Gateway, number: u64, round: &[(LinkType, Vec<u8>)], burst: usize) {
    let gap = Duration::from_secs(10).as_nanos() / round.len() as u64;
    let mut time = START + Duration::from_secs(10 * number);
    for frames in round.chunks(burst) {
        gateway.receive(frames.iter().map(|(link, data)| {
            time += Duration::from_nanos(gap);
            Frame {
                time,
                device: DeviceId(0),
                direction: FrameDirection::Unknown,
                link: *link,
                wire_len: data.len() as u32,
                data,
            }
        }));
    }
}

#[test]
fn a_steady_replay_allocates_nothing() {
    let round = round();
    let mut gateway = Gateway::new(Config::default());
    // Everybody becomes known, and the timers of connections and hosts (15 minutes) have come round once.
    const WARM_UP: u64 = 120;
    for number in 0..WARM_UP {
        send(&mut gateway, number, &round, 256);
    }
    assert!(ALLOCATIONS.get() > 100, "the counter does not count");
    let (connections, hosts) = (gateway.conntrack().count(), gateway.hosts().len());
    let (before, packets) = (ALLOCATIONS.get(), gateway.totals().frames.packets);

    for number in 0..200 {
        send(&mut gateway, WARM_UP + number, &round, [1, 7, 64, 256, 10_000][number as usize % 5]);
    }

    assert_eq!(ALLOCATIONS.get() - before, 0);
    assert!(gateway.totals().frames.packets - packets > 100_000);
    // It was steady: nothing came, nothing went.
    assert_eq!((gateway.conntrack().count(), gateway.hosts().len()), (connections, hosts));
    assert_eq!((gateway.conntrack().statistics().delete, gateway.totals().time_reversed), (0, 0));
}

/// Counts lines.
struct Lines(usize);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.iter().filter(|byte| **byte == b'\n').count();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines of a view, and the allocations that it took.
fn view(write: impl FnOnce(&mut Lines) -> io::Result<()>) -> (usize, u64) {
    let (mut lines, before) = (Lines(0), ALLOCATIONS.get());
    write(&mut lines).expect("lines are only counted");
    (lines.0, ALLOCATIONS.get() - before)
}

#[test]
fn a_view_of_many_lines_takes_the_memory_of_one() {
    let mut gateway = Gateway::new(Config::default());
    send(&mut gateway, 0, &round(), 256);

    let (connections, allocations) = view(|out| text::nf_conntrack(&gateway, out));
    // The buffer doubles until the longest line fits.
    assert!(connections > 500 && (1..10).contains(&allocations), "{connections} lines, {allocations} allocations");
    let (hosts, allocations) = view(|out| text::tc_counter(&gateway, START, out));
    assert!(hosts > 30 && (1..10).contains(&allocations), "{hosts} lines, {allocations} allocations");
}
