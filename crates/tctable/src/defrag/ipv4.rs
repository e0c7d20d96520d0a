use super::part::{Ecn, Header, Key, Kind, NoPart, Part};
use crate::packet::{self, Address, Family, Tuple};

const DONT_FRAGMENT: u8 = 0x40;
const MORE_FRAGMENTS: u16 = 0x2000;
const OFFSET_MASK: u16 = 0x1fff;

/// The longest datagram, header included (RFC 791 section 3.1).
pub(super) const MAX_LEN: u32 = 65_535;

/// Reads a fragment that [`crate::packet::PacketInfo`] has read: `packet` are its kept bytes from the IPv4 header on.
pub(super) fn read(packet: &[u8], ip_len: u32) -> Result<Part<'_>, NoPart> {
    let fixed = packet.first_chunk::<20>().ok_or(NoPart::Passed)?;
    let word = |at: usize| u32::from_be_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
    let mut tuple = Tuple::new(Family::V4, fixed[9], Address::from_v4_bits(word(12)), Address::from_v4_bits(word(16)));
    tuple.source_port = u16::from_be_bytes([fixed[4], fixed[5]]);
    let fragment = u16::from_be_bytes([fixed[6], fixed[7]]);
    let more = fragment & MORE_FRAGMENTS != 0;

    let header_len = u32::from(fixed[0] & 0x0f) * 4;
    let (header, payload) = packet.split_at(packet.len().min(header_len as usize));
    let offset = u32::from(fragment & OFFSET_MASK) * 8;
    let mut len = ip_len.saturating_sub(header_len);
    if more {
        // The kernel drops what follows the last multiple of 8 bytes.
        len &= !7;
    }
    Ok(Part {
        key: Key { tuple, device: None },
        offset,
        end: offset + len,
        more,
        ecn: Ecn::from_octet(fixed[1]),
        payload: &payload[..payload.len().min(len as usize)],
        header: Header {
            bytes: header,
            len: header_len,
            kind: Kind::V4 { dont_fragment: fixed[6] & DONT_FRAGMENT != 0 },
        },
    })
}

/// Makes the first fragment's header that of a datagram of `total` bytes.
pub(super) fn finish(datagram: &mut [u8], header_len: u32, total: u32, ecn: u8, dont_fragment: bool) {
    let header_len = datagram.len().min(header_len as usize);
    let header = &mut datagram[..header_len];
    let Some(fixed) = header.first_chunk_mut::<20>() else { return };
    fixed[1] |= ecn;
    [fixed[2], fixed[3]] = (total as u16).to_be_bytes();
    [fixed[6], fixed[7]] = [if dont_fragment { DONT_FRAGMENT } else { 0 }, 0];
    set_checksum(header);
}

/// Makes a packet, whose header comes from a datagram, a fragment of it: its length, its place in units of eight bytes, and
/// whether more follow.
pub(super) fn set_fragment(packet: &mut [u8], header_len: usize, place: u16, more: bool) {
    let len = packet.len() as u16;
    let header = &mut packet[..header_len];
    let Some(fixed) = header.first_chunk_mut::<20>() else { return };
    [fixed[2], fixed[3]] = len.to_be_bytes();
    let dont_fragment = u16::from(fixed[6] & DONT_FRAGMENT) << 8;
    let word = dont_fragment | place & OFFSET_MASK | if more { MORE_FRAGMENTS } else { 0 };
    [fixed[6], fixed[7]] = word.to_be_bytes();
    set_checksum(header);
}

fn set_checksum(header: &mut [u8]) {
    header[10..12].fill(0);
    let sum = !packet::sum(header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
}
