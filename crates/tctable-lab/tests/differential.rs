//! The engine beside the running kernel. Needs root, nf_conntrack and TUN; where they are missing nothing is tested and
//! one line says so.

use std::net::{IpAddr, SocketAddr};

use tctable::Config;
use tctable::conntrack::Timeouts;
use tctable::time::Duration;
use tctable_lab::differential::{Differential, Field, KNOWN, Run};
use tctable_lab::kernel::{CtState, Error, Fate, Helper, Kernel, not_tested};
use tctable_lab::packets::{Ipv4, Tcp, flags, icmp_echo, icmpv6_echo, ip, protocol, tcp_packet, udp_packet};
use tctable_lab::step::{Side, Step};
use tctable_lab::talks::{self, Kind};

/// Runs `work` with a kernel, or says why not.
fn with_kernel(work: impl FnOnce(Kernel) + Send) {
    match Kernel::run(work) {
        Ok(()) => {}
        Err(Error::Unavailable(why)) => not_tested(why),
        Err(error) => panic!("{error}"),
    }
}

fn left(host: u8, port: u16, v6: bool) -> SocketAddr {
    let address = if v6 { format!("fd00:11::{host:x}") } else { format!("10.11.0.{host}") };
    (address.parse::<IpAddr>().unwrap(), port).into()
}

fn right(host: u8, port: u16, v6: bool) -> SocketAddr {
    let address = if v6 { format!("fd00:22::{host:x}") } else { format!("10.22.0.{host}") };
    (address.parse::<IpAddr>().unwrap(), port).into()
}

fn echo(from: SocketAddr, to: SocketAddr, reply: bool, id: u16) -> Vec<u8> {
    match (from.ip(), to.ip()) {
        (IpAddr::V4(_), _) => ip(from.ip(), to.ip(), protocol::ICMP, &icmp_echo(reply, id, 1, b"ping")),
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            ip(from.ip(), to.ip(), protocol::ICMPV6, &icmpv6_echo(src, dst, reply, id, 1, b"ping"))
        }
        _ => unreachable!("both ends are of one family"),
    }
}

fn from_left(packet: Vec<u8>) -> Step {
    Step { side: Side::Left, packet }
}

fn from_right(packet: Vec<u8>) -> Step {
    Step { side: Side::Right, packet }
}

/// A TCP connection from its handshake to its last ACK.
fn tcp_talk(client: SocketAddr, server: SocketAddr) -> Vec<Step> {
    use flags::{ACK, FIN, SYN};
    let segment = |from_client: bool, flags, seq, ack| {
        let header = Tcp { seq, ack, flags, ..Tcp::default() };
        if from_client {
            from_left(tcp_packet(client, server, &header, b""))
        } else {
            from_right(tcp_packet(server, client, &header, b""))
        }
    };
    vec![
        segment(true, SYN, 100, 0),
        segment(false, SYN | ACK, 500, 101),
        segment(true, ACK, 101, 501),
        segment(false, ACK, 501, 101),
        segment(true, FIN | ACK, 101, 501),
        segment(false, FIN | ACK, 501, 102),
        segment(true, ACK, 102, 502),
    ]
}

/// Some talks of everything simple, one packet of each in turn.
fn simple_talks(count: u16) -> Vec<Step> {
    let mut talks = Vec::new();
    for n in 0..count {
        let v6 = n % 2 == 1;
        let (client, server) = (left((n % 50) as u8 + 1, 1024 + n, v6), right((n % 7) as u8 + 1, 53, v6));
        talks.push(match n % 3 {
            0 => tcp_talk(client, server),
            1 => vec![
                from_left(udp_packet(client, server, b"query")),
                from_right(udp_packet(server, client, b"answer")),
                from_left(udp_packet(client, server, b"another")),
            ],
            _ => vec![
                from_left(echo(client, server, false, n)),
                from_right(echo(server, client, true, n)),
                from_right(echo(server, client, true, n + count)),
            ],
        });
    }
    let longest = talks.iter().map(Vec::len).max().unwrap_or(0);
    (0..longest).flat_map(|at| talks.iter().filter_map(move |talk| talk.get(at).cloned())).collect()
}

fn with_both(config: Config, work: impl FnOnce(&mut Differential) + Send) {
    with_kernel(|kernel| work(&mut Differential::new(kernel, config, KNOWN)));
}

/// The kernel and the engine say the same of these packets, the engine with the kernel's defaults.
fn agree(steps: &[Step]) {
    with_both(Config::default(), |both| {
        if let Some(difference) = both.run(steps).expect("the kernel works").difference {
            panic!("{difference}");
        }
    });
}

#[test]
fn every_field_of_simple_talks_is_compared() {
    let steps = simple_talks(900);
    with_both(Config::default(), |both| {
        let Run { tally, difference } = both.run(&steps).expect("the kernel works");
        assert_eq!(difference, None);
        let compared = |field: Field| tally.compared[field as usize];
        assert_eq!(tally.packets, steps.len() as u64);
        assert_eq!((compared(Field::Verdict), compared(Field::State)), (tally.packets, tally.packets));
        // Answers that nobody asked for have no connection: a third of the talks has one.
        assert_eq!((tally.connections, compared(Field::Direction)), (900, tally.packets - 300));
        for field in [Field::Status, Field::Timeout, Field::Packets, Field::Bytes] {
            assert_eq!(compared(field), tally.packets - 300 + tally.connections, "{field}");
        }
        // Seven packets of each TCP connection, and the connection at the end.
        assert_eq!(compared(Field::ProtocolState), 300 * 8);
        for field in [Field::Invalid, Field::InsertFailed, Field::Drop, Field::EarlyDrop, Field::Error] {
            assert_eq!(compared(field), 1, "{field}");
        }
    });
}

#[test]
fn random_datagrams_agree() {
    // Without wrong checksums.
    let steps: Vec<Step> = talks::generate(Kind::Udp, 1, 3_000)
        .into_iter()
        .filter(|step| !talks::describe(&step.packet).contains("bad checksum"))
        .collect();
    agree(&steps);
}

#[test]
fn a_wrong_timeout_is_found_and_reduced_to_one_packet() {
    let timeouts = Timeouts { udp: Duration::from_secs(33), ..Timeouts::default() };
    let conntrack = tctable::conntrack::Config { timeouts, ..tctable::conntrack::Config::default() };
    let steps = simple_talks(30);
    with_both(Config { conntrack, ..Config::default() }, |both| {
        let difference = both.run(&steps).expect("the kernel works").difference.expect("33 seconds are not 30");
        assert_eq!(difference.fields, [Field::Timeout]);
        assert_eq!(difference.kernel.original.map(|tuple| tuple.protocol), Some(protocol::UDP));
        assert!(difference.to_string().contains("* timeout"), "{difference}");

        let reduced = both.reduce(steps, difference).expect("the kernel works");
        assert_eq!((reduced.steps.len(), reduced.shows_again), (1, true));
        assert_eq!(reduced.difference.step, Some((0, reduced.steps[0].clone())));
    });
}

#[test]
fn a_setting_is_made_on_both_sides() {
    let steps = simple_talks(30);
    with_both(Config::default(), |both| {
        both.set("nf_conntrack_udp_timeout", "33").unwrap();
        assert_eq!(both.run(&steps).expect("the kernel works").difference, None);
        assert!(both.set("nf_conntrack_udp_timeout", "long").is_err());
        assert!(both.set("nf_conntrack_no_such_thing", "1").is_err());
    });
}

#[test]
fn a_wrong_setting_shows_in_the_ctstate() {
    let conntrack = tctable::conntrack::Config {
        tcp: tctable::conntrack::TcpConfig { loose: false, ..Default::default() },
        ..tctable::conntrack::Config::default()
    };
    let middle = &tcp_talk(left(1, 1024, false), right(1, 80, false))[2..3];
    with_both(Config { conntrack, ..Config::default() }, |both| {
        let difference = both.run(middle).expect("the kernel works").difference.expect("the kernel picks it up");
        assert_eq!((difference.kernel.state, difference.engine.state), (Some(CtState::New), Some(CtState::Invalid)));
    });
}

#[test]
fn the_kernel_tells_states_drops_and_sysctls() {
    with_kernel(|mut kernel| {
        let packet = |n| tcp_talk(left(1, 1024, false), right(1, 80, false)).swap_remove(n).packet;
        let forwarded = |state, reply| Fate::Forwarded { state, reply };
        kernel.set_sysctl("net.netfilter.nf_conntrack_tcp_loose", 0).unwrap();
        assert_eq!(kernel.send(Side::Left, &packet(2)).unwrap(), forwarded(CtState::Invalid, None));
        kernel.set_sysctl("net.netfilter.nf_conntrack_tcp_loose", 1).unwrap();
        assert_eq!(kernel.send(Side::Left, &packet(2)).unwrap(), forwarded(CtState::New, Some(false)));
        assert_eq!(kernel.send(Side::Right, &packet(3)).unwrap(), forwarded(CtState::Established, Some(true)));
        assert_eq!(kernel.connections().unwrap().len(), 1);
        kernel.reset().unwrap();
        assert_eq!(kernel.connections().unwrap(), []);

        let mut broken = packet(0);
        broken[10] ^= 1;
        assert_eq!(kernel.send(Side::Left, &broken).unwrap(), Fate::Stopped, "header checksum");
        assert_eq!(kernel.send(Side::Left, &[0; 20]).unwrap(), Fate::Stopped, "no IP version");
        assert!(kernel.set_sysctl("net.netfilter.no_such_thing", 1).is_err());
    });
}

#[test]
fn a_reset_forgets_fragments_but_no_setting() {
    with_kernel(|mut kernel| {
        let datagram = tctable_lab::packets::udp(left(1, 1024, false), right(1, 80, false), &[7; 24]);
        let header = Ipv4 { id: 5, ..Ipv4::new([10, 11, 0, 1], [10, 22, 0, 1], protocol::UDP) };
        let first = Ipv4 { more_fragments: true, ..header.clone() }.build(&datagram[..16]);
        let last = Ipv4 { fragment_offset: 2, ..header }.build(&datagram[16..]);
        let whole = Fate::Forwarded { state: CtState::New, reply: Some(false) };
        kernel.set_sysctl("net.netfilter.nf_conntrack_udp_timeout", 77).unwrap();

        assert_eq!(kernel.send(Side::Left, &first).unwrap(), Fate::Stopped);
        assert_eq!(kernel.send(Side::Left, &last).unwrap(), whole);
        assert_eq!(kernel.send(Side::Left, &first).unwrap(), Fate::Stopped);
        kernel.reset().unwrap();
        assert_eq!(kernel.send(Side::Left, &last).unwrap(), Fate::Stopped, "the first was forgotten");
        assert_eq!(kernel.send(Side::Left, &first).unwrap(), whole);
        let connections = kernel.connections().unwrap();
        assert!(matches!(connections[..], [connection] if (76..=77).contains(&connection.timeout)), "{connections:?}");
    });
}

#[test]
fn helpers_are_there_to_be_assigned() {
    with_kernel(|mut kernel| {
        kernel.assign_helper(Helper { name: "ftp", protocol: "tcp", port: 21 }).unwrap();
        kernel.assign_helper(Helper { name: "tftp", protocol: "udp", port: 69 }).unwrap();
        let request = udp_packet(left(1, 1024, false), right(1, 69, false), b"\0\x01file\0octet\0");
        let answer = udp_packet(right(1, 4000, false), left(1, 1024, false), b"\0\x03\0\x01data");
        kernel.send(Side::Left, &request).unwrap();
        let related = Fate::Forwarded { state: CtState::Related, reply: Some(false) };
        assert_eq!(kernel.send(Side::Right, &answer).unwrap(), related);
    });
}
