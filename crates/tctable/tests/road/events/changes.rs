//! Each change once, all of a packet's together.

use tctable::Event;
use tctable::conntrack::{Changes, Status, TcpState};
use tctable::time::Duration;
use tctable_lab::packets::{chunk, ip, protocol, sctp, sctp_chunk};

use super::{telling, told};
use crate::support::{BOTH, Net, packets, unreachable};

#[test]
fn every_change_has_the_kernels_value_and_name() {
    let all = [
        (Changes::NEW, 0, "new"),
        (Changes::RELATED, 1, "related"),
        (Changes::DESTROY, 2, "destroy"),
        (Changes::REPLY, 3, "reply"),
        (Changes::ASSURED, 4, "assured"),
        (Changes::PROTOINFO, 5, "protoinfo"),
        (Changes::HELPER, 6, "helper"),
        (Changes::MARK, 7, "mark"),
        (Changes::LABEL, 10, "label"),
    ];
    let mut together = Changes::NONE;
    for (change, bit, name) in all {
        assert_eq!((change.bits(), change.names().collect::<Vec<_>>()), (1 << bit, vec![name]));
        together |= change;
    }
    assert_eq!(together, Changes::ALL);
    assert_eq!(Changes::UPDATES.bits(), Changes::ALL.bits() & !0b111);
}

/// That each packet of a talk tells just that; empty is nothing.
fn tells(talk: &[(u64, Vec<u8>, &str)]) {
    let mut road = telling(Changes::ALL);
    for (nth, (wait, packet, expected)) in talk.iter().enumerate() {
        road.wait(Duration::from_millis(*wait)).pass(packet);
        let told = told(&mut road).join(" ");
        assert_eq!(told, *expected, "packet {nth}");
    }
}

#[test]
fn tcp() {
    for net in BOTH {
        tells(&[
            (0, net.out("S"), "new"),
            (0, net.out("S"), ""),
            (0, net.back("S."), "reply+protoinfo"),
            (0, net.out("."), "assured+protoinfo"),
            (0, net.out("P."), ""),
            (0, net.out("SF"), ""),
            (0, net.out("F."), "protoinfo"),
            (0, net.back("."), "protoinfo"),
            (0, net.back("F."), "protoinfo"),
            (0, net.out("."), "protoinfo"),
            (0, net.out("."), ""),
            (0, net.out("S"), "Reopened new"),
            (0, net.back("R."), "Reset"),
        ]);
        // Picked up in mid-stream, and reset.
        tells(&[
            (0, net.out("."), "new"),
            (0, net.back("."), "reply"),
            (0, net.out("."), "assured"),
            (0, net.out("R."), "protoinfo"),
        ]);
    }
}

#[test]
fn protocols_without_states() {
    let other = |from, to| ip(from, to, 253, b"");
    let gre = |from, to| ip(from, to, protocol::GRE, &[0, 0, 8, 0]);
    for net in BOTH {
        let Net { client, server, .. } = net;
        tells(&[
            (0, net.ask(), "new"),
            (0, net.ask(), ""),
            (0, net.answer(), "reply"),
            (0, net.answer(), ""),
            (2_001, net.answer(), "assured"),
            (0, net.ask(), ""),
            (0, unreachable(net.router, net.client, &net.ask()), ""),
        ]);
        tells(&[(0, net.ping(1), "new"), (0, net.pong(1), "reply"), (9_000, net.ping(1), "")]);
        tells(&[
            (0, other(client, server), "new"),
            (0, other(server, client), "reply"),
            (0, other(client, server), ""),
        ]);
        tells(&[
            (0, gre(client, server), "new"),
            (0, gre(server, client), "reply"),
            (0, gre(client, server), "assured"),
        ]);
    }
}

#[test]
fn sctp_from_open_to_closed() {
    let init = |own: u8| [0, 0, 0, own, 0, 0, 9, 9, 0, 1, 0, 1, 0, 0, 0, 1];
    for net in BOTH {
        let send = |there: bool, kind, value: &[u8]| {
            let (from, to, ports, tag) =
                if there { (net.client, net.server, [7, 80], 22) } else { (net.server, net.client, [80, 7], 11) };
            let tag = if kind == chunk::INIT { 0 } else { tag };
            ip(from, to, protocol::SCTP, &sctp(ports, tag, &[sctp_chunk(kind, 0, value)]))
        };
        tells(&[
            (0, send(true, chunk::INIT, &init(11)), "new"),
            (0, send(false, chunk::INIT_ACK, &init(22)), "reply+protoinfo"),
            (0, send(true, chunk::COOKIE_ECHO, b"cook"), "protoinfo"),
            (0, send(false, chunk::COOKIE_ACK, b""), "assured+protoinfo"),
            (0, send(false, chunk::DATA, b"data"), ""),
            (0, send(true, chunk::SHUTDOWN, b"seen"), "protoinfo"),
            (0, send(false, chunk::SHUTDOWN_ACK, b""), "protoinfo"),
            (0, send(true, chunk::SHUTDOWN_COMPLETE, b""), "protoinfo"),
            (0, send(true, chunk::ABORT, b""), ""),
        ]);
    }
}

#[test]
fn an_event_shows_the_connection_after_the_packet() {
    for net in BOTH {
        let mut road = telling(Changes::ALL);
        for packet in [net.out("S"), net.back("S."), net.out(".")] {
            road.wait(Duration::from_secs(1)).pass(&packet);
        }
        let now = road.now;
        let (id, _) = road.connection();
        let events = road.events();
        let states = [TcpState::SynSent, TcpState::SynRecv, TcpState::Established];
        for (nth, event) in events.iter().enumerate() {
            let Event::Connection { id: of, owner, connection, .. } = event else { panic!("{event:?}") };
            assert_eq!((*of, *owner), (id, Some((net.client, 1))));
            assert_eq!(connection.tcp_state(), Some(states[nth]));
            assert_eq!(packets(connection), [[1, 0], [1, 1], [2, 1]][nth]);
            assert_eq!(connection.last_seen().as_nanos(), now.as_nanos() - (2 - nth as u64) * 1_000_000_000);
            assert_eq!(connection.status().contains(Status::ASSURED), nth == 2);
        }
        assert_eq!(events.len(), 3);
    }
}

#[test]
fn one_of_nobody_has_no_owner() {
    for net in BOTH {
        let mut road = telling(Changes::ALL);
        road.pass(&ip(net.server, net.router, 253, b""));
        assert!(matches!(&road.events()[..], [Event::Connection { owner: None, .. }]));
    }
}

#[test]
fn a_connection_that_never_came_about_is_not_told() {
    for net in BOTH {
        let mut road = telling(Changes::ALL);
        road.gateway.set_sysctl("net.tctable.host_connections_max", "1").expect("a tunable");
        for packet in [net.pong(1), net.out("S."), net.ask(), net.ping(1)] {
            road.pass(&packet);
        }
        assert_eq!(told(&mut road), ["new"]);
    }
}
