//! What `match` and `sample` can be told.

use crate::sched::text::args::Args;
use crate::sched::text::filter::address;
use crate::sched::text::units;
use crate::sched::{U32Key, U32Mark};
use crate::words::{ParseError, Word};

/// Keys that tc makes for a node.
const MOST_KEYS: usize = 128;

/// A number in C's three bases with a sign, which fits.
pub(in crate::sched::text::filter) fn signed<N: TryFrom<i64>>(
    word: &Word<'_>,
    expected: &'static str,
) -> Result<N, ParseError> {
    let mut digits = word.clone();
    let is_negative = word.text.starts_with('-');
    if is_negative {
        digits.text = word.text[1..].to_owned().into();
    }
    let wrong = || word.invalid(expected);
    let number: u32 = units::number(&digits, expected).map_err(|_| wrong())?;
    let number = if is_negative { -i64::from(number) } else { i64::from(number) };
    number.try_into().map_err(|_| wrong())
}

/// A mask: hexadecimal, with `0x` or without.
pub(in crate::sched::text::filter) fn hex(word: &Word<'_>, most: u32) -> Result<u32, ParseError> {
    let digits = word.text.strip_prefix("0x").or_else(|| word.text.strip_prefix("0X")).unwrap_or(&word.text);
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u32::from_str_radix(digits, 16).ok().filter(|number| is_hex && *number <= most);
    number.ok_or_else(|| word.invalid("a mask, hexadecimal, as wide as the value"))
}

/// How many bytes a key is for.
#[derive(Clone, Copy)]
enum Width {
    One,
    Two,
    Four,
}

/// Where a key is.
#[derive(Clone, Copy)]
struct At {
    offset: i32,
    is_next_header: bool,
}

const fn at(offset: i32) -> At {
    At { offset, is_next_header: false }
}

const fn next_header(offset: i32) -> At {
    At { offset, is_next_header: true }
}

/// Reads what is matched: keys are added, a mark is told.
pub(super) fn selector(args: &mut Args<'_, '_>, keys: &mut Vec<U32Key>) -> Result<Option<U32Mark>, ParseError> {
    const KINDS: [&str; 10] = ["u32", "u16", "u8", "ip", "ip6", "udp", "tcp", "icmp", "mark", "ether"];
    let word = args.value("what is to be matched")?;
    match word.keyword(&KINDS) {
        "u32" => number(args, keys, Width::Four, at(0))?,
        "u16" => number(args, keys, Width::Two, at(0))?,
        "u8" => number(args, keys, Width::One, at(0))?,
        "ip" => ip(args, keys)?,
        "ip6" => ip6(args, keys)?,
        "tcp" | "udp" => {
            let word = args.value("src or dst behind it")?;
            match &*word.text {
                "src" => number(args, keys, Width::Two, next_header(0))?,
                "dst" => number(args, keys, Width::Two, next_header(2))?,
                _ => return Err(word.unknown("field of tcp and udp", ["src", "dst"])),
            }
        }
        "icmp" => {
            let word = args.value("type or code behind it")?;
            match &*word.text {
                "type" => number(args, keys, Width::One, next_header(0))?,
                "code" => number(args, keys, Width::One, next_header(1))?,
                _ => return Err(word.unknown("field of icmp", ["type", "code"])),
            }
        }
        "ether" => {
            let word = args.value("src or dst behind it")?;
            let place = match &*word.text {
                "src" => -8,
                "dst" => -14,
                _ => return Err(word.unknown("field of ether", ["src", "dst"])),
            };
            let word = args.value("an Ethernet address behind it")?;
            let mac = address::mac(word)?;
            for (byte, offset) in mac.into_iter().zip(place..) {
                pack(keys, word, Width::One, byte.into(), 0xff, at(offset))?;
            }
        }
        "mark" => {
            let value = args.number("a mark")?;
            let mask = args.number("a mask: a number, hexadecimal behind 0x")?;
            return Ok(Some(U32Mark { value, mask }));
        }
        _ => return Err(word.unknown("match of u32", KINDS)),
    }
    Ok(None)
}

fn ip(args: &mut Args<'_, '_>, keys: &mut Vec<U32Key>) -> Result<(), ParseError> {
    const FIELDS: [&str; 15] = [
        "src",
        "dst",
        "tos",
        "dsfield",
        "precedence",
        "ihl",
        "protocol",
        "nofrag",
        "firstfrag",
        "df",
        "mf",
        "sport",
        "dport",
        "icmp_type",
        "icmp_code",
    ];
    let word = args.value("a field of IPv4 behind it")?;
    let (width, place) = match &*word.text {
        field @ ("src" | "dst") => {
            let word = args.value("an address behind it")?;
            let (value, mask) = address::v4(word)?;
            let place = other_place(args, at(if field == "src" { 12 } else { 16 }))?;
            return pack(keys, word, Width::Four, value, mask, place);
        }
        "nofrag" => return pack(keys, word, Width::Two, 0, 0x3fff, at(6)),
        "firstfrag" => return pack(keys, word, Width::Two, 0x2000, 0x3fff, at(6)),
        "df" => return pack(keys, word, Width::Two, 0x4000, 0x4000, at(6)),
        "mf" => return pack(keys, word, Width::Two, 0x2000, 0x2000, at(6)),
        "ihl" => (Width::One, at(0)),
        "tos" | "dsfield" | "precedence" => (Width::One, at(1)),
        "protocol" => (Width::One, at(9)),
        "sport" => (Width::Two, at(20)),
        "dport" => (Width::Two, at(22)),
        "icmp_type" => (Width::One, at(20)),
        "icmp_code" => (Width::One, at(21)),
        _ => return Err(word.unknown("field of ip", FIELDS)),
    };
    number(args, keys, width, place)
}

fn ip6(args: &mut Args<'_, '_>, keys: &mut Vec<U32Key>) -> Result<(), ParseError> {
    const FIELDS: [&str; 9] =
        ["src", "dst", "priority", "protocol", "flowlabel", "sport", "dport", "icmp_type", "icmp_code"];
    let word = args.value("a field of IPv6 behind it")?;
    let (width, place) = match &*word.text {
        field @ ("src" | "dst") => {
            let word = args.value("an address behind it")?;
            let (value, mask) = address::v6(word)?;
            let place = other_place(args, at(if field == "src" { 8 } else { 24 }))?;
            for word_at in 0..4 {
                let shift = 96 - 32 * word_at;
                let (value, mask) = ((value >> shift) as u32, (mask >> shift) as u32);
                if mask != 0 {
                    let offset = place.offset + 4 * word_at;
                    pack(keys, word, Width::Four, value, mask, At { offset, ..place })?;
                }
            }
            return Ok(());
        }
        "priority" => {
            let (value, mask) = value_and_mask(args, 0xff)?;
            let word = args.last();
            return pack(keys, &word, Width::Four, value << 20, mask << 20, at(0));
        }
        "flowlabel" => {
            let (value, mask) = value_and_mask(args, u32::MAX)?;
            let word = args.last();
            return pack(keys, &word, Width::Four, value, mask & 0xf_ffff, at(0));
        }
        "protocol" => (Width::One, at(6)),
        "sport" => (Width::Two, at(40)),
        "dport" => (Width::Two, at(42)),
        "icmp_type" => (Width::One, at(40)),
        // As tc has it.
        "icmp_code" => (Width::One, next_header(41)),
        _ => return Err(word.unknown("field of ip6", FIELDS)),
    };
    number(args, keys, width, place)
}

fn value_and_mask(args: &mut Args<'_, '_>, most: u32) -> Result<(u32, u32), ParseError> {
    let value: u32 = args.number("a number")?;
    if value > most {
        return Err(args.last().invalid("a number that fits"));
    }
    Ok((value, hex(args.value("a mask behind it")?, most)?))
}

/// Reads `VALUE MASK`, and where that is if the line says so.
fn number(args: &mut Args<'_, '_>, keys: &mut Vec<U32Key>, width: Width, place: At) -> Result<(), ParseError> {
    let most = match width {
        Width::One => 0xff,
        Width::Two => 0xffff,
        Width::Four => u32::MAX,
    };
    let word = args.peek().cloned();
    let (value, mask) = value_and_mask(args, most)?;
    let place = other_place(args, place)?;
    let word = word.unwrap_or_else(|| args.last());
    pack(keys, &word, width, value, mask, place)
}

/// Reads `at N` or `at nexthdr+N`.
fn other_place(args: &mut Args<'_, '_>, place: At) -> Result<At, ParseError> {
    if args.take("at").is_none() {
        return Ok(place);
    }
    let word = args.value("a number of bytes behind it")?;
    match word.text.strip_prefix("nexthdr+").filter(|text| !text.is_empty()) {
        None => Ok(At { offset: signed(word, "a number of bytes, or nexthdr+ and one")?, ..place }),
        Some(text) => Ok(next_header(signed(&word.part(text, 8), "a number of bytes")?)),
    }
}

/// Adds a key: what is matched of the same four bytes is one key.
fn pack(
    keys: &mut Vec<U32Key>,
    word: &Word<'_>,
    width: Width,
    value: u32,
    mask: u32,
    place: At,
) -> Result<(), ParseError> {
    let shift = match width {
        Width::One => 24 - 8 * (place.offset & 3),
        // tc takes any that is not the first half for the second.
        Width::Two if place.offset & 3 == 0 => 16,
        Width::Two => 0,
        Width::Four if place.offset & 3 == 0 => 0,
        Width::Four => return Err(word.misplaced("matches four bytes at a place that is no multiple of four")),
    };
    let (value, mask) = ((value & mask) << shift, mask << shift);
    let offset_mask = if place.is_next_header { -1 } else { 0 };
    let at = place.offset & !3;
    if let Some(key) = keys.iter_mut().find(|key| key.at == at && key.offset_mask == offset_mask) {
        if (value ^ key.value) & mask & key.mask != 0 {
            return Err(word.misplaced("contradicts another match of the same bytes"));
        }
        key.value |= value;
        key.mask |= mask;
        return Ok(());
    }
    if keys.len() == MOST_KEYS {
        return Err(word.misplaced("is one match too many: 128 at most"));
    }
    keys.push(U32Key { value, mask, at, offset_mask });
    Ok(())
}
