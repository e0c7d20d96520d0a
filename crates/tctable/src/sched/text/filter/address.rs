//! Addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::sched::IpPrefix;
use crate::words::{ParseError, Word};

/// An IPv4 address whose last bytes may be left out, with a prefix length or a mask; `any`, `default`, `all`.
pub(super) fn v4(word: &Word<'_>) -> Result<(u32, u32), ParseError> {
    let wrong = || word.invalid("an IPv4 address or prefix, such as 10.0.0.0/8");
    if let "any" | "default" | "all" = &*word.text {
        return Ok((0, 0));
    }
    let (address, mask) = word.split_once('/');
    let mask = match mask {
        None => u32::MAX,
        Some(mask) => match mask.text.parse::<u8>() {
            Ok(len) if len <= 32 => !u32::MAX.checked_shr(len.into()).unwrap_or(0),
            Ok(_) => return Err(wrong()),
            Err(_) => mask.text.parse::<Ipv4Addr>().map_err(|_| wrong())?.to_bits(),
        },
    };
    let mut bytes = [0; 4];
    let mut parts = address.text.split('.');
    for (byte, part) in bytes.iter_mut().zip(&mut parts) {
        let is_number = !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit());
        *byte = part.parse().ok().filter(|_| is_number).ok_or_else(wrong)?;
    }
    if parts.next().is_some() {
        return Err(wrong());
    }
    Ok((u32::from_be_bytes(bytes), mask))
}

/// An IPv6 address with a prefix length; `any`, `default`, `all`.
pub(super) fn v6(word: &Word<'_>) -> Result<(u128, u128), ParseError> {
    let wrong = || word.invalid("an IPv6 address or prefix, such as 2001:db8::/32");
    if let "any" | "default" | "all" = &*word.text {
        return Ok((0, 0));
    }
    let (address, mask) = word.split_once('/');
    let mask = match mask {
        None => u128::MAX,
        Some(mask) => match mask.text.parse::<u8>() {
            Ok(len) if len <= 128 => !u128::MAX.checked_shr(len.into()).unwrap_or(0),
            Ok(_) => return Err(wrong()),
            Err(_) => mask.text.parse::<Ipv6Addr>().map_err(|_| wrong())?.to_bits(),
        },
    };
    Ok((address.text.parse::<Ipv6Addr>().map_err(|_| wrong())?.to_bits(), mask))
}

/// An address of either version.
pub(super) fn prefix(word: &Word<'_>) -> Result<IpPrefix, ParseError> {
    if word.text.contains(':') {
        let (address, mask) = v6(word)?;
        return Ok(IpPrefix { address: IpAddr::V6(Ipv6Addr::from_bits(address)), mask });
    }
    let (address, mask) = v4(word)?;
    Ok(IpPrefix { address: IpAddr::V4(Ipv4Addr::from_bits(address)), mask: mask.into() })
}

/// An Ethernet address.
pub(super) fn mac(word: &Word<'_>) -> Result<[u8; 6], ParseError> {
    let wrong = || word.invalid("an Ethernet address, such as 02:00:00:00:00:01");
    let mut bytes = [0; 6];
    let mut parts = word.text.split(':');
    for byte in &mut bytes {
        let part = parts.next().ok_or_else(wrong)?;
        let is_hex = !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_hexdigit());
        *byte = u8::from_str_radix(part, 16).ok().filter(|_| is_hex).ok_or_else(wrong)?;
    }
    if parts.next().is_some() { Err(wrong()) } else { Ok(bytes) }
}
