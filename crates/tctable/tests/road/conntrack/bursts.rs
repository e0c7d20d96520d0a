//! A burst is looked at as a whole before its first packet is judged; what that packet changes must not be missed by
//! those after it.

use tctable::gateway::{Observer, Seen};
use tctable::packet::{Frame, LinkType};
use tctable::time::Duration;
use tctable::{Event, Gateway};

use crate::support::{BOTH, Net, Road, START, Shown, crowd, frame, life, packets};

/// Packets with the seconds at which they come.
type Packets = Vec<(u64, Vec<u8>)>;

#[derive(Default)]
struct Lines(Vec<String>);

impl Observer for Lines {
    fn seen(&mut self, _: &Gateway, seen: &Seen<'_>) {
        let shown = Shown::from(seen);
        self.0.push(format!("{} {:?} {:?} {:?}", shown.line(), shown.host, shown.id, shown.packets()));
    }
}

/// What becomes of the packets in bursts of that size, when these came before them, in a table that is crowded or not:
/// the engine looks ahead only where that pays.
fn lines(before: &Packets, packets: &Packets, size: usize, crowded: bool) -> Vec<String> {
    let mut road = Road::new();
    if crowded {
        let packets: Vec<Vec<u8>> = crowd().collect();
        road.gateway.receive(packets.iter().map(|packet| frame(LinkType::Raw, packet)));
    }
    let mut lines = Lines::default();
    for burst in before.chunks(1).chain(packets.chunks(size)) {
        let frames = burst.iter().map(|(seconds, packet)| Frame {
            time: START + Duration::from_secs(*seconds),
            ..frame(LinkType::Raw, packet)
        });
        road.gateway.receive_observed(frames, &mut lines);
    }
    // Nothing is left behind in any table, and nothing is told twice.
    road.now = START + Duration::from_secs(1_000_000);
    road.tick();
    assert_eq!(road.gateway.conntrack().count(), 0);
    assert!(road.gateway.poll_timeout().is_none() && road.gateway.hosts().is_empty());
    let of_somebody = |event: &Event| !matches!(event, Event::ConnectionEnded { owner: None, .. });
    let mut events: Vec<String> = road.events().into_iter().filter(of_somebody).map(|event| told(&event)).collect();
    // Which of those that end at the same time is first depends on who else is there.
    events.sort();
    lines.0.extend(events);
    lines.0
}

/// An event without its places in the tables.
fn told(event: &Event) -> String {
    match event {
        Event::ConnectionEnded { owner, ended, .. } => {
            format!(
                "{owner:?} {} {:?} {:?} {:?}",
                life(&ended.connection),
                packets(&ended.connection),
                ended.at,
                ended.reason
            )
        }
        Event::Connection { changes, owner, connection, .. } => {
            format!("{owner:?} {changes:?} {} {:?}", life(connection), packets(connection))
        }
        Event::HostExpired(host) => format!("{host:?}"),
        Event::Expectation { change, expectation } => format!("{change:?} {expectation:?}"),
        other => format!("{other:?}"),
    }
}

fn expect_alike(before: Packets, packets: Packets) -> Vec<String> {
    let expected = lines(&before, &packets, 1, false);
    for (size, crowded) in [(usize::MAX, false), (1, true), (usize::MAX, true)] {
        assert_eq!(expected, lines(&before, &packets, size, crowded), "{size} {crowded}");
    }
    expected
}

fn now(packets: impl IntoIterator<Item = Vec<u8>>) -> Packets {
    packets.into_iter().map(|packet| (0, packet)).collect()
}

#[test]
fn a_connection_that_ended_earlier_in_the_burst() {
    for net in BOTH {
        let lines = expect_alike(now([net.out("S")]), now([net.back("R."), net.out("S"), net.back("S.")]));
        assert!(lines[2].starts_with("NEW original tcp SYN_SENT"), "{lines:?}");
        assert!(lines[3].starts_with("ESTABLISHED reply tcp SYN_RECV"), "{lines:?}");
    }
}

#[test]
fn a_connection_whose_place_another_one_took_earlier_in_the_burst() {
    for net in BOTH {
        let burst = now([net.back("R."), net.ping(1), net.out("S"), net.pong(1), net.ask()]);
        let lines = expect_alike(now([net.out("S")]), burst);
        assert!(lines[2].starts_with("NEW original icmp"), "{lines:?}");
        assert!(lines[3].starts_with("NEW original tcp"), "{lines:?}");
        assert!(lines[4].starts_with("ESTABLISHED reply icmp"), "{lines:?}");
    }
}

#[test]
fn a_connection_that_begins_in_the_burst() {
    for net in BOTH {
        let lines =
            expect_alike(Vec::new(), now([net.out("S"), net.back("S."), net.out("."), net.ask(), net.answer()]));
        assert!(lines[2].starts_with("ESTABLISHED original tcp ESTABLISHED"), "{lines:?}");
        assert!(lines[4].starts_with("ESTABLISHED reply udp"), "{lines:?}");
    }
}

#[test]
fn a_connection_that_expires_in_the_burst() {
    for net in BOTH {
        let lines = expect_alike(now([net.ask()]), vec![(40, net.ping(1)), (40, net.answer()), (40, net.ask())]);
        assert!(lines[2].starts_with("NEW original udp"), "{lines:?}");
        assert!(lines[3].starts_with("ESTABLISHED reply udp"), "{lines:?}");
    }
}

#[test]
fn a_host_that_expires_in_the_burst() {
    for net in BOTH {
        let lines = expect_alike(now([net.ask()]), vec![(20, net.ask()), (2000, net.ask()), (2000, net.answer())]);
        let client = net.client;
        assert!(lines[2].contains(&format!("Some({client}) Some(2)")), "{lines:?}");
    }
}

#[test]
fn a_connection_that_is_opened_again_in_the_burst() {
    for net in BOTH {
        let closed =
            |net: Net| now([net.out("S"), net.back("S."), net.out("."), net.out("F."), net.back("F."), net.out(".")]);
        let again = now([net.out("S"), net.back("S."), net.out("."), net.back("R."), net.out("S"), net.back("S")]);
        let lines = expect_alike(closed(net), again);
        assert!(lines[8].starts_with("ESTABLISHED original tcp ESTABLISHED"), "{lines:?}");
    }
}
