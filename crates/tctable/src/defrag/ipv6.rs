use super::outcome::Cause;
use super::part::{Ecn, Header, Key, Kind, NoPart, Part};
use crate::packet::{Address, DeviceId, Family, Tuple, protocol};

pub(super) const HEADER_LEN: u32 = 40;
pub(super) const FRAGMENT_HEADER_LEN: u32 = 8;
const NO_NEXT_HEADER: u8 = 59;

/// The longest payload, extension headers included (RFC 8200 section 3).
pub(super) const MAX_PAYLOAD_LEN: u32 = 65_535;

/// The extension headers that the kernel looks behind.
mod extension {
    pub(super) const HOP_BY_HOP: u8 = 0;
    pub(super) const ROUTING: u8 = 43;
    pub(super) const FRAGMENT: u8 = 44;
    pub(super) const AUTHENTICATION: u8 = 51;
    pub(super) const DESTINATION: u8 = 60;
}

fn byte(bytes: &[u8], at: u32) -> Option<u8> {
    bytes.get(at as usize).copied()
}

/// The length of the extension header `number` that begins at `at`; `None` for what is none, or was not kept.
fn extension_len(number: u8, bytes: &[u8], at: u32) -> Option<u32> {
    use extension::*;
    match number {
        FRAGMENT => Some(FRAGMENT_HEADER_LEN),
        HOP_BY_HOP | ROUTING | DESTINATION => Some((u32::from(byte(bytes, at + 1)?) + 1) * 8),
        // In words of four bytes, less two (RFC 4302 section 2.2).
        AUTHENTICATION => Some((u32::from(byte(bytes, at + 1)?) + 2) * 4),
        _ => None,
    }
}

/// Reads a packet with a fragment header that [`crate::packet::PacketInfo`] has read: `packet` are its kept bytes from
/// the IPv6 header on.
pub(super) fn read(packet: &[u8], ip_len: u32, device: DeviceId) -> Result<Part<'_>, NoPart> {
    let fixed = packet.first_chunk::<{ HEADER_LEN as usize }>().ok_or(NoPart::Passed)?;
    // Nothing, or a jumbogram, which cannot be split (RFC 2675 section 3).
    if fixed[4..6] == [0, 0] {
        return Err(NoPart::Passed);
    }

    // Where the fragment header begins, and where its number stands.
    let (mut number, mut number_at, mut at) = (fixed[6], 6, HEADER_LEN);
    while number != extension::FRAGMENT {
        let len = extension_len(number, packet, at).ok_or(NoPart::Passed)?;
        (number, number_at, at) = (byte(packet, at).ok_or(NoPart::Passed)?, at, at + len);
    }
    let bytes = packet.get(at as usize..).ok_or(NoPart::Passed)?;
    let word = bytes.get(2..4).map_or(0, |word| u16::from_be_bytes([word[0], word[1]]));
    let offset = u32::from(word & 0xfff8);
    if offset == 0 && lacks_transport(packet, ip_len, at) {
        return Err(NoPart::Passed);
    }
    let start = at + FRAGMENT_HEADER_LEN;
    let len = ip_len.checked_sub(start).ok_or(NoPart::Refused(Cause::Header))?;
    let (head, payload) = bytes.split_first_chunk::<{ FRAGMENT_HEADER_LEN as usize }>().ok_or(NoPart::Passed)?;

    let (source, destination) = (address(fixed, 8), address(fixed, 24));
    let mut tuple = Tuple::new(Family::V6, 0, source, destination);
    tuple.source_port = u16::from_be_bytes([head[4], head[5]]);
    tuple.destination_port = u16::from_be_bytes([head[6], head[7]]);
    Ok(Part {
        key: Key { tuple, device: has_scope(destination).then_some(device) },
        offset,
        end: offset + len,
        more: word & 1 != 0,
        // The traffic class lies across two bytes.
        ecn: Ecn::from_octet(fixed[1] >> 4),
        payload,
        header: Header {
            bytes: &packet[..at as usize],
            len: at,
            kind: Kind::V6 { at: number_at, next_header: head[0] },
        },
    })
}

fn address(fixed: &[u8; HEADER_LEN as usize], at: usize) -> Address {
    let mut octets = [0; 16];
    octets.copy_from_slice(&fixed[at..at + 16]);
    Address::from_v6_bits(u128::from_be_bytes(octets))
}

/// Multicast (ff00::/8) and link-local (fe80::/10) addresses mean another thing on each link (RFC 4007).
fn has_scope(address: Address) -> bool {
    let top = (address.bits() >> 112) as u16;
    top >> 8 == 0xff || top & 0xffc0 == 0xfe80
}

/// Whether a first fragment ends before the transport header does, which all headers should be in (RFC 8200 section
/// 4.5). Judged as the kernel does: by the shortest header of TCP, UDP and ICMPv6, one byte for others; not told where
/// an extension header is missing as a whole. `at` is where the fragment header begins.
fn lacks_transport(packet: &[u8], ip_len: u32, mut at: u32) -> bool {
    let mut number = extension::FRAGMENT;
    while let Some(len) = extension_len(number, packet, at) {
        let later = packet.get(at as usize + 2..at as usize + 4).is_none_or(|word| word[0] != 0 || word[1] & 0xf8 != 0);
        if number == extension::FRAGMENT && later {
            return false;
        }
        let Some(next) = byte(packet, at) else { return false };
        (number, at) = (next, at + len);
    }
    use extension::*;
    let need = match number {
        // A header that is not there, or a packet with nothing more.
        HOP_BY_HOP | ROUTING | AUTHENTICATION | DESTINATION | NO_NEXT_HEADER => return false,
        protocol::TCP => 20,
        protocol::UDP | protocol::ICMPV6 => 8,
        _ => 1,
    };
    at + need > ip_len
}

/// Makes the first fragment's headers those of a datagram of `total` bytes: `at` is where the number of the fragment
/// header stood, `next_header` what follows it.
pub(super) fn finish(datagram: &mut [u8], total: u32, ecn: u8, at: u32, next_header: u8) {
    if let Some(number) = datagram.get_mut(at as usize) {
        *number = next_header;
    }
    let Some(fixed) = datagram.first_chunk_mut::<{ HEADER_LEN as usize }>() else { return };
    fixed[1] |= ecn << 4;
    [fixed[4], fixed[5]] = ((total.saturating_sub(HEADER_LEN)) as u16).to_be_bytes();
}
