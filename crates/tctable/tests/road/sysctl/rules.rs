//! What is taken of a connection's packets, and what is not.

use tctable::conntrack::TcpState;
use tctable_lab::packets::{Tcp, flags, tcp_packet};

use super::tunables;
use crate::conntrack::open;
use crate::support::{Net, Road};

tunables! {
    "net.netfilter.nf_conntrack_checksum" => checksum: wrong_checksums;
    "net.netfilter.nf_conntrack_tcp_loose" => tcp_loose: pick_up;
    "net.netfilter.nf_conntrack_tcp_be_liberal" => tcp_be_liberal: beyond_the_window;
    "net.netfilter.nf_conntrack_tcp_ignore_invalid_rst" => tcp_ignore_invalid_rst: old_reset;
    "net.netfilter.nf_conntrack_tcp_max_retrans" => tcp_max_retrans: repetitions;
}

/// Sets a switch or number of a running gateway.
fn set(road: &mut Road, name: &str, value: u32) {
    road.gateway.set_sysctl(name, &value.to_string()).expect("a tunable");
}

fn wrong_checksums(net: Net, name: &str) {
    let mut road = Road::with(|config| config.conntrack.checksum = true);
    for (nth, mut packet) in [net.out("S"), net.ask(), net.ping(1)].into_iter().enumerate() {
        // A port, or the identifier, is another one than was summed.
        let icmp = nth == 2;
        packet[net.header() as usize + if icmp { 5 } else { 1 }] ^= 0x40;
        for (on, line) in [(1, "INVALID"), (0, "NEW"), (1, "INVALID")] {
            set(&mut road, name, on);
            let before = *road.gateway.conntrack().statistics();
            let shown = road.line(&packet);
            assert!(shown.starts_with(line), "{shown}");
            let after = *road.gateway.conntrack().statistics();
            let refused = [after.invalid - before.invalid, after.error - before.error];
            let expected = if on == 0 {
                [0, 0]
            } else if icmp {
                [0, 1]
            } else {
                [1, 0]
            };
            assert_eq!(refused, expected);
        }
    }
    assert_eq!(road.gateway.conntrack().count(), 3);
}

fn pick_up(net: Net, name: &str) {
    let mut road = Road::new();
    set(&mut road, name, 0);
    assert_eq!(road.line(&net.out(".")), "INVALID");
    set(&mut road, name, 1);
    assert!(road.line(&net.out(".")).starts_with("NEW original tcp ESTABLISHED"));
    // What is there stays.
    set(&mut road, name, 0);
    assert!(road.line(&net.back(".")).starts_with("ESTABLISHED reply"));
}

fn beyond_the_window(net: Net, name: &str) {
    let mut road = open(net);
    let far = |flags| tcp_packet(net.from(), net.to(), &Tcp { seq: 1 << 30, flags, ..Tcp::default() }, b"far");
    assert_eq!(road.line(&far(flags::ACK)), "INVALID");
    set(&mut road, name, 1);
    assert!(road.line(&far(flags::ACK)).starts_with("ESTABLISHED original tcp ESTABLISHED"));
    set(&mut road, name, 0);
    assert_eq!(road.line(&far(flags::ACK)), "INVALID");
}

fn old_reset(net: Net, name: &str) {
    let reset = tcp_packet(net.from(), net.to(), &Tcp { seq: 40, ack: 1, flags: flags::RST, ..Tcp::default() }, b"");
    let mut road = open(net);
    let send = |seq: u32, ack| tcp_packet(net.from(), net.to(), &Tcp { seq, ack, ..Tcp::default() }, &[0; 100]);
    let answer = |seq: u32, ack| tcp_packet(net.to(), net.from(), &Tcp { seq, ack, ..Tcp::default() }, b"");
    road.pass(&send(1, 1));
    road.pass(&answer(1, 101));
    // 40 is long acknowledged.
    assert_eq!(road.line(&reset), "INVALID");
    set(&mut road, name, 1);
    let line = road.line(&reset);
    assert!(line.starts_with("ESTABLISHED original tcp"), "{line}");
    set(&mut road, name, 0);
    assert_eq!(road.line(&reset), "INVALID");
}

fn repetitions(net: Net, name: &str) {
    for most in [0, 1, 3, 5] {
        let mut road = open(net);
        set(&mut road, name, most);
        // Not one that was sent already.
        let packet = tcp_packet(net.to(), net.from(), &Tcp { ack: 1, seq: 1, ..Tcp::default() }, b"");
        for repeated in 0..8 {
            let line = road.line(&packet);
            let seconds = if repeated >= most { 300 } else { 432_000 };
            assert_eq!(
                line,
                format!("ESTABLISHED reply tcp ESTABLISHED {seconds} SEEN_REPLY,ASSURED,CONFIRMED"),
                "{most}"
            );
        }
        assert_eq!(road.connection().1.tcp_state(), Some(TcpState::Established));
    }
}
