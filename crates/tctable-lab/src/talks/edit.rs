//! Packets made simpler, with lengths and checksums that stay right.

use crate::packets::{checksum_is_right, layout, protocol, repair_checksums};

/// A change that makes a packet simpler; `None` where there is nothing to change, or it would not stay the same in kind.
type Edit = fn(&[u8]) -> Option<Vec<u8>>;

/// Every change, the greatest first.
pub(super) const ALL: [Edit; 4] = [without_payload, with_one_byte, without_options, plain_header];

/// The packet with its length fields made to fit and its checksums right.
fn mend(mut packet: Vec<u8>, payload: usize) -> Option<Vec<u8>> {
    let length = packet.len() as u16;
    match packet[0] >> 4 {
        4 => packet[2..4].copy_from_slice(&length.to_be_bytes()),
        _ => packet[4..6].copy_from_slice(&(length - 40).to_be_bytes()),
    }
    if layout(&packet)?.protocol == protocol::UDP {
        let length = length - payload as u16;
        packet[payload + 4..payload + 6].copy_from_slice(&length.to_be_bytes());
    }
    repair_checksums(&mut packet);
    Some(packet)
}

/// Where the transport header begins and ends, in a packet that is right in all its lengths and checksums.
fn sound(packet: &[u8]) -> Option<(u8, usize, usize)> {
    let found = layout(packet)?;
    let start = found.payload.start;
    if found.fragment.is_some() || found.total_length != packet.len() || checksum_is_right(packet) != Some(true) {
        return None;
    }
    let len = packet.len() - start;
    let header = match found.protocol {
        protocol::TCP => usize::from(packet[start + 12] >> 4) * 4,
        protocol::UDP if usize::from(u16::from_be_bytes([packet[start + 4], packet[start + 5]])) == len => 8,
        _ => return None,
    };
    (header <= len && header >= 8).then_some((found.protocol, start, start + header))
}

/// Without what TCP or UDP carry.
fn without_payload(packet: &[u8]) -> Option<Vec<u8>> {
    let (_, start, end) = sound(packet)?;
    (end < packet.len()).then(|| mend(packet[..end].to_vec(), start))?
}

/// With only the first byte of it.
fn with_one_byte(packet: &[u8]) -> Option<Vec<u8>> {
    let (_, start, end) = sound(packet)?;
    (end + 1 < packet.len()).then(|| mend(packet[..=end].to_vec(), start))?
}

/// A TCP segment without options.
fn without_options(packet: &[u8]) -> Option<Vec<u8>> {
    let (protocol, start, end) = sound(packet)?;
    if protocol != protocol::TCP || end <= start + 20 {
        return None;
    }
    let mut packet = [&packet[..start + 20], &packet[end..]].concat();
    packet[start + 12] = 5 << 4 | packet[start + 12] & 0xf;
    mend(packet, start)
}

/// The IP header's fields that seldom matter: type of service, identification, DF, flow label.
fn plain_header(packet: &[u8]) -> Option<Vec<u8>> {
    let (_, start, _) = sound(packet)?;
    let mut plain = packet.to_vec();
    if packet[0] >> 4 == 4 {
        plain[1] = 0;
        plain[4..8].fill(0);
    } else {
        plain[0..4].copy_from_slice(&[0x60, 0, 0, 0]);
    }
    let plain = mend(plain, start)?;
    (plain != packet).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::{Tcp, ip, tcp_packet, udp_packet};

    #[test]
    fn edited_packets_are_right() {
        for [a, b] in [["10.11.1.1:1", "10.22.1.1:2"], ["[fd00:11::1]:1", "[fd00:22::1]:2"]] {
            let (a, b) = (a.parse().unwrap(), b.parse().unwrap());
            let header = Tcp { options: vec![2, 4, 5, 180, 4, 2], ..Tcp::default() };
            let bare = Tcp::default();
            let segment = tcp_packet(a, b, &header, b"hello");
            assert_eq!(without_payload(&segment).unwrap(), tcp_packet(a, b, &header, b""));
            assert_eq!(with_one_byte(&segment).unwrap(), tcp_packet(a, b, &header, b"h"));
            assert_eq!(without_options(&segment).unwrap(), tcp_packet(a, b, &bare, b"hello"));
            assert_eq!(without_payload(&udp_packet(a, b, b"hello")).unwrap(), udp_packet(a, b, b""));
            assert_eq!(plain_header(&segment), None);
            assert_eq!(without_options(&udp_packet(a, b, b"hello")), None);
        }
    }

    #[test]
    fn what_is_wrong_stays_as_it_is() {
        let (a, b) = ("10.11.1.1:1".parse().unwrap(), "10.22.1.1:2".parse().unwrap());
        let good = udp_packet(a, b, b"hello");
        let mut wrong_checksum = good.clone();
        wrong_checksum[26] ^= 1;
        let mut too_long = good.clone();
        too_long.push(0);
        let cut = good[..30].to_vec();
        let tiny = ip(a.ip(), b.ip(), protocol::TCP, &[0; 6]);
        for packet in [wrong_checksum, too_long, cut, tiny, vec![], vec![0x45], vec![0x60; 39]] {
            assert!(ALL.iter().all(|edit| edit(&packet).is_none()), "{packet:x?}");
        }
    }
}
