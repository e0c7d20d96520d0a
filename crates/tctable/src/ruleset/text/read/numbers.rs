//! Numbers, ranges and marks.

use super::super::names::{protocol_number, protocols, service, services};
use super::options::Given;
use crate::ruleset::matches::PortRange;
use crate::ruleset::rule::Not;
use crate::words::ParseError;
use crate::words::Word;

impl Given<'_> {
    /// What is read of its value, or the opposite.
    pub(super) fn not<T>(&self, read: impl FnOnce(&Word<'_>) -> Result<T, ParseError>) -> Result<Not<T>, ParseError> {
        Ok(Not { negated: self.negated, value: read(self.value())? })
    }
}

/// A whole number: decimal, with `0x` hexadecimal, with `0` octal.
pub(super) fn number(text: &str) -> Option<u64> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    // The standard library would take a sign.
    let is_number = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    is_number.then(|| u64::from_str_radix(digits, radix).ok()).flatten()
}

/// A number of a type.
pub(super) fn typed<T: TryFrom<u64>>(word: &Word<'_>, expected: &'static str) -> Result<T, ParseError> {
    number(&word.text).and_then(|number| T::try_from(number).ok()).ok_or_else(|| word.invalid(expected))
}

/// A number between two, both included.
pub(super) fn between<T: TryFrom<u64>>(
    word: &Word<'_>,
    (low, high): (u64, u64),
    expected: &'static str,
) -> Result<T, ParseError> {
    number(&word.text)
        .filter(|number| (low..=high).contains(number))
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| word.invalid(expected))
}

/// One number or two with a colon between; one that is left out is the least or the greatest.
pub(super) fn range<T: Copy>(
    word: &Word<'_>,
    (least, greatest): (T, T),
    read: impl Fn(&Word<'_>) -> Result<T, ParseError>,
) -> Result<(T, T), ParseError> {
    let end = |part: &Word<'_>, left_out| if part.text.is_empty() { Ok(left_out) } else { read(part) };
    match word.split_once(':') {
        (only, None) => read(&only).map(|only| (only, only)),
        (first, Some(last)) => Ok((end(&first, least)?, end(&last, greatest)?)),
    }
}

/// A port by its number or its service.
pub(super) fn port(word: &Word<'_>) -> Result<u16, ParseError> {
    if word.text.starts_with(|c: char| c.is_ascii_digit()) {
        return typed(word, "a port, 0 to 65535");
    }
    service(&word.text).ok_or_else(|| word.unknown("port or service", services()))
}

/// Ports, the first not above the last.
pub(super) fn ports(word: &Word<'_>) -> Result<PortRange, ParseError> {
    let ports = any_ports(word)?;
    if ports.first > ports.last { Err(word.invalid("a range of ports: its end is below its start")) } else { Ok(ports) }
}

/// Ports; with the first above the last they are none, which `conntrack` takes.
pub(super) fn any_ports(word: &Word<'_>) -> Result<PortRange, ParseError> {
    let (first, last) = range(word, (0, u16::MAX), port)?;
    Ok(PortRange { first, last })
}

/// A transport protocol by its number or its name; 0 for any.
pub(super) fn protocol(word: &Word<'_>) -> Result<u8, ParseError> {
    if word.text.starts_with(|c: char| c.is_ascii_digit()) {
        return typed(word, "a protocol, 0 to 255");
    }
    protocol_number(&word.text).ok_or_else(|| word.unknown("protocol", protocols()))
}

/// 32 bits.
pub(super) fn bits(word: &Word<'_>) -> Result<u32, ParseError> {
    typed(word, "a number of 32 bits")
}

/// Bits, and those that count: all where no mask is there.
pub(super) fn masked_bits(word: &Word<'_>) -> Result<(u32, u32), ParseError> {
    match word.split_once('/') {
        (value, None) => Ok((bits(&value)?, u32::MAX)),
        (value, Some(mask)) => Ok((bits(&value)?, bits(&mask)?)),
    }
}

/// The values of names with commas between, as one set of bits. A name may be shortened, and in any case.
pub(super) fn names(word: &Word<'_>, what: &'static str, known: &[(&'static str, u16)]) -> Result<u16, ParseError> {
    word.split(',').try_fold(0, |bits, part| match beginning(&part.text, known) {
        Some(bit) if !part.text.is_empty() => Ok(bits | bit),
        _ => Err(part.unknown(what, known.iter().map(|(name, _)| *name))),
    })
}

/// What belongs to the first name that begins so, in any case.
fn beginning<T: Copy>(text: &str, known: &[(&str, T)]) -> Option<T> {
    known.iter().find(|(name, _)| begins(name, text)).map(|(_, value)| *value)
}

/// Whether a name begins so, in any case.
pub(super) fn begins(name: &str, text: &str) -> bool {
    name.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_c() {
        for (text, value) in [("10", 10), ("0x1F", 31), ("010", 8), ("0", 0), ("18446744073709551615", u64::MAX)] {
            assert_eq!(number(text), Some(value), "{text}");
        }
        for wrong in ["", "0x", "+1", "-1", " 1", "08", "1 ", "18446744073709551616", "x", "٣"] {
            assert_eq!(number(wrong), None, "{wrong}");
        }
    }
}
