use tctable::conntrack::Counter;

/// What became of a shard's frames, with their bytes, tags and link header included. Every one is here:
/// `received = filtered + passed + dropped + held + watched`, and of a gateway that forwards
/// `passed + pieces + answers + copies = sent + shed + waiting`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames that came in by any port.
    pub received: Counter,
    /// Frames that filters of traffic control took as they came: the engine did not see them.
    pub filtered: Counter,
    /// Frames that go on, as they came or changed; fragments that made a datagram whole are among `held`.
    pub passed: Counter,
    /// Frames that are not IP packets, among `passed`.
    pub not_ip: Counter,
    /// Frames that the engine dropped: why is in its totals and in the counters of its rules.
    pub dropped: Counter,
    /// Fragments: they wait in the engine, and go on as `pieces` when their datagram is whole and may.
    pub held: Counter,
    /// Frames that were only looked at.
    pub watched: Counter,
    /// Fragments that go on.
    pub pieces: Counter,
    /// Answers to rejected packets.
    pub answers: Counter,
    /// Answers for which no frame can be made: what they answer had no sender or no receiver of its own.
    pub unanswerable: u64,
    /// Copies that actions of traffic control made.
    pub copies: Counter,
    /// Frames that the ports took.
    pub sent: Counter,
    /// Frames that traffic control dropped, or for which there was no room to wait.
    pub shed: Counter,
    /// Frames that wait now.
    pub waiting: Counter,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.unanswerable += other.unanswerable;
        for (sum, (_, more)) in self.named_mut().into_iter().zip(other.named()) {
            *sum += more;
        }
    }
}

impl Counts {
    /// Those of frames, under the names of the fields.
    pub fn named(mut self) -> [(&'static str, Counter); 13] {
        let mut counters = self.named_mut().into_iter().map(|counter| *counter);
        let names = [
            "received", "filtered", "passed", "not_ip", "dropped", "held", "watched", "pieces", "answers", "copies",
            "sent", "shed", "waiting",
        ];
        names.map(|name| (name, counters.next().unwrap_or_default()))
    }

    fn named_mut(&mut self) -> [&mut Counter; 13] {
        let Counts {
            received,
            filtered,
            passed,
            not_ip,
            dropped,
            held,
            watched,
            pieces,
            answers,
            copies,
            sent,
            shed,
            waiting,
            unanswerable: _,
        } = self;
        [received, filtered, passed, not_ip, dropped, held, watched, pieces, answers, copies, sent, shed, waiting]
    }
}
