//! SCTP associations (RFC 9260).

use super::{
    Talk,
    places::{self, End},
    tape::Tape,
};
use crate::{
    packets::{chunk, protocol, sctp, sctp_chunk},
    rng::Rng,
};

/// What an association does next, if all goes well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Init,
    InitAck,
    CookieEcho,
    CookieAck,
    /// Data and heartbeats, that many more packets.
    Open(u64),
    Shutdown,
    ShutdownAck,
    ShutdownComplete,
    Over,
}

/// Two ends.
pub(super) struct Association {
    ends: [End; 2],
    stage: Stage,
    /// The verification tag that packets to each end carry.
    tags: [u32; 2],
    tsns: [u32; 2],
    /// The end that shuts down first.
    first: usize,
    /// How many of a hundred steps are mischief.
    wildness: u64,
    /// Associations to come on the same ports.
    more: u64,
}

impl Association {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let ends = places::ends(rng, &[5060, 2905, 9899]);
        let mut association = Self {
            ends,
            stage: Stage::Init,
            tags: [0; 2],
            tsns: [0; 2],
            first: 0,
            wildness: rng.pick(&[5, 15, 15, 50]),
            more: rng.below(3),
        };
        association.begin(rng);
        association
    }

    fn begin(&mut self, rng: &mut Rng) {
        // Seldom it is picked up in the middle.
        self.stage = if rng.one_in(10) { Stage::Open(8) } else { Stage::Init };
        self.tags = [rng.word().max(1), rng.word().max(1)];
        self.tsns = [rng.word(), rng.word()];
        self.first = rng.below(2) as usize;
    }

    fn send(&self, rng: &mut Rng, tape: &mut Tape, who: usize, tag: u32, chunks: &[Vec<u8>]) {
        let (from, to) = (&self.ends[who], &self.ends[1 - who]);
        let packet = sctp([from.address.port(), to.address.port()], tag, chunks);
        tape.send(rng, from, to, protocol::SCTP, &packet);
    }

    /// INIT or INIT ACK of an end, with the tag that it wants to hear.
    fn init(&self, kind: u8, who: usize) -> Vec<u8> {
        let mut value = self.tags[who].to_be_bytes().to_vec();
        value.extend([0, 1, 0, 0, 0, 10, 0, 10]);
        value.extend(self.tsns[who].to_be_bytes());
        if kind == chunk::INIT_ACK {
            value.extend([0, 7, 0, 12, 1, 2, 3, 4, 5, 6, 7, 8]);
        }
        sctp_chunk(kind, 0, &value)
    }

    fn data(&mut self, rng: &mut Rng, who: usize) -> Vec<u8> {
        self.tsns[who] = self.tsns[who].wrapping_add(1);
        let mut value = self.tsns[who].to_be_bytes().to_vec();
        value.extend([0; 8]);
        let len = rng.pick(&[1, 4, 50, 1_000]);
        value.extend(rng.bytes(len));
        sctp_chunk(chunk::DATA, 3, &value)
    }

    /// A chunk of any kind that an end could send.
    fn any(&mut self, rng: &mut Rng, who: usize) -> Vec<u8> {
        let kind = rng.weighted(&[
            (2, chunk::INIT),
            (2, chunk::INIT_ACK),
            (2, chunk::COOKIE_ECHO),
            (2, chunk::COOKIE_ACK),
            (4, chunk::DATA),
            (3, chunk::SACK),
            (3, chunk::HEARTBEAT),
            (3, chunk::HEARTBEAT_ACK),
            (1, chunk::ABORT),
            (2, chunk::SHUTDOWN),
            (2, chunk::SHUTDOWN_ACK),
            (2, chunk::SHUTDOWN_COMPLETE),
            (2, chunk::ERROR),
            (1, chunk::ASCONF),
            (1, 12),
            (1, 0x80),
        ]);
        match kind {
            chunk::INIT | chunk::INIT_ACK => self.init(kind, who),
            chunk::DATA => self.data(rng, who),
            _ => self.plain(rng, kind, who),
        }
    }

    fn plain(&self, rng: &mut Rng, kind: u8, who: usize) -> Vec<u8> {
        let cumulative = self.tsns[1 - who].to_be_bytes();
        match kind {
            chunk::SACK => sctp_chunk(kind, 0, &[&cumulative[..], &[0, 1, 0, 0, 0, 0, 0, 0]].concat()),
            chunk::SHUTDOWN => sctp_chunk(kind, 0, &cumulative),
            chunk::HEARTBEAT | chunk::HEARTBEAT_ACK => sctp_chunk(kind, 0, &[0, 1, 0, 8, 9, 9, 9, 9]),
            chunk::COOKIE_ECHO => sctp_chunk(kind, 0, &[1, 2, 3, 4, 5, 6, 7, 8]),
            chunk::ERROR => sctp_chunk(kind, 0, &[0, 1, 0, 8, 0, 9, 0, 0]),
            // The T bit: the sender had no association, and reflects the tag.
            chunk::ABORT | chunk::SHUTDOWN_COMPLETE => sctp_chunk(kind, rng.below(2) as u8, &[]),
            _ => sctp_chunk(kind, 0, &[]),
        }
    }

    /// The next packet of an association that goes well, and what follows it.
    fn proper(&mut self, rng: &mut Rng, tape: &mut Tape) {
        let (first, second) = (self.first, 1 - self.first);
        let (who, chunks, next) = match self.stage {
            Stage::Init => (0, vec![self.init(chunk::INIT, 0)], Stage::InitAck),
            Stage::InitAck => (1, vec![self.init(chunk::INIT_ACK, 1)], Stage::CookieEcho),
            Stage::CookieEcho => {
                let mut chunks = vec![self.plain(rng, chunk::COOKIE_ECHO, 0)];
                if rng.one_in(3) {
                    chunks.push(self.data(rng, 0));
                }
                (0, chunks, Stage::CookieAck)
            }
            Stage::CookieAck => {
                let mut chunks = vec![self.plain(rng, chunk::COOKIE_ACK, 1)];
                if rng.one_in(3) {
                    chunks.push(self.plain(rng, chunk::SACK, 1));
                }
                (1, chunks, Stage::Open(rng.below(12)))
            }
            Stage::Open(0) => {
                let kind = rng.pick(&[chunk::SHUTDOWN, chunk::SHUTDOWN, chunk::SHUTDOWN, chunk::ABORT]);
                let next = if kind == chunk::ABORT { Stage::Over } else { Stage::ShutdownAck };
                (first, vec![self.plain(rng, kind, first)], next)
            }
            Stage::Open(left) => {
                let who = rng.below(2) as usize;
                let chunks = match rng.below(5) {
                    0 | 1 => vec![self.data(rng, who)],
                    2 => vec![self.plain(rng, chunk::SACK, who), self.data(rng, who)],
                    3 => vec![self.plain(rng, chunk::HEARTBEAT, who)],
                    _ => vec![self.plain(rng, chunk::HEARTBEAT_ACK, who)],
                };
                (who, chunks, Stage::Open(left - 1))
            }
            Stage::Shutdown => (first, vec![self.plain(rng, chunk::SHUTDOWN, first)], Stage::ShutdownAck),
            Stage::ShutdownAck => (second, vec![self.plain(rng, chunk::SHUTDOWN_ACK, second)], Stage::ShutdownComplete),
            Stage::ShutdownComplete => (first, vec![sctp_chunk(chunk::SHUTDOWN_COMPLETE, 0, &[])], Stage::Over),
            Stage::Over => return,
        };
        let tag = if self.stage == Stage::Init { 0 } else { self.tags[1 - who] };
        self.send(rng, tape, who, tag, &chunks);
        // Now and then a step is repeated, or happens where nobody sees it.
        self.stage = match (rng.below(30), next) {
            (0, _) => self.stage,
            (1, Stage::ShutdownAck) => Stage::Shutdown,
            (1, Stage::InitAck) => Stage::CookieEcho,
            _ => next,
        };
    }

    fn mischief(&mut self, rng: &mut Rng, tape: &mut Tape) {
        let who = rng.below(2) as usize;
        let mut chunks = vec![self.any(rng, who)];
        let mut tag = self.tags[1 - who];
        match rng.below(14) {
            0 => tag = 0,
            1 => tag ^= 1,
            2 => tag = self.tags[who],
            3 | 4 => chunks.push(self.any(rng, who)),
            // Nothing may stand beside INIT, INIT ACK and SHUTDOWN COMPLETE.
            5 => {
                let kind = rng.pick(&[chunk::INIT, chunk::INIT_ACK]);
                chunks.insert(rng.below(2) as usize, self.init(kind, who));
            }
            6 => {
                let wrong = rng.pick(&[0, 1, 3, 5, 200, 0xffff_u16]);
                chunks[0][2..4].copy_from_slice(&wrong.to_be_bytes());
            }
            7 => {
                chunks.push(self.any(rng, who));
                let kept = rng.below(4) as usize;
                chunks[1].truncate(kept);
            }
            8 => chunks.clear(),
            9 if chunks[0][0] == chunk::INIT => tag = 0,
            // Another of the end's addresses: the association may be picked up there.
            10 => {
                let kind = rng.pick(&[chunk::HEARTBEAT, chunk::HEARTBEAT, chunk::HEARTBEAT_ACK, chunk::DATA]);
                let moved = self.ends[0].place().neighbour(rng).port(self.ends[0].address.port());
                let old = std::mem::replace(&mut self.ends[0], moved);
                let chunks = [if kind == chunk::DATA { self.data(rng, 0) } else { self.plain(rng, kind, 0) }];
                self.send(rng, tape, 0, self.tags[1], &chunks);
                if rng.one_in(2) {
                    let answer = self.plain(rng, chunk::HEARTBEAT_ACK, 1);
                    self.send(rng, tape, 1, self.tags[0], &[answer]);
                }
                if rng.one_in(2) {
                    self.ends[0] = old;
                }
                return;
            }
            // The header is cut.
            11 if rng.one_in(3) => {
                let (from, to) = (self.ends[who], self.ends[1 - who]);
                let mut packet = sctp([from.address.port(), to.address.port()], tag, &chunks);
                packet.truncate(rng.below(12) as usize);
                tape.send(rng, &from, &to, protocol::SCTP, &packet);
                return;
            }
            12 => {
                let (from, to) = (self.ends[who], self.ends[1 - who]);
                let mut packet = sctp([from.address.port(), to.address.port()], tag, &chunks);
                packet[8 + rng.below(4) as usize] ^= 0x10;
                tape.send(rng, &from, &to, protocol::SCTP, &packet);
                return;
            }
            _ => {}
        }
        self.send(rng, tape, who, tag, &chunks);
    }
}

impl Talk for Association {
    fn step(&mut self, rng: &mut Rng, tape: &mut Tape) -> bool {
        if self.stage == Stage::Over || rng.one_in(60) {
            let Some(more) = self.more.checked_sub(1) else { return false };
            self.more = more;
            self.begin(rng);
        }
        if rng.percent(self.wildness) {
            self.mischief(rng, tape);
        } else {
            self.proper(rng, tape);
        }
        true
    }
}
