//! The Internet checksum (RFC 1071), gathered piece by piece, and SCTP's CRC32c.

use std::net::IpAddr;

/// A running one's complement sum. Every piece but the last must have an even length.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sum(u64);

impl Sum {
    /// The pseudo header of RFC 793 and RFC 8200 section 8.1: both addresses, the protocol and the transport length.
    /// Addresses of different families cannot be in one packet; each is summed as it is.
    pub(crate) fn pseudo_header(src: IpAddr, dst: IpAddr, protocol: u8, length: usize) -> Self {
        let mut sum = Self(u64::from(protocol) + length as u64);
        for address in [src, dst] {
            match address {
                IpAddr::V4(address) => sum.add(&address.octets()),
                IpAddr::V6(address) => sum.add(&address.octets()),
            }
        }
        sum
    }

    /// Adds bytes, in network order; an odd last byte is padded with zero.
    ///
    /// Four bytes at a time: 2^16 is 1 in one's complement arithmetic, so the upper half folds onto the lower.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(4);
        for word in &mut words {
            self.0 += u64::from(u32::from_be_bytes([word[0], word[1], word[2], word[3]]));
        }
        let rest = words.remainder();
        let mut last = [0; 4];
        last[..rest.len()].copy_from_slice(rest);
        self.0 += u64::from(u32::from_be_bytes(last));
    }

    /// The checksum to put into a header whose own checksum field was summed as zero.
    pub(crate) fn finish(self) -> u16 {
        let mut sum = self.0;
        while sum >> 16 != 0 {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }

    /// As [`Sum::finish`], for UDP, where zero would mean "no checksum" and its other representation is sent instead.
    pub(crate) fn finish_udp(self) -> u16 {
        match self.finish() {
            0 => 0xffff,
            sum => sum,
        }
    }
}

/// The checksum over one slice.
pub(crate) fn checksum(bytes: &[u8]) -> u16 {
    let mut sum = Sum::default();
    sum.add(bytes);
    sum.finish()
}

/// CRC32c (Castagnoli), as RFC 9260 appendix A has it; SCTP sends it least significant byte first.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    /// The polynomial 0x1edc6f41, bits reversed.
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let crc = bytes.iter().fold(!0, |crc: u32, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { POLYNOMIAL } else { 0 })
    });
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_1071() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(checksum(&bytes), !0xddf2);
    }

    #[test]
    fn pieces_and_odd_ends_sum_like_the_whole() {
        let bytes: Vec<u8> = (0..31).map(|n| n * 7 + 3).collect();
        for cut in (0..31).step_by(2) {
            let mut sum = Sum::default();
            sum.add(&bytes[..cut]);
            sum.add(&bytes[cut..]);
            assert_eq!(sum.finish(), checksum(&bytes), "cut at {cut}");
        }
    }

    /// RFC 3720 appendix B.4 and the CRC catalogue's check value.
    #[test]
    fn crc32c_has_its_published_values() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    }

    #[test]
    fn udp_never_says_no_checksum() {
        let mut sum = Sum::default();
        sum.add(&[0xff, 0xff]);
        assert_eq!((sum.finish(), sum.finish_udp()), (0, 0xffff));
    }
}
