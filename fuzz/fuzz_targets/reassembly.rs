//! Arbitrary fragments: never a panic, never more memory than allowed, no byte in a datagram that was not sent for its
//! place, and outcomes that do not depend on the hash key.
#![no_main]

use std::collections::HashMap;

use libfuzzer_sys::fuzz_target;
use tctable::HashKey;
use tctable::defrag::{Cause, Config, Defrag, Outcome};
use tctable::packet::{DeviceId, Family, Fragment, Frame, FrameDirection, LinkType, Packet, PacketInfo};
use tctable::time::{Duration, Instant, Promptness};

/// Bytes that the configuration takes, and each step.
const CONFIG: usize = 4;
const STEP: usize = 9;

/// More than any one fragment takes.
const ONE: u64 = 80_000;

fuzz_target!(|input: &[u8]| {
    let Some((config, steps)) = input.split_first_chunk::<CONFIG>() else { return };
    let [memory, seconds, distance, other] = *config;
    let memory = 1 << (memory % 24);
    let config = Config {
        ipfrag_time: Duration::from_secs(seconds.into()),
        ipfrag_high_thresh: memory,
        ipfrag_max_dist: distance.into(),
        nf_conntrack_frag6_timeout: Duration::from_secs(seconds.into()),
        nf_conntrack_frag6_high_thresh: memory,
    };
    let mut expected = Run::new(&config, HashKey::default());
    let mut changed = Run::new(&config, HashKey([7, memory.into()]));
    for step in steps.as_chunks::<STEP>().0 {
        if step[0] == u8::MAX {
            // Half the room, and no distance.
            let config = Config { ipfrag_high_thresh: memory / 2, ipfrag_max_dist: 0, ..config.clone() };
            expected.defrag.set_config(&config);
            changed.defrag.set_config(&config);
        }
        let outcome = expected.step(step, other);
        assert_eq!(outcome, changed.step(step, other));
        for family in [Family::V4, Family::V6] {
            assert!(expected.defrag.statistics(family).memory <= u64::from(memory) + ONE);
        }
    }
    for run in [expected, changed] {
        run.end();
    }
});

struct Run {
    defrag: Defrag,
    now: Instant,
    /// Eights of bytes that were sent for each datagram.
    sent: HashMap<(Family, u8), Vec<bool>>,
    wholes: u64,
    refused: u64,
    held: u64,
}

/// The byte at a place of a datagram.
fn byte(id: u8, at: usize) -> u8 {
    (at as u32).wrapping_mul(0x9e37_79b9).wrapping_add(u32::from(id) << 24).to_be_bytes()[0]
}

/// Headers and payload of a fragment, and where its payload lies: in the packet, and in the datagram.
struct Made {
    packet: Vec<u8>,
    header: usize,
    start: usize,
    end: usize,
}

fn make(family: Family, [flags, id, low, high, length, more_length, octet, ..]: [u8; STEP]) -> Made {
    let start = usize::from(u16::from_be_bytes([high, low]) & 0x1fff) * 8;
    // Long ones are rare.
    let long = if more_length > 0xf0 { usize::from(more_length & 15) << 12 } else { 0 };
    let length = usize::from(length) + long;
    let more = flags & 2 != 0;
    let extra = usize::from(flags >> 2 & 3) * if family == Family::V4 { 4 } else { 8 };
    let mut packet;
    match family {
        Family::V4 => {
            packet = vec![0; 20 + extra];
            packet[0] = 0x40 | (packet.len() / 4) as u8;
            packet[1] = octet;
            let total = (packet.len() + length) as u16;
            packet[2..4].copy_from_slice(&total.to_be_bytes());
            packet[5] = id;
            let word = (start / 8) as u16 | u16::from(more) << 13 | u16::from(flags & 16 != 0) << 14;
            packet[6..8].copy_from_slice(&word.to_be_bytes());
            packet[9] = 17;
            packet[15] = id % 3;
        }
        Family::V6 => {
            packet = vec![0; 40 + extra];
            packet[0] = 0x60;
            packet[1] = octet << 4;
            packet[4..6].copy_from_slice(&((extra + 8 + length) as u16).to_be_bytes());
            packet[6] = 44;
            if extra != 0 {
                (packet[6], packet[40], packet[41]) = (60, 44, (extra / 8 - 1) as u8);
            }
            // A multicast destination now and then.
            packet[24] = if id & 8 != 0 { 0xff } else { 0xfd };
            let word = start as u16 | u16::from(more);
            packet.extend([if flags & 16 != 0 { 17 } else { 60 }, 0]);
            packet.extend(word.to_be_bytes());
            packet.extend([0, 0, 0, id]);
        }
    }
    let header = packet.len();
    packet.extend((start..start + length).map(|at| byte(id, at)));
    Made { packet, header, start, end: start + length }
}

impl Run {
    fn new(config: &Config, key: HashKey) -> Self {
        let defrag = Defrag::new(config, key);
        let now = Instant::from_secs(1_700_000_000);
        Run { defrag, now, sent: HashMap::new(), wholes: 0, refused: 0, held: 0 }
    }

    /// What became of a fragment, in words.
    fn step(&mut self, step: &[u8; STEP], other: u8) -> String {
        let family = if step[0] & 1 == 0 { Family::V4 } else { Family::V6 };
        let Made { packet, header, start, end } = make(family, *step);
        let (id, wait, snap) = (step[1], step[7], step[8]);
        if wait >= 0x80 {
            self.now += Duration::from_millis(1 << (wait & 15));
            self.defrag.expire(self.now, if wait & 16 != 0 { Promptness::Exact } else { Promptness::Tick });
        }
        let kept = if snap < 0x80 { packet.len() } else { packet.len().min(usize::from(snap & 0x7f)) };
        let frame = Frame {
            time: self.now,
            device: DeviceId(u16::from(other & id & 1)),
            direction: FrameDirection::Unknown,
            link: LinkType::Raw,
            wire_len: packet.len() as u32,
            data: &packet[..kept],
        };
        let Ok(info) = PacketInfo::read(&frame) else { return String::new() };
        // Lengths may have wrapped: then the packet is another one than was meant.
        if info.fragment == Fragment::None || info.ip_len as usize != packet.len() {
            return String::new();
        }
        let sent = self.sent.entry((family, id)).or_default();
        sent.resize(sent.len().max(end.div_ceil(8)), false);
        sent[start / 8..end.div_ceil(8)].fill(true);
        match self.defrag.push(self.now, Packet { frame: &frame, info: &info }) {
            Outcome::Held => self.held += 1,
            Outcome::Refused(cause) => self.refused += u64::from(cause != Cause::Duplicate),
            Outcome::Passed => {}
            Outcome::Whole(whole, seams) => {
                seams.cut(whole.data, |piece| assert!(!piece.is_empty()));
                self.wholes += 1;
                check(&whole, family, id, sent);
                return format!("{whole:?}");
            }
        }
        format!("{:?} {header}", self.defrag.statistics(family))
    }

    fn end(mut self) {
        let statistics = [Family::V4, Family::V6].map(|family| *self.defrag.statistics(family));
        let sum = |of: fn(&tctable::defrag::Statistics) -> u64| statistics.iter().map(of).sum::<u64>();
        assert_eq!(sum(|statistics| statistics.oks), self.wholes);
        assert!(sum(|statistics| statistics.fails) >= self.refused);
        // An IPv6 fragment that is refused may be the first that is known of its datagram, as in the kernel.
        assert!(sum(|statistics| statistics.queues.into()) <= self.held + self.refused);
        assert!(sum(|statistics| statistics.transport_cut) <= sum(|statistics| statistics.cut));
        let waiting = statistics.map(|statistics| u64::from(statistics.queues));
        let end = self.now + Duration::from_secs(1000);
        self.defrag.expire(end, Promptness::Exact);
        for (family, (before, waiting)) in [Family::V4, Family::V6].into_iter().zip(statistics.iter().zip(waiting)) {
            let after = self.defrag.statistics(family);
            assert_eq!((after.queues, after.memory), (0, 0));
            assert_eq!(after.timeouts - before.timeouts, waiting);
        }
        assert_eq!(self.defrag.next_timeout(), None);
    }
}

/// A whole datagram has its lengths right, no fragment header, and only bytes that were sent for their places.
fn check(whole: &Frame<'_>, family: Family, id: u8, sent: &[bool]) {
    assert!(whole.data.len() <= whole.wire_len as usize);
    let info = PacketInfo::read(whole).expect("an IP packet");
    assert_eq!(info.ip_len, whole.wire_len);
    // What is called destination options may hold a fragment header of its own, which is not followed again.
    assert!(info.fragment == Fragment::None || (family == Family::V6 && whole.data[6] == 60));
    let header = match family {
        Family::V4 => usize::from(whole.data[0] & 15) * 4,
        Family::V6 if whole.data[6] == 60 && whole.data.get(40) == Some(&17) && byte(id, 0) != 17 => {
            40 + (usize::from(whole.data[41]) + 1) * 8
        }
        // The payload may be called destination options too, and may begin like some: where it begins is not told.
        Family::V6 if whole.data[6] == 60 => return,
        Family::V6 => 40,
    };
    let len = whole.wire_len as usize - header;
    assert!(sent[..len.div_ceil(8)].iter().all(|sent| *sent), "more than was sent");
    let payload = whole.data.get(header..).unwrap_or_default();
    assert!(payload.iter().enumerate().all(|(at, found)| *found == byte(id, at)));
}
