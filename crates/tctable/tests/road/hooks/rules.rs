//! Rules on the road: what they do beside their verdicts, and what stays when others take their place.

use tctable::Event;
use tctable::conntrack::{Changes, CtState, TcpState};
use tctable::gateway::EventMask;
use tctable::hook::Verdict;
use tctable::packet::{Family, Transport};
use tctable::ruleset::{Ruleset, Sets};

use crate::support::{BOTH, Net, Road, counter, unreachable};

fn family(net: Net) -> Family {
    if net.client.is_ipv4() { Family::V4 } else { Family::V6 }
}

fn load(road: &mut Road, net: Net, text: &str) {
    let sets = Sets::default();
    let rules = Ruleset::parse(family(net), text, &sets).expect("the rules are right");
    let (v4, v6) = if net.client.is_ipv4() { (Some(rules), None) } else { (None, Some(rules)) };
    road.gateway.set_rules(v4, v6, &sets).expect("the rules are right");
}

/// A table with these rules, on a road on which everything is told.
fn road(net: Net, table: &str, rules: &str) -> Road {
    let mut road = Road::with(|config| {
        config.events = EventMask::ALL;
        config.max_transmits = 8;
    });
    load(&mut road, net, &format!("*{table}\n{rules}\nCOMMIT\n"));
    road
}

fn text(road: &Road) -> String {
    let (v4, v6) = road.gateway.rules();
    v4.or(v6).expect("there are rules").to_string()
}

#[test]
fn a_rejected_packet_is_answered_along_the_road_of_what_the_gateway_makes() {
    for net in BOTH {
        let mut road = road(net, "filter", "-A FORWARD -p udp -j REJECT\n-A OUTPUT -m conntrack --ctstate RELATED");
        let packet = net.ask();
        assert_eq!(road.pass(&packet).verdict, Verdict::DROP);
        let answer = road.gateway.poll_transmit().expect("it is answered").data;
        // It quotes the packet, and is told to its sender as if by whom it was for.
        assert_eq!(answer[answer.len() - packet.len()..], packet);
        assert_eq!(answer.len(), unreachable(net.server, net.client, &packet).len());
        assert_eq!(road.gateway.totals().made, counter(1, answer.len() as u64));
        assert_eq!(road.gateway.totals().unaccounted.dropped, counter(1, packet.len() as u64));
        assert!(text(&road).contains(&format!("\n[1:{}] -A OUTPUT", answer.len())), "{}", text(&road));
        // It counted for the sender, and opened nothing.
        let host = road.host(net.client).expect("it was answered");
        assert_eq!((host.open_connections(), host.class(tctable::account::Class::Icmp).rx.packets), (0, 1));
        assert_eq!(road.gateway.conntrack().count(), 0);
    }
}

#[test]
fn a_reset_closes_the_connection_in_the_table() {
    for net in BOTH {
        let mut road = road(net, "filter", "-A FORWARD -p tcp --tcp-flags PSH PSH -j REJECT --reject-with tcp-reset");
        for packet in [net.out("S"), net.back("S."), net.out(".")] {
            assert_eq!(road.pass(&packet).verdict, Verdict::Accept);
        }
        assert_eq!(road.pass(&net.out("P.")).verdict, Verdict::DROP);
        assert_eq!(road.connection().1.tcp_state(), Some(TcpState::Close));
        let answer = road.gateway.poll_transmit().expect("it is answered").data;
        let frame = crate::support::frame(tctable::packet::LinkType::Raw, &answer);
        let info = tctable::packet::PacketInfo::read(&frame).unwrap();
        assert!(matches!(info.transport, Transport::Tcp(header) if header.flags & 0x04 != 0));
        assert_eq!(info.tuple.destination, net.client.into());
    }
}

#[test]
fn what_is_not_to_be_tracked_is_not() {
    for net in BOTH {
        let mut road = road(net, "raw", "-A PREROUTING -p udp -j NOTRACK");
        let shown = road.pass(&net.ask());
        assert_eq!((shown.ct_state, shown.host), (Some(CtState::Untracked), Some(net.client)));
        assert_eq!((road.gateway.conntrack().count(), road.gateway.conntrack().statistics().ignore), (0, 1));
    }
}

#[test]
fn a_rule_gives_zone_helper_and_events() {
    for net in BOTH {
        let mut road = road(net, "raw", "-A PREROUTING -p tcp -j CT --zone 7 --helper ftp --ctevents new,destroy");
        road.events();
        for packet in [net.out("S"), net.back("S."), net.out(".")] {
            road.pass(&packet);
        }
        let (id, connection) = road.connection();
        assert_eq!((connection.zone(), road.gateway.conntrack().helper(id)), (7, Some("ftp")));
        road.gateway.delete_connection(id);
        let told: Vec<String> = road
            .events()
            .iter()
            .map(|event| match event {
                Event::Connection { changes, .. } => format!("{changes:?}"),
                Event::ConnectionEnded { .. } => "end".to_owned(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(told, [format!("{:?}", Changes::NEW), "end".to_owned()]);
    }
}

#[test]
fn marks_of_connections_are_told() {
    for net in BOTH {
        let mut road = road(net, "mangle", "-A FORWARD -j CONNMARK --set-mark 5");
        road.pass(&net.ask());
        assert_eq!(road.connection().1.mark(), 5);
        road.events();
        let id = road.connection().0;
        road.gateway.set_mark(id, 1);
        road.events();
        road.pass(&net.answer());
        let told = road.events().into_iter().filter_map(|event| match event {
            Event::Connection { changes, connection, .. } => Some((changes.contains(Changes::MARK), connection.mark())),
            _ => None,
        });
        assert!(told.into_iter().any(|told| told == (true, 5)));
    }
}

#[test]
fn a_log_is_an_event() {
    for net in BOTH {
        let mut road = road(net, "filter", "-A FORWARD -j LOG --log-prefix \"seen: \"");
        road.events();
        road.pass(&net.ask());
        let line = road.events().into_iter().find_map(|event| match event {
            Event::Log(record) => Some(record.to_string()),
            _ => None,
        });
        let line = line.expect("it is logged");
        assert!(line.starts_with("seen: IN=") && line.contains("PROTO=UDP SPT=40000 DPT=443"), "{line}");
    }
}

#[test]
fn a_rules_queue_waits_for_a_program_and_others_take_the_rules_place() {
    for net in BOTH {
        let mut road = road(net, "filter", "-A FORWARD -p udp -j NFQUEUE --queue-num 3\n-A FORWARD -p tcp -j ACCEPT");
        road.gateway.bind_queue(3, 8);
        road.pass(&net.out("S"));
        let frame = crate::support::frame(tctable::packet::LinkType::Raw, &[]);
        let packet = net.ask();
        road.gateway.receive([tctable::packet::Frame { data: &packet, wire_len: packet.len() as u32, ..frame }]);
        let id = road.gateway.poll_queued(3).expect("it waits").id;
        // Connections, what waits, and the counters of what is there again stay.
        load(&mut road, net, "*filter\n:FORWARD DROP\n-A FORWARD -p tcp -j ACCEPT\nCOMMIT\n");
        let bytes = net.out("S").len();
        assert!(text(&road).contains(&format!("\n[1:{bytes}] -A FORWARD -p tcp -j ACCEPT")), "{}", text(&road));
        road.gateway.reinject(id, Verdict::Accept, None, None).unwrap();
        assert_eq!((road.gateway.conntrack().count(), road.gateway.queued_packets()), (2, 0));
        assert_eq!(road.pass(&packet).verdict, Verdict::DROP);
        // Without rules everything passes.
        road.gateway.set_rules(None, None, &Sets::default()).unwrap();
        assert_eq!(road.pass(&packet).verdict, Verdict::Accept);
    }
}

#[test]
fn a_helper_that_is_not_there_is_refused_and_the_old_rules_stay() {
    for net in BOTH {
        let mut road = road(net, "filter", ":FORWARD DROP");
        let sets = Sets::default();
        let text = "*raw\n-A PREROUTING -p udp -j CT --helper ftp\nCOMMIT\n";
        let rules = Ruleset::parse(family(net), text, &sets).unwrap();
        let (v4, v6) = if net.client.is_ipv4() { (Some(rules), None) } else { (None, Some(rules)) };
        let error = road.gateway.set_rules(v4, v6, &sets).unwrap_err();
        assert_eq!((&*error.name, error.line), ("ftp", 2));
        assert_eq!(road.pass(&net.ask()).verdict, Verdict::DROP);
    }
}
