//! How long connections are kept, by protocol and state.

use tctable::Event;
use tctable::conntrack::EndReason;
use tctable::time::{Duration, Instant};
use tctable_lab::packets::{Tcp, chunk, ip, protocol, sctp, sctp_chunk, tcp_packet, udp_lite};

use super::tunables;
use crate::support::{BOTH, Net, Road, START};

/// Seconds that no timeout has by itself.
const OURS: u64 = 7;
const OTHERS: u64 = 5_000;

/// A packet, and the milliseconds before it.
type Talk = Vec<(u64, Vec<u8>)>;

fn at_once(packets: Vec<Vec<u8>>) -> Talk {
    packets.into_iter().map(|packet| (0, packet)).collect()
}

/// That the connection lives as long after the talk's last packet as the tunable says, which is set right before it; and
/// that no other one matters.
fn lives(net: Net, name: &str, talk: Talk) {
    let mut road = Road::new();
    let (last, before) = talk.split_last().expect("a packet");
    for (wait, packet) in before {
        road.wait(Duration::from_millis(*wait)).pass(packet);
    }
    road.wait(Duration::from_millis(last.0));
    let timeouts: Vec<&str> = road.gateway.sysctls().map(|(name, _)| name).filter(|name| is_timeout(name)).collect();
    for timeout in timeouts {
        let seconds = if timeout == name { OURS } else { OTHERS };
        road.gateway.set_sysctl(timeout, &seconds.to_string()).expect("a tunable");
    }
    road.events();
    road.pass(&last.1);
    let deadline = road.now + Duration::from_secs(OURS);
    assert_eq!(road.connection().1.deadline(), deadline, "{name} {net:?}");
    for (now, left) in [(Instant::from_nanos(deadline.as_nanos() - 1), 1), (deadline, 0)] {
        road.sleep_until(now);
        road.tick();
        assert_eq!(road.gateway.conntrack().count(), left, "{name} {net:?}");
    }
    let [Event::ConnectionEnded { ended, .. }] = &road.events()[..] else { panic!("one connection ends") };
    assert_eq!((ended.at, ended.reason), (deadline, EndReason::Timeout));
}

/// Timeouts of connections.
fn is_timeout(name: &str) -> bool {
    name.starts_with("net.netfilter.nf_conntrack_") && name.contains("timeout") && !name.contains("frag6")
}

fn handshake(net: Net) -> Vec<Vec<u8>> {
    vec![net.out("S"), net.back("S."), net.out(".")]
}

/// A handshake and these segments; `<` is one of the server.
fn tcp(net: Net, further: &[&str]) -> Talk {
    let mut packets = handshake(net);
    packets.extend(further.iter().map(|flags| match flags.strip_prefix('<') {
        Some(flags) => net.back(flags),
        None => net.out(flags),
    }));
    at_once(packets)
}

fn data(net: Net) -> Vec<u8> {
    tcp_packet(net.from(), net.to(), &Tcp { seq: 1, ack: 1, ..Tcp::default() }, &[0; 100])
}

/// An SCTP packet of one chunk.
fn association(net: Net, there: bool, tag: u32, kind: u8, value: &[u8]) -> Vec<u8> {
    let (from, to, ports) = if there { (net.client, net.server, [7, 80]) } else { (net.server, net.client, [80, 7]) };
    ip(from, to, protocol::SCTP, &sctp(ports, tag, &[sctp_chunk(kind, 0, value)]))
}

/// The first packets of an association.
fn opening(net: Net, count: usize) -> Vec<Vec<u8>> {
    let init = |own: u8| [0, 0, 0, own, 0, 0, 9, 9, 0, 1, 0, 1, 0, 0, 0, 1];
    let mut packets = vec![
        association(net, true, 0, chunk::INIT, &init(11)),
        association(net, false, 11, chunk::INIT_ACK, &init(22)),
        association(net, true, 22, chunk::COOKIE_ECHO, b"cook"),
        association(net, false, 11, chunk::COOKIE_ACK, b""),
    ];
    packets.truncate(count);
    packets
}

/// An open association and one packet more.
fn closing(net: Net, more: &[(bool, u8)]) -> Talk {
    let mut packets = opening(net, 4);
    packets.extend(
        more.iter().map(|(there, kind)| association(net, *there, if *there { 22 } else { 11 }, *kind, b"1234")),
    );
    at_once(packets)
}

fn generic_routing(net: Net, there: bool) -> Vec<u8> {
    let (from, to) = if there { (net.client, net.server) } else { (net.server, net.client) };
    ip(from, to, protocol::GRE, &[0, 0, 8, 0, 1, 2, 3, 4])
}

fn lite(net: Net, there: bool) -> Vec<u8> {
    let (from, to) = if there { (net.from(), net.to()) } else { (net.to(), net.from()) };
    ip(from.ip(), to.ip(), protocol::UDP_LITE, &udp_lite(from, to, 0, b"lite"))
}

tunables! {
    "net.netfilter.nf_conntrack_generic_timeout" => generic:
        |net: Net, name| lives(net, name, at_once(vec![ip(net.client, net.server, 253, b"")]));
    "net.netfilter.nf_conntrack_gre_timeout" => gre:
        |net: Net, name| lives(net, name, at_once(vec![generic_routing(net, true)]));
    "net.netfilter.nf_conntrack_gre_timeout_stream" => gre_stream: gre_stream_is_given_at_the_first_packet;
    "net.netfilter.nf_conntrack_icmp_timeout" => icmp:
        |net: Net, name| if net.client.is_ipv4() { lives(net, name, at_once(vec![net.ping(1), net.pong(1)])) };
    "net.netfilter.nf_conntrack_icmpv6_timeout" => icmpv6:
        |net: Net, name| if net.client.is_ipv6() { lives(net, name, at_once(vec![net.ping(1), net.pong(1)])) };
    "net.netfilter.nf_conntrack_sctp_timeout_closed" => sctp_closed: |net, name| {
        lives(net, name, at_once(opening(net, 1)));
        lives(net, name, closing(net, &[(true, chunk::ABORT)]));
    };
    "net.netfilter.nf_conntrack_sctp_timeout_cookie_wait" => sctp_cookie_wait:
        |net, name| lives(net, name, at_once(opening(net, 2)));
    "net.netfilter.nf_conntrack_sctp_timeout_cookie_echoed" => sctp_cookie_echoed:
        |net, name| lives(net, name, at_once(opening(net, 3)));
    "net.netfilter.nf_conntrack_sctp_timeout_established" => sctp_established:
        |net, name| lives(net, name, at_once(opening(net, 4)));
    "net.netfilter.nf_conntrack_sctp_timeout_shutdown_sent" => sctp_shutdown_sent:
        |net, name| lives(net, name, closing(net, &[(true, chunk::SHUTDOWN)]));
    "net.netfilter.nf_conntrack_sctp_timeout_shutdown_recd" => sctp_shutdown_recd:
        |net, name| lives(net, name, closing(net, &[(false, chunk::SHUTDOWN)]));
    "net.netfilter.nf_conntrack_sctp_timeout_shutdown_ack_sent" => sctp_shutdown_ack_sent:
        |net, name| lives(net, name, closing(net, &[(true, chunk::SHUTDOWN), (false, chunk::SHUTDOWN_ACK)]));
    "net.netfilter.nf_conntrack_sctp_timeout_heartbeat_sent" => sctp_heartbeat_sent:
        |net, name| lives(net, name, at_once(vec![association(net, true, 22, chunk::HEARTBEAT, b"")]));
    "net.netfilter.nf_conntrack_tcp_timeout_syn_sent" => tcp_syn_sent:
        |net: Net, name| lives(net, name, at_once(vec![net.out("S")]));
    "net.netfilter.nf_conntrack_tcp_timeout_syn_recv" => tcp_syn_recv:
        |net: Net, name| lives(net, name, at_once(vec![net.out("S"), net.back("S.")]));
    "net.netfilter.nf_conntrack_tcp_timeout_established" => tcp_established:
        |net, name| lives(net, name, tcp(net, &[]));
    "net.netfilter.nf_conntrack_tcp_timeout_fin_wait" => tcp_fin_wait: |net, name| {
        lives(net, name, tcp(net, &["F."]));
        lives(net, name, tcp(net, &["<F."]));
    };
    "net.netfilter.nf_conntrack_tcp_timeout_close_wait" => tcp_close_wait:
        |net, name| lives(net, name, tcp(net, &["F.", "<."]));
    "net.netfilter.nf_conntrack_tcp_timeout_last_ack" => tcp_last_ack:
        |net, name| lives(net, name, tcp(net, &["F.", "<.", "<F."]));
    "net.netfilter.nf_conntrack_tcp_timeout_time_wait" => tcp_time_wait:
        |net, name| lives(net, name, tcp(net, &["F.", "<.", "<F.", "."]));
    "net.netfilter.nf_conntrack_tcp_timeout_close" => tcp_close: |net, name| {
        lives(net, name, tcp(net, &["R."]));
        lives(net, name, tcp(net, &["<R."]));
    };
    // The same segment three times more, and a window that is shut.
    "net.netfilter.nf_conntrack_tcp_timeout_max_retrans" => tcp_max_retrans: |net, name| {
        lives(net, name, tcp(net, &["P.", "P.", "P.", "P."]));
        let shut = tcp_packet(net.to(), net.from(), &Tcp { window: 0, ack: 1, ..Tcp::default() }, b"");
        lives(net, name, at_once(handshake(net).into_iter().chain([shut]).collect()));
    };
    // Data that nobody acknowledged, and one side of a talk that began before.
    "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged" => tcp_unacknowledged: |net, name| {
        lives(net, name, at_once(handshake(net).into_iter().chain([data(net)]).collect()));
        lives(net, name, at_once(vec![net.out(".")]));
    };
    "net.netfilter.nf_conntrack_udp_timeout" => udp: |net: Net, name| {
        lives(net, name, at_once(vec![net.ask()]));
        lives(net, name, at_once(vec![net.ask(), net.answer()]));
        lives(net, name, at_once(vec![lite(net, true)]));
    };
    "net.netfilter.nf_conntrack_udp_timeout_stream" => udp_stream: |net: Net, name| {
        lives(net, name, vec![(0, net.ask()), (0, net.answer()), (2_001, net.ask())]);
        lives(net, name, at_once(vec![lite(net, true), lite(net, false), lite(net, true)]));
    };
}

/// GRE's two timeouts are a connection's own from its first packet on.
fn gre_stream_is_given_at_the_first_packet(net: Net, name: &str) {
    let mut road = Road::new();
    road.gateway.set_sysctl(name, "9").expect("a tunable");
    road.pass(&generic_routing(net, true));
    road.gateway.set_sysctl(name, "11").expect("a tunable");
    for there in [false, true] {
        road.pass(&generic_routing(net, there));
    }
    let deadline = road.now + Duration::from_secs(9);
    assert_eq!(road.connection().1.deadline(), deadline);
    road.sleep_until(deadline);
    road.tick();
    assert_eq!(road.gateway.conntrack().count(), 0);
}

#[test]
fn a_connection_keeps_its_timeout_until_its_next_packet() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        road.gateway.set_sysctl("nf_conntrack_udp_timeout", "5").expect("a tunable");
        assert_eq!(road.connection().1.deadline(), START + Duration::from_secs(30));
        road.wait(Duration::from_secs(29)).pass(&net.ask());
        assert_eq!(road.connection().1.deadline(), START + Duration::from_secs(34));
        // And longer again.
        road.gateway.set_sysctl("nf_conntrack_udp_timeout", "5000").expect("a tunable");
        road.pass(&net.ask());
        road.sleep_until(START + Duration::from_secs(5_028));
        assert_eq!(road.gateway.conntrack().count(), 1);
    }
}

/// A timeout of nothing ends a connection with the packet that made it, as far as later packets can tell; time goes on.
#[test]
fn no_time_at_all() {
    for net in BOTH {
        for (name, talk) in [
            ("nf_conntrack_tcp_timeout_syn_sent", vec![net.out("S")]),
            ("nf_conntrack_tcp_timeout_fin_wait", handshake(net)),
            ("nf_conntrack_udp_timeout", vec![net.ask()]),
            ("nf_conntrack_generic_timeout", vec![ip(net.client, net.server, 253, b"")]),
        ] {
            let mut road = Road::new();
            road.gateway.set_sysctl(name, "0").expect("a tunable");
            for packet in talk {
                road.pass(&packet);
            }
            for _ in 0..3 {
                road.tick();
                road.wait(Duration::from_millis(1));
            }
            road.tick();
            let left = if name.contains("fin_wait") { 1 } else { 0 };
            assert_eq!(road.gateway.conntrack().count(), left, "{name}");
        }
    }
}

/// A driver sleeps also where timeouts are as short as they get.
#[test]
fn no_time_at_all_keeps_nobody_awake() {
    for net in BOTH {
        let mut road = Road::with(|config| config.conntrack.timeouts.tcp_fin_wait = Duration::ZERO);
        for packet in handshake(net) {
            road.pass(&packet);
        }
        let mut wakings = 0;
        while let Some(at) = road.gateway.poll_timeout().filter(|at| *at <= START + Duration::from_secs(100)) {
            road.now = at;
            road.tick();
            wakings += 1;
        }
        assert!(wakings < 300, "{wakings}");
        assert_eq!(road.gateway.conntrack().count(), 1);
    }
}
