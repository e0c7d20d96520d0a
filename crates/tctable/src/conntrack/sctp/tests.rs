use super::*;
use crate::packet::{DeviceId, Frame, FrameDirection, LinkType, Packet, PacketInfo, Transport};
use crate::time::Instant;
use Direction::{Original, Reply};

/// The tags that each side has chosen: packets to it carry them.
const CLIENT: u32 = 0x11;
const SERVER: u32 = 0x22;
const OTHER: u32 = 0x33;

/// By state, each different, the defaults but for those that are three seconds.
fn timeouts() -> [Millis; 9] {
    [0, 10, 3, 4, 210, 5, 6, 7, 30].map(|seconds| Millis(seconds * 1000))
}

fn chunk(kind: u8, flags: u8, value: &[u8]) -> Vec<u8> {
    let mut chunk = vec![kind, flags];
    chunk.extend((4 + value.len() as u16).to_be_bytes());
    chunk.extend(value);
    chunk.resize(chunk.len().next_multiple_of(4), 0);
    chunk
}

/// INIT or INIT ACK with the tag that its sender wants to see.
fn init(kind: u8, tag: u32) -> Vec<u8> {
    let mut value = tag.to_be_bytes().to_vec();
    value.extend([0, 0, 0xff, 0xff, 0, 1, 0, 1, 0, 0, 0, 1]);
    chunk(kind, 0, &value)
}

/// A chunk of which only the type matters.
fn plain(kind: u8) -> Vec<u8> {
    chunk(kind, 0, b"abcd")
}

/// An association, and what became of its last packet.
struct Talk {
    sctp: Option<Sctp>,
    status: Status,
    verdict: Verdict,
}

impl Talk {
    fn new() -> Talk {
        Talk { sctp: None, status: Status::default(), verdict: Verdict::Invalid }
    }

    fn send(&mut self, direction: Direction, verification_tag: u32, chunks: &[Vec<u8>]) -> &mut Talk {
        let (header, bytes) = (SctpHeader { verification_tag }, chunks.concat());
        let chunks = Chunks::new(&bytes);
        let mut sctp = match self.sctp {
            Some(sctp) => sctp,
            None => {
                let Some(sctp) = Sctp::begin(&header, chunks) else { return self.refused() };
                sctp
            }
        };
        self.verdict = sctp.packet(&mut self.status, direction, &header, chunks, &timeouts());
        if self.sctp.is_none() && self.verdict == Verdict::Invalid {
            return self;
        }
        self.sctp = Some(sctp);
        if direction == Reply && self.verdict != Verdict::Invalid {
            self.status.insert(Status::SEEN_REPLY);
        }
        self
    }

    fn refused(&mut self) -> &mut Talk {
        self.verdict = Verdict::Invalid;
        self
    }

    fn out(&mut self, tag: u32, kind: u8) -> &mut Talk {
        self.send(Original, tag, &[plain(kind)])
    }

    fn back(&mut self, tag: u32, kind: u8) -> &mut Talk {
        self.send(Reply, tag, &[plain(kind)])
    }

    /// The handshake of RFC 9260 section 5.1.
    fn open() -> Talk {
        let mut talk = Talk::new();
        talk.send(Original, 0, &[init(kind::INIT, CLIENT)]).send(Reply, CLIENT, &[init(kind::INIT_ACK, SERVER)]);
        talk.out(SERVER, kind::COOKIE_ECHO).back(CLIENT, kind::COOKIE_ACK);
        talk
    }

    /// State, seconds to live if the packet counted, and whether it is assured.
    fn told(&self) -> String {
        let state = self.sctp.map_or("-".to_owned(), |sctp| sctp.state().to_string());
        let verdict = match self.verdict {
            Verdict::Accept(Millis(timeout)) => (timeout / 1000).to_string(),
            other => format!("{other:?}"),
        };
        let assured = if self.status.contains(Status::ASSURED) { " ASSURED" } else { "" };
        format!("{state} {verdict}{assured}")
    }
}

#[test]
fn a_handshake_and_a_shutdown() {
    let mut talk = Talk::new();
    assert_eq!(talk.send(Original, 0, &[init(kind::INIT, CLIENT)]).told(), "CLOSED 10");
    assert_eq!(talk.send(Reply, CLIENT, &[init(kind::INIT_ACK, SERVER)]).told(), "COOKIE_WAIT 3");
    assert_eq!(talk.out(SERVER, kind::COOKIE_ECHO).told(), "COOKIE_ECHOED 4");
    assert_eq!(talk.back(CLIENT, kind::COOKIE_ACK).told(), "ESTABLISHED 210 ASSURED");
    assert_eq!(talk.out(SERVER, kind::DATA).told(), "ESTABLISHED 210 ASSURED");
    assert_eq!(talk.back(CLIENT, 3).told(), "ESTABLISHED 210 ASSURED");
    assert_eq!(talk.out(SERVER, kind::SHUTDOWN).told(), "SHUTDOWN_SENT 5 ASSURED");
    assert_eq!(talk.back(CLIENT, kind::SHUTDOWN_ACK).told(), "SHUTDOWN_ACK_SENT 7 ASSURED");
    assert_eq!(talk.out(SERVER, kind::SHUTDOWN_COMPLETE).told(), "CLOSED 10 ASSURED");
}

#[test]
fn the_other_side_may_shut_down_first() {
    let mut talk = Talk::open();
    assert_eq!(talk.back(CLIENT, kind::SHUTDOWN).told(), "SHUTDOWN_RECD 6 ASSURED");
    assert_eq!(talk.out(SERVER, kind::SHUTDOWN_ACK).told(), "SHUTDOWN_ACK_SENT 7 ASSURED");
    assert_eq!(talk.back(CLIENT, kind::SHUTDOWN_COMPLETE).told(), "CLOSED 10 ASSURED");
}

#[test]
fn the_tags_of_both_sides_are_learnt_from_the_handshake() {
    let sctp = Talk::open().sctp.unwrap();
    assert_eq!((sctp.tag(Original), sctp.tag(Reply)), (SERVER, CLIENT));
}

#[test]
fn data_needs_the_receivers_tag() {
    for (direction, tag) in [(Original, SERVER), (Reply, CLIENT)] {
        for wrong in [0, CLIENT, SERVER, OTHER] {
            let mut talk = Talk::open();
            for kind in [kind::DATA, 3, kind::SHUTDOWN, kind::ERROR, kind::COOKIE_ACK, 192] {
                talk.send(direction, wrong, &[plain(kind)]);
                assert_eq!(talk.verdict == Verdict::Invalid, wrong != tag, "{direction:?} {wrong:#x} {kind}");
            }
        }
    }
}

#[test]
fn an_abort_needs_the_receivers_tag_or_the_senders_with_the_t_bit() {
    for kind in [kind::ABORT, kind::SHUTDOWN_COMPLETE] {
        for (direction, tag, flags, fits) in [
            (Original, SERVER, 0, true),
            (Original, CLIENT, 0, false),
            (Original, CLIENT, REFLECTED_TAG, true),
            (Original, SERVER, REFLECTED_TAG, false),
            (Reply, CLIENT, 0, true),
            (Reply, SERVER, REFLECTED_TAG, true),
            (Reply, OTHER, REFLECTED_TAG, false),
            (Reply, 0, 0, false),
        ] {
            let mut talk = Talk::open();
            talk.send(direction, tag, &[chunk(kind, flags, b"")]);
            assert_eq!(talk.verdict != Verdict::Invalid, fits, "{kind} {direction:?} {tag:#x} {flags}");
            let state = if fits && kind == kind::ABORT { "CLOSED" } else { "ESTABLISHED" };
            assert_eq!(talk.told().split(' ').next(), Some(state));
        }
    }
}

#[test]
fn what_begins_an_association() {
    let first = |tag, chunks: &[Vec<u8>]| Talk::new().send(Original, tag, chunks).told();
    assert_eq!(first(0, &[init(kind::INIT, CLIENT)]), "CLOSED 10");
    // An INIT has no tag, and its fixed part is whole.
    assert_eq!(first(1, &[init(kind::INIT, CLIENT)]), "- Invalid");
    assert_eq!(first(0, &[init(kind::INIT, CLIENT)[..16].to_vec()]), "- Invalid");
    assert_eq!(first(OTHER, &[plain(kind::HEARTBEAT)]), "HEARTBEAT_SENT 30");
    assert_eq!(first(OTHER, &[plain(kind::HEARTBEAT_ACK)]), "CLOSED 10");
    assert_eq!(first(OTHER, &[plain(kind::SHUTDOWN_ACK)]), "SHUTDOWN_ACK_SENT 7");
    for kind in [kind::SHUTDOWN, kind::ERROR, kind::COOKIE_ECHO] {
        assert_eq!((first(0, &[plain(kind)]), first(OTHER, &[plain(kind)])), ("CLOSED 10".into(), "- Invalid".into()));
    }
    for kind in [kind::DATA, 3, kind::ABORT, kind::COOKIE_ACK, kind::SHUTDOWN_COMPLETE, 192] {
        assert_eq!((first(0, &[plain(kind)]), first(OTHER, &[plain(kind)])), ("- Invalid".into(), "- Invalid".into()));
    }
    assert_eq!(first(OTHER, &[plain(kind::HEARTBEAT), plain(kind::DATA)]), "- Invalid");
    assert_eq!(first(0, &[]), "- Invalid");
}

#[test]
fn a_shutdown_ack_out_of_the_blue_may_be_completed() {
    let mut talk = Talk::new();
    talk.out(OTHER, kind::SHUTDOWN_ACK);
    let complete = |flags| [chunk(kind::SHUTDOWN_COMPLETE, flags, b"")];
    assert_eq!(talk.send(Reply, CLIENT, &complete(0)).told(), "SHUTDOWN_ACK_SENT Invalid");
    assert_eq!(talk.send(Reply, OTHER, &complete(0)).told(), "CLOSED 10");
}

#[test]
fn chunks_that_cannot_stand_together() {
    let alone = [kind::INIT, kind::INIT_ACK, kind::SHUTDOWN_COMPLETE];
    for kind in [alone.as_slice(), &[kind::COOKIE_ECHO, kind::COOKIE_ACK]].concat() {
        let bytes = [plain(kind::DATA), plain(kind)].concat();
        assert!(Kinds::of(Chunks::new(&bytes)).is_none(), "{kind} is not first");
        let bytes = [plain(kind), plain(kind::DATA)].concat();
        assert_eq!(Kinds::of(Chunks::new(&bytes)).is_none(), alone.contains(&kind), "{kind} is first");
    }
    // A chunk without a length, and one whose length is too small to be true.
    assert!(Kinds::of(Chunks::new(&[0, 3, 0, 0])).is_none());
    assert!(Kinds::of(Chunks::new(&[0, 3, 0, 1])).is_some());
    assert!(Kinds::of(Chunks::new(&[0, 3, 0])).is_none());
}

#[test]
fn whoever_tries_again_and_again_does_not_keep_the_ports() {
    let mut talk = Talk::new();
    talk.send(Original, 0, &[init(kind::INIT, CLIENT)]);
    assert_eq!(talk.send(Original, 0, &[init(kind::INIT, OTHER)]).told(), "CLOSED Ignore");
    // The tag is the new one all the same.
    assert_eq!(talk.send(Reply, CLIENT, &[init(kind::INIT_ACK, SERVER)]).told(), "CLOSED Invalid");
    assert_eq!(talk.send(Reply, OTHER, &[init(kind::INIT_ACK, SERVER)]).told(), "COOKIE_WAIT 3");
}

#[test]
fn a_closed_association_is_opened_again() {
    let mut talk = Talk::open();
    talk.send(Reply, CLIENT, &[plain(kind::ABORT)]);
    assert_eq!(talk.send(Original, 0, &[init(kind::INIT, OTHER)]).told(), "CLOSED Ignore ASSURED");
    assert_eq!(talk.send(Reply, OTHER, &[init(kind::INIT_ACK, CLIENT)]).told(), "COOKIE_WAIT 3 ASSURED");
    assert_eq!(talk.out(CLIENT, kind::COOKIE_ECHO).told(), "COOKIE_ECHOED 4 ASSURED");
    assert_eq!(talk.back(OTHER, kind::COOKIE_ACK).told(), "ESTABLISHED 210 ASSURED");
}

#[test]
fn an_init_during_a_shutdown_closes_and_one_in_an_open_association_changes_the_tag_alone() {
    let mut talk = Talk::open();
    assert_eq!(talk.send(Original, 0, &[init(kind::INIT, OTHER)]).told(), "ESTABLISHED 210 ASSURED");
    assert_eq!(talk.back(CLIENT, kind::DATA).told(), "ESTABLISHED Invalid ASSURED");
    assert_eq!(talk.back(OTHER, kind::DATA).told(), "ESTABLISHED 210 ASSURED");
    assert_eq!(talk.out(SERVER, kind::SHUTDOWN).told(), "SHUTDOWN_SENT 5 ASSURED");
    assert_eq!(talk.send(Original, 0, &[init(kind::INIT, OTHER)]).told(), "CLOSED 10 ASSURED");
}

#[test]
fn both_sides_may_open_at_once() {
    let mut talk = Talk::new();
    talk.send(Original, 0, &[init(kind::INIT, CLIENT)]);
    assert_eq!(talk.send(Reply, 0, &[init(kind::INIT, SERVER)]).told(), "CLOSED Ignore");
    // Each must say again what its INIT said.
    assert_eq!(talk.send(Reply, CLIENT, &[init(kind::INIT_ACK, OTHER)]).told(), "CLOSED Invalid");
    assert_eq!(talk.send(Reply, CLIENT, &[init(kind::INIT_ACK, SERVER)]).told(), "COOKIE_WAIT 3");
    assert_eq!(talk.send(Original, SERVER, &[init(kind::INIT_ACK, CLIENT)]).told(), "COOKIE_WAIT 3");
    assert_eq!(talk.back(CLIENT, kind::COOKIE_ECHO).told(), "COOKIE_ECHOED 4");
    assert_eq!(talk.out(SERVER, kind::COOKIE_ACK).told(), "ESTABLISHED 210 ASSURED");
}

#[test]
fn an_init_with_a_tag_that_is_known_does_not_tell_who_has_begun() {
    // The server's tag is known from a packet to it; its INIT repeats it, and the client's is then the only one that counts.
    let mut talk = Talk::new();
    talk.out(SERVER, kind::HEARTBEAT_ACK).send(Reply, 0, &[init(kind::INIT, SERVER)]);
    talk.send(Original, 0, &[init(kind::INIT, CLIENT)]);
    assert_eq!(talk.send(Reply, CLIENT, &[init(kind::INIT_ACK, OTHER)]).told(), "COOKIE_WAIT 3");
    // Where the server's tag was another one both have begun.
    let mut talk = Talk::new();
    talk.out(OTHER, kind::HEARTBEAT_ACK).send(Reply, 0, &[init(kind::INIT, SERVER)]);
    talk.send(Original, 0, &[init(kind::INIT, CLIENT)]);
    assert_eq!(talk.send(Reply, CLIENT, &[init(kind::INIT_ACK, OTHER)]).told(), "CLOSED Invalid");
    // After INITs of both sides a repeated one leaves it at that; one with another tag begins anew.
    for (again, told) in [(CLIENT, "CLOSED Invalid"), (OTHER, "COOKIE_WAIT 3")] {
        let mut talk = Talk::new();
        talk.send(Original, 0, &[init(kind::INIT, CLIENT)]).send(Reply, 0, &[init(kind::INIT, SERVER)]);
        talk.send(Original, 0, &[init(kind::INIT, again)]);
        assert_eq!(talk.send(Reply, again, &[init(kind::INIT_ACK, 0x44)]).told(), told);
    }
}

#[test]
fn the_first_init_counts_although_its_tag_is_known_from_itself() {
    let mut talk = Talk::new();
    talk.send(Original, 0, &[init(kind::INIT, CLIENT)]).out(OTHER, kind::HEARTBEAT);
    assert_eq!(talk.send(Reply, CLIENT, &[init(kind::INIT_ACK, SERVER)]).told(), "COOKIE_WAIT 3");
}

#[test]
fn a_stale_cookie_closes() {
    let mut talk = Talk::new();
    talk.send(Original, 0, &[init(kind::INIT, CLIENT)]).send(Reply, CLIENT, &[init(kind::INIT_ACK, SERVER)]);
    assert_eq!(talk.out(OTHER, kind::COOKIE_ECHO).told(), "COOKIE_WAIT Invalid");
    talk.out(SERVER, kind::COOKIE_ECHO);
    assert_eq!(talk.back(CLIENT, kind::ERROR).told(), "CLOSED 10");
}

#[test]
fn another_path_is_opened_by_a_heartbeat_and_its_answer() {
    let mut talk = Talk::new();
    assert_eq!(talk.out(SERVER, kind::HEARTBEAT).told(), "HEARTBEAT_SENT 30");
    assert_eq!(talk.out(SERVER, kind::HEARTBEAT).told(), "HEARTBEAT_SENT 30");
    // No tag is known of the other direction yet, so this is the one.
    assert_eq!(talk.back(CLIENT, kind::HEARTBEAT_ACK).told(), "ESTABLISHED 210 ASSURED");
    assert_eq!(talk.back(OTHER, kind::DATA).told(), "ESTABLISHED Invalid ASSURED");
    assert_eq!(talk.back(CLIENT, kind::DATA).told(), "ESTABLISHED 210 ASSURED");
}

#[test]
fn only_an_answer_is_accepted_from_the_other_end_of_a_probed_path() {
    for kind in [kind::SHUTDOWN_ACK, kind::COOKIE_ECHO, kind::DATA] {
        let mut talk = Talk::new();
        talk.out(0, kind::HEARTBEAT).back(0, kind);
        let expected = if kind == kind::DATA { "HEARTBEAT_SENT 30" } else { "HEARTBEAT_SENT Invalid" };
        assert_eq!(talk.told(), expected, "{kind}");
    }
}

#[test]
fn a_heartbeat_with_another_tag_passes_and_its_answer_shows_that_the_peer_began_anew() {
    let mut talk = Talk::open();
    assert_eq!(talk.out(OTHER, kind::HEARTBEAT).told(), "ESTABLISHED Ignore ASSURED");
    // Not from the same side.
    assert_eq!(talk.out(OTHER, kind::HEARTBEAT_ACK).told(), "ESTABLISHED Invalid ASSURED");
    assert_eq!(talk.back(0x44, kind::HEARTBEAT_ACK).told(), "ESTABLISHED 210 ASSURED");
    let sctp = talk.sctp.unwrap();
    assert_eq!((sctp.tag(Original), sctp.tag(Reply)), (0, 0x44));
    // The other tag is learnt from the next one.
    assert_eq!(talk.out(0x55, kind::HEARTBEAT).told(), "ESTABLISHED 210 ASSURED");
    assert_eq!(talk.out(0x55, kind::DATA).told(), "ESTABLISHED 210 ASSURED");
}

#[test]
fn a_heartbeat_with_the_right_tag_clears_the_doubt() {
    let mut talk = Talk::open();
    talk.out(OTHER, kind::HEARTBEAT).out(SERVER, kind::HEARTBEAT);
    assert_eq!(talk.back(OTHER, kind::HEARTBEAT_ACK).told(), "ESTABLISHED Invalid ASSURED");
    // Doubt comes with neither data nor a second one.
    assert_eq!(
        talk.send(Original, OTHER, &[plain(kind::HEARTBEAT), plain(kind::DATA)]).told(),
        "ESTABLISHED Invalid ASSURED"
    );
    let two = [plain(kind::HEARTBEAT), plain(kind::HEARTBEAT)];
    assert_eq!(talk.send(Original, OTHER, &two).told(), "ESTABLISHED Invalid ASSURED");
}

#[test]
fn a_refused_packet_has_been_followed_up_to_the_chunk_that_was_refused() {
    let mut talk = Talk::open();
    // With a SHUTDOWN ACK any tag passes at first, so the SHUTDOWN counts before the ABORT is refused.
    talk.send(Original, OTHER, &[plain(kind::SHUTDOWN), plain(kind::SHUTDOWN_ACK), plain(kind::ABORT)]);
    assert_eq!(talk.told(), "SHUTDOWN_ACK_SENT Invalid ASSURED");
}

#[test]
fn names_are_those_of_the_conntrack_program() {
    let names = SctpState::ALL.map(|state| state.to_string());
    assert_eq!(names[1..3], ["CLOSED", "COOKIE_WAIT"]);
    assert_eq!(names[8], "HEARTBEAT_SENT");
    assert!(SctpState::ALL.iter().enumerate().all(|(nth, state)| *state as usize == nth));
}

#[test]
fn chunks_are_found_in_a_packet_wherever_the_capture_cut_it() {
    let mut bytes = vec![0, 1, 0, 2, 0, 0, 0, 0, 9, 9, 9, 9];
    bytes.extend(init(kind::INIT, CLIENT));
    let whole = tctable_lab::packets::ip([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), 132, &bytes);
    for kept in 32..=whole.len() {
        let frame = Frame {
            time: Instant::ZERO,
            device: DeviceId(0),
            direction: FrameDirection::Unknown,
            link: LinkType::Raw,
            wire_len: whole.len() as u32,
            data: &whole[..kept],
        };
        let info = PacketInfo::read(&frame).expect("an IP packet");
        let Transport::Sctp(header) = info.transport else { panic!("{:?}", info.transport) };
        let begun = Sctp::begin(&header, Chunks::of(Packet { frame: &frame, info: &info }));
        // The tag stands in the chunk's first eight bytes.
        assert_eq!(begun.map(|sctp| sctp.tag(Reply)), (kept >= 40).then_some(CLIENT), "{kept}");
    }
}
