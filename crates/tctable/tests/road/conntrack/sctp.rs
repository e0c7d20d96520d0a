//! SCTP: which INIT ACK is taken when both ends have sent an INIT.

use tctable_lab::packets::{chunk, ip, protocol, sctp, sctp_chunk};

use crate::support::{BOTH, CLIENT_PORT, Net, Road, SERVER_PORT};

/// Verification tags that the ends choose.
const CLIENT: u32 = 0x11;
const SERVER: u32 = 0x22;
const OTHER: u32 = 0x33;

fn out(net: Net, tag: u32, chunk: Vec<u8>) -> Vec<u8> {
    ip(net.client, net.server, protocol::SCTP, &sctp([CLIENT_PORT, SERVER_PORT], tag, &[chunk]))
}

fn back(net: Net, tag: u32, chunk: Vec<u8>) -> Vec<u8> {
    ip(net.server, net.client, protocol::SCTP, &sctp([SERVER_PORT, CLIENT_PORT], tag, &[chunk]))
}

/// INIT or INIT ACK with the tag that its sender wants to see.
fn init(kind: u8, tag: u32) -> Vec<u8> {
    sctp_chunk(kind, 0, &[&tag.to_be_bytes()[..], &[0, 0, 0xff, 0xff, 0, 1, 0, 1, 0, 0, 0, 1]].concat())
}

#[test]
fn an_init_that_repeats_a_known_tag_does_not_make_a_collision() {
    for net in BOTH {
        // The client's packet tells the server's tag, of which the server's INIT says the same or another.
        for (known, answered) in [(SERVER, true), (OTHER, false)] {
            let mut road = Road::new();
            road.pass(&out(net, known, sctp_chunk(chunk::HEARTBEAT_ACK, 0, &[0, 1, 0, 4])));
            road.pass(&back(net, 0, init(chunk::INIT, SERVER)));
            road.pass(&out(net, 0, init(chunk::INIT, CLIENT)));
            let line = road.line(&back(net, CLIENT, init(chunk::INIT_ACK, OTHER)));
            assert_eq!(line, if answered { "ESTABLISHED reply sctp 3 SEEN_REPLY,CONFIRMED" } else { "INVALID" });
        }
    }
}

#[test]
fn after_a_collision_only_an_init_with_another_tag_begins_anew() {
    for net in BOTH {
        for (again, answered) in [(CLIENT, false), (OTHER, true)] {
            let mut road = Road::new();
            road.pass(&out(net, 0, init(chunk::INIT, CLIENT)));
            road.pass(&back(net, 0, init(chunk::INIT, SERVER)));
            road.pass(&out(net, 0, init(chunk::INIT, again)));
            let line = road.line(&back(net, again, init(chunk::INIT_ACK, 0x44)));
            assert_eq!(line, if answered { "ESTABLISHED reply sctp 3 SEEN_REPLY,CONFIRMED" } else { "INVALID" });
        }
    }
}
