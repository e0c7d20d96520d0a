//! Addresses, masks and names of devices.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::numbers::number;
use crate::packet::{Address, Family};
use crate::ruleset::rule::{DevicePattern, Masked};
use crate::words::ParseError;
use crate::words::Word;

/// The longest name of a device (`IFNAMSIZ` without its end).
const LONGEST_DEVICE: usize = 15;

/// The bits of an address.
pub(in crate::ruleset::text) const fn width(family: Family) -> u8 {
    match family {
        Family::V4 => 32,
        Family::V6 => 128,
    }
}

/// The mask of a prefix. A length above the family's is the whole address.
pub(in crate::ruleset::text) fn prefix_mask(family: Family, length: u8) -> Address {
    let all = u128::MAX.checked_shr(128 - u32::from(width(family))).unwrap_or_default();
    let hosts = u128::MAX.checked_shr(128u32.saturating_sub(u32::from(width(family).saturating_sub(length))));
    Address::from_v6_bits(all & !hosts.unwrap_or_default())
}

/// The length of a mask that is a prefix.
pub(in crate::ruleset::text) fn prefix_length(family: Family, mask: Address) -> Option<u8> {
    let length = mask.bits().count_ones() as u8;
    (prefix_mask(family, length) == mask).then_some(length)
}

/// An address. Names of hosts are not looked up.
pub(in crate::ruleset::text) fn address(word: &Word<'_>, family: Family) -> Result<Address, ParseError> {
    let address = match family {
        Family::V4 => v4(&word.text).map(IpAddr::from),
        Family::V6 => word.text.parse::<Ipv6Addr>().ok().map(IpAddr::from),
    };
    address.map(Address::from).ok_or_else(|| {
        let other = match family {
            Family::V4 => word.text.parse::<Ipv6Addr>().is_ok(),
            Family::V6 => word.text.parse::<Ipv4Addr>().is_ok(),
        };
        match (family, other) {
            (Family::V4, true) => word.invalid("an IPv4 address, but one of IPv6"),
            (Family::V6, true) => word.invalid("an IPv6 address, but one of IPv4"),
            (Family::V4, false) => word.invalid("an IPv4 address (names of hosts are not looked up)"),
            (Family::V6, false) => word.invalid("an IPv6 address (names of hosts are not looked up)"),
        }
    })
}

/// One to four numbers with dots between; those that are left out at the end are 0.
fn v4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for (octet, part) in octets.iter_mut().zip(&mut parts) {
        *octet = u8::try_from(number(part)?).ok()?;
    }
    parts.next().is_none().then_some(octets.into())
}

/// A mask: the length of a prefix, or as an address.
pub(in crate::ruleset::text) fn mask(word: &Word<'_>, family: Family) -> Result<Address, ParseError> {
    match number(&word.text) {
        Some(length) => u8::try_from(length)
            .ok()
            .filter(|length| *length <= width(family))
            .map(|length| prefix_mask(family, length))
            .ok_or_else(|| word.invalid("the length of a prefix, or a mask")),
        None => address(word, family).map_err(|_| word.invalid("the length of a prefix, or a mask")),
    }
}

/// An address, alone or with a mask.
pub(in crate::ruleset::text) fn masked(word: &Word<'_>, family: Family) -> Result<Masked, ParseError> {
    let (first, second) = word.split_once('/');
    let mask = match second {
        None => prefix_mask(family, width(family)),
        Some(second) => mask(&second, family)?,
    };
    let address = Address::from_v6_bits(address(&first, family)?.bits() & mask.bits());
    Ok(Masked { address, mask })
}

/// Two addresses with a dash between, or one that is both ends.
pub(super) fn addresses(word: &Word<'_>, family: Family) -> Result<(Address, Address), ParseError> {
    let (first, last) = word.split_once('-');
    let first = address(&first, family)?;
    Ok((first, last.map_or(Ok(first), |last| address(&last, family))?))
}

/// A device's name, or the beginning of one with a `+` behind it.
pub(super) fn device(word: &Word<'_>) -> Result<DevicePattern, ParseError> {
    if word.text.is_empty() || word.text.len() > LONGEST_DEVICE {
        return Err(word.invalid("the name of a device, 1 to 15 bytes"));
    }
    if word.text.contains(|c: char| c.is_whitespace() || c == '/' || c == '"') {
        return Err(word.invalid("the name of a device: no device's name has blanks, slashes or quotation marks"));
    }
    let (name, wildcard) = match word.text.strip_suffix('+') {
        Some(name) => (name, true),
        None => (&*word.text, false),
    };
    Ok(DevicePattern { name: name.into(), wildcard })
}

/// Six bytes in hexadecimal with colons between.
pub(super) fn mac(word: &Word<'_>) -> Result<[u8; 6], ParseError> {
    let mut bytes = [0; 6];
    let mut parts = word.text.split(':');
    let byte = |part: &str| {
        let is_hex = (1..=2).contains(&part.len()) && part.chars().all(|digit| digit.is_ascii_hexdigit());
        is_hex.then(|| u8::from_str_radix(part, 16).ok()).flatten()
    };
    for each in &mut bytes {
        *each = parts.next().and_then(byte).ok_or_else(|| word.invalid("a MAC address"))?;
    }
    if parts.next().is_some() { Err(word.invalid("a MAC address")) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, family: Family) -> Option<(String, Option<u8>)> {
        let masked = masked(&Word::new(text, 1, 1), family).ok()?;
        Some((masked.address.to_ip(family).to_string(), prefix_length(family, masked.mask)))
    }

    #[test]
    fn masks_are_lengths_or_addresses() {
        for (text, address, length) in [
            ("10.1.2.3", "10.1.2.3", Some(32)),
            ("10.1.2.3/8", "10.0.0.0", Some(8)),
            ("10/8", "10.0.0.0", Some(8)),
            ("0/0", "0.0.0.0", Some(0)),
            ("10.1.2.3/255.255.0.0", "10.1.0.0", Some(16)),
            ("10.1.2.3/255.0.255.0", "10.0.2.0", None),
            ("010.0x10.2.3", "8.16.2.3", Some(32)),
        ] {
            assert_eq!(read(text, Family::V4), Some((address.to_owned(), length)), "{text}");
        }
        for (text, address, length) in [
            ("fd00::1", "fd00::1", Some(128)),
            ("fd00::1/64", "fd00::", Some(64)),
            ("::/0", "::", Some(0)),
            ("fd00:1:2::/ffff:0:ffff::", "fd00:0:2::", None),
        ] {
            assert_eq!(read(text, Family::V6), Some((address.to_owned(), length)), "{text}");
        }
        for wrong in ["", "10.0.0.1/33", "1.2.3.4.5", "256.0.0.1", "localhost", "fd00::1", "10.0.0.1/", "1..2"] {
            assert_eq!(read(wrong, Family::V4), None, "{wrong}");
        }
        assert_eq!(read("1.2.3.4", Family::V6), None);
        assert_eq!(read("fd00::/129", Family::V6), None);
    }
}
