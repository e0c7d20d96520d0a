//! Hop-by-hop options (RFC 8200 section 4.3): the one extension header that every router reads.
//!
//! The kernel reads it in IPv6's input, before any hook: what it does not like is gone before connection tracking, and is
//! not counted there. What is said here was seen with Linux 6.18 and its default limits.

use super::error::Malformed;

/// Options that the kernel knows (IANA, "Destination Options and Hop-by-Hop Options").
mod option {
    pub(super) const PAD1: u8 = 0;
    pub(super) const PADN: u8 = 1;
    pub(super) const ROUTER_ALERT: u8 = 5;
    pub(super) const CALIPSO: u8 = 7;
    pub(super) const IOAM: u8 = 49;
    pub(super) const JUMBO: u8 = 194;
}

/// Where the header begins in the packet.
const START: usize = 40;

/// Padding that may stand together, in bytes: more is not needed to align anything.
const MAX_PADDING: usize = 7;

/// Options but for padding: `net.ipv6.max_hbh_opts_number`.
const MAX_OPTIONS: u32 = 8;

/// The longest payload that the IPv6 header can tell; a jumbogram has more.
const MAX_PAYLOAD: u32 = 65_535;

/// Reads the hop-by-hop options of a packet and gives its length, the IPv6 header included. `payload_len` is what that
/// header says, where zero is "see the options", or all that the frame has. What the capture did not keep is taken to
/// be right.
pub(super) fn read(bytes: &[u8], payload_len: u16, wire_len: u32) -> Result<u32, Malformed> {
    let announced = START as u32 + u32::from(payload_len);
    let ip_len = if payload_len == 0 { wire_len } else { announced };
    let kept = bytes.get(START..bytes.len().min(ip_len as usize)).unwrap_or_default();
    if ip_len < START as u32 + 8 {
        return Err(Malformed::HopByHop);
    }
    let Some(length) = kept.get(1).map(|units| (usize::from(*units) + 1) * 8) else { return Ok(ip_len) };
    if ip_len < (START + length) as u32 {
        return Err(Malformed::HopByHop);
    }
    let Some(options) = kept.get(2..length) else { return Ok(ip_len) };
    let jumbo = walk(options).ok_or(Malformed::HopByHop)?;
    match jumbo {
        None => Ok(ip_len),
        Some(length) if payload_len == 0 && length > MAX_PAYLOAD => match length.checked_add(START as u32) {
            Some(jumbo_len) if jumbo_len <= wire_len => Ok(jumbo_len),
            _ => Err(Malformed::IpLength),
        },
        Some(_) => Err(Malformed::HopByHop),
    }
}

/// Walks the options. `None` where the kernel drops the packet; else the payload's length that a jumbo option tells.
fn walk(options: &[u8]) -> Option<Option<u32>> {
    let mut jumbo = None;
    let (mut at, mut padding, mut count) = (0, 0, 0);
    while let Some(kind) = options.get(at) {
        if *kind == option::PAD1 {
            padding += 1;
            at += 1;
            if padding > MAX_PADDING {
                return None;
            }
            continue;
        }
        let value_len = usize::from(*options.get(at + 1)?);
        let value = options.get(at + 2..at + 2 + value_len)?;
        // From the start of the extension header.
        let offset = at + 2;
        at += 2 + value_len;
        if *kind == option::PADN {
            padding += 2 + value_len;
            if padding > MAX_PADDING || value.iter().any(|byte| *byte != 0) {
                return None;
            }
            continue;
        }
        padding = 0;
        count += 1;
        let may_stay = match *kind {
            _ if count > MAX_OPTIONS => false,
            option::ROUTER_ALERT => value_len == 2,
            option::IOAM => offset % 4 == 0,
            option::JUMBO if offset % 4 == 2 => {
                jumbo = Some(u32::from_be_bytes(value.try_into().ok()?));
                true
            }
            // No domain of interpretation is set up.
            option::CALIPSO => false,
            // What to do with one that is not known stands in its highest bits (RFC 8200 section 4.2).
            unknown => unknown >> 6 == 0,
        };
        if !may_stay {
            return None;
        }
    }
    Some(jumbo)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet with that header, its IPv6 header left out of account, and some bytes behind it.
    fn packet(options: &[u8]) -> Vec<u8> {
        assert_eq!(options.len() % 8, 6);
        [&[0; START], &[17, ((options.len() + 2) / 8 - 1) as u8][..], options, &[0; 8]].concat()
    }

    fn passes(options: &[u8]) -> bool {
        let packet = packet(options);
        let payload_len = (packet.len() - START) as u16;
        match read(&packet, payload_len, packet.len() as u32) {
            Ok(length) => length == packet.len() as u32,
            Err(error) => {
                assert_eq!(error, Malformed::HopByHop);
                false
            }
        }
    }

    #[test]
    fn padding_is_seven_bytes_of_zeros_at_most() {
        assert!(passes(&[0; 6]) && passes(&[1, 4, 0, 0, 0, 0]));
        assert!(!passes(&[1, 4, 0, 0, 1, 0]) && !passes(&[0; 14]));
        // Other options come between: 0x1e is for experiments.
        assert!(passes(&[1, 5, 0, 0, 0, 0, 0, 0x1e, 5, 0, 0, 0, 0, 0]));
        assert!(!passes(&[1, 6, 0, 0, 0, 0, 0, 0, 0x1e, 4, 0, 0, 0, 0]));
        assert!(!passes(&[1, 5, 0, 0, 0, 0, 0, 0, 0x1e, 4, 0, 0, 0, 0]));
        assert!(passes(&[1, 3, 0, 0, 0, 0x1e, 0, 1, 4, 0, 0, 0, 0, 0]));
    }

    #[test]
    fn unknown_options_say_themselves_whether_they_may_be_passed_over() {
        for (kind, may) in [(0x1e, true), (0x3e, true), (0x5e, false), (0x9e, false), (0xde, false)] {
            assert_eq!(passes(&[kind, 4, 1, 2, 3, 4]), may, "{kind:#x}");
        }
        // Eight, but not nine of them.
        assert!(passes(&[[0x1e, 0]; 8].concat()[..].iter().chain(&[1, 4, 0, 0, 0, 0]).copied().collect::<Vec<_>>()));
        assert!(!passes(&[&[[0x1e, 0]; 9].concat()[..], &[1, 2, 0, 0]].concat()));
    }

    #[test]
    fn known_options_have_their_forms() {
        assert!(passes(&[5, 2, 0, 0, 0, 0]) && !passes(&[5, 3, 0, 0, 0, 0]));
        assert!(passes(&[1, 0, 49, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
        assert!(!passes(&[49, 4, 0, 0, 0, 0]) && !passes(&[7, 4, 0, 0, 0, 0]));
    }

    #[test]
    fn the_header_lies_in_the_packet_and_its_options_in_the_header() {
        assert!(!passes(&[0x1e, 5, 0, 0, 0, 0]) && !passes(&[1, 3, 0, 0, 0, 0x1e]));
        let mut whole = packet(&[1, 4, 0, 0, 0, 0]);
        for length in START + 1..START + 8 {
            assert_eq!(read(&whole, (length - START) as u16, 56), Err(Malformed::HopByHop), "{length}");
        }
        assert_eq!(read(&whole, 8, 56), Ok(48));
        whole[41] = 2;
        assert_eq!(read(&whole, 16, 56), Err(Malformed::HopByHop));
    }

    #[test]
    fn what_the_capture_did_not_keep_is_taken_to_be_right() {
        let bad = packet(&[0xde, 4, 0, 0, 0, 0]);
        for kept in START..START + 8 {
            assert_eq!(read(&bad[..kept], 16, 56), Ok(56), "{kept}");
        }
        assert_eq!(read(&bad[..START + 8], 16, 56), Err(Malformed::HopByHop));
    }

    #[test]
    fn without_a_length_all_of_the_frame_is_the_packet_or_what_a_jumbo_option_says() {
        let packet_of = |length: u32| packet(&[&[194, 4][..], &length.to_be_bytes()].concat());
        assert_eq!(read(&packet(&[1, 4, 0, 0, 0, 0]), 0, 61), Ok(61));
        assert_eq!(read(&packet_of(70_000), 0, 70_040), Ok(70_040));
        assert_eq!(read(&packet_of(70_000), 0, 80_000), Ok(70_040));
        assert_eq!(read(&packet_of(70_000), 0, 70_039), Err(Malformed::IpLength));
        assert_eq!(read(&packet_of(u32::MAX), 0, 70_039), Err(Malformed::IpLength));
        assert_eq!(read(&packet_of(65_535), 0, 70_039), Err(Malformed::HopByHop));
        assert_eq!(read(&packet_of(70_000), 16, 70_040), Err(Malformed::HopByHop));
        // It stands where its length is aligned.
        assert!(!passes(&[1, 0, 194, 4, 0, 1, 0x11, 0x70, 1, 4, 0, 0, 0, 0]));
    }
}
