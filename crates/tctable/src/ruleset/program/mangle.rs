//! Targets that change a packet's bytes: DSCP, TTL and HL, TCPMSS. Checksums are changed with what they cover (RFC 1624), so
//! that a wrong one stays wrong. Where a capture has cut off what would be changed, the packet stays as it is.

use crate::hook::PacketBuf;
use crate::packet::{Family, Fragment, Transport, protocol, tcp_flags};
use crate::ruleset::TtlChange;

/// The two lowest bits of the byte that DSCP shares with explicit congestion notification (RFC 3168).
const ECN: u8 = 3;

/// A TCP header without options.
const TCP_LEN: usize = 20;

/// The longest packet to which an option is added, so that any length field can say how long it is then.
const LONGEST: u32 = 65_000;

/// The option "maximum segment size" and its length (RFC 9293 section 3.2).
const MSS: [u8; 2] = [2, 4];

/// Sets the differentiated services code point.
pub(crate) fn set_dscp(packet: &mut PacketBuf<'_>, dscp: u8) {
    let dscp = dscp & 0x3f;
    match packet.info().tuple.family {
        Family::V4 => change_v4_word(packet, 0, |[version, tos]| [version, dscp << 2 | tos & ECN]),
        // Version, traffic class, flow label, in 4, 8 and 20 bits; nothing covers them.
        Family::V6 => change(packet, 0, |[first, second]: [u8; 2]| {
            [first & 0xf0 | dscp >> 2, dscp << 6 | second & (ECN << 4 | 0x0f)]
        }),
    }
}

/// Changes the time to live or hop limit, within its bounds. As in the kernel a packet whose time to live becomes 0 goes on.
pub(crate) fn change_ttl(packet: &mut PacketBuf<'_>, how: TtlChange) {
    let new = |old: u8| match how {
        TtlChange::Set(ttl) => ttl,
        TtlChange::Increase(by) => old.saturating_add(by),
        TtlChange::Decrease(by) => old.saturating_sub(by),
    };
    match packet.info().tuple.family {
        Family::V4 => change_v4_word(packet, 8, |[ttl, protocol]| [new(ttl), protocol]),
        Family::V6 => change(packet, 7, |[hop_limit]: [u8; 1]| [new(hop_limit)]),
    }
}

/// Lowers the maximum segment size that a SYN announces, to `mss`, or without one to what `mtu` lets pass: the lesser one of
/// the ways there and back. Where a SYN announces none, and has no data, it comes to announce that one, or if that is less
/// the size that none means. A size is never raised.
///
/// Tells whether the packet may go on: the kernel drops one whose TCP header cannot be, and all where the MTU has no room
/// for a segment.
#[must_use]
pub(crate) fn set_mss(packet: &mut PacketBuf<'_>, mss: Option<u16>, mtu: u16) -> bool {
    let info = *packet.info();
    if info.fragment == Fragment::Later || info.tuple.protocol != protocol::TCP {
        return true;
    }
    let view = packet.packet();
    let length = view.as_packet().transport_len() as usize;
    let kept = view.as_packet().transport_bytes();
    let header_len = match info.transport {
        Transport::Tcp(header) if header.flags & tcp_flags::SYN == 0 => return true,
        Transport::Tcp(header) => usize::from(header.header_len),
        // A header that the packet has not: the capture would have it as far as it is there.
        _ => return kept.len() < length && kept.len() < TCP_LEN,
    };
    // The headers without options (`sizeof` of each), and what is taken for announced where nothing is (RFC 9293 section
    // 3.7.1).
    let (headers, none_means) = match info.tuple.family {
        Family::V4 => (20 + TCP_LEN as u16, 536),
        Family::V6 => (40 + TCP_LEN as u16, 1_220),
    };
    let new = match mss {
        Some(mss) => mss,
        None if mtu <= headers => return false,
        None => mtu - headers,
    };
    let Some(header) = kept.get(..header_len) else { return true };
    match mss_option(header) {
        Some((at, old)) if old > new => lower_mss(packet, at, new),
        Some(_) => {}
        None if length > header_len || header_len >= 60 || info.ip_len > LONGEST => {}
        None => add_mss(packet, new.min(none_means)),
    }
    true
}

/// Where in a TCP header the size is, and what it is. An option of no length is passed like padding.
fn mss_option(header: &[u8]) -> Option<(usize, u16)> {
    let mut at = TCP_LEN;
    while let Some(&[kind, length, high, low]) = header.get(at..at + 4) {
        if [kind, length] == MSS {
            return Some((at + 2, u16::from_be_bytes([high, low])));
        }
        at += if kind <= 1 || length == 0 { 1 } else { usize::from(length) };
    }
    None
}

/// Writes the size that stands at that place of the TCP header. Where that is an odd one the kernel makes the checksum wrong
/// (seen with Linux 6.18.44), and we do not.
fn lower_mss(packet: &mut PacketBuf<'_>, at: usize, mss: u16) {
    let tcp = usize::from(packet.info().transport_offset);
    edit(packet, |data| {
        let old = read(data, tcp + at)?;
        put(data, tcp + at, mss)?;
        let (from, to) = if at.is_multiple_of(2) { (old, mss) } else { (old.swap_bytes(), mss.swap_bytes()) };
        adjust(data, tcp + 16, from, to)
    });
}

/// Puts the option before all others. Nothing follows the header.
fn add_mss(packet: &mut PacketBuf<'_>, mss: u16) {
    let info = *packet.info();
    let (ip, tcp) = (usize::from(info.network_offset), usize::from(info.transport_offset));
    let [high, low] = mss.to_be_bytes();
    let option = [MSS[0], MSS[1], high, low];
    edit(packet, |data| {
        let length = info.ip_len as u16 - (info.transport_offset - info.network_offset);
        let before = read(data, tcp + 12)?;
        let after = before.checked_add(1 << 12)?;
        let at = tcp + TCP_LEN;
        data.splice(at..at, option);
        // The pseudo header's length, the option, the header's length.
        adjust(data, tcp + 16, length, length + 4)?;
        adjust(data, tcp + 16, 0, u16::from_be_bytes(MSS))?;
        adjust(data, tcp + 16, 0, mss)?;
        put(data, tcp + 12, after)?;
        adjust(data, tcp + 16, before, after)?;
        match info.tuple.family {
            Family::V4 => {
                let total = read(data, ip + 2)?;
                put(data, ip + 2, total.checked_add(4)?)?;
                adjust(data, ip + 10, total, total + 4)
            }
            Family::V6 => {
                let payload = read(data, ip + 4)?;
                put(data, ip + 4, payload.checked_add(4)?)
            }
        }
    });
}

/// Changes a word of the IPv4 header that the header's checksum covers.
fn change_v4_word(packet: &mut PacketBuf<'_>, at: usize, new: impl FnOnce([u8; 2]) -> [u8; 2]) {
    let ip = usize::from(packet.info().network_offset);
    let Some(old) = read(packet.data(), ip + at) else { return };
    let new = u16::from_be_bytes(new(old.to_be_bytes()));
    if new != old {
        edit(packet, |data| {
            put(data, ip + at, new)?;
            adjust(data, ip + 10, old, new)
        });
    }
}

/// Changes bytes of the IP header that no checksum covers.
fn change<const N: usize>(packet: &mut PacketBuf<'_>, at: usize, new: impl FnOnce([u8; N]) -> [u8; N]) {
    let at = usize::from(packet.info().network_offset) + at;
    let Some(old) = packet.data().get(at..).and_then(|rest| rest.first_chunk::<N>()).copied() else { return };
    let new = new(old);
    if new != old {
        edit(packet, |data| {
            data.get_mut(at..at + N)?.copy_from_slice(&new);
            Some(())
        });
    }
}

/// Edits a packet. That an edit breaks off, or that what comes of it is no IP packet, cannot be: all that it reads was read
/// before.
fn edit(packet: &mut PacketBuf<'_>, edit: impl FnOnce(&mut Vec<u8>) -> Option<()>) {
    let _ = packet.edit(|data| {
        let _ = edit(data);
    });
}

fn read(data: &[u8], at: usize) -> Option<u16> {
    let word = data.get(at..)?.first_chunk::<2>()?;
    Some(u16::from_be_bytes(*word))
}

fn put(data: &mut [u8], at: usize, word: u16) -> Option<()> {
    data.get_mut(at..at + 2)?.copy_from_slice(&word.to_be_bytes());
    Some(())
}

/// Changes the checksum at `at` for a word that it covers (RFC 1624 section 3, equation 3).
fn adjust(data: &mut [u8], at: usize, from: u16, to: u16) -> Option<()> {
    let add = |one: u16, other: u16| {
        let (sum, carry) = one.overflowing_add(other);
        sum + u16::from(carry)
    };
    let old = read(data, at)?;
    put(data, at, !add(add(!old, !from), to))
}

#[cfg(test)]
mod tests;
