//! Talks among a few people, time that passes, and hands at every control, in any order: never a panic, all that the
//! tables say of each other and of their past agrees, nothing is left when everybody's time is over, and neither the hash
//! key nor the cutting into bursts is seen from outside.
//!
//! Deep states take long inputs: begin with a corpus of random files of 4096 bytes each.
#![no_main]

#[path = "sequence/input.rs"]
mod input;
#[path = "sequence/invariants.rs"]
mod invariants;
#[path = "sequence/talks.rs"]
mod talks;

use libfuzzer_sys::fuzz_target;
use tctable::conntrack::{Changes, ConnectionId};
use tctable::gateway::EventMask;
use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType};
use tctable::time::{Duration, Instant};
use tctable::{Config, Gateway, HashKey};

use input::Input;
use invariants::Invariants;
use talks::Talks;

const START: Instant = Instant::from_secs(1_700_000_000);
/// Steps do not go on after this: arithmetic at the end of time is the other targets' matter.
const END: Instant = Instant::from_secs(1_700_000_000 + 100 * 365 * 86_400);

fuzz_target!(|input: &[u8]| {
    let expected = Run::new(input, HashKey::default(), false).play();
    let other = Run::new(input, HashKey([input.len() as u64, 7]), true).play();
    assert_eq!(expected, other);
});

/// A packet on its way.
struct Sent {
    time: Instant,
    device: DeviceId,
    direction: FrameDirection,
    cut: usize,
    data: Vec<u8>,
}

struct Run<'a> {
    input: Input<'a>,
    gateway: Gateway,
    talks: Talks,
    invariants: Invariants,
    now: Instant,
    /// Frames wait for the next control.
    in_bursts: bool,
    waiting: Vec<Sent>,
    packets: u32,
}

/// Small tables, so that all limits are met.
fn config(input: &mut Input<'_>, hash_key: HashKey) -> Config {
    let mut config = Config { hash_key, seed: 1, ..Config::default() };
    let bits = input.byte();
    config.conntrack.max = if bits & 1 == 0 { 0 } else { u32::from(input.byte() % 16) };
    config.hosts.max = if bits & 2 == 0 { u32::MAX } else { u32::from(input.byte() % 6) };
    config.hosts.max_connections = if bits & 4 == 0 { 0 } else { u32::from(input.byte() % 6) };
    config.conntrack.tcp.loose = bits & 8 == 0;
    config.conntrack.checksum = bits & 16 == 0;
    let connections = match bits >> 5 {
        0..6 => Changes::ALL,
        6 => Changes::DESTROY | Changes::NEW,
        _ => Changes::NONE,
    };
    config.events = EventMask { connections, expectations: false, host_expired: true, ..EventMask::default() };
    config.max_events = if input.byte() & 3 == 0 { usize::from(input.byte() % 8) } else { usize::MAX };
    config
}

impl<'a> Run<'a> {
    fn new(input: &'a [u8], hash_key: HashKey, in_bursts: bool) -> Self {
        let mut input = Input::new(input);
        let config = config(&mut input, hash_key);
        let invariants = Invariants::new(&config);
        Run {
            input,
            gateway: Gateway::new(config),
            talks: Talks::default(),
            invariants,
            now: START,
            in_bursts,
            waiting: Vec::new(),
            packets: 0,
        }
    }

    /// Plays all steps and gives all that can be seen at the end, in words.
    fn play(mut self) -> Vec<String> {
        while !self.input.is_empty() && self.now < END {
            let choice = self.input.byte();
            if choice < 200 {
                self.packet(choice);
            } else {
                self.flush();
                self.invariants.check(&mut self.gateway);
                self.control(choice - 200);
                self.invariants.check(&mut self.gateway);
            }
        }
        self.flush();
        self.invariants.check(&mut self.gateway);
        let mut seen = self.invariants.describe(&self.gateway);
        self.let_all_end();
        seen.extend(self.invariants.describe(&self.gateway));
        seen
    }

    fn packet(&mut self, choice: u8) {
        let Some(data) = self.talks.next(choice, &mut self.input) else { return };
        let bits = self.input.byte();
        // Most packets come close upon each other.
        if bits & 1 != 0 {
            let wait = u64::from(self.input.byte()) << (bits >> 3);
            self.now += Duration::from_nanos(wait);
        }
        let cut = if bits & 6 == 6 { usize::from(self.input.byte()) } else { usize::MAX };
        let device = DeviceId(if bits >> 5 == 7 { 1 } else { 0 });
        let direction = FrameDirection::Unknown;
        self.waiting.push(Sent { time: self.now, device, direction, cut, data });
        if !self.in_bursts {
            self.flush();
            self.packets += 1;
            // Not after each: it takes more time than all else.
            if self.packets.is_multiple_of(8) {
                self.invariants.check(&mut self.gateway);
            }
        }
    }

    /// Sends what waits.
    fn flush(&mut self) {
        self.gateway.receive(self.waiting.iter().map(|sent| Frame {
            time: sent.time,
            device: sent.device,
            direction: sent.direction,
            link: LinkType::Raw,
            wire_len: sent.data.len() as u32,
            data: &sent.data[..sent.data.len().min(sent.cut)],
        }));
        self.waiting.clear();
    }

    /// One of the connections that are there.
    fn some_connection(&mut self) -> Option<ConnectionId> {
        let count = self.gateway.conntrack().count();
        let nth = usize::from(self.input.byte()).checked_rem(count)?;
        self.gateway.conntrack().iter().nth(nth).map(|(id, _)| id)
    }

    fn control(&mut self, choice: u8) {
        match choice % 12 {
            // Time: to the very moment that is waited for, to some deadline, or any way on; sometimes without a call.
            0 => self.now = self.now.max(self.gateway.poll_timeout().unwrap_or(self.now)),
            1 => {
                let deadline = self.some_connection().and_then(|id| Some(self.gateway.conntrack().get(id)?.deadline()));
                let before = u64::from(self.input.byte() % 3);
                let deadline = deadline.map_or(self.now, |at| Instant::from_nanos(at.as_nanos() - before));
                self.now = self.now.max(deadline);
                self.call();
            }
            2 => {
                self.now += Duration::from_millis(u64::from(self.input.byte()) << (self.input.byte() % 26));
                self.call();
            }
            3 => self.now = Instant::from_nanos(self.now.as_nanos() - (u64::from(self.input.byte()) << 24)),
            4 => self.call(),
            5 | 6 => self.set_sysctl(),
            7 => {
                if let Some(id) = self.some_connection() {
                    let before = self.gateway.conntrack().count();
                    assert!(self.gateway.delete_connection(id) && !self.gateway.delete_connection(id));
                    assert_eq!(self.gateway.conntrack().count(), before - 1);
                    self.invariants.deleted(id);
                }
            }
            8 => {
                if let Some(id) = self.some_connection() {
                    let mark = u32::from(self.input.byte() % 4);
                    assert!(self.gateway.set_mark(id, mark));
                    self.invariants.marked(id, mark);
                }
            }
            9 => {
                if let Some(id) = self.some_connection() {
                    let labels = u128::from(self.input.byte() % 4) << 100;
                    assert!(self.gateway.set_labels(id, labels));
                    self.invariants.labelled(id, labels);
                }
            }
            10 => self.gateway.set_zone(DeviceId(u16::from(self.input.byte() & 1)), u16::from(self.input.byte() % 3)),
            _ => {
                let count = self.input.byte();
                self.invariants.take_events(&mut self.gateway, usize::from(count));
            }
        }
    }

    fn call(&mut self) {
        self.gateway.handle_timeout(self.now);
        self.invariants.check_deadlines(&self.gateway);
    }

    fn set_sysctl(&mut self) {
        let all: Vec<(&str, u64)> = self.gateway.sysctls().collect();
        let (name, before) = all[usize::from(self.input.byte()) % all.len()];
        let value = match self.input.byte() {
            small @ 0..128 => u64::from(small & 15),
            large @ 128..192 => u64::from(large) * 10_000,
            // As it was.
            _ => before,
        };
        if self.gateway.set_sysctl(name, &value.to_string()).is_ok() {
            assert_eq!(self.gateway.sysctl(name), Ok(value));
            self.invariants.tuned(name, value);
        } else {
            assert_eq!(self.gateway.sysctl(name), Ok(before));
        }
    }

    /// A driver without traffic: nothing may be left in the end.
    fn let_all_end(&mut self) {
        self.now = self.now.max(self.gateway.now());
        for _ in 0..100 {
            let Some(at) = self.gateway.poll_timeout() else { break };
            // Never in the past, but for what was waited for and not done.
            self.now = self.now.max(at);
            self.gateway.handle_timeout(self.now);
            assert!(self.gateway.poll_timeout().is_none_or(|at| at > self.now), "the driver would spin");
            self.invariants.check_deadlines(&self.gateway);
        }
        self.invariants.check(&mut self.gateway);
        // No timeout is longer than 2^32 ms, a host's begins when its last connection has ended.
        for _ in 0..3 {
            self.now += Duration::from_secs(50 * 86_400);
            self.gateway.handle_timeout(self.now);
        }
        self.invariants.take_events(&mut self.gateway, usize::MAX);
        self.invariants.check(&mut self.gateway);
        self.invariants.check_empty(&self.gateway);
    }
}
