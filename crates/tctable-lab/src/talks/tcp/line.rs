//! Connections that follow each other on the same addresses and ports.

use std::collections::VecDeque;

use super::{
    opening::{self, Opening},
    peer::{Peer, Role},
    segment::Segment,
    watch::Watch,
};
use crate::{
    packets::{flags, protocol, repair_checksums},
    rng::Rng,
    talks::{
        Talk,
        places::{self, End},
        tape::{Tape, wrap},
    },
};

/// Segments of each end that are remembered, to be sent again.
const REMEMBERED: usize = 8;
/// Steps after which a connection is left alone as it is.
const PATIENCE: u64 = 150;

/// Something that an application does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::talks) enum Message {
    /// The end of that number, 0 or 1, has something to say.
    Data(usize, Vec<u8>),
    /// It has no more to say.
    Close(usize),
    /// It gives up.
    Abort(usize),
}

/// Two ends, and the wire between them, in whose middle the tracker sits.
pub(in crate::talks) struct Line {
    pub(super) ends: [End; 2],
    pub(super) peers: [Peer; 2],
    pub(super) watch: Watch,
    /// What passed the tracker on its way to each end.
    pub(super) wires: [Vec<Segment>; 2],
    /// What was sent but will reach the tracker later, and who sent it.
    held: Vec<(usize, Segment)>,
    /// What the tracker saw last from each end.
    pub(super) history: [VecDeque<Segment>; 2],
    script: VecDeque<Message>,
    /// Messages that were handed to the ends.
    handed: usize,
    /// Messages may be handed over while earlier ones are still under way.
    eager: bool,
    /// How many of a hundred steps are mischief.
    wildness: u64,
    /// Nobody answers a SYN to the second end.
    refuses: bool,
    /// The second end hears nothing.
    deaf: bool,
    /// The wrong end opened this connection.
    turned: bool,
    /// Segments that take another way.
    hidden: u64,
    /// Connections to come after this one.
    connections: u64,
    patience: u64,
}

impl Line {
    pub(in crate::talks) fn new(rng: &mut Rng) -> Self {
        let mut ends = places::ends(rng, &[80, 443, 8080]);
        // A line has its addresses and ports for itself, mostly: what comes again on them is up to it.
        let port = ends[0].address.port();
        ends[0].address.set_port(if port > 1_023 { port + 12 * rng.below(20) as u16 } else { port });
        let mut line = Self::between(ends, rng);
        line.begin(rng, Opening::any);
        line
    }

    /// One connection over which applications talk in turn, and well: mischief is rare, and nothing passes unseen.
    pub(in crate::talks) fn scripted(rng: &mut Rng, ends: [End; 2], script: Vec<Message>) -> Self {
        let mut line = Self::between(ends, rng);
        line.begin(rng, |_| Opening::Usual);
        line.peers.iter_mut().for_each(|peer| peer.window = peer.window.max(2_000));
        line.eager = false;
        line.wildness = rng.pick(&[0, 0, 2, 8]);
        line.connections = 0;
        line.patience = PATIENCE + 20 * script.len() as u64;
        line.script = script.into();
        line
    }

    fn between(ends: [End; 2], rng: &mut Rng) -> Self {
        Self {
            ends,
            peers: Opening::Usual.peers(rng, None),
            watch: Watch::default(),
            wires: [Vec::new(), Vec::new()],
            held: Vec::new(),
            history: [VecDeque::new(), VecDeque::new()],
            script: VecDeque::new(),
            handed: 0,
            eager: true,
            wildness: rng.weighted(&[(3, 4), (5, 18), (2, 50)]),
            refuses: false,
            deaf: false,
            turned: false,
            hidden: 0,
            connections: rng.range(1, 6),
            patience: 0,
        }
    }

    /// Messages that were handed to the ends so far, and said if [`Line::is_quiet`].
    pub(in crate::talks) fn handed(&self) -> usize {
        self.handed
    }

    /// Whether everything that was said has been heard.
    pub(in crate::talks) fn is_quiet(&self) -> bool {
        self.wires.iter().all(Vec::is_empty)
            && self.held.is_empty()
            && self.peers.iter().all(|peer| peer.unacked.is_empty() && peer.unsent.is_empty() && !peer.is_due())
    }

    /// Begins the next connection, whatever became of the last one.
    fn begin(&mut self, rng: &mut Rng, opening: impl Fn(&mut Rng) -> Opening) {
        let used = self.history.iter().any(|history| !history.is_empty());
        if self.turned {
            self.turn_round();
        }
        // What a tracker that still knows the last connection would not believe a word of is tried, but not for long. It
        // takes a SYN of the other end if it saw two FINs, and hardly otherwise.
        let closed = self.peers.iter().all(|peer| peer.is_done() && !peer.dead);
        let mut opening = opening(rng);
        let mut believed = !used
            || match opening {
                Opening::MidStream | Opening::Unseen => false,
                Opening::Simultaneous | Opening::Split => closed,
                _ => true,
            };
        if !believed && !rng.one_in(5) {
            (opening, believed) = (Opening::Usual, true);
        }
        self.turned = false;
        if used && opening != Opening::Crash && rng.one_in(if closed { 3 } else { 30 }) {
            self.turn_round();
            self.turned = !closed;
        }
        self.peers = opening.peers(rng, used.then_some(&self.peers));
        if !rng.one_in(4) {
            self.wires = [Vec::new(), Vec::new()];
            self.held.clear();
        }
        self.script = opening::script(rng).into();
        self.refuses = opening == Opening::Refused;
        self.deaf = opening == Opening::Unanswered;
        self.hidden = if opening == Opening::Unseen { rng.range(1, 4) } else { 0 };
        self.patience = match opening {
            Opening::Unanswered | Opening::Refused => rng.range(2, 10),
            _ if self.turned || !believed => rng.range(2, 12),
            // Now and then the next one comes before this one is through.
            _ if rng.one_in(4) => rng.range(2, 40),
            _ => PATIENCE,
        };
    }

    /// The other end opens the next connection.
    fn turn_round(&mut self) {
        self.ends.swap(0, 1);
        self.peers.swap(0, 1);
        self.history.swap(0, 1);
        self.watch = Watch::default();
    }

    /// At most that many more steps of this connection.
    pub(super) fn hurry(&mut self, steps: u64) {
        self.patience = self.patience.min(steps);
    }

    fn is_over(&self) -> bool {
        self.patience == 0 || self.peers.iter().all(Peer::is_done) && self.wires.iter().all(Vec::is_empty)
    }

    /// What has passed the tracker reaches the ends, or some of it does.
    fn deliver(&mut self, rng: &mut Rng, all: bool) -> bool {
        let mut any = false;
        for who in 0..2 {
            if self.wires[who].is_empty() || !all && rng.percent(30) {
                continue;
            }
            any = true;
            for segment in std::mem::take(&mut self.wires[who]) {
                self.hear(rng, who, &segment);
            }
        }
        any
    }

    fn hear(&mut self, rng: &mut Rng, who: usize, segment: &Segment) {
        if self.deaf && who == 1 {
            return;
        }
        let peer = &mut self.peers[who];
        if !peer.dead {
            peer.hear(rng, segment);
        } else if segment.has(flags::SYN) && !segment.has(flags::ACK) && !(self.refuses && who == 1) {
            let iss = rng.word();
            *peer = Peer::new(rng, Role::Passive, iss);
            peer.hear(rng, segment);
        } else if !segment.has(flags::RST) && rng.percent(60) {
            peer.refuse(segment);
        }
    }

    /// The tracker sees a segment. Says whether it can arrive.
    pub(super) fn emit(&mut self, rng: &mut Rng, tape: &mut Tape, who: usize, segment: Segment) -> bool {
        let (from, to) = (&self.ends[who], &self.ends[1 - who]);
        let mut packet = wrap(rng, from.address.ip(), to.address.ip(), protocol::TCP, &segment.build(from, to));
        if segment.data_offset.is_some() {
            repair_checksums(&mut packet);
        }
        let arrives = tape.send_packet(rng, &from.place(), to.address.ip(), packet);
        // A tracker may take it for the end, whatever the ends think of it: little is left to be seen there.
        if segment.has(flags::RST) {
            self.hurry(rng.range(2, 16));
        }
        self.history[who].push_back(segment);
        if self.history[who].len() > REMEMBERED {
            self.history[who].pop_front();
        }
        arrives
    }

    /// A segment of the end's own goes out, and meets its fate.
    fn send(&mut self, rng: &mut Rng, tape: &mut Tape, who: usize, segment: Segment) {
        if self.hidden > 0 {
            self.hidden -= 1;
            self.wires[1 - who].push(segment);
            return;
        }
        let careful = !self.eager;
        let lost_behind = match rng.below(if careful { 400 } else { 100 }) {
            // Lost on the way to the tracker.
            0..3 => return,
            3..9 => {
                self.held.push((who, segment));
                return;
            }
            fate => fate < 13,
        };
        let shift = if segment.has(flags::SYN) { 0 } else { self.peers[who].shift() };
        if self.emit(rng, tape, who, segment.clone()) {
            self.watch.see(who, &segment, shift);
            if !lost_behind {
                self.wires[1 - who].push(segment);
            }
        }
    }

    /// The end whose turn it is says something; if it is nobody's turn, time passes until it is.
    fn go_on(&mut self, rng: &mut Rng, tape: &mut Tape) {
        if self.eager && rng.one_in(5) {
            self.hand_over(rng, tape);
        }
        let first = rng.below(2) as usize;
        if let Some(who) = [first, 1 - first].into_iter().find(|who| self.peers[*who].is_due()) {
            let segment = self.peers[who].speak(rng);
            return self.send(rng, tape, who, segment);
        }
        if self.deliver(rng, true) {
            return;
        }
        if let Some((who, segment)) = self.held.pop() {
            if self.emit(rng, tape, who, segment.clone()) {
                self.wires[1 - who].push(segment);
            }
            return;
        }
        // All is quiet: someone's timer runs out, or an application has something to do.
        for who in [first, 1 - first] {
            if let Some(segment) = self.peers[who].retransmission(rng) {
                return self.send(rng, tape, who, segment);
            }
            if self.peers[who].is_blocked() {
                return self.unblock(rng, tape, who);
            }
        }
        if !self.hand_over(rng, tape) {
            self.patience = 0;
        }
    }

    /// The window that `who` waits for opens, or it asks whether it did.
    fn unblock(&mut self, rng: &mut Rng, tape: &mut Tape, who: usize) {
        if rng.one_in(2) {
            self.peers[1 - who].window = rng.pick(&[1, 500, 5_000, 60_000]);
            self.peers[1 - who].owes_ack = true;
        } else {
            let mut probe = self.peers[who].acknowledgment(rng);
            probe.payload = vec![0];
            self.emit(rng, tape, who, probe);
            self.peers[1 - who].owes_ack = true;
        }
    }

    /// The next thing that an application does.
    fn hand_over(&mut self, rng: &mut Rng, tape: &mut Tape) -> bool {
        let Some(message) = self.script.pop_front() else { return false };
        self.handed += 1;
        match message {
            Message::Data(who, data) => self.peers[who].unsent.extend(data),
            Message::Close(who) => self.peers[who].closing = true,
            Message::Abort(who) => {
                let mut reset = self.peers[who].acknowledgment(rng);
                reset.tcp.flags = if rng.one_in(2) { flags::RST } else { flags::RST | flags::ACK };
                reset.tcp.options.clear();
                self.peers[who].die();
                self.send(rng, tape, who, reset);
            }
        }
        true
    }
}

impl Talk for Line {
    fn step(&mut self, rng: &mut Rng, tape: &mut Tape) -> bool {
        if self.is_over() {
            // What comes after the end: in TIME_WAIT, in CLOSE.
            for _ in 0..rng.pick(&[0, 0, 1, 3]) {
                if self.eager {
                    self.mischief(rng, tape);
                }
            }
            if self.connections == 0 {
                return false;
            }
            self.connections -= 1;
            self.begin(rng, Opening::any);
        }
        self.patience -= 1;
        self.deliver(rng, false);
        if rng.percent(self.wildness) && !self.watch.is_blank() {
            self.mischief(rng, tape);
        } else {
            self.go_on(rng, tape);
        }
        true
    }
}
