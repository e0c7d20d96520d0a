//! `u32`.

mod selector;

pub(super) use selector::{hex, signed};

use super::Kind;
use crate::sched::text::args::Args;
use crate::sched::text::command::once;
use crate::sched::{U32Node, U32Options, U32Selector, U32VariableOffset};
use crate::words::{ParseError, Word};

/// What can be cut short.
const SHORT: [&str; 7] = ["match", "offset", "hashkey", "classid", "divisor", "action", "police"];
/// What cannot.
const LONG: [&str; 7] = ["flowid", "order", "link", "ht", "sample", "indev", "terminal"];

/// A handle: `TABLE:BUCKET:NODE`, hexadecimal, any of them left out for 0; or `0x` and a number.
pub(super) fn handle(word: &Word<'_>) -> Result<u32, ParseError> {
    let wrong = || word.invalid("a handle, TABLE:BUCKET:NODE, such as 800::801");
    let hex = |text: &str, most: u32| {
        let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = if text.is_empty() { Some(0) } else { u32::from_str_radix(text, 16).ok() };
        number.filter(|number| is_hex && *number <= most)
    };
    if let Some(digits) = word.text.strip_prefix("0x") {
        return hex(digits, u32::MAX).filter(|_| !digits.is_empty()).ok_or_else(wrong);
    }
    let mut parts = word.text.split(':');
    let table = parts.next().and_then(|text| hex(text, 0xfff));
    let rest = (parts.next(), parts.next(), parts.next());
    let (bucket, node) = match rest {
        (Some(bucket), node, None) => (hex(bucket, 0xff), hex(node.unwrap_or_default(), 0xfff)),
        _ => (None, None),
    };
    match (table, bucket, node) {
        (Some(table), Some(bucket), Some(node)) => Ok(table << 20 | bucket << 12 | node),
        _ => Err(wrong()),
    }
}

/// A table's handle.
fn table(args: &mut Args<'_, '_>) -> Result<u32, ParseError> {
    let word = args.value("a table's handle behind it")?;
    let handle = handle(word)?;
    if handle & 0xfff != 0 { Err(word.invalid("a table's handle, such as 2:")) } else { Ok(handle) }
}

/// Reads what `u32` can be told, and the handle with what `order` says.
pub(super) fn read(kind: &mut Kind<'_, '_, '_>, mut handle: u32) -> Result<(u32, U32Options), ParseError> {
    if kind.args.peek().is_none() {
        return Ok((handle, U32Options::Root));
    }
    let mut node = U32Node::default();
    let mut selector = U32Selector::default();
    let (mut divisor, mut has_selector, mut sampled) = (None, false, None);
    let (mut order, mut link) = (None, None);
    while let Some(word) = kind.args.next() {
        let keyword = word.keyword(&SHORT);
        match keyword {
            "match" => {
                if let Some(mark) = selector::selector(kind.args, &mut selector.keys)? {
                    once(&mut node.mark, mark, word)?;
                }
                has_selector = true;
            }
            "offset" => {
                offset(kind.args, &mut selector)?;
                has_selector = true;
            }
            "hashkey" => {
                hash_key(kind.args, &mut selector)?;
                has_selector = true;
            }
            "classid" | "flowid" => {
                once(&mut node.class, kind.args.class()?, word)?;
                selector.terminal = true;
            }
            "divisor" => {
                let buckets = kind.args.number::<u32>("a divisor, a power of two up to 256")?;
                if !buckets.is_power_of_two() || buckets > 256 {
                    return Err(kind.args.last().invalid("a divisor, a power of two up to 256"));
                }
                once(&mut divisor, (word, buckets), word)?;
            }
            "order" => {
                let number: u32 = kind.args.number("a node's number, 1 to 4095")?;
                if !(1..=0xfff).contains(&number) {
                    return Err(kind.args.last().invalid("a node's number, 1 to 4095"));
                }
                once(&mut order, number, word)?;
                if handle & 0xfff != 0 && handle & 0xfff != number {
                    return Err(word.misplaced("contradicts the handle"));
                }
                handle |= number;
            }
            "link" => once(&mut link, table(kind.args)?, word)?,
            "ht" => {
                let table = table(kind.args)?;
                node.table = Some(sampled.map_or(table, |bucket| table & 0xfff0_0000 | bucket));
            }
            "sample" => {
                let bucket = sample(kind.args)?;
                sampled = Some(bucket);
                node.table = Some(node.table.unwrap_or(0) & 0xfff0_0000 | bucket);
            }
            "indev" => once(&mut node.input, kind.devices.find(kind.args)?, word)?,
            _ => {
                let mut said = word.clone();
                said.text = keyword.into();
                if !kind.common(&said, &mut node.class, &mut node.actions)? {
                    return Err(word.unknown("option of u32", SHORT.into_iter().chain(LONG)));
                }
                selector.terminal = true;
            }
        }
    }
    if let Some((word, divisor)) = divisor {
        if has_selector || link.is_some() || node != U32Node::default() {
            return Err(word.misplaced("makes a table, which has nothing else to be told"));
        }
        return Ok((handle, U32Options::Table { divisor }));
    }
    // A table that was only sampled for is the root table, whose one bucket it must be.
    node.table = node.table.map(|table| if table >> 20 == 0 { 0xfff0_0000 | table } else { table });
    node.link = link;
    node.selector = has_selector.then_some(selector);
    Ok((handle, U32Options::Node(node)))
}

/// `plus N`, `at N`, `mask HEX`, `shift N`, `eat`.
fn offset(args: &mut Args<'_, '_>, selector: &mut U32Selector) -> Result<(), ParseError> {
    let none = U32VariableOffset { at: 0, mask: 0, shift: 0 };
    while let Some(word) = args.peek() {
        match word.keyword(&["plus", "at", "mask", "shift", "eat"]) {
            "plus" => {
                args.next();
                let plus = args.number("a number of bytes, 0 to 65535")?;
                selector.offset.get_or_insert_default().fixed = plus;
            }
            "at" => {
                args.next();
                let word = args.value("a number of bytes behind it")?;
                let at: i16 = selector::signed(word, "a number of bytes, even")?;
                if at % 2 != 0 {
                    return Err(word.invalid("a number of bytes, even"));
                }
                selector.offset.get_or_insert_default().variable.get_or_insert(none).at = at;
            }
            "mask" => {
                args.next();
                let mask = selector::hex(args.value("a mask behind it")?, 0xffff)?;
                selector.offset.get_or_insert_default().variable.get_or_insert(none).mask = mask as u16;
            }
            "shift" => {
                args.next();
                let shift: u8 = args.number("a number of bits, 0 to 15")?;
                if shift > 15 {
                    return Err(args.last().invalid("a number of bits, 0 to 15"));
                }
                selector.offset.get_or_insert_default().variable.get_or_insert(none).shift = shift;
            }
            "eat" => {
                args.next();
                selector.eat = true;
            }
            _ => break,
        }
    }
    if selector.offset.is_none() && !selector.eat {
        return Err(args.last().missing("plus, at, mask, shift or eat"));
    }
    Ok(())
}

/// `mask HEX`, `at N`.
fn hash_key(args: &mut Args<'_, '_>, selector: &mut U32Selector) -> Result<(), ParseError> {
    let first = args.last();
    let mut is_told = false;
    while let Some(word) = args.peek() {
        match word.keyword(&["mask", "at"]) {
            "mask" => {
                args.next();
                selector.hash_mask = selector::hex(args.value("a mask behind it")?, u32::MAX)?;
            }
            "at" => {
                args.next();
                let word = args.value("a number of bytes behind it")?;
                selector.hash_at = selector::signed(word, "a number of bytes, a multiple of four")?;
                if selector.hash_at % 4 != 0 {
                    return Err(word.invalid("a number of bytes, a multiple of four"));
                }
            }
            _ => break,
        }
        is_told = true;
    }
    if is_told { Ok(()) } else { Err(first.missing("mask or at")) }
}

/// The bucket of a key: its bytes are folded to one, modulo the divisor.
fn sample(args: &mut Args<'_, '_>) -> Result<u32, ParseError> {
    let first = args.last();
    let mut keys = Vec::new();
    if selector::selector(args, &mut keys)?.is_some() {
        return Err(first.missing("a key of the packet's bytes"));
    }
    let &[key] = &keys[..] else { return Err(first.missing("exactly one key")) };
    let mut divisor = 256;
    if args.take("divisor").is_some() {
        divisor = args.number("a divisor, a power of two up to 256")?;
        if !u32::is_power_of_two(divisor) || divisor > 256 {
            return Err(args.last().invalid("a divisor, a power of two up to 256"));
        }
    }
    let folded = (key.value & key.mask).to_be_bytes().into_iter().fold(0, |folded, byte| folded ^ byte);
    Ok((u32::from(folded) % divisor) << 12)
}
