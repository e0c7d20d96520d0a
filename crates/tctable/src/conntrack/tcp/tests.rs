//! The state table, the exceptions to it, and the windows, segment by segment.

use super::super::timeouts::Timeouts;
use super::*;
use crate::packet::tcp_flags;
use Direction::{Original, Reply};

/// Two ends that number their segments as they should, and the tracker between them.
struct Talk {
    config: TcpConfig,
    tcp: Option<Tcp>,
    status: Status,
    /// The next sequence number of each end.
    next: [u32; 2],
    window: u16,
    options: Vec<u8>,
}

fn bits(flags: &str) -> u8 {
    let bits = flags.chars().map(|flag| match flag {
        'S' => tcp_flags::SYN,
        '.' => tcp_flags::ACK,
        'F' => tcp_flags::FIN,
        'R' => tcp_flags::RST,
        _ => unreachable!("no flag {flag}"),
    });
    bits.fold(0, |all, bit| all | bit)
}

impl Talk {
    fn new() -> Talk {
        Talk {
            config: TcpConfig::default(),
            tcp: None,
            status: Status::default(),
            // One end's numbers are about to wrap.
            next: [1_000, u32::MAX - 500],
            window: 10_000,
            options: Vec::new(),
        }
    }

    fn header(&self, direction: Direction, flags: &str) -> TcpHeader {
        let flags = bits(flags);
        let acknowledgment = if flags & tcp_flags::ACK == 0 { 0 } else { self.next[direction.opposite() as usize] };
        let sequence = self.next[direction as usize];
        TcpHeader { sequence, acknowledgment, window: self.window, flags, header_len: 20 }
    }

    /// Sends a segment as it is.
    fn send(&mut self, direction: Direction, header: TcpHeader, data_len: u32) -> Verdict {
        let timeouts = Ready::from(&Timeouts::default());
        let rules = Rules { config: &self.config, timeouts: &timeouts };
        let first = self.tcp.is_none();
        if first {
            self.tcp = Tcp::begin(&header, &self.options, data_len, self.config.loose);
        }
        let Some(tcp) = &mut self.tcp else { return Verdict::Invalid };
        // What takes a shorter road comes to the same.
        let mut short = *tcp;
        let timeout = match self.status.contains(Status::SETTLED) {
            true => short.plain(direction, &header, || &self.options, data_len, rules),
            false if first => short.open(&header, rules),
            false => None,
        };
        let before = *tcp;
        let verdict = tcp.packet(&mut self.status, direction, &header, &self.options, data_len, rules);
        match timeout {
            Some(timeout) => {
                assert_eq!((Verdict::Accept(timeout), format!("{short:?}")), (verdict, format!("{tcp:?}")));
            }
            None => assert_eq!(format!("{short:?}"), format!("{before:?}")),
        }
        if direction == Reply && matches!(verdict, Verdict::Accept(_) | Verdict::Ignore) {
            self.status.insert(Status::SEEN_REPLY);
        }
        verdict
    }

    /// Sends a segment with an end's next numbers.
    fn say(&mut self, direction: Direction, flags: &str, data_len: u32) -> Verdict {
        let header = self.header(direction, flags);
        let verdict = self.send(direction, header, data_len);
        self.next[direction as usize] = end_of(&header, kind(&header).unwrap_or(Kind::None), data_len);
        verdict
    }

    fn say_all(&mut self, segments: &[(Direction, &str)]) -> Verdict {
        segments.iter().fold(Verdict::Invalid, |_, (direction, flags)| self.say(*direction, flags, 0))
    }

    fn state(&self) -> TcpState {
        self.tcp.map_or(TcpState::None, |tcp| tcp.state())
    }

    fn open() -> Talk {
        let mut talk = Talk::new();
        talk.say_all(&OPEN);
        assert_eq!(talk.state(), TcpState::Established);
        assert!(talk.status.contains(Status::ASSURED));
        talk
    }
}

fn seconds(seconds: u32) -> Verdict {
    Verdict::Accept(Millis(seconds * 1000))
}

const OPEN: [(Direction, &str); 3] = [(Original, "S"), (Reply, "S."), (Original, ".")];
const CLOSED: [(Direction, &str); 6] = [OPEN[0], OPEN[1], OPEN[2], (Original, "F."), (Reply, "F."), (Original, ".")];

#[test]
fn states_and_timeouts_follow_a_whole_life() {
    let steps = [
        (TcpState::SynSent, 120),
        (TcpState::SynRecv, 60),
        (TcpState::Established, 432_000),
        (TcpState::FinWait, 120),
        (TcpState::LastAck, 30),
        (TcpState::TimeWait, 120),
    ];
    let mut talk = Talk::new();
    for (segment, (state, timeout)) in CLOSED.iter().zip(steps) {
        let verdict = talk.say_all(&[*segment]);
        assert_eq!((talk.state(), verdict), (state, seconds(timeout)));
        assert_eq!(talk.status.contains(Status::ASSURED), state >= TcpState::Established);
    }
}

#[test]
fn a_reset_without_an_answer_kills_and_a_later_one_closes() {
    assert_eq!(Talk::new().say_all(&[(Original, "S"), (Reply, "R.")]), Verdict::Kill);
    let mut talk = Talk::open();
    assert_eq!(talk.say(Reply, "R", 0), seconds(10));
    assert_eq!(talk.state(), TcpState::Close);
}

#[test]
fn a_reset_that_is_not_exact_does_not_close() {
    // Above what was acknowledged: the other side will challenge it (RFC 5961 section 3.2).
    let mut talk = Talk::open();
    let header = talk.header(Reply, "R");
    assert_eq!(talk.send(Reply, TcpHeader { sequence: header.sequence + 100, ..header }, 0), seconds(10));
    assert_eq!(talk.state(), TcpState::Established);
    // Below: it does not belong here, unless one believes in such.
    let old = TcpHeader { sequence: header.sequence - 100, ..header };
    assert_eq!(talk.send(Reply, old, 0), Verdict::Invalid);
    talk.config.ignore_invalid_rst = true;
    assert_ne!(talk.send(Reply, old, 0), Verdict::Invalid);
}

#[test]
fn mid_stream_pickup_waits_for_the_other_side() {
    let mut talk = Talk::new();
    assert_eq!(talk.say(Original, ".", 100), seconds(300));
    assert_eq!(talk.state(), TcpState::Established);
    assert!(!talk.status.contains(Status::ASSURED));
    // The first answer still counts as if there had been none.
    assert_eq!(talk.say(Reply, ".", 0), seconds(300));
    assert_eq!(talk.say(Original, ".", 0), seconds(432_000));
    assert!(talk.status.contains(Status::ASSURED));

    let mut strict = Talk::new();
    strict.config.loose = false;
    assert_eq!(strict.say(Original, ".", 100), Verdict::Invalid);
    assert_eq!(strict.say(Original, "S", 0), seconds(120));
}

#[test]
fn no_connection_begins_with_an_answer() {
    for flags in ["S.", "R", "R.", "F.", ""] {
        assert_eq!(Talk::new().say(Original, flags, 0), Verdict::Invalid, "{flags}");
    }
}

#[test]
fn a_syn_opens_a_closed_connection_again() {
    let mut talk = Talk::new();
    talk.say_all(&CLOSED);
    assert_eq!(talk.say(Original, "S", 0), Verdict::Reopen);
}

#[test]
fn a_syn_in_an_open_connection_is_ignored_until_it_is_answered() {
    let mut talk = Talk::open();
    talk.next[0] = 70_000;
    assert_eq!(talk.say(Original, "S", 0), Verdict::Ignore);
    assert_eq!(talk.state(), TcpState::Established);
    // The other side takes it: so it was a new connection, and we catch up.
    talk.next[1] = 4_000;
    assert_eq!(talk.say(Reply, "S.", 0), seconds(60));
    assert_eq!(talk.state(), TcpState::SynRecv);
    assert_eq!(talk.say(Original, ".", 0), seconds(432_000));
}

#[test]
fn a_repeated_syn_does_not_keep_the_connection_alive() {
    let mut talk = Talk::new();
    let syn = talk.header(Original, "S");
    assert_eq!(talk.send(Original, syn, 0), seconds(120));
    assert_eq!(talk.send(Original, syn, 0), Verdict::Ignore);
}

#[test]
fn a_challenge_ack_does_not_end_last_ack() {
    let mut talk = Talk::new();
    talk.say_all(&CLOSED[..5]);
    assert_eq!(talk.say_all(&[(Original, "S"), (Reply, ".")]), Verdict::Ignore);
    assert_eq!(talk.state(), TcpState::LastAck);
}

#[test]
fn both_sides_may_open_at_once() {
    let mut talk = Talk::new();
    let answer = talk.header(Original, "S");
    talk.say_all(&[(Original, "S"), (Reply, "S")]);
    assert_eq!(talk.state(), TcpState::SynSent2);
    let there = talk.next[1];
    let flags = bits("S.");
    talk.send(Original, TcpHeader { flags, acknowledgment: there, ..answer }, 0);
    talk.say(Reply, ".", 0);
    assert_eq!(talk.state(), TcpState::Established);
}

#[test]
fn segments_outside_the_windows_are_told() {
    // (sequence and acknowledgment against the proper ones, bytes of data, the verdict)
    let kept = seconds(300);
    let cases: [(i64, i64, u32, Verdict); 9] = [
        (0, 0, 100, kept),
        (10_000, 0, 0, kept),                // at the edge of what may be sent
        (10_001, 0, 0, Verdict::Ignore),     // one beyond
        (9_000, 0, 2_000, kept),             // begins inside
        (30_000, 0, 100, Verdict::Invalid),  // far beyond
        (-10_000, 0, 100, seconds(432_000)), // old, but not older than a window
        (-10_101, 0, 100, Verdict::Ignore),  // older
        (0, 1, 0, Verdict::Invalid),         // acknowledges what was not sent
        (0, -66_001, 0, Verdict::Ignore),    // an acknowledgment that is long overdue
    ];
    for (sequence, acknowledgment, data_len, expected) in cases {
        let mut talk = Talk::open();
        let mut header = talk.header(Original, ".");
        header.sequence = header.sequence.wrapping_add(sequence as u32);
        header.acknowledgment = header.acknowledgment.wrapping_add(acknowledgment as u32);
        assert_eq!(talk.send(Original, header, data_len), expected, "{sequence} {acknowledgment} {data_len}");
        // Who is liberal takes all of them.
        let mut talk = Talk::open();
        talk.config.be_liberal = true;
        assert!(matches!(talk.send(Original, header, data_len), Verdict::Accept(_)));
    }
}

#[test]
fn windows_are_scaled_where_both_sides_offer_it() {
    let scale = |shift| vec![3, 3, shift, 0];
    for (offered, beyond_unscaled) in
        [([scale(2), scale(1)], true), ([scale(2), vec![]], false), ([vec![], scale(2)], false)]
    {
        let mut talk = Talk::new();
        for ((direction, flags), options) in OPEN.iter().zip([&offered[0], &offered[1], &vec![]]) {
            talk.options.clone_from(options);
            talk.say(*direction, flags, 0);
        }
        talk.options.clear();
        // The other side's window, twice as large as it stands in the header.
        talk.say(Reply, ".", 0);
        let header = talk.header(Original, ".");
        let verdict = talk.send(Original, TcpHeader { sequence: header.sequence + 15_000, ..header }, 0);
        assert_eq!(matches!(verdict, Verdict::Accept(_)), beyond_unscaled, "{offered:?}");
    }
}

#[test]
fn data_that_nobody_acknowledges_shortens_the_timeout() {
    let mut talk = Talk::open();
    assert_eq!(talk.say(Original, ".", 100), seconds(300));
    assert_eq!(talk.say(Reply, ".", 0), seconds(432_000));
    talk.window = 0;
    assert_eq!(talk.say(Reply, ".", 0), seconds(300), "a closed window");
}

#[test]
fn repetitions_shorten_the_timeout() {
    let mut talk = Talk::open();
    let header = talk.header(Reply, ".");
    let verdicts: Vec<Verdict> = (0..5).map(|_| talk.send(Reply, header, 0)).collect();
    assert_eq!(verdicts[..3], [seconds(432_000); 3]);
    assert_eq!(verdicts[3..], [seconds(300); 2]);
    talk.config.max_retrans = 10;
    assert_eq!(talk.send(Reply, header, 0), seconds(432_000));
}

#[test]
fn both_sides_closing_outside_their_windows_shorten_the_timeout() {
    let mut talk = Talk::open();
    let lost = |talk: &Talk, direction| {
        let header = talk.header(direction, "F.");
        TcpHeader { sequence: header.sequence.wrapping_add(1_000_000), ..header }
    };
    let (here, there) = (lost(&talk, Original), lost(&talk, Reply));
    assert_eq!(talk.send(Original, here, 0), Verdict::Invalid);
    assert_eq!(talk.send(Reply, there, 0), Verdict::InvalidShorten(Millis(300_000)));
    talk.status.insert(Status::FIXED_TIMEOUT);
    assert_eq!(talk.send(Reply, there, 0), Verdict::Invalid);
}
