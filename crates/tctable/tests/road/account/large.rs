//! Counters go on beyond 4 GiB, to the last byte.

use tctable::account::Class;
use tctable::conntrack::Direction::{Original, Reply};
use tctable::packet::{Frame, LinkType};
use tctable::time::Duration;

use crate::support::{BOTH, Net, Road, START, counter, frame};

const PACKETS: u64 = 70_000;

/// The largest packet that the header can tell, of which only the beginning was kept, and its length.
fn huge(net: Net, mut packet: Vec<u8>) -> (Vec<u8>, u64) {
    if net.client.is_ipv4() {
        packet[2..4].copy_from_slice(&[0xff, 0xff]);
        (packet, 65_535)
    } else {
        packet[4..6].copy_from_slice(&[0xff, 0xff]);
        (packet, 65_535 + 40)
    }
}

#[test]
fn a_connection_of_more_than_four_gibibytes_is_exact() {
    for net in BOTH {
        let (there, length) = huge(net, net.out("P."));
        let (back, _) = huge(net, net.back("P."));
        let mut road = Road::new();
        let frames = (0..PACKETS).flat_map(|number| {
            let time = START + Duration::from_nanos(number);
            // Three there, then two back.
            [&there, &back, &there, &back, &there].map(|data| Frame {
                time,
                wire_len: length as u32,
                ..frame(LinkType::Raw, data)
            })
        });
        road.gateway.receive(frames);
        let (_, connection) = road.connection();
        let (sent, received) = (counter(3 * PACKETS, 3 * PACKETS * length), counter(2 * PACKETS, 2 * PACKETS * length));
        assert!(received.bytes > 2 << 32);
        assert_eq!((connection.counter(Original), connection.counter(Reply)), (sent, received));
        let counters = road.host(net.client).expect("a host").class(Class::Tcp);
        assert_eq!((counters.tx, counters.rx), (sent, received));
        let totals = road.gateway.totals();
        assert_eq!((totals.tx(), totals.rx()), (sent, received));
        assert_eq!(totals.ip, counter(5 * PACKETS, 5 * PACKETS * length));
        assert_eq!(totals.frames, totals.ip);
    }
}
