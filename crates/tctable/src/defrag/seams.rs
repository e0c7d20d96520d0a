use super::ipv4;
use crate::packet::Family;

const V6_HEADER_LEN: usize = 40;
const FRAGMENT_HEADER_LEN: usize = 8;
const FRAGMENT: u8 = 44;

/// Where a datagram was put together: so that it can be cut again, as a bridge has to (the kernel's `br_netfilter` does).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seams {
    pub(super) family: Family,
    /// The longest of its fragments as a packet, in bytes.
    pub(super) longest: u32,
    /// IPv6: what the fragment headers had in common.
    pub(super) identification: u32,
    /// IPv6: the bytes before the fragment header.
    pub(super) before: u32,
    /// IPv6: where the number of the fragment header stood.
    pub(super) number_at: u32,
}

impl Seams {
    /// The longest of its fragments as a packet, in bytes.
    pub fn longest(&self) -> u32 {
        self.longest
    }

    /// Shows `each` the packets that a datagram becomes, none of them longer than its longest fragment was: `datagram` are
    /// its bytes from the IP header on, as it came or changed since. They have its checksum, but IPv4's header has its own.
    /// What is short enough stays whole.
    pub fn cut(&self, datagram: &[u8], mut each: impl FnMut(&[u8])) {
        match self.family {
            Family::V4 => self.cut_v4(datagram, &mut each),
            Family::V6 => self.cut_v6(datagram, &mut each),
        }
    }

    fn cut_v4(&self, datagram: &[u8], each: &mut dyn FnMut(&[u8])) {
        let header_len = usize::from(datagram.first().map_or(0, |first| first & 15)) * 4;
        let Some((header, payload)) = datagram.split_at_checked(header_len).filter(|_| header_len >= 20) else {
            return;
        };
        if datagram.len() <= self.longest as usize {
            return each(datagram);
        }
        let room = ((self.longest as usize).saturating_sub(header_len) & !7).max(8);
        let mut header = header.to_vec();
        let mut packet = Vec::with_capacity(header_len + room);
        let last = payload.len().div_ceil(room).saturating_sub(1);
        for (nth, piece) in payload.chunks(room).enumerate() {
            if nth == 1 {
                forget_options(&mut header[20..]);
            }
            packet.clear();
            packet.extend_from_slice(&header);
            packet.extend_from_slice(piece);
            ipv4::set_fragment(&mut packet, header_len, (nth * room / 8) as u16, nth != last);
            each(&packet);
        }
    }

    fn cut_v6(&self, datagram: &[u8], each: &mut dyn FnMut(&[u8])) {
        let (before, number_at) = (self.before as usize, self.number_at as usize);
        let Some((header, payload)) = datagram.split_at_checked(before) else { return };
        if before < V6_HEADER_LEN || number_at >= before {
            return;
        }
        let room = ((self.longest as usize).saturating_sub(before + FRAGMENT_HEADER_LEN) & !7).max(8);
        let mut packet = Vec::with_capacity(before + FRAGMENT_HEADER_LEN + room);
        let last = payload.len().div_ceil(room).saturating_sub(1);
        for (nth, piece) in payload.chunks(room).enumerate() {
            let more = u16::from(nth != last);
            packet.clear();
            packet.extend_from_slice(header);
            packet[number_at] = FRAGMENT;
            packet.extend_from_slice(&[header[number_at], 0]);
            packet.extend_from_slice(&((nth * room) as u16 | more).to_be_bytes());
            packet.extend_from_slice(&self.identification.to_be_bytes());
            packet.extend_from_slice(piece);
            let len = (packet.len() - V6_HEADER_LEN) as u16;
            packet[4..6].copy_from_slice(&len.to_be_bytes());
            each(&packet);
        }
    }
}

/// Options that are not to be copied to later fragments (RFC 791 section 3.1) become ones that say nothing.
fn forget_options(mut options: &mut [u8]) {
    const END: u8 = 0;
    const NOTHING: u8 = 1;
    const COPIED: u8 = 0x80;
    while let Some(kind) = options.first().copied().filter(|kind| *kind != END) {
        let len = match options.get(1) {
            _ if kind == NOTHING => 1,
            Some(len) => usize::from(*len).max(1),
            None => return,
        };
        let Some((option, rest)) = options.split_at_mut_checked(len) else { return };
        if kind & COPIED == 0 {
            option.fill(NOTHING);
        }
        options = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Defrag, Outcome};
    use super::*;
    use crate::packet::{DeviceId, Frame, FrameDirection, LinkType, Packet, PacketInfo};
    use crate::table::HashKey;
    use crate::time::Instant;

    fn v4(identification: u16, options: &[u8], payload: usize) -> Vec<u8> {
        let header = 20 + options.len();
        let mut packet = vec![0u8; header];
        packet[0] = 0x40 | (header / 4) as u8;
        packet[2..4].copy_from_slice(&((header + payload) as u16).to_be_bytes());
        packet[4..6].copy_from_slice(&identification.to_be_bytes());
        (packet[8], packet[9]) = (64, 17);
        packet[12..20].copy_from_slice(&[10, 0, 0, 1, 192, 0, 2, 1]);
        packet[20..].copy_from_slice(options);
        packet.extend((0..payload).map(|at| (at * 7) as u8));
        packet
    }

    fn v6(payload: usize) -> Vec<u8> {
        let mut packet = vec![0x60, 0, 0, 0, 0, 0, 0, 64];
        packet[4..6].copy_from_slice(&((payload + 8) as u16).to_be_bytes());
        packet.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        packet.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
        // A hop-by-hop header of padding.
        packet.extend([17, 0, 1, 4, 0, 0, 0, 0]);
        packet.extend((0..payload).map(|at| (at * 5) as u8));
        packet
    }

    /// What the datagram becomes that the last of these makes whole.
    fn join(defrag: &mut Defrag, pieces: &[Vec<u8>]) -> (Vec<u8>, Seams) {
        let mut whole = None;
        for data in pieces {
            let frame = Frame {
                time: Instant::from_secs(1),
                device: DeviceId(0),
                direction: FrameDirection::Inbound,
                link: LinkType::Raw,
                wire_len: data.len() as u32,
                data,
            };
            let info = PacketInfo::read(&frame).expect("IP");
            match defrag.push(frame.time, Packet { frame: &frame, info: &info }) {
                Outcome::Whole(frame, seams) => whole = Some((frame.data.to_vec(), seams)),
                Outcome::Held => assert!(whole.is_none()),
                other => panic!("{other:?}"),
            }
        }
        whole.expect("all have come")
    }

    fn pieces(seams: Seams, datagram: &[u8]) -> Vec<Vec<u8>> {
        let mut pieces = Vec::new();
        seams.cut(datagram, |piece| pieces.push(piece.to_vec()));
        pieces
    }

    fn seams(family: Family, longest: u32) -> Seams {
        let (before, number_at) = if family == Family::V4 { (0, 0) } else { (48, 40) };
        Seams { family, longest, identification: 0x1234_5678, before, number_at }
    }

    #[test]
    fn what_is_cut_is_the_same_again_when_it_is_put_together() {
        for (family, datagram) in [(Family::V4, v4(7, &[], 4000)), (Family::V6, v6(4000))] {
            let mut datagram = datagram;
            if family == Family::V6 {
                // In the datagram the number of what follows stands in the hop-by-hop header.
                datagram[6] = 0;
            }
            for longest in [1500, 1492, 576, 100] {
                let cut = pieces(seams(family, longest), &datagram);
                assert!(cut.len() > 2 && cut.iter().all(|piece| piece.len() <= longest as usize));
                let mut defrag = Defrag::new(&Config::default(), HashKey::default());
                let (whole, found) = join(&mut defrag, &cut);
                assert_eq!(whole[40..], datagram[40..], "{family:?} {longest}");
                assert_eq!(found.longest as usize, cut.iter().map(Vec::len).max().unwrap());
                // And once more, byte for byte.
                assert_eq!(pieces(found, &whole), cut, "{family:?} {longest}");
            }
        }
    }

    #[test]
    fn later_fragments_have_the_options_that_are_to_be_copied() {
        // Record route (7) is not copied, the router alert (0x94) is.
        let datagram = v4(9, &[7, 4, 4, 0, 0x94, 4, 0, 0], 64);
        let cut = pieces(seams(Family::V4, 60), &datagram);
        assert_eq!(cut.iter().map(|piece| piece.len() - 28).collect::<Vec<_>>(), [32, 32]);
        assert_eq!(cut[0][20..28], [7, 4, 4, 0, 0x94, 4, 0, 0]);
        assert_eq!(cut[1][20..28], [1, 1, 1, 1, 0x94, 4, 0, 0]);
        for piece in &cut {
            assert_eq!(crate::packet::sum(&piece[..28]), 0xffff, "{piece:?}");
        }
    }

    #[test]
    fn what_is_short_enough_stays_whole() {
        let datagram = v4(9, &[], 64);
        assert_eq!(pieces(seams(Family::V4, 84), &datagram), [datagram]);
    }
}
