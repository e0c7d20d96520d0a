//! Doing in software what was left undone: checksums, and segments.

use tctable::packet::{LinkType, sum};
use thiserror::Error;

use super::layers::{self, Network};
use super::{Offload, Segments};

/// What is said of the frame cannot be: it has no such headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("what is left undone of a frame makes no sense")]
pub struct Impossible;

const TCP: u8 = 6;
const UDP: u8 = 17;
/// Where TCP's flags are, and two of them.
const TCP_FLAGS: usize = 13;
const FIN_PSH: u8 = 0x09;
const CWR: u8 = 0x80;

/// Completes frames; its memory is used again for each.
#[derive(Clone, Debug, Default)]
pub struct Completer {
    buffer: Vec<u8>,
}

impl Completer {
    /// Shows the frame, or the frames that it is to be cut into, with nothing left undone. One of which nothing was left undone is
    /// shown as it is.
    ///
    /// # Errors
    /// [`Impossible`]: none was shown.
    pub fn complete(
        &mut self,
        link: LinkType,
        frame: &[u8],
        offload: Offload,
        show: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Impossible> {
        if offload.is_segmented() {
            return self.cut(link, frame, offload, show).ok_or(Impossible);
        }
        if offload.needs_checksum() {
            self.buffer.clear();
            self.buffer.extend_from_slice(frame);
            finish(&mut self.buffer, offload).ok_or(Impossible)?;
            show(&self.buffer);
        } else {
            show(frame);
        }
        Ok(())
    }

    /// RFC 9293 says what a segment is; that the identification goes up and who has which flags is as the kernel does it.
    fn cut(&mut self, link: LinkType, frame: &[u8], offload: Offload, show: &mut dyn FnMut(&[u8])) -> Option<()> {
        let network = layers::network(link, frame)?;
        let (transport, _) = offload.checksum_places()?;
        let segments = offload.segments()?;
        let size = usize::from(offload.segment_bytes());
        let header = match segments {
            Segments::Tcp => usize::from(frame.get(transport + 12)? >> 4) * 4,
            Segments::Udp => 8,
        };
        let least = if segments == Segments::Tcp { 20 } else { 8 };
        let data = transport + header;
        let behind_network = network.at() + if let Network::V4 { .. } = network { 20 } else { 40 };
        if size == 0 || header < least || transport < behind_network || frame.len() <= data {
            return None;
        }
        // A length field has 16 bits.
        if data - network.at() + size > usize::from(u16::MAX) {
            return None;
        }
        let pieces = frame[data..].chunks(size);
        let last = pieces.len() - 1;
        for (number, piece) in pieces.enumerate() {
            let out = &mut self.buffer;
            out.clear();
            out.extend_from_slice(&frame[..data]);
            out.extend_from_slice(piece);
            let length = out.len();
            match network {
                Network::V4 { at } => {
                    put(out, at + 2, (length - at) as u16);
                    let id = u16::from_be_bytes([out[at + 4], out[at + 5]]).wrapping_add(number as u16);
                    put(out, at + 4, id);
                    let end = at + usize::from(out[at] & 0x0f) * 4;
                    put(out, at + 10, 0);
                    let checksum = !sum(out.get(at..end)?);
                    put(out, at + 10, checksum);
                }
                Network::V6 { at } => put(out, at + 4, (length - at - 40) as u16),
            }
            let protocol = match segments {
                Segments::Tcp => {
                    let sequence = transport + 4;
                    let begin = u32::from_be_bytes(*out[sequence..].first_chunk()?);
                    let sequence_number = begin.wrapping_add((number * size) as u32);
                    out[sequence..sequence + 4].copy_from_slice(&sequence_number.to_be_bytes());
                    let flags = &mut out[transport + TCP_FLAGS];
                    if number > 0 {
                        *flags &= !CWR;
                    }
                    if number < last {
                        *flags &= !FIN_PSH;
                    }
                    TCP
                }
                Segments::Udp => {
                    put(out, transport + 4, (length - transport) as u16);
                    UDP
                }
            };
            let field = transport + if segments == Segments::Tcp { 16 } else { 6 };
            let pseudo = [sum(network.addresses(out)), protocol.into(), (length - transport) as u16];
            put(out, field, add(pseudo));
            put_checksum(out, transport, field);
            show(out);
        }
        Some(())
    }
}

/// One's complement addition.
fn add(words: [u16; 3]) -> u16 {
    let sum: u32 = words.into_iter().map(u32::from).sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    ((sum & 0xffff) + (sum >> 16)) as u16
}

fn put(frame: &mut [u8], at: usize, value: u16) {
    frame[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

/// The checksum from `start` on, whose field has the pseudo header's sum. Zero is written as its other form: it means "none" in UDP.
fn put_checksum(frame: &mut [u8], start: usize, field: usize) {
    let checksum = !sum(&frame[start..]);
    put(frame, field, if checksum == 0 { 0xffff } else { checksum });
}

fn finish(frame: &mut [u8], offload: Offload) -> Option<()> {
    let (start, field) = offload.checksum_places()?;
    if field + 2 > frame.len() {
        return None;
    }
    put_checksum(frame, start, field);
    Some(())
}

/// Computes the checksum of SCTP where that is what is left undone. A `virtio_net_hdr` cannot say that it is another one than
/// TCP's: it shows by its place, which no other protocol's checksum has.
pub(in super::super) fn finish_sctp(frame: &mut [u8], offload: Offload) -> Offload {
    const PLACE: usize = 8;
    match offload.checksum_places() {
        Some((start, field)) if field == start + PLACE && !offload.is_segmented() && field + 4 <= frame.len() => {
            frame[field..field + 4].fill(0);
            let checksum = crc32c::crc32c(&frame[start..]);
            frame[field..field + 4].copy_from_slice(&checksum.to_le_bytes());
            Offload::default()
        }
        _ => offload,
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use tctable_lab::packets::{Ipv4, Ipv6, Tcp, checksum_is_right, ethernet, protocol, tcp, udp, vlan};

    use super::*;

    const ENDS: [[&str; 2]; 2] = [["10.0.0.1", "198.51.100.254"], ["fd00::7", "2001:db8::1"]];

    /// An IP packet, and where its transport header is.
    fn packet(ends: [&str; 2], number: u8, payload: impl Fn([IpAddr; 2]) -> Vec<u8>) -> (Vec<u8>, usize) {
        let ends = ends.map(|end| end.parse::<IpAddr>().unwrap());
        let payload = payload(ends);
        match ends {
            [IpAddr::V4(from), IpAddr::V4(to)] => {
                let options = vec![1; 4];
                (Ipv4 { id: 0xfffe, options, ..Ipv4::new(from, to, number) }.build(&payload), 24)
            }
            [IpAddr::V6(from), IpAddr::V6(to)] => {
                let extended = Ipv6::new(from, to, number).extension(protocol::DESTINATION, &[1, 4, 0, 0, 0, 0]);
                (extended.build(&payload), 48)
            }
            _ => panic!("two families"),
        }
    }

    fn segment(ends: [IpAddr; 2], sequence: u32, flags: u8, data: &[u8]) -> Vec<u8> {
        let header = Tcp { seq: sequence, flags, options: vec![1; 12], ..Tcp::default() };
        tcp((ends[0], 1).into(), (ends[1], 443).into(), &header, data)
    }

    fn completed(link: LinkType, frame: &[u8], offload: Offload) -> Result<Vec<Vec<u8>>, Impossible> {
        let mut shown = Vec::new();
        Completer::default().complete(link, frame, offload, &mut |frame| shown.push(frame.to_vec()))?;
        Ok(shown)
    }

    fn data(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at * 7 + at / 256) as u8).collect()
    }

    #[test]
    fn tcp_is_cut_into_the_segments_that_make_it_up() {
        let all = data(4000);
        let flags = 0x99; // CWR, ACK, PSH, FIN
        for ends in ENDS {
            let v6 = ends == ENDS[1];
            let (large, transport) = packet(ends, protocol::TCP, |ends| segment(ends, 0xffff_fff0, flags, &all));
            let offload = Offload::checksum(transport as u16, 16).segmented(Segments::Tcp, v6, 0, 1448);
            let expected: Vec<Vec<u8>> = [(0, 0x90), (1, 0x10), (2, 0x19)]
                .iter()
                .map(|&(number, flags)| {
                    let begin = number * 1448;
                    let part = &all[begin..(begin + 1448).min(all.len())];
                    let sequence = 0xffff_fff0u32.wrapping_add(begin as u32);
                    let mut piece = packet(ends, protocol::TCP, |ends| segment(ends, sequence, flags, part)).0;
                    if !v6 {
                        piece[4..6].copy_from_slice(&0xfffeu16.wrapping_add(number as u16).to_be_bytes());
                        piece[10..12].fill(0);
                        let checksum = !sum(&piece[..24]);
                        piece[10..12].copy_from_slice(&checksum.to_be_bytes());
                    }
                    piece
                })
                .collect();
            assert_eq!(completed(LinkType::Raw, &large, offload).unwrap(), expected);
            // The same behind two tags.
            let kind = if v6 { 0x86dd } else { 0x0800 };
            let wrap = |packet: &[u8]| ethernet([1; 6], [2; 6], 0x88a8, &vlan(1, 0x8100, &vlan(2, kind, packet)));
            let wrapped: Vec<Vec<u8>> = expected.iter().map(|packet| wrap(packet)).collect();
            assert_eq!(completed(LinkType::Ethernet, &wrap(&large), offload.moved(22)).unwrap(), wrapped);
        }
    }

    #[test]
    fn udp_is_cut_into_datagrams() {
        let all = data(2500);
        for ends in ENDS {
            let datagram = |part: &[u8]| packet(ends, protocol::UDP, |[a, b]| udp((a, 5).into(), (b, 6).into(), part));
            let (large, transport) = datagram(&all);
            let offload = Offload::checksum(transport as u16, 6).segmented(Segments::Udp, ends == ENDS[1], 0, 1000);
            let shown = completed(LinkType::Raw, &large, offload).unwrap();
            assert_eq!(shown.len(), 3);
            for (shown, part) in shown.iter().zip(all.chunks(1000)) {
                assert_eq!(checksum_is_right(shown), Some(true));
                assert_eq!(shown.len(), transport + 8 + part.len());
                assert_eq!(shown[transport..], datagram(part).0[transport..]);
            }
        }
    }

    #[test]
    fn a_checksum_of_the_pseudo_header_is_finished() {
        for ends in ENDS {
            for length in [0, 1, 2, 1401] {
                for (number, place) in [(protocol::TCP, 16), (protocol::UDP, 6)] {
                    let (whole, transport) = packet(ends, number, |[a, b]| match number {
                        protocol::TCP => segment([a, b], 1, 0x10, &data(length)),
                        _ => udp((a, 5).into(), (b, 6).into(), &data(length)),
                    });
                    let mut begun = whole.clone();
                    let addresses = if ends == ENDS[0] { &whole[12..20] } else { &whole[8..40] };
                    let pseudo = add([sum(addresses), number.into(), (whole.len() - transport) as u16]);
                    put(&mut begun, transport + place, pseudo);
                    let offload = Offload::checksum(transport as u16, place as u16);
                    assert_eq!(completed(LinkType::Raw, &begun, offload).unwrap(), [whole]);
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let (large, transport) = packet(ENDS[0], protocol::TCP, |ends| segment(ends, 1, 0x10, &data(3000)));
        let right = Offload::checksum(transport as u16, 16).segmented(Segments::Tcp, false, 0, 1448);
        assert_eq!(completed(LinkType::Raw, &large, right).map(|shown| shown.len()), Ok(3));
        let mut fragments = right;
        fragments.0[super::super::KIND] = 3;
        for wrong in [
            right.segmented(Segments::Tcp, false, 0, 0),
            Offload::default().segmented(Segments::Tcp, false, 0, 1448),
            Offload::checksum(8, 16).segmented(Segments::Tcp, false, 0, 1448),
            Offload::checksum(u16::MAX, 16).segmented(Segments::Tcp, false, 0, 1448),
            Offload::checksum(transport as u16, u16::MAX),
            fragments,
        ] {
            assert_eq!(completed(LinkType::Raw, &large, wrong), Err(Impossible), "{wrong:?}");
        }
        assert_eq!(completed(LinkType::Ethernet, &large, right), Err(Impossible));
        for length in 0..=transport + 32 {
            assert_eq!(completed(LinkType::Raw, &large[..length], right), Err(Impossible));
        }
    }
}
