//! Status bits: which are set when, with the kernel's values (`enum ip_conntrack_status`).

use tctable::Event;
use tctable::conntrack::{Connection, Status};
use tctable::time::Duration;
use tctable_lab::packets::{ip, protocol};

use crate::support::{BOTH, Net, Road};

const SEEN_REPLY: u16 = 1 << 1;
const ASSURED: u16 = 1 << 2;
const CONFIRMED: u16 = 1 << 3;
const DYING: u16 = 1 << 9;

#[test]
fn every_bit_has_the_kernels_value_and_name() {
    let bits = [
        (Status::EXPECTED, "EXPECTED"),
        (Status::SEEN_REPLY, "SEEN_REPLY"),
        (Status::ASSURED, "ASSURED"),
        (Status::CONFIRMED, "CONFIRMED"),
        (Status::SRC_NAT, "SRC_NAT"),
        (Status::DST_NAT, "DST_NAT"),
        (Status::SEQ_ADJUST, "SEQ_ADJUST"),
        (Status::SRC_NAT_DONE, "SRC_NAT_DONE"),
        (Status::DST_NAT_DONE, "DST_NAT_DONE"),
        (Status::DYING, "DYING"),
        (Status::FIXED_TIMEOUT, "FIXED_TIMEOUT"),
        (Status::TEMPLATE, "TEMPLATE"),
        (Status::NAT_CLASH, "NAT_CLASH"),
        (Status::HELPER, "HELPER"),
    ];
    for (nth, (bit, name)) in bits.into_iter().enumerate() {
        assert_eq!((bit.bits(), bit.names().collect::<Vec<_>>()), (1 << nth, vec![name]));
    }
    assert_eq!(Status::default().bits(), 0);
}

fn bits(road: &Road) -> u16 {
    road.connection().1.status().bits()
}

/// The connections that ended, in order.
fn ended(road: &mut Road) -> Vec<Connection> {
    let ended = road.events().into_iter().filter_map(|event| match event {
        Event::ConnectionEnded { ended, .. } => Some(ended.connection),
        _ => None,
    });
    ended.collect()
}

#[test]
fn confirmed_from_the_first_packet_on() {
    for net in BOTH {
        for packet in [net.out("S"), net.ask(), net.ping(1), ip(net.client, net.server, 253, b"")] {
            let mut road = Road::new();
            road.pass(&packet);
            assert_eq!(bits(&road), CONFIRMED);
            road.pass(&packet);
            assert_eq!(bits(&road), CONFIRMED);
        }
    }
}

#[test]
fn seen_reply_from_the_first_answer_on() {
    for net in BOTH {
        for (ask, answer) in [
            (net.out("S"), net.back("S.")),
            (net.ask(), net.answer()),
            (net.ping(1), net.pong(1)),
            (ip(net.client, net.server, 253, b""), ip(net.server, net.client, 253, b"")),
        ] {
            let mut road = Road::new();
            for (packet, expected) in [(&ask, CONFIRMED), (&answer, CONFIRMED | SEEN_REPLY)] {
                road.pass(packet);
                assert_eq!(bits(&road), expected);
            }
        }
    }
}

/// Packets with the milliseconds before each.
type Talk = Vec<(u64, Vec<u8>)>;

/// Packets after which a connection is assured, but not after the last but one; or never.
fn talks(net: Net) -> Vec<(Talk, bool)> {
    let gre = |from, to| ip(from, to, protocol::GRE, &[0, 0, 8, 0]);
    let other = |from, to| ip(from, to, 253, b"");
    let (client, server) = (net.client, net.server);
    vec![
        (vec![(0, net.out("S")), (0, net.back("S.")), (0, net.out("."))], true),
        // In mid-stream: once both sides were seen, and the first again.
        (vec![(0, net.out(".")), (0, net.back(".")), (0, net.out("."))], true),
        (vec![(0, net.ask()), (0, net.answer()), (2_001, net.ask())], true),
        (vec![(0, net.ask()), (0, net.answer()), (2_000, net.ask())], false),
        (vec![(0, gre(client, server)), (0, gre(server, client)), (0, gre(client, server))], true),
        (vec![(0, net.ping(1)), (0, net.pong(1)), (5_000, net.ping(1)), (5_000, net.pong(1))], false),
        (vec![(0, other(client, server)), (0, other(server, client)), (5_000, other(client, server))], false),
    ]
}

#[test]
fn assured_when_it_is_worth_keeping() {
    for net in BOTH {
        for (talk, becomes) in talks(net) {
            let mut road = Road::new();
            for (nth, (wait, packet)) in talk.iter().enumerate() {
                road.wait(Duration::from_millis(*wait)).pass(packet);
                let last = nth + 1 == talk.len();
                assert_eq!(bits(&road) & ASSURED != 0, becomes && last, "{}", road.line(packet));
            }
            // The bit is what the engine's own books go by.
            let host = road.host(net.client).expect("a host");
            assert_eq!(host.unassured_connections(), u64::from(!becomes));
        }
    }
}

#[test]
fn dying_when_it_has_left_the_table_and_not_before() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        road.pass(&net.out("S"));
        for (_, connection) in road.gateway.conntrack().iter() {
            assert_eq!(connection.status().bits() & DYING, 0);
        }
        // By a reset, by somebody's wish, by time.
        road.pass(&net.back("R."));
        let (id, _) = road.connection();
        road.gateway.delete_connection(id);
        road.pass(&net.ping(1));
        road.wait(Duration::from_secs(31)).tick();
        let gone: Vec<u16> = ended(&mut road).iter().map(|connection| connection.status().bits()).collect();
        // The reset that answered was seen before the end.
        assert_eq!(gone.iter().map(|bits| bits & (CONFIRMED | DYING)).collect::<Vec<_>>(), [CONFIRMED | DYING; 3]);
    }
}

#[test]
fn marks_and_labels_show_no_bit_of_their_own() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        let (id, _) = road.connection();
        road.gateway.set_mark(id, 7);
        road.gateway.set_labels(id, 7);
        assert_eq!(bits(&road), CONFIRMED);
    }
}

/// What a refused packet changed nonetheless, it has changed for all.
#[test]
fn an_association_that_a_refused_packet_made_assured() {
    use tctable_lab::packets::{chunk, sctp, sctp_chunk};
    for net in BOTH {
        let send = |there: bool, tag, chunks: &[Vec<u8>]| {
            let (from, to, ports) =
                if there { (net.client, net.server, [7, 80]) } else { (net.server, net.client, [80, 7]) };
            ip(from, to, protocol::SCTP, &sctp(ports, tag, chunks))
        };
        let init = |own: u8| [0, 0, 0, own, 0, 0, 9, 9, 0, 1, 0, 1, 0, 0, 0, 1];
        let mut road = Road::with(|config| config.conntrack.max = 1);
        road.pass(&send(true, 0, &[sctp_chunk(chunk::INIT, 0, &init(11))]));
        road.pass(&send(false, 11, &[sctp_chunk(chunk::INIT_ACK, 0, &init(22))]));
        road.pass(&send(true, 22, &[sctp_chunk(chunk::COOKIE_ECHO, 0, b"cook")]));
        // The first chunk opens it, the second is refused for its tag, and the packet with it.
        let chunks = [sctp_chunk(chunk::COOKIE_ACK, 0, b""), sctp_chunk(chunk::ABORT, 0, b"")];
        assert_eq!(road.line(&send(false, 99, &chunks)), "INVALID");
        assert_eq!(bits(&road) & ASSURED, ASSURED);
        assert_eq!(road.host(net.client).expect("a host").unassured_connections(), 0);
        // It is not dropped early.
        assert_eq!(road.line(&net.ask()), "-");
        let (id, _) = road.connection();
        assert!(road.gateway.delete_connection(id));
        assert_eq!(road.host(net.client).expect("a host").unassured_connections(), 0);
    }
}
