//! What the talks reach: each run goes through the engine, which says what it made of every packet.

use std::collections::BTreeMap;

use tctable::conntrack::{CtState, Status, TcpState};
use tctable::gateway::{Observer, Seen};
use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType};
use tctable::time::{Duration, Instant};
use tctable::{Config, Gateway};
use tctable_lab::talks::{self, Kind};

/// What became of the packets of some runs.
#[derive(Default, Debug)]
struct Reached {
    packets: usize,
    states: BTreeMap<&'static str, usize>,
    /// States of TCP connections after each of their packets.
    tcp: BTreeMap<TcpState, usize>,
    assured: usize,
}

impl Observer for Reached {
    fn seen(&mut self, _: &Gateway, seen: &Seen<'_>) {
        self.packets += 1;
        let state = match seen.ct_state {
            Some(CtState::New) => "NEW",
            Some(CtState::Established) => "ESTABLISHED",
            Some(CtState::Related) => "RELATED",
            Some(CtState::Invalid) => "INVALID",
            Some(CtState::Untracked) => "UNTRACKED",
            None => "NONE",
        };
        *self.states.entry(state).or_default() += 1;
        if let Some((connection, _)) = seen.connection {
            if let Some(state) = connection.tcp_state() {
                *self.tcp.entry(state).or_default() += 1;
            }
            self.assured += usize::from(connection.status().contains(Status::ASSURED));
        }
    }
}

impl Reached {
    fn percent(&self, state: &str) -> usize {
        self.states.get(state).copied().unwrap_or(0) * 100 / self.packets
    }
}

/// A few runs of a kind, one packet each millisecond.
fn reached(kind: Kind, packets: usize) -> Reached {
    let mut reached = Reached::default();
    for seed in 1..=5 {
        let mut gateway = Gateway::new(Config::default());
        let mut time = Instant::from_secs(1_700_000_000);
        for step in talks::generate(kind, seed, packets) {
            time += Duration::from_millis(1);
            let frame = Frame {
                time,
                device: DeviceId(step.side as u16),
                direction: FrameDirection::Inbound,
                link: LinkType::Raw,
                wire_len: step.packet.len() as u32,
                data: &step.packet,
            };
            gateway.receive_observed([frame], &mut reached);
        }
    }
    reached
}

#[test]
fn tcp_reaches_every_state_and_stays_in_the_deep_ones() {
    let reached = reached(Kind::Tcp, 3_000);
    for state in TcpState::ALL {
        let times = reached.tcp.get(&state).copied().unwrap_or(0);
        // A connection without a state has not been seen yet.
        assert!(times > reached.packets / 500 || state == TcpState::None, "{state}: {reached:#?}");
    }
    assert!(reached.percent("ESTABLISHED") >= 50, "{reached:#?}");
    assert!(reached.tcp[&TcpState::Established] * 4 >= reached.packets, "{reached:#?}");
    assert!(reached.assured * 4 >= reached.packets, "{reached:#?}");
    assert!((2..40).contains(&reached.percent("INVALID")), "{reached:#?}");
}

#[test]
fn errors_relate_to_what_goes_on() {
    let reached = reached(Kind::Icmp, 3_000);
    assert!(reached.percent("RELATED") >= 5, "{reached:#?}");
    assert!(reached.percent("ESTABLISHED") >= 25, "{reached:#?}");
}

#[test]
fn no_kind_is_mostly_invalid() {
    for kind in Kind::ALL {
        let reached = reached(kind, 2_000);
        println!("{kind} {reached:?}");
        assert!(reached.percent("INVALID") < 40, "{kind}: {reached:#?}");
        if kind == Kind::Fragments {
            // A fragment that waits has no state; but enough datagrams are to become whole.
            let whole = reached.percent("NEW") + reached.percent("ESTABLISHED");
            assert!(whole >= 8, "{kind}: {reached:#?}");
        } else {
            assert!(reached.percent("NONE") < 20, "{kind}: {reached:#?}");
        }
    }
}
