//! The captures, read back by a parser that knows nothing of the generator.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
};

use etherparse::{NetSlice, SlicedPacket, TransportSlice};

use super::*;

/// Long enough for every frame.
const WHOLE: u32 = 65_535;

fn capture(options: &Options) -> (Vec<u8>, Summary) {
    let mut file = Vec::new();
    let summary = write(options, &mut file, |_| ()).unwrap();
    (file, summary)
}

/// The records of a capture: time in microseconds, original length, bytes kept.
fn records(file: &[u8]) -> impl Iterator<Item = (u64, usize, &[u8])> {
    let mut rest = &file[24..];
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let word = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap());
        let (seconds, micros, kept, len) = (word(0), word(4), word(8) as usize, word(12) as usize);
        assert!(micros < 1_000_000);
        let bytes = &rest[16..16 + kept];
        rest = &rest[16 + kept..];
        Some((u64::from(seconds) * 1_000_000 + u64::from(micros), len, bytes))
    })
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for kind in Kind::ALL {
        let one = capture(&Options::new(kind, 5_000, 1)).0;
        assert_eq!(one, capture(&Options::new(kind, 5_000, 1)).0);
        assert_ne!(one, capture(&Options::new(kind, 5_000, 2)).0);
    }
}

/// A capture made long ago must be made the same way today: this breaks when a change alters the bytes.
#[test]
fn the_bytes_never_change() {
    let digest = |kind| {
        let file = capture(&Options::new(kind, 20_000, 1)).0;
        file.iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
    };
    assert_eq!(
        Kind::ALL.map(digest),
        [5_497_254_606_246_459_228, 9_844_665_063_321_707_901, 7_543_657_373_240_819_998]
    );
}

#[test]
fn count_times_and_lengths_are_as_asked() {
    for kind in Kind::ALL {
        for (packets, snap_len) in [(0, 96), (1, 96), (20_000, 96), (20_000, 40), (2_000, WHOLE)] {
            let options = Options { snap_len, ..Options::new(kind, packets, 3) };
            let (file, summary) = capture(&options);
            let records: Vec<_> = records(&file).collect();
            assert_eq!((records.len() as u64, summary.packets), (packets, packets));
            assert!(records.windows(2).all(|pair| pair[0].0 < pair[1].0), "{kind}: time stands still");
            assert!(records.iter().all(|(_, len, bytes)| bytes.len() == (*len).min(snap_len as usize)));
            assert!(records.iter().all(|(_, len, _)| (60..=1514).contains(len)));
            assert_eq!(summary.wire_bytes, records.iter().map(|(_, len, _)| *len as u64).sum::<u64>());
            assert_eq!(summary.file_bytes, file.len() as u64);
            let span = records.last().map_or(0, |last| last.0 - records[0].0);
            assert_eq!(summary.duration.as_micros(), u128::from(span));
        }
    }
}

#[test]
fn progress_ends_with_all_packets() {
    let mut seen = Vec::new();
    write(&Options::new(Kind::Churn, 100_000, 1), io::sink(), |packets| seen.push(packets)).unwrap();
    assert_eq!(seen, [65_536, 100_000]);
}

#[test]
fn what_cannot_be_is_refused() {
    let usual = Options::new(Kind::Office, 1_000, 1);
    for options in [
        Options { hosts: 0, ..usual.clone() },
        Options { hosts: 64_001, ..usual.clone() },
        Options { connections: 0, ..usual.clone() },
        Options { snap_len: 0, ..usual },
    ] {
        assert_eq!(write(&options, io::sink(), |_| ()).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
    assert_eq!("Office".parse::<Kind>(), Err(UnknownKind));
}

#[test]
fn the_extremes_of_the_options_work() {
    for kind in Kind::ALL {
        for (hosts, connections, duration) in [(1, 1, 0), (64_000, 5_000, 100_000), (2, 10_000, 1)] {
            let usual = Options::new(kind, 2_000, 1);
            let options = Options { hosts, connections, duration: Duration::from_secs(duration), ..usual };
            assert_eq!(capture(&options).1.packets, 2_000);
        }
    }
}

#[test]
fn sizes_come_out_as_promised() {
    for (kind, packets, connections) in
        [(Kind::Office, 1_000_000, 20_000), (Kind::Churn, 1_000_000, 400_000), (Kind::Elephant, 100_000, 8)]
    {
        let summary = write(&Options::new(kind, packets, 7), io::sink(), |_| ()).unwrap();
        let off = summary.connections.abs_diff(connections) * 100 / connections;
        assert!(off <= 10, "{kind}: {} connections", summary.connections);
        let planned = Options::new(kind, packets, 7).duration.as_secs_f64();
        let ratio = summary.duration.as_secs_f64() / planned;
        assert!((0.7..1.4).contains(&ratio), "{kind}: {ratio} of the planned time");
    }
}

#[test]
fn every_checksum_and_length_is_right() {
    for kind in Kind::ALL {
        let (file, _) = capture(&Options { snap_len: WHOLE, ..Options::new(kind, 30_000, 5) });
        let mut protocols = HashMap::new();
        for (_, _, frame) in records(&file) {
            let sliced = SlicedPacket::from_ethernet(frame).unwrap();
            let pseudo = match sliced.net.as_ref().unwrap() {
                NetSlice::Ipv4(ip) => {
                    let header = ip.header().to_header();
                    assert_eq!(header.header_checksum, header.calc_header_checksum());
                    Ok((header.source, header.destination))
                }
                NetSlice::Ipv6(ip) => Err((ip.header().source(), ip.header().destination())),
                other => {
                    assert!(matches!(other, NetSlice::Arp(_)), "{other:?}");
                    *protocols.entry("arp").or_insert(0) += 1;
                    continue;
                }
            };
            let (name, is, should) = match sliced.transport.as_ref().unwrap() {
                TransportSlice::Tcp(tcp) => (
                    "tcp",
                    tcp.checksum(),
                    match pseudo {
                        Ok((src, dst)) => tcp.calc_checksum_ipv4(src, dst).unwrap(),
                        Err((src, dst)) => tcp.calc_checksum_ipv6(src, dst).unwrap(),
                    },
                ),
                TransportSlice::Udp(udp) => {
                    let should = match pseudo {
                        Ok((src, dst)) => udp.to_header().calc_checksum_ipv4_raw(src, dst, udp.payload()),
                        Err((src, dst)) => udp.to_header().calc_checksum_ipv6_raw(src, dst, udp.payload()),
                    };
                    ("udp", udp.checksum(), should.unwrap())
                }
                TransportSlice::Icmpv4(icmp) => {
                    ("icmp", icmp.checksum(), icmp.icmp_type().calc_checksum(icmp.payload()))
                }
                TransportSlice::Icmpv6(icmp) => {
                    let (src, dst) = pseudo.unwrap_err();
                    ("icmpv6", icmp.checksum(), icmp.icmp_type().calc_checksum(src, dst, icmp.payload()).unwrap())
                }
                TransportSlice::Igmp(_) => panic!("{kind}: IGMP"),
            };
            assert_eq!(is, should, "{kind}: {name}");
            *protocols.entry(name).or_insert(0) += 1;
        }
        let kinds = match kind {
            Kind::Office => 5,
            Kind::Churn => 4,
            Kind::Elephant => 1,
        };
        assert_eq!(protocols.len(), kinds, "{kind}: {protocols:?}");
    }
}

#[test]
fn an_error_quotes_the_packet_that_caused_it() {
    let (file, _) = capture(&Options { snap_len: WHOLE, ..Options::new(Kind::Office, 200_000, 5) });
    let mut sent = HashSet::new();
    let mut quoted = 0;
    for (_, _, frame) in records(&file) {
        let (error, packet) = match (&frame[12..14], frame[23], frame[20]) {
            ([0x08, 0x00], 1, _) => (frame[34] == 3, &frame[42..]),
            ([0x86, 0xdd], _, 58) => (frame[54] == 1, &frame[62..]),
            _ => (false, &[][..]),
        };
        if error {
            quoted += 1;
            assert!(sent.contains(packet), "the quoted packet was never sent");
        } else if frame.len() < 120 {
            sent.insert(&frame[14..]);
        }
    }
    assert!(quoted > 0);
}

/// What a strict tracker knows of one end of a connection.
#[derive(Clone, Copy, Default)]
struct Watched {
    sent_syn: bool,
    sent_fin: bool,
    /// The end of everything it sent, and of everything that it acknowledged of the other.
    end: u32,
    acked: u32,
    /// The last byte that it allowed the other end to send, and its window scale.
    edge: u32,
    scale: u8,
}

/// Whether `a` comes at or before `b`, as sequence numbers go round.
fn at_most(a: u32, b: u32) -> bool {
    b.wrapping_sub(a) < 1 << 31
}

#[test]
fn a_strict_window_tracker_accepts_every_segment() {
    for (kind, packets) in [(Kind::Office, 200_000), (Kind::Churn, 50_000), (Kind::Elephant, 200_000)] {
        let (file, _) = capture(&Options { snap_len: WHOLE, ..Options::new(kind, packets, 9) });
        let mut connections: HashMap<_, [Watched; 2]> = HashMap::new();
        let mut closed = 0;
        for (_, _, frame) in records(&file) {
            let sliced = SlicedPacket::from_ethernet(frame).unwrap();
            let Some(TransportSlice::Tcp(tcp)) = sliced.transport else { continue };
            let (src, dst) = match sliced.net.unwrap() {
                NetSlice::Ipv4(ip) => (IpAddr::from(ip.header().source_addr()), ip.header().destination_addr().into()),
                NetSlice::Ipv6(ip) => (IpAddr::from(ip.header().source_addr()), ip.header().destination_addr().into()),
                other => panic!("{other:?}"),
            };
            let (from, to) = ((src, tcp.source_port()), (dst, tcp.destination_port()));
            let swapped = from > to;
            let ends = connections.entry(if swapped { (to, from) } else { (from, to) }).or_default();
            let [mut me, peer] = if swapped { [ends[1], ends[0]] } else { *ends };
            let (seq, ack) = (tcp.sequence_number(), tcp.acknowledgment_number());
            let len = tcp.payload().len() as u32 + u32::from(tcp.syn()) + u32::from(tcp.fin());
            let end = seq.wrapping_add(len);
            if tcp.syn() {
                assert!(!me.sent_syn || me.end == end, "a SYN with another number");
                me = Watched { sent_syn: true, end, acked: me.acked, scale: 7, ..me };
            } else if !tcp.rst() {
                assert!(me.sent_syn && peer.sent_syn, "data before the handshake");
                assert!(at_most(peer.acked, seq), "a segment that was acknowledged already");
                assert!(at_most(end, peer.edge), "a segment beyond the window");
                assert!(at_most(seq, me.end.wrapping_add(1460)), "a gap of more than one segment");
            }
            if tcp.ack() {
                assert!(at_most(ack, peer.end), "an acknowledgement of what was never sent");
                assert!(me.acked == 0 || at_most(me.acked, ack), "an acknowledgement that goes back");
                me.acked = ack;
                let scale = if tcp.syn() { 0 } else { me.scale };
                me.edge = ack.wrapping_add(u32::from(tcp.window_size()) << scale);
            }
            if at_most(me.end, end) {
                me.end = end;
            }
            me.sent_fin |= tcp.fin();
            closed += u32::from(me.sent_fin && peer.sent_fin && me.acked == peer.end && peer.acked == me.end);
            if !me.sent_syn {
                // A refusal: its sequence number is zero and starts nothing.
                assert!(tcp.rst() && seq == 0);
            }
            *ends = if swapped { [peer, me] } else { [me, peer] };
        }
        assert!(connections.len() >= 8 && (kind != Kind::Office || closed > 500), "{kind}: {closed} closed");
    }
}
