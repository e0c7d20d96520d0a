//! Packets that go deep: each of a few talks remembers where its sides are, so that sequence numbers lie in windows, at
//! their edges or beyond, answers answer, and errors and fragments are those of packets that were sent.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tctable_lab::packets::{
    Datagram, Tcp, chunk, flags, gre_pptp, icmp_echo, icmp_error, icmpv6_echo, icmpv6_error, ip, protocol, sctp,
    sctp_chunk, tcp, udp, udp_lite,
};

use crate::input::Input;

/// Talks that there are.
const TALKS: usize = 12;

#[derive(Default)]
pub struct Talks {
    talks: [Talk; TALKS],
    /// The latest packet, and its payload with its protocol and ends, to be quoted, cut or damaged.
    last: Vec<u8>,
    last_payload: (u8, Vec<u8>),
    last_ends: Option<(IpAddr, IpAddr)>,
}

/// Where both sides of a talk are.
#[derive(Clone, Copy, Default)]
struct Talk {
    /// The next sequence number of each side.
    next: [u32; 2],
    /// The SCTP tag that packets of each direction carry.
    tags: [u32; 2],
    /// How far it has got by itself: the next of [`USUAL`].
    phase: usize,
}

/// Who sends what in a life without surprises, and how many bytes with it.
const USUAL: [(usize, u8, usize); 11] = [
    (0, flags::SYN, 0),
    (1, flags::SYN | flags::ACK, 0),
    (0, flags::ACK, 0),
    (0, flags::ACK | flags::PSH, 100),
    (1, flags::ACK, 0),
    (1, flags::ACK | flags::PSH, 100),
    (0, flags::ACK, 0),
    (0, flags::FIN | flags::ACK, 0),
    (1, flags::ACK, 0),
    (1, flags::FIN | flags::ACK, 0),
    (0, flags::ACK, 0),
];

/// Two of three inside, two of them outside, in two families.
fn ends(talk: usize) -> [SocketAddr; 2] {
    let (client, server) = ((talk / 2 % 3) as u8, (talk / 6) as u8);
    let (client_port, server_port) = (1 + (talk / 3 % 2) as u16, 80);
    let [client, server]: [IpAddr; 2] = if talk % 2 == 0 {
        [Ipv4Addr::new(10, 0, 0, client).into(), Ipv4Addr::new(99, 0, 0, server).into()]
    } else {
        [
            Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, client.into()).into(),
            Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, server.into()).into(),
        ]
    };
    // One talks to a neighbour, and one to itself.
    let server = match talk {
        4 => Ipv4Addr::new(10, 0, 0, 0).into(),
        5 => client,
        _ => server,
    };
    let server_port = if talk == 5 { client_port } else { server_port };
    [SocketAddr::new(client, client_port), SocketAddr::new(server, server_port)]
}

impl Talks {
    /// The next packet; `None` where there is none to quote or to cut.
    pub fn next(&mut self, choice: u8, input: &mut Input<'_>) -> Option<Vec<u8>> {
        let talk = usize::from(input.byte());
        let side = talk >> 7;
        let talk = talk % TALKS;
        let ends = ends(talk);
        let side = if choice < 50 { USUAL[self.talks[talk].phase].0 } else { side };
        let (from, to) = (ends[side], ends[1 - side]);
        let (number, payload) = match choice {
            0..50 => (protocol::TCP, self.usual(talk, from, to)),
            50..90 => (protocol::TCP, self.segment(talk, side, from, to, input)),
            90..115 => (protocol::UDP, udp(from, to, &vec![0; usize::from(input.byte() % 64)])),
            115..130 => echo(from.ip(), to.ip(), input),
            130..150 => (protocol::SCTP, self.association(talk, side, from, to, input)),
            150..157 => (protocol::GRE, gre(input)),
            157..162 => (protocol::UDP_LITE, udp_lite(from, to, 0, b"")),
            162..167 => (input.one_of(&[33, 50, 89, 253, 0, 41, 58, 1]), vec![0; 8]),
            167..180 => return self.error(input),
            180..194 => return self.fragment(input),
            _ => return self.damaged(input),
        };
        let packet = ip(from.ip(), to.ip(), number, &payload);
        self.last.clone_from(&packet);
        self.last_payload = (number, payload);
        self.last_ends = Some((from.ip(), to.ip()));
        Some(packet)
    }

    /// What comes next where nothing goes wrong.
    fn usual(&mut self, talk: usize, from: SocketAddr, to: SocketAddr) -> Vec<u8> {
        let talk = &mut self.talks[talk];
        let (side, flags, size) = USUAL[talk.phase];
        talk.phase = (talk.phase + 1) % USUAL.len();
        let seq = talk.next[side];
        let ack = if flags & flags::ACK != 0 { talk.next[1 - side] } else { 0 };
        talk.next[side] = after(seq, flags, size);
        tcp(from, to, &Tcp { seq, ack, flags, ..Tcp::default() }, &vec![0; size])
    }

    fn segment(
        &mut self,
        talk: usize,
        side: usize,
        from: SocketAddr,
        to: SocketAddr,
        input: &mut Input<'_>,
    ) -> Vec<u8> {
        const FLAGS: [u8; 12] = [
            flags::SYN,
            flags::SYN | flags::ACK,
            flags::ACK,
            flags::ACK,
            flags::ACK | flags::PSH,
            flags::FIN | flags::ACK,
            flags::RST,
            flags::RST | flags::ACK,
            flags::SYN | flags::FIN,
            0,
            flags::FIN,
            flags::ACK | flags::URG,
        ];
        const OPTIONS: [&[u8]; 5] = [
            &[],
            &[3, 3, 7, 1],
            &[4, 2, 3, 3, 14, 0],
            &[1, 1, 5, 10, 0, 0, 0, 9, 0, 0, 1, 0],
            &[1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0],
        ];
        let bits = input.byte();
        let flags = FLAGS[usize::from(bits) % FLAGS.len()];
        let options = OPTIONS[usize::from(bits >> 4) % OPTIONS.len()];
        let size = usize::from(input.one_of(&[0u8, 0, 0, 1, 100]));
        let window = input.one_of(&[0xffffu16, 0xffff, 1000, 1, 0]);
        let (own, other) = (self.talks[talk].next[side], self.talks[talk].next[1 - side]);
        let seq = own.wrapping_add(offset(input, window));
        let ack = if flags & flags::ACK != 0 { other.wrapping_add(offset(input, window)) } else { 0 };
        // What lies in order goes on from there.
        if seq == own {
            self.talks[talk].next[side] = after(own, flags, size);
        }
        tcp(from, to, &Tcp { seq, ack, flags, window, options: options.to_vec(), ..Tcp::default() }, &vec![0; size])
    }

    fn association(
        &mut self,
        talk: usize,
        side: usize,
        from: SocketAddr,
        to: SocketAddr,
        input: &mut Input<'_>,
    ) -> Vec<u8> {
        const KINDS: [u8; 14] = [
            chunk::INIT,
            chunk::INIT_ACK,
            chunk::COOKIE_ECHO,
            chunk::COOKIE_ACK,
            chunk::DATA,
            chunk::HEARTBEAT,
            chunk::HEARTBEAT_ACK,
            chunk::SHUTDOWN,
            chunk::SHUTDOWN_ACK,
            chunk::SHUTDOWN_COMPLETE,
            chunk::ABORT,
            chunk::ERROR,
            chunk::SACK,
            chunk::ASCONF,
        ];
        let mut tag = self.talks[talk].tags[side];
        let mut chunks = Vec::new();
        for _ in 0..1 + input.byte() % 2 {
            let kind = input.one_of(&KINDS);
            let bits = input.byte();
            let mut value = vec![0; 16];
            if kind == chunk::INIT || kind == chunk::INIT_ACK {
                let own = 1 + u32::from(bits & 3);
                value[..4].copy_from_slice(&own.to_be_bytes());
                self.talks[talk].tags[1 - side] = own;
                if kind == chunk::INIT {
                    tag = 0;
                }
            }
            if bits & 0x30 == 0x30 {
                tag ^= 1;
            }
            chunks.push(sctp_chunk(kind, bits >> 7, &value));
        }
        sctp([from.port(), to.port()], tag, &chunks)
    }

    /// An error about the latest packet, from anybody, to its sender or to somebody else.
    fn error(&self, input: &mut Input<'_>) -> Option<Vec<u8>> {
        let (src, dst) = self.last_ends?;
        let bits = input.byte();
        let to = if bits & 7 == 7 { dst } else { src };
        let length = if bits & 8 == 0 { self.last.len() } else { usize::from(input.byte()) };
        let quote = &self.last[..self.last.len().min(length)];
        let kind = input.byte();
        let error = match (src, to) {
            (IpAddr::V4(_), _) => {
                let from = Ipv4Addr::new(198, 51, 100, 1).into();
                ip(from, to, protocol::ICMP, &icmp_error([3, 4, 5, 11, 12][usize::from(kind) % 5], 0, 0, quote))
            }
            (IpAddr::V6(_), IpAddr::V6(to)) => {
                let from = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 1);
                ip(from.into(), to.into(), protocol::ICMPV6, &icmpv6_error(from, to, 1 + kind % 4, 0, 0, quote))
            }
            _ => return None,
        };
        Some(error)
    }

    /// A piece of the latest packet.
    fn fragment(&self, input: &mut Input<'_>) -> Option<Vec<u8>> {
        let (src, dst) = self.last_ends?;
        let (protocol, payload) = self.last_payload.clone();
        let bits = input.byte();
        let datagram = Datagram { src, dst, protocol, id: u32::from(bits >> 6), payload };
        let pieces = datagram.pieces([8, 16, 24, 64][usize::from(bits & 3)]);
        let mut piece = pieces.get(usize::from(bits >> 2 & 15).checked_rem(pieces.len())?)?.clone();
        match input.byte() {
            // Somewhere else, or of another length.
            0 => piece.offset = piece.offset.wrapping_add(1) & 0x1fff,
            1 => piece.more = !piece.more,
            2 => piece.bytes.push(0),
            _ => {}
        }
        Some(datagram.fragment(&piece))
    }

    /// The latest packet with a byte of it changed.
    fn damaged(&self, input: &mut Input<'_>) -> Option<Vec<u8>> {
        let mut packet = self.last.clone();
        let at = usize::from(input.byte()).checked_rem(packet.len())?;
        packet[at] ^= input.byte();
        Some(packet)
    }
}

/// The sequence number after a segment.
fn after(seq: u32, flags: u8, size: usize) -> u32 {
    let controls = u32::from(flags & flags::SYN != 0) + u32::from(flags & flags::FIN != 0);
    seq.wrapping_add(size as u32).wrapping_add(controls)
}

/// How far a number lies from where it belongs: mostly not at all.
fn offset(input: &mut Input<'_>, window: u16) -> u32 {
    let window = u32::from(window);
    match input.byte() {
        128..=255 => 0,
        near @ 0..32 => u32::from(near).wrapping_sub(16),
        32..48 => window,
        48..56 => window.wrapping_add(1),
        56..64 => window.wrapping_neg(),
        64..72 => window.wrapping_neg().wrapping_sub(1),
        72..80 => 66_000,
        80..88 => 66_001u32.wrapping_neg(),
        88..96 => 1 << 31,
        wide => u32::from(wide) << 22,
    }
}

fn echo(from: IpAddr, to: IpAddr, input: &mut Input<'_>) -> (u8, Vec<u8>) {
    let bits = input.byte();
    let (reply, id) = (bits & 1 != 0, u16::from(bits >> 6));
    match (from, to) {
        (IpAddr::V6(from), IpAddr::V6(to)) => (protocol::ICMPV6, icmpv6_echo(from, to, reply, id, 1, b"")),
        _ => (protocol::ICMP, icmp_echo(reply, id, 1, b"")),
    }
}

fn gre(input: &mut Input<'_>) -> Vec<u8> {
    match input.byte() {
        call @ 0..128 => gre_pptp(u16::from(call & 3), 1, None, b"ppp"),
        _ => vec![0, 0, 8, 0],
    }
}
