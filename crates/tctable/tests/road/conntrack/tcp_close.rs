//! TCP to the end: close, reset, and open again.

use tctable::Event;
use tctable::conntrack::{EndReason, Ended};
use tctable::time::Duration;

use super::tcp::open;
use crate::support::{BOTH, Net, Road, packets};

/// A road along which a connection was opened and closed.
fn closed(net: Net) -> Road {
    let mut road = open(net);
    for packet in [net.out("F."), net.back("."), net.back("F."), net.out(".")] {
        road.pass(&packet);
    }
    road
}

/// The only connection that ended.
fn ended(road: &mut Road) -> Ended {
    let mut ended = road.events().into_iter().map(|event| match event {
        Event::ConnectionEnded { ended, .. } => *ended,
        other => panic!("{other:?}"),
    });
    let only = ended.next().expect("a connection ended");
    assert!(ended.next().is_none());
    only
}

#[test]
fn a_close_from_either_side() {
    let status = "SEEN_REPLY,ASSURED,CONFIRMED";
    for net in BOTH {
        let mut road = open(net);
        assert_eq!(road.line(&net.out("F.")), format!("ESTABLISHED original tcp FIN_WAIT 120 {status}"));
        assert_eq!(road.line(&net.back(".")), format!("ESTABLISHED reply tcp CLOSE_WAIT 60 {status}"));
        assert_eq!(road.line(&net.back("F.")), format!("ESTABLISHED reply tcp LAST_ACK 30 {status}"));
        assert_eq!(road.line(&net.out(".")), format!("ESTABLISHED original tcp TIME_WAIT 120 {status}"));

        let mut road = open(net);
        assert_eq!(road.line(&net.back("F.")), format!("ESTABLISHED reply tcp FIN_WAIT 120 {status}"));
        assert_eq!(road.line(&net.out(".")), format!("ESTABLISHED original tcp CLOSE_WAIT 60 {status}"));
        assert_eq!(road.line(&net.out("F.")), format!("ESTABLISHED original tcp LAST_ACK 30 {status}"));
        assert_eq!(road.line(&net.back(".")), format!("ESTABLISHED reply tcp TIME_WAIT 120 {status}"));
    }
}

#[test]
fn a_reset_leaves_a_connection_that_both_sides_used_for_ten_seconds() {
    for net in BOTH {
        let mut road = open(net);
        let line = road.line(&net.back("R."));
        assert_eq!(line, "ESTABLISHED reply tcp CLOSE 10 SEEN_REPLY,ASSURED,CONFIRMED");
        road.sleep_until(road.now + Duration::from_secs(11));
        assert_eq!(ended(&mut road).reason, EndReason::Timeout);
    }
}

#[test]
fn a_reset_that_answers_a_syn_deletes_the_connection() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.out("S"));
        road.wait(Duration::from_millis(20));
        let reset = road.pass(&net.back("R."));
        assert_eq!((reset.line().as_str(), reset.host), ("ESTABLISHED reply", Some(net.client)));
        assert_eq!(road.gateway.conntrack().count(), 0);
        let gone = ended(&mut road);
        assert_eq!((gone.reason, gone.at), (EndReason::Reset, road.now));
        // The reset counts.
        assert_eq!(packets(&gone.connection), [1, 1]);
        assert_eq!(road.host(net.client).expect("a host").open_connections(), 0);
        assert!(road.line(&net.out("S")).starts_with("NEW original tcp SYN_SENT"));
    }
}

#[test]
fn a_sender_may_reset_its_own_syn() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.out("S"));
        assert_eq!(road.line(&net.out("R")), "NEW original");
        assert_eq!(ended(&mut road).reason, EndReason::Reset);
    }
}

#[test]
fn a_syn_after_time_wait_opens_a_new_connection() {
    for net in BOTH {
        let mut road = closed(net);
        let (old, _) = road.connection();
        road.wait(Duration::from_secs(1));
        let again = road.pass(&net.out("S"));
        assert_eq!(again.line(), "NEW original tcp SYN_SENT 120 CONFIRMED");
        assert_eq!((again.packets(), again.id), ([1, 0], Some(2)));
        assert!(road.gateway.conntrack().get(old).is_none());
        let gone = ended(&mut road);
        assert_eq!((gone.reason, gone.at), (EndReason::Reopened, road.now));
        assert_eq!(packets(&gone.connection), [4, 3]);
    }
}

#[test]
fn the_other_side_may_open_after_time_wait_too() {
    for net in BOTH {
        let mut road = closed(net);
        let again = road.pass(&net.back("S"));
        assert_eq!(again.line(), "NEW original tcp SYN_SENT 120 CONFIRMED");
        assert_eq!(again.connection.expect("a connection").original().source.to_ip(net.client.into()), net.server);
        assert_eq!(ended(&mut road).reason, EndReason::Reopened);
    }
}

#[test]
fn a_syn_after_the_senders_own_reset_opens_a_new_connection() {
    for net in BOTH {
        let mut road = open(net);
        road.pass(&net.out("R."));
        assert_eq!(road.line(&net.out("S")), "NEW original tcp SYN_SENT 120 CONFIRMED");
        assert_eq!(ended(&mut road).reason, EndReason::Reopened);
    }
}
