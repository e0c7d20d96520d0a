//! A whole file: tables, each from its name to `COMMIT`.

use super::matches::Scope;
use super::rule::command;
use super::table::TableDraft;
use super::words::words;
use crate::conntrack::Counter;
use crate::packet::Family;
use crate::ruleset::rule::{Ruleset, Table, TableName};
use crate::ruleset::sets::Sets;
use crate::words::ParseError;
use crate::words::Word;

/// Reads the text of `iptables-save` or `ip6tables-save`.
pub(in crate::ruleset::text) fn ruleset(family: Family, text: &str, sets: &Sets) -> Result<Ruleset, ParseError> {
    let scope = Scope { family, sets };
    let mut tables: Vec<Table> = Vec::new();
    let mut open: Option<(TableDraft, Word<'_>)> = None;
    for (line, number) in text.lines().zip(1..) {
        let start = line.len() - line.trim_start_matches([' ', '\t']).len();
        let column = start as u32 + 1;
        let rest = line.get(start..).unwrap_or_default().trim_end_matches([' ', '\t']);
        if rest.is_empty() || rest.starts_with('#') {
            continue;
        }
        let whole = Word::new(rest, number, column);
        match &mut open {
            None => match rest.strip_prefix('*') {
                Some(_) => {
                    let (word, name) = table_name(line, number)?;
                    if tables.iter().any(|table| table.name == name) {
                        return Err(word.misplaced("is a table that was there already: its first rules would be lost"));
                    }
                    open = Some((TableDraft::new(name), word));
                }
                None => return Err(whole.misplaced("stands outside a table: one begins with *NAME")),
            },
            Some(_) if rest == "COMMIT" => {
                if let Some((table, _)) = open.take() {
                    tables.push(table.finish()?);
                }
            }
            Some((table, _)) if rest.starts_with(':') => chain(table, line, number)?,
            Some((table, _)) => {
                let (counter, rest) = counter_before(rest, number, column)?;
                let words = words(rest.0, number)?.into_iter();
                let words = words.map(|word| Word { column: word.column + rest.1, ..word }).collect();
                let command = command(words, counter, table, scope)?;
                table.run(command)?;
            }
        }
    }
    if let Some((_, word)) = open {
        return Err(word.missing("COMMIT at its end"));
    }
    tables.sort_by_key(|table| table.name);
    Ok(Ruleset { family, tables })
}

/// `*NAME`
fn table_name(line: &str, number: u32) -> Result<(Word<'_>, TableName), ParseError> {
    let words = words(line, number)?;
    let mut words = words.into_iter();
    let star = words.next();
    let named = match star {
        Some(star) if star.text == "*" => words.next().ok_or_else(|| star.missing("the name of a table"))?,
        Some(star) => {
            let text = star.text.strip_prefix('*').unwrap_or(&star.text).to_owned();
            Word { text: text.into(), column: star.column + 1, ..star }
        }
        None => return Err(Word::new(line, number, 1).missing("the name of a table")),
    };
    if let Some(more) = words.next() {
        return Err(more.misplaced("is not expected here"));
    }
    let found = TableName::ALL.into_iter().find(|name| name.as_str() == named.text);
    match (found, &*named.text) {
        (Some(name), _) => Ok((named, name)),
        (None, "nat") => Err(named.not_handled("addresses are not translated yet")),
        (None, "security") => Err(named.not_handled("packets have no security marks")),
        (None, _) => Err(named.unknown("table", TableName::ALL.map(TableName::as_str))),
    }
}

/// `:CHAIN POLICY [packets:bytes]`
fn chain(table: &mut TableDraft, line: &str, line_number: u32) -> Result<(), ParseError> {
    let words = words(line, line_number)?;
    let mut words = words.into_iter();
    let Some(first) = words.next() else { return Ok(()) };
    let name = match &*first.text {
        ":" => words.next().ok_or_else(|| first.missing("the name of a chain"))?,
        text => {
            let text = text.strip_prefix(':').unwrap_or(text).to_owned();
            Word::new("", line_number, first.column + 1).part(text, 0)
        }
    };
    let policy = words.next().ok_or_else(|| name.missing("a policy: ACCEPT, DROP, or - where it is not built-in"))?;
    let counter = words.next().map(|word| counter(&word)).transpose()?;
    if let Some(more) = words.next() {
        return Err(more.misplaced("is not expected here"));
    }
    table.declare(&name, &policy, counter.unwrap_or_default())
}

/// What stands after `[packets:bytes]`, with how many characters are before it.
type Rest<'a> = (&'a str, u32);

/// `[packets:bytes]` before a rule.
fn counter_before(line: &str, number: u32, column: u32) -> Result<(Option<(Word<'_>, Counter)>, Rest<'_>), ParseError> {
    if !line.starts_with('[') {
        return Ok((None, (line, column - 1)));
    }
    let Some((inside, rest)) = line.split_once(']') else {
        return Err(Word::new(line, number, column).invalid("a counter, [packets:bytes]"));
    };
    let text = line.get(..inside.len() + 1).unwrap_or_default();
    let word = Word::new(text, number, column);
    let counter = counter(&word)?;
    Ok((Some((word, counter)), (rest, column - 1 + text.chars().count() as u32)))
}

fn counter(word: &Word<'_>) -> Result<Counter, ParseError> {
    let inside = word.text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let counter = inside
        .and_then(|inside| inside.split_once(':'))
        .and_then(|(packets, bytes)| Some(Counter { packets: decimal(packets)?, bytes: decimal(bytes)? }));
    counter.ok_or_else(|| word.invalid("a counter, [packets:bytes]"))
}

fn decimal(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| !text.starts_with('+'))
}
