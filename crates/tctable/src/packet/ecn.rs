//! The mark of congestion in a packet's bytes (RFC 3168).

use super::checksum::sum;

/// Sets the ECN field of the IP header that `packet` begins with to CE; IPv4's checksum follows. What is no IP header, or is
/// cut before its end, stays as it is.
pub fn mark_congested(packet: &mut [u8]) {
    match packet.first().map(|first| first >> 4) {
        Some(4) => mark_v4(packet),
        Some(6) => {
            if let Some(second) = packet.get_mut(1) {
                *second |= 0x30;
            }
        }
        _ => {}
    }
}

fn mark_v4(packet: &mut [u8]) {
    let length = usize::from(packet[0] & 15) * 4;
    let Some(header) = packet.get_mut(..length).filter(|header| header.len() >= 20) else { return };
    header[1] |= 3;
    header[10..12].fill(0);
    let sum = !sum(header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An example that is often shown: the checksum of these 20 bytes is b861.
    const HEADER: [u8; 20] = [
        0x45, 0x02, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0xb8, 0x5f, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8,
        0x00, 0xc7,
    ];

    #[test]
    fn the_checksum_follows_the_mark() {
        let mut packet = HEADER.to_vec();
        mark_congested(&mut packet);
        assert_eq!(packet[1], 3);
        // One more in the first word, one less in its complement's sum.
        assert_eq!(packet[10..12], [0xb8, 0x5e]);
    }

    #[test]
    fn ipv6_has_it_in_the_traffic_class() {
        let mut packet = [0x60, 0x1f, 0xff, 0xff];
        mark_congested(&mut packet);
        assert_eq!(packet, [0x60, 0x3f, 0xff, 0xff]);
    }

    #[test]
    fn what_is_no_header_stays() {
        for packet in [vec![], vec![0x60], vec![0x45, 0, 0], vec![0x43; 30], vec![0x4f; 30], vec![0x12; 40]] {
            let mut marked = packet.clone();
            mark_congested(&mut marked);
            assert_eq!(marked, packet);
        }
    }
}
