//! Every statistic is filled, and none is filled by anything else. What needs two first packets on their road at once is
//! tested beside the table.

use std::net::IpAddr;

use tctable::conntrack::Statistics;
use tctable::time::Duration;
use tctable_lab::packets::{icmp, icmpv6, ip, protocol};

use crate::support::{BOTH, Net, Road, V4, V6};

fn after(road: &Road) -> Statistics {
    *road.gateway.conntrack().statistics()
}

#[test]
fn each_has_its_name() {
    let statistics = Statistics {
        found: 1,
        invalid: 2,
        ignore: 3,
        insert: 4,
        insert_failed: 5,
        drop: 6,
        early_drop: 7,
        error: 8,
        clash_resolve: 9,
        chaintoolong: 10,
        delete: 11,
    };
    let named = [
        ("found", 1),
        ("invalid", 2),
        ("insert", 4),
        ("insert_failed", 5),
        ("drop", 6),
        ("early_drop", 7),
        ("error", 8),
        ("clash_resolve", 9),
        ("chaintoolong", 10),
        ("ignore", 3),
        ("delete", 11),
    ];
    assert_eq!(statistics.named(), named);
}

#[test]
fn insert_and_delete() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        road.pass(&net.answer());
        road.pass(&net.out("S"));
        assert_eq!(after(&road), Statistics { insert: 2, ..Statistics::default() });
        road.pass(&net.back("R."));
        assert_eq!(after(&road), Statistics { insert: 2, delete: 1, ..Statistics::default() });
        road.wait(Duration::from_secs(31)).tick();
        assert_eq!(after(&road), Statistics { insert: 2, delete: 2, ..Statistics::default() });
    }
}

#[test]
fn invalid() {
    for net in BOTH {
        let mut road = Road::new();
        for packet in
            [net.pong(1), net.out("SF"), net.out("S."), crate::support::unreachable(net.router, net.client, b"")]
        {
            road.pass(&packet);
        }
        road.pass_cut(&net.ask(), net.header() as usize);
        assert_eq!(after(&road), Statistics { invalid: 4, error: 1, ..Statistics::default() });
    }
}

/// Messages of ICMP: what is damaged or cut is an error, and in IPv4 a type above 18; a type that nobody answers is as invalid
/// as any other packet, and so is ICMP of the other version of IP, of which nothing is looked at.
#[test]
fn icmp_counts_as_error_or_as_invalid() {
    fn message(net: Net, kind: u8, damage: bool) -> Vec<u8> {
        let mut bytes = match (net.client, net.server) {
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                ip(net.client, net.server, protocol::ICMPV6, &icmpv6(from, to, [kind, 0], 0, b""))
            }
            _ => ip(net.client, net.server, protocol::ICMP, &icmp(kind, 0, 0, b"")),
        };
        *bytes.last_mut().expect("not empty") ^= u8::from(damage);
        bytes
    }
    let other = |net: Net| if net.client.is_ipv4() { protocol::ICMPV6 } else { protocol::ICMP };
    let mut rows: Vec<(&str, Vec<u8>)> = Vec::new();
    for net in BOTH {
        let (own, invalid) = if net.client.is_ipv4() { (protocol::ICMP, 9) } else { (protocol::ICMPV6, 200) };
        rows.push(("invalid", message(net, invalid, false)));
        rows.push(("error", message(net, invalid, true)));
        rows.push(("error", ip(net.client, net.server, own, &[8; 7])));
        for length in [7, 8] {
            rows.push(("invalid", ip(net.client, net.server, other(net), &[8; 8][..length])));
        }
    }
    rows.extend([
        ("invalid", message(V4, 6, false)),
        ("error", message(V4, 19, false)),
        ("error", message(V4, 255, false)),
    ]);
    rows.push(("invalid", message(V6, 141, false)));
    for (expected, packet) in rows {
        let mut road = Road::with(|config| config.conntrack.checksum = true);
        assert_eq!(road.line(&packet), "INVALID");
        let (invalid, error) = (u64::from(expected == "invalid"), u64::from(expected == "error"));
        assert_eq!(after(&road), Statistics { invalid, error, ..Statistics::default() }, "{packet:02x?}");
    }
}

#[test]
fn ignore() {
    for net in BOTH {
        let mut road = Road::new();
        let solicitation = [135, 0, 0, 0, 0, 0, 0, 0];
        road.pass(&ip(net.client, net.server, protocol::ICMPV6, &solicitation));
        // ICMPv6 over IPv4 makes no sense, and the kernel does not take it for ICMP then.
        let expected = match net.client.is_ipv6() {
            true => Statistics { ignore: 1, ..Statistics::default() },
            false => Statistics { invalid: 1, ..Statistics::default() },
        };
        assert_eq!(after(&road), expected);
    }
}

#[test]
fn drop() {
    for net in BOTH {
        let mut road = Road::with(|config| config.conntrack.max = 1);
        for packet in [net.out("S"), net.back("S."), net.out("."), net.ask(), net.ping(1)] {
            road.pass(&packet);
        }
        assert_eq!(after(&road), Statistics { insert: 1, drop: 2, ..Statistics::default() });
    }
}

#[test]
fn early_drop() {
    for net in BOTH {
        let mut road = Road::with(|config| config.conntrack.max = 1);
        for packet in [net.out("S"), net.back("S."), net.ask()] {
            road.pass(&packet);
        }
        assert_eq!(after(&road), Statistics { insert: 2, early_drop: 1, delete: 1, ..Statistics::default() });
    }
}

/// As in the kernel room is made before the tracker is asked; where there is none to be made nobody asks it.
#[test]
fn what_opens_nothing_makes_room_too_and_without_room_is_dropped() {
    for net in BOTH {
        let mut road = Road::with(|config| config.conntrack.max = 1);
        road.pass(&net.ask());
        assert_eq!(road.line(&net.pong(1)), "INVALID");
        assert_eq!(
            after(&road),
            Statistics { insert: 1, early_drop: 1, delete: 1, invalid: 1, ..Statistics::default() }
        );
        for packet in [net.out("S"), net.back("S."), net.out(".")] {
            road.pass(&packet);
        }
        assert_eq!(road.line(&net.pong(1)), "-");
        let Statistics { drop, invalid, .. } = after(&road);
        assert_eq!((drop, invalid), (1, 1));
    }
}

#[test]
fn a_connection_that_is_opened_again_is_one_more() {
    for net in BOTH {
        let mut road = super::tcp::open(net);
        for packet in [net.out("F."), net.back("F."), net.out("."), net.out("S")] {
            road.pass(&packet);
        }
        assert_eq!(after(&road), Statistics { insert: 2, delete: 1, ..Statistics::default() });
    }
}
