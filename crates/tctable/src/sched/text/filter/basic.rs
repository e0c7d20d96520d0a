//! `basic` and its expressions: `TERM [{ and | or } EXPRESSION]`, so that what stands to the right binds first, as in tc.

use super::Kind;
use crate::sched::text::command::once;
use crate::sched::text::units;
use crate::sched::{
    BasicOptions, Cmp, CmpLayer, CmpOperator, Ematch, EmatchU32, Meta, MetaKey, MetaValue, Nbyte, U32Key,
};
use crate::words::{ParseError, Word};

/// Expressions within expressions that are read.
const DEEPEST: u32 = 32;

/// Reads what `basic` can be told.
pub(super) fn read(kind: &mut Kind<'_, '_, '_>) -> Result<BasicOptions, ParseError> {
    let mut options = BasicOptions::default();
    while let Some(word) = kind.args.next() {
        if kind.common(word, &mut options.class, &mut options.actions)? {
            continue;
        }
        if word.text != "match" {
            return Err(word.unknown("option of basic", ["match", "classid", "flowid", "action", "police"]));
        }
        // The expression goes on to the first word that cannot be part of it.
        let mut words = Vec::new();
        let mut depth = 0i32;
        while let Some(next) = kind.args.peek() {
            if depth <= 0 && matches!(&*next.text, "classid" | "flowid" | "action" | "police" | "match") {
                break;
            }
            depth += next.text.matches('(').count() as i32 - next.text.matches(')').count() as i32;
            cut(next, &mut words);
            kind.args.next();
        }
        let mut tokens = Tokens { words: &words, taken: 0, of: word };
        let matches = expression(&mut tokens, 0)?;
        if let Some(word) = tokens.next() {
            return Err(word.unknown("word between matches", ["and", "or"]));
        }
        once(&mut options.matches, matches, word)?;
    }
    Ok(options)
}

/// Cuts a word at blanks and round brackets, which are words of their own.
fn cut(word: &Word<'_>, words: &mut Vec<Word<'static>>) {
    let mut current = String::new();
    let mut start = 0;
    let mut flush = |current: &mut String, behind| {
        if !current.is_empty() {
            words.push(word.part(std::mem::take(current), behind));
        }
    };
    for (behind, letter) in word.text.chars().enumerate() {
        if letter.is_whitespace() || letter == '(' || letter == ')' {
            flush(&mut current, start);
            start = behind + 1;
            if letter == '(' || letter == ')' {
                current.push(letter);
                flush(&mut current, behind);
            }
        } else {
            current.push(letter);
        }
    }
    flush(&mut current, start);
}

struct Tokens<'t> {
    words: &'t [Word<'static>],
    taken: usize,
    of: &'t Word<'t>,
}

impl<'t> Tokens<'t> {
    fn peek(&self) -> Option<&'t Word<'static>> {
        self.words.get(self.taken)
    }

    fn next(&mut self) -> Option<&'t Word<'static>> {
        let word = self.peek()?;
        self.taken += 1;
        Some(word)
    }

    fn take(&mut self, expected: &str) -> bool {
        let is_there = self.peek().is_some_and(|word| word.text.eq_ignore_ascii_case(expected));
        self.taken += usize::from(is_there);
        is_there
    }

    fn value(&mut self, what: &'static str) -> Result<&'t Word<'static>, ParseError> {
        let last = self.words.get(self.taken.saturating_sub(1)).unwrap_or(self.of);
        let missing = last.missing(what);
        self.next().ok_or(missing)
    }

    fn expect(&mut self, expected: &'static str, what: &'static str) -> Result<(), ParseError> {
        let word = self.value(what)?;
        if word.text.eq_ignore_ascii_case(expected) { Ok(()) } else { Err(word.unknown("word", [expected])) }
    }
}

fn expression(tokens: &mut Tokens<'_>, depth: u32) -> Result<Ematch, ParseError> {
    let first = term(tokens, depth)?;
    let Some(word) = tokens.peek() else { return Ok(first) };
    let is_and = match &*word.text {
        "and" | "AND" => true,
        "or" | "OR" => false,
        _ => return Ok(first),
    };
    tokens.next();
    if depth == DEEPEST {
        return Err(word.misplaced("is one expression within an expression too many: 32 at most"));
    }
    let rest = expression(tokens, depth + 1)?;
    Ok(match (is_and, rest) {
        (true, Ematch::And(mut all)) => {
            all.insert(0, first);
            Ematch::And(all)
        }
        (false, Ematch::Or(mut all)) => {
            all.insert(0, first);
            Ematch::Or(all)
        }
        (true, rest) => Ematch::And(vec![first, rest]),
        (false, rest) => Ematch::Or(vec![first, rest]),
    })
}

fn term(tokens: &mut Tokens<'_>, depth: u32) -> Result<Ematch, ParseError> {
    if tokens.take("not") {
        return Ok(Ematch::Not(Box::new(term_itself(tokens, depth)?)));
    }
    term_itself(tokens, depth)
}

fn term_itself(tokens: &mut Tokens<'_>, depth: u32) -> Result<Ematch, ParseError> {
    let word = tokens.value("a match: cmp, u32, nbyte, meta, or ( an expression )")?;
    let read: fn(&mut Tokens<'_>) -> Result<Ematch, ParseError> = match &*word.text {
        "(" => {
            if depth == DEEPEST {
                return Err(word.misplaced("is one expression within an expression too many: 32 at most"));
            }
            let inner = expression(tokens, depth + 1)?;
            tokens.expect(")", "a bracket that closes")?;
            return Ok(inner);
        }
        "cmp" => cmp,
        "u32" => key,
        "nbyte" => nbyte,
        "meta" => meta,
        "text" | "ipset" | "ipt" | "canid" => return Err(word.not_handled("cmp, u32, nbyte and meta are")),
        _ => return Err(word.unknown("match", ["cmp", "u32", "nbyte", "meta", "not"])),
    };
    tokens.expect("(", "what it matches in brackets")?;
    let ematch = read(tokens)?;
    tokens.expect(")", "a bracket that closes")?;
    Ok(ematch)
}

fn layer(word: &Word<'_>) -> Result<CmpLayer, ParseError> {
    Ok(match &*word.text {
        "link" | "0" => CmpLayer::Link,
        "network" | "1" => CmpLayer::Network,
        "transport" | "2" => CmpLayer::Transport,
        _ => return Err(word.unknown("layer", ["link", "network", "transport"])),
    })
}

fn operator(word: &Word<'_>) -> Result<CmpOperator, ParseError> {
    Ok(match &*word.text {
        "eq" | "=" => CmpOperator::Equal,
        "lt" | "<" => CmpOperator::Less,
        "gt" | ">" => CmpOperator::Greater,
        _ => return Err(word.unknown("operator", ["eq", "lt", "gt"])),
    })
}

/// `ALIGN at OFFSET [layer LAYER] [mask MASK] [trans] { eq | lt | gt } VALUE`
fn cmp(tokens: &mut Tokens<'_>) -> Result<Ematch, ParseError> {
    let word = tokens.value("u8, u16 or u32")?;
    let align = match &*word.text {
        "u8" => 1,
        "u16" => 2,
        "u32" => 4,
        _ => return Err(word.unknown("width", ["u8", "u16", "u32"])),
    };
    let mut cmp = Cmp {
        align,
        at: 0,
        layer: CmpLayer::Network,
        mask: 0,
        operator: CmpOperator::Equal,
        value: 0,
        is_little_endian: false,
    };
    loop {
        let word = tokens.value("at, layer, mask, trans, or eq, lt or gt")?;
        match &*word.text {
            "at" => cmp.at = units::number(tokens.value("a number of bytes")?, "a number of bytes")?,
            "layer" => cmp.layer = layer(tokens.value("a layer")?)?,
            "mask" => cmp.mask = units::number(tokens.value("a mask")?, "a mask")?,
            "trans" => cmp.is_little_endian = true,
            _ => {
                cmp.operator = operator(word)?;
                cmp.value = units::number(tokens.value("a number")?, "a number")?;
                return Ok(Ematch::Cmp(cmp));
            }
        }
    }
}

/// `{ u8 | u16 | u32 } VALUE MASK at OFFSET`
fn key(tokens: &mut Tokens<'_>) -> Result<Ematch, ParseError> {
    let width = tokens.value("u8, u16 or u32")?;
    let value: u32 = units::number(tokens.value("a number")?, "a number")?;
    let mask: u32 = units::number(tokens.value("a mask")?, "a mask")?;
    tokens.expect("at", "at and a number of bytes")?;
    let word = tokens.value("a number of bytes")?;
    if word.text.starts_with("nexthdr+") {
        return Err(word.not_handled("outside of the filter u32 there is no next header"));
    }
    let place: i32 = super::u32::signed(word, "a number of bytes")?;
    let (most, shift) = match &*width.text {
        "u8" => (0xff, 24 - 8 * (place & 3)),
        "u16" => (0xffff, if place & 3 == 0 { 16 } else { 0 }),
        "u32" => (u32::MAX, 0),
        _ => return Err(width.unknown("width", ["u8", "u16", "u32"])),
    };
    if value > most || mask > most {
        return Err(width.misplaced("is too narrow for the number"));
    }
    let key = U32Key { value: (value & mask) << shift, mask: mask << shift, at: place & !3, offset_mask: 0 };
    Ok(Ematch::U32(EmatchU32 { key }))
}

/// `NEEDLE at OFFSET [layer LAYER]`
fn nbyte(tokens: &mut Tokens<'_>) -> Result<Ematch, ParseError> {
    let needle = tokens.value("bytes")?;
    let mut nbyte = Nbyte { needle: needle.text.trim_matches('"').as_bytes().into(), at: 0, layer: CmpLayer::Network };
    loop {
        match tokens.peek() {
            Some(word) if word.text == "at" => {
                tokens.next();
                nbyte.at = units::number(tokens.value("a number of bytes")?, "a number of bytes")?;
            }
            Some(word) if word.text == "layer" => {
                tokens.next();
                nbyte.layer = layer(tokens.value("a layer")?)?;
            }
            _ => return Ok(Ematch::Nbyte(nbyte)),
        }
    }
}

/// `OBJECT { eq | lt | gt } OBJECT`
fn meta(tokens: &mut Tokens<'_>) -> Result<Ematch, ParseError> {
    let left = meta_value(tokens)?;
    let operator = operator(tokens.value("eq, lt or gt")?)?;
    Ok(Ematch::Meta(Meta { left, operator, right: meta_value(tokens)? }))
}

/// `NUMBER`, or `KEY [shift N] [mask MASK]`
fn meta_value(tokens: &mut Tokens<'_>) -> Result<MetaValue, ParseError> {
    const KEYS: [(&str, MetaKey); 7] = [
        ("random", MetaKey::Random),
        ("nf_mark", MetaKey::Mark),
        ("fwmark", MetaKey::Mark),
        ("priority", MetaKey::Priority),
        ("pkt_len", MetaKey::Length),
        ("mac_len", MetaKey::LinkLength),
        ("vlan", MetaKey::Vlan),
    ];
    let word = tokens.value("a number or a key")?;
    if word.text.starts_with(|letter: char| letter.is_ascii_digit()) {
        return Ok(MetaValue::Number(units::number(word, "a number")?));
    }
    let key = KEYS.iter().find(|(name, _)| *name == word.text);
    let (_, key) = *key.ok_or_else(|| word.unknown("key of meta", KEYS.map(|(name, _)| name)))?;
    let (mut shift, mut mask) = (0, 0);
    loop {
        if tokens.take("shift") {
            shift = units::number(tokens.value("a number of bits")?, "a number of bits")?;
        } else if tokens.take("mask") {
            mask = units::number(tokens.value("a mask")?, "a mask")?;
        } else {
            return Ok(MetaValue::Key { key, shift, mask });
        }
    }
}
