//! A connection ends exactly at its deadline for whoever asks, and soon after it by itself.

use tctable::Event;
use tctable::conntrack::EndReason;
use tctable::time::{Duration, Instant};
use tctable_lab::packets::{Tcp, flags, ip, tcp_packet};

use super::tcp::open;
use crate::support::{BOTH, Net, Road, START, segment};

/// A packet of each protocol that opens a connection, and the seconds that it keeps it.
fn openers(net: Net) -> Vec<(Vec<u8>, u64)> {
    let mut other = net.from();
    other.set_port(1);
    vec![
        (net.out("S"), 120),
        (segment(other, net.to(), "."), 300),
        (net.ask(), 30),
        (net.ping(7), 30),
        (ip(net.client, net.server, 253, b""), 600),
    ]
}

const NANO: Duration = Duration::from_nanos(1);

fn before(deadline: Instant) -> Instant {
    Instant::from_nanos(deadline.as_nanos() - 1)
}

/// When each connection ended, and why.
fn ends(road: &mut Road) -> Vec<(Instant, EndReason)> {
    let connections = road.events().into_iter().filter_map(|event| match event {
        Event::ConnectionEnded { ended, .. } => Some((ended.at, ended.reason)),
        _ => None,
    });
    connections.collect()
}

#[test]
fn a_packet_finds_it_until_one_nanosecond_before_the_deadline() {
    for net in BOTH {
        for (packet, seconds) in openers(net) {
            let mut road = Road::new();
            road.pass(&packet);
            road.now = before(START + Duration::from_secs(seconds));
            let again = road.pass(&packet);
            // A SYN that is sent again finds its connection, but does not count.
            let counted = if again.line().contains("SYN_SENT") { 1 } else { 2 };
            assert_eq!((again.id, again.packets()), (Some(1), [counted, 0]), "{}", again.line());
        }
    }
}

#[test]
fn a_packet_at_the_deadline_opens_a_new_one() {
    for net in BOTH {
        for (packet, seconds) in openers(net) {
            let mut road = Road::new();
            let first = road.pass(&packet);
            let deadline = START + Duration::from_secs(seconds);
            // The timers are looked at right before, so that they come round to it only later.
            road.now = before(deadline);
            road.tick();
            road.now = deadline;
            let again = road.pass(&packet);
            assert_eq!((again.id, again.packets()), (Some(2), [1, 0]));
            assert_eq!(again.line(), first.line());
            // It ended at its deadline, whenever that was noticed.
            assert_eq!(ends(&mut road), [(road.now, EndReason::Timeout)]);
        }
    }
}

#[test]
fn an_answer_at_the_deadline_comes_too_late() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        road.now = before(START + Duration::from_secs(30));
        road.tick();
        road.now += NANO;
        let late = road.pass(&net.answer());
        assert_eq!(late.line(), "NEW original udp 30 CONFIRMED");
        assert_eq!(late.connection.expect("a connection").original().source.to_ip(net.client.into()), net.server);
    }
}

#[test]
fn a_packet_moves_the_deadline() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        for _ in 0..20 {
            road.wait(Duration::from_secs(29)).pass(&net.ask());
        }
        assert_eq!(road.connection().1.deadline(), START + Duration::from_secs(20 * 29 + 30));
        road.tick();
        assert_eq!(road.gateway.conntrack().count(), 1);
    }
}

#[test]
fn a_later_state_may_have_an_earlier_deadline() {
    for net in BOTH {
        let mut road = open(net);
        // From five days to ten seconds: whoever looks after it must not wait for the five days.
        road.pass(&net.out("R."));
        let deadline = road.now + Duration::from_secs(10);
        assert_eq!(road.connection().1.deadline(), deadline);
        road.now = before(deadline);
        road.tick();
        road.now = deadline;
        assert_eq!(road.pass(&net.out(".")).id, Some(2));
        assert_eq!(ends(&mut road), [(deadline, EndReason::Timeout)]);
    }
}

#[test]
fn time_alone_never_ends_it_early() {
    for net in BOTH {
        for (packet, seconds) in openers(net) {
            let mut road = Road::new();
            road.pass(&packet);
            road.now = before(START + Duration::from_secs(seconds));
            road.tick();
            assert_eq!(road.gateway.conntrack().count(), 1);
            assert_eq!(road.gateway.now(), road.now);
        }
    }
}

#[test]
fn time_alone_ends_it_within_three_ticks() {
    for net in BOTH {
        for (packet, seconds) in openers(net) {
            let mut road = Road::new();
            road.pass(&packet);
            let deadline = START + Duration::from_secs(seconds);
            road.now = deadline + Duration::from_millis(51);
            road.tick();
            assert_eq!(road.gateway.conntrack().count(), 0);
            assert_eq!(ends(&mut road), [(deadline, EndReason::Timeout)]);
        }
    }
}

#[test]
fn a_deadline_that_moved_nearer_is_kept() {
    for net in BOTH {
        let mut road = open(net);
        road.wait(Duration::from_secs(100_000)).pass(&net.out("."));
        // From five days to a minute, and back to two minutes.
        for packet in [net.out("F."), net.back("."), net.back("F."), net.out(".")] {
            road.wait(Duration::from_secs(1)).pass(&packet);
        }
        let deadline = road.now + Duration::from_secs(120);
        for (now, open) in [(before(deadline), 1), (deadline, 0)] {
            road.now = now;
            road.tick();
            assert_eq!(road.gateway.conntrack().count(), open);
        }
        assert_eq!(ends(&mut road), [(deadline, EndReason::Timeout)]);
    }
}

/// What takes an open connection from five days to something nearer, and the seconds that are left then.
fn shorteners(net: Net) -> Vec<(Vec<u8>, u64)> {
    let data = tcp_packet(net.from(), net.to(), &Tcp { seq: 1, ack: 1, ..Tcp::default() }, b"data");
    let shut = tcp_packet(net.to(), net.from(), &Tcp { window: 0, ack: 1, ..Tcp::default() }, b"");
    vec![
        (net.out("F."), 120),
        (net.back("F."), 120),
        (net.back("R."), 10),
        (net.out("R."), 10),
        (data, 300),
        (shut, 300),
    ]
}

#[test]
fn whatever_brought_the_deadline_nearer_it_leaves_the_table_in_time() {
    for net in BOTH {
        for (packet, seconds) in shorteners(net) {
            // At any time of the timers' rounds, for a driver that is called and for one that only has traffic.
            for wait in [0, 1, 59, 60, 61, 100_000] {
                for calls in [true, false] {
                    let mut road = open(net);
                    road.wait(Duration::from_secs(wait)).pass(&packet);
                    let deadline = road.now + Duration::from_secs(seconds);
                    assert_eq!(road.connection().1.deadline(), deadline);
                    if calls {
                        road.sleep_until(before(deadline));
                        assert_eq!(road.gateway.conntrack().count(), 1);
                        road.wait(NANO).tick();
                    } else {
                        // Somebody's packets, which open nothing.
                        road.now = before(deadline);
                        road.pass(&net.pong(1));
                        assert_eq!(road.gateway.conntrack().count(), 1);
                        road.wait(Duration::from_millis(51)).pass(&net.pong(1));
                    }
                    assert_eq!(road.gateway.conntrack().count(), 0, "{wait} {calls}");
                    assert_eq!(ends(&mut road), [(deadline, EndReason::Timeout)]);
                }
            }
        }
    }
}

#[test]
fn a_deadline_that_comes_nearer_twice_is_met() {
    for net in BOTH {
        let mut road = open(net);
        // Both sides close where nobody expects it: five minutes are left.
        for (from, to) in [(net.from(), net.to()), (net.to(), net.from())] {
            let astray = Tcp { flags: flags::FIN | flags::ACK, seq: 1 << 30, ack: 1 << 30, ..Tcp::default() };
            road.pass(&tcp_packet(from, to, &astray, b""));
        }
        assert_eq!(road.connection().1.deadline(), road.now + Duration::from_secs(300));
        road.pass(&net.out("F."));
        let deadline = road.now + Duration::from_secs(120);
        assert_eq!(road.connection().1.deadline(), deadline);
        road.now = deadline;
        road.tick();
        assert_eq!(ends(&mut road), [(deadline, EndReason::Timeout)]);
    }
}

#[test]
fn two_calls_within_one_tick_each_end_what_is_over() {
    for net in BOTH {
        for (packet, seconds) in openers(net) {
            let mut road = Road::new();
            road.pass(&packet);
            let deadline = START + Duration::from_secs(seconds);
            road.now = before(deadline);
            road.tick();
            assert_eq!(road.gateway.conntrack().count(), 1);
            road.wait(NANO).tick();
            assert_eq!(road.gateway.conntrack().count(), 0);
            assert_eq!(ends(&mut road), [(deadline, EndReason::Timeout)]);
        }
    }
}

#[test]
fn calls_a_thousand_times_a_tick_end_each_one_at_its_deadline() {
    for net in BOTH {
        let mut road = Road::new();
        let step = Duration::from_nanos(16_777);
        for id in 0..1000 {
            road.wait(step).pass(&net.ping(id));
        }
        road.now = START + Duration::from_secs(30);
        for left in (0..1000).rev() {
            road.wait(step).tick();
            assert_eq!(road.gateway.conntrack().count(), left);
        }
        let deadlines = ends(&mut road).into_iter().map(|(at, _)| at);
        let first = START + Duration::from_secs(30);
        assert!(deadlines.eq((1..=1000).map(|n| first + Duration::from_nanos(n * step.as_nanos()))));
    }
}

#[test]
fn other_traffic_ends_it_too() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        road.wait(Duration::from_millis(30_051)).pass(&net.ping(1));
        assert_eq!(ends(&mut road), [(START + Duration::from_secs(30), EndReason::Timeout)]);
    }
}

#[test]
fn a_driver_that_only_sleeps_until_the_next_timeout_ends_everything_in_time() {
    for net in BOTH {
        let mut road = Road::new();
        let mut deadlines: Vec<Instant> = Vec::new();
        for (packet, seconds) in openers(net) {
            road.wait(Duration::from_millis(7)).pass(&packet);
            deadlines.push(road.now + Duration::from_secs(seconds));
        }
        deadlines.sort_unstable();
        let mut ended = Vec::new();
        let mut wakings = 0;
        while let Some(at) = road.gateway.poll_timeout() {
            assert!(at > road.now, "the driver would spin");
            // Nothing that is over waits until then.
            let next = deadlines.get(ended.len()).copied().unwrap_or(Instant::MAX);
            assert!(at <= next + Duration::from_millis(51), "{at} is too late for {next}");
            road.now = at;
            road.tick();
            ended.extend(ends(&mut road));
            wakings += 1;
        }
        assert_eq!(ended.iter().map(|(at, _)| *at).collect::<Vec<_>>(), deadlines);
        // The hosts went with them, and the driver slept most of the time.
        assert!(road.gateway.hosts().is_empty() && road.gateway.conntrack().count() == 0);
        assert!(wakings < 50, "{wakings}");
    }
}

#[test]
fn nothing_to_wait_for_without_connections_and_hosts() {
    assert_eq!(Road::new().gateway.poll_timeout(), None);
}

#[test]
fn time_never_goes_back() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        road.now = Instant::from_nanos(START.as_nanos() - 5_000_000_000);
        let early = road.pass(&net.ask());
        assert_eq!(early.packets(), [2, 0]);
        assert_eq!(early.connection.expect("a connection").last_seen(), START);
        assert_eq!((road.gateway.now(), road.gateway.totals().time_reversed), (START, 1));
        road.tick();
        assert_eq!(road.gateway.now(), START);
        road.now = START + NANO;
        road.pass(&net.ask());
        assert_eq!(road.gateway.totals().time_reversed, 1);
    }
}

#[test]
fn the_end_of_time_is_reached_without_harm() {
    for net in BOTH {
        let mut road = Road::new();
        road.pass(&net.ask());
        for now in [before(Instant::MAX), Instant::MAX, Instant::MAX] {
            road.now = now;
            road.pass(&net.ask());
            road.tick();
        }
        assert_eq!(road.gateway.totals().tx().packets, 4);
    }
}
