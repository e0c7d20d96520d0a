//! Reading numbers and addresses out of text, as the kernel's helpers do (`simple_strtoul`, `in4_pton`, `in6_pton`).

use crate::packet::{Address, Family};

/// Whether the text at a place begins with a word, whatever the case.
pub(super) fn begins_with(text: &[u8], at: usize, word: &[u8]) -> bool {
    text.get(at..).and_then(|rest| rest.get(..word.len())).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// How many digits there are at a place.
pub(super) fn digits(text: &[u8], at: usize) -> usize {
    text.get(at..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// The decimal number at a place, which wraps round at 64 bits, and where it ends. Without digits it is 0.
pub(super) fn wrapping_number(text: &[u8], at: usize) -> (u64, usize) {
    let end = at + digits(text, at);
    let add = |number: u64, digit: &u8| number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
    (text.get(at..end).unwrap_or_default().iter().fold(0, add), end)
}

/// The IPv4 address at the text's beginning, and its length. What follows it must not look like more of it.
pub(super) fn ipv4(text: &[u8]) -> Option<(Address, usize)> {
    let mut bits = 0;
    let mut at = 0;
    for octet in 0..4 {
        let length = digits(text, at);
        let value = text.get(at..at + length)?.iter().try_fold(0u32, |value, digit| {
            let value = value * 10 + u32::from(digit - b'0');
            (value <= 255).then_some(value)
        })?;
        bits = bits << 8 | value;
        at += length;
        let follows = text.get(at).copied();
        match follows {
            _ if length == 0 => return None,
            Some(b'.') if octet < 3 => at += 1,
            _ if octet < 3 => return None,
            Some(b'.' | b'a'..=b'f' | b'A'..=b'F') => return None,
            _ => {}
        }
    }
    Some((Address::from_v4_bits(bits), at))
}

/// The IPv6 address at the text's beginning, and its length. Where there is a delimiter it must follow; otherwise anything
/// that cannot be part of an address may.
pub(super) fn ipv6(text: &[u8], delimiter: Option<u8>) -> Option<(Address, usize)> {
    let part = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let ends = |byte: u8| byte == 0 || delimiter.map_or(!part(byte), |delimiter| byte == delimiter);
    let length = text.iter().position(|byte| ends(*byte)).unwrap_or(text.len());
    // A colon ends an IPv4 address at the end, and the whole with it.
    let quad = text[..length].iter().position(|byte| *byte == b'.').unwrap_or(length);
    let length = text[quad..length].iter().position(|byte| *byte == b':').map_or(length, |colon| quad + colon);
    let run = &text[..length];
    let (front, back) = match run.windows(2).position(|pair| pair == b"::") {
        Some(gap) => (groups(&run[..gap])?, Some(groups(&run[gap + 2..])?)),
        None => (groups(run)?, None),
    };
    let bits = match back {
        None if front.count == 8 => front.bits,
        Some(back) if front.count + back.count < 8 => {
            // A front of no groups would be shifted by the whole width.
            front.bits.checked_shl(16 * (8 - front.count)).unwrap_or(0) | back.bits
        }
        _ => return None,
    };
    Some((Address::from_v6_bits(bits), length))
}

/// Groups of an IPv6 address, the last of which may be an IPv4 address that counts for two.
struct Groups {
    bits: u128,
    count: u32,
}

fn groups(text: &[u8]) -> Option<Groups> {
    let mut groups = Groups { bits: 0, count: 0 };
    if text.is_empty() {
        return Some(groups);
    }
    for group in text.split(|byte| *byte == b':') {
        let (value, width) = if group.contains(&b'.') {
            let (address, length) = ipv4(group)?;
            (address.bits(), if length == group.len() { 2 } else { return None })
        } else {
            (hexadecimal(group)?, 1)
        };
        if groups.count + width > 8 {
            return None;
        }
        groups.bits = groups.bits << (16 * width) | value;
        groups.count += width;
    }
    Some(groups)
}

fn hexadecimal(group: &[u8]) -> Option<u128> {
    if group.is_empty() {
        return None;
    }
    group.iter().try_fold(0u128, |value, byte| {
        let value = value << 4 | u128::from(char::from(*byte).to_digit(16)?);
        (value <= 0xffff).then_some(value)
    })
}

/// The address at the text's beginning, followed by anything that cannot be part of it.
pub(super) fn address(text: &[u8], family: Family) -> Option<(Address, usize)> {
    match family {
        Family::V4 => ipv4(text),
        Family::V6 => ipv6(text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn read(text: &str, family: Family) -> Option<(String, usize)> {
        address(text.as_bytes(), family).map(|(address, length)| (address.to_ip(family).to_string(), length))
    }

    #[test]
    fn ipv4_addresses_end_where_they_cannot_go_on() {
        let cases = [
            ("10.1.0.1", Some(8)),
            ("10.1.0.1>", Some(8)),
            ("10.1.0.1:5", Some(8)),
            ("10.1.0.1g", Some(8)),
            ("10.01.000.0001/", Some(14)),
            ("10.1.0.1a", None),
            ("10.1.0.1.", None),
            ("10.1.0.256", None),
            ("10.1.0", None),
            ("10.1..1", None),
            ("", None),
        ];
        for (text, length) in cases {
            let expected = length.map(|length| ("10.1.0.1".to_owned(), length));
            assert_eq!(read(text, Family::V4), expected, "{text}");
        }
    }

    #[test]
    fn ipv6_addresses_may_have_more_zeros_than_usual() {
        let cases = [
            ("fd01::1", Some(7)),
            ("fd01::1]:5060", Some(7)),
            ("fd01:0:0:0:0:0:0:1/3", Some(18)),
            ("fd01::1g", Some(7)),
            ("fd01::00001", Some(11)),
            ("fd01::0.0.0.1", Some(13)),
            ("fd01:0:0:0:0:0:0.0.0.1", Some(22)),
            ("fd01:0:0:0:0:0:0:1:5", None),
            ("fd01::1::", None),
            ("fd01::1:", None),
            ("fd01:::1", None),
            ("fd01::10000", None),
            ("fd01::0.0.0.1:", Some(13)),
            ("fd01::0:0:0:0:0.0.0.1", Some(21)),
            ("fd01::0:0:0:0:0:0.0.0.1", None),
            ("fd01:0:0:0:0:0:0:0.0.0.1", None),
            ("fd01::1.2.3", None),
            ("fd01::1.", None),
            ("::fd01::1", None),
            // A gap stands for one group at least.
            ("fd01:0:0:0:0:0:0::1", None),
            ("fd01::0:0:0:0:0:0:1", None),
            ("0.0.0.1::1", None),
            ("", None),
        ];
        for (text, length) in cases {
            let expected = length.map(|length| ("fd01::1".to_owned(), length));
            assert_eq!(read(text, Family::V6), expected, "{text}");
        }
        assert_eq!(read("::", Family::V6), Some(("::".to_owned(), 2)));
        assert_eq!(read("1:2:3:4:5:6:7::", Family::V6).map(|(_, length)| length), Some(15));
    }

    #[test]
    fn a_delimiter_must_follow_where_there_is_one() {
        let ip: IpAddr = "fd01::1".parse().unwrap();
        assert_eq!(ipv6(b"fd01::1|12|", Some(b'|')), Some((ip.into(), 7)));
        assert_eq!(ipv6(b"fd01::1a", Some(b'a')), Some((ip.into(), 7)));
        assert_eq!(ipv6(b"fd01::1 |", Some(b'|')), None);
    }

    #[test]
    fn numbers_wrap_round() {
        assert_eq!(wrapping_number(b"x18446744073709551617y", 1), (1, 21));
        assert_eq!(wrapping_number(b"x", 1), (0, 1));
        assert_eq!(wrapping_number(b"x", 5), (0, 5));
    }
}
