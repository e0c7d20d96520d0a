//! Every statistic is filled, and none is filled by anything else. What needs two first packets on their road at once is
//! tested beside the table.

use tctable::conntrack::Statistics;
use tctable::time::Duration;
use tctable_lab::packets::{ip, protocol};

use crate::support::{BOTH, Road};

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
        expect_new: 12,
        expect_create: 13,
        expect_delete: 14,
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
        ("expect_new", 12),
        ("expect_create", 13),
        ("expect_delete", 14),
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

#[test]
fn ignore() {
    for net in BOTH {
        let mut road = Road::new();
        let solicitation = [135, 0, 0, 0, 0, 0, 0, 0];
        road.pass(&ip(net.client, net.server, protocol::ICMPV6, &solicitation));
        // ICMPv6 over IPv4 makes no sense.
        let expected = match net.client.is_ipv6() {
            true => Statistics { ignore: 1, ..Statistics::default() },
            false => Statistics { error: 1, ..Statistics::default() },
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
