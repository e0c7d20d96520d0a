//! A shaping as TOML: turned into the words of tc's lines, which one parser reads.
//!
//! Each `[[link]]`, `[[qdisc]]`, `[[class]]`, `[[hostclass]]` or `[[filter]]` is one line, in the order of the file. `kind` stands where tc has
//! it, behind what says where the object is; all other keys are followed by their values. `true` stands for the key alone, a
//! text is cut at blanks, a list of numbers follows its key, and one of texts repeats its key.

use std::borrow::Cow;
use std::ops::Range;

use tctable::sched::text::{Line, Word};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::ShapingError;

/// The kinds of tables: the word of tc, the words behind it, and the keys that stand before `kind`.
const TABLES: [(&str, &[&str], &[&str]); 5] = [
    ("link", &["set"], &["device", "dev", "speed"]),
    ("qdisc", &["add"], &["device", "dev", "parent", "root", "handle"]),
    ("class", &["add"], &["device", "dev", "parent", "root", "classid"]),
    ("hostclass", &["add"], &["device", "dev", "parent", "prefix4", "prefix6", "timeout", "max"]),
    (
        "filter",
        &["add"],
        &["device", "dev", "parent", "root", "protocol", "prio", "pref", "priority", "handle", "chain"],
    ),
];

/// Why a TOML file is not turned into lines.
#[derive(Debug)]
pub(super) struct TableError {
    line: u32,
    column: u32,
    reason: String,
}

impl TableError {
    pub(super) fn of_file(self, file: &str) -> ShapingError {
        let TableError { line, column, reason } = self;
        ShapingError::Toml { file: file.to_owned(), line, column, reason }
    }
}

/// Which key each word came from.
#[derive(Debug, Default)]
pub(super) struct Keys(Vec<(u32, u32, String)>);

impl Keys {
    /// The key of the word at that place.
    pub(super) fn find(&self, line: u32, column: u32) -> Option<String> {
        let found = self.0.iter().rev().find(|(at, first, _)| *at == line && *first <= column);
        found.map(|(.., key)| key.clone())
    }
}

/// Turns a text into lines, and remembers the keys.
pub(super) fn lines(text: &str) -> Result<(Vec<Line<'static>>, Keys), TableError> {
    let places = Places::new(text);
    let document = DeTable::parse(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let (line, column) = places.of(start);
        TableError { line, column, reason: error.message().to_owned() }
    })?;
    let mut tables = Vec::new();
    for (key, value) in document.get_ref() {
        let (line, column) = places.of(key.span().start);
        let wrong = |reason| TableError { line, column, reason };
        let name: &str = key.get_ref();
        let Some(kind) = TABLES.iter().find(|(known, ..)| *known == name) else {
            let known = TABLES.iter().map(|(known, ..)| format!("[[{known}]]")).collect::<Vec<_>>().join(", ");
            return Err(wrong(format!("unknown table {name:?}; there are {known}")));
        };
        let DeValue::Array(array) = value.get_ref() else {
            return Err(wrong(format!("{name:?} is a list of tables: write [[{name}]]")));
        };
        for (number, value) in array.iter().enumerate() {
            let DeValue::Table(table) = value.get_ref() else {
                return Err(wrong(format!("{name:?} is a list of tables: write [[{name}]]")));
            };
            tables.push((value.span().start, kind, number, table));
        }
    }
    tables.sort_unstable_by_key(|(start, ..)| *start);
    let mut translator = Translator { places, keys: Keys::default(), words: Vec::new() };
    let mut lines = Vec::new();
    for (start, (name, verbs, before), number, table) in tables {
        lines.extend(translator.line(start, name, verbs, before, number, table)?);
    }
    Ok((lines, translator.keys))
}

struct Translator<'t> {
    places: Places<'t>,
    keys: Keys,
    words: Vec<Word<'static>>,
}

impl Translator<'_> {
    fn line(
        &mut self,
        start: usize,
        name: &str,
        verbs: &[&str],
        before: &[&str],
        number: usize,
        table: &DeTable<'_>,
    ) -> Result<Option<Line<'static>>, TableError> {
        let path = |key: &str| format!("{name}[{number}].{key}");
        self.words.clear();
        for word in [name].iter().chain(verbs) {
            self.add(word, start, format!("{name}[{number}]"));
        }
        // As they stand in the file: TOML tables have no order of their own.
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let rank = |key: &str| match key {
            "kind" => 1,
            _ if before.contains(&key) => 0,
            _ => 2,
        };
        entries.sort_by_key(|(key, _)| rank(key.get_ref()));
        for (key, value) in entries {
            let name: &str = key.get_ref();
            if name == "kind" {
                self.value(&path(name), None, value)?;
            } else {
                let word = if name == "device" { "dev" } else { name };
                self.value(&path(name), Some((word, key.span())), value)?;
            }
        }
        Ok(Line::new(std::mem::take(&mut self.words)))
    }

    /// A key's words and its value's.
    fn value(
        &mut self,
        path: &str,
        key: Option<(&str, Range<usize>)>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<(), TableError> {
        let add_key = |this: &mut Self| {
            if let Some((word, span)) = &key {
                this.add(word, span.start, path.to_owned());
            }
        };
        match value.get_ref() {
            DeValue::Array(elements)
                if elements.iter().any(|element| matches!(element.get_ref(), DeValue::String(_))) =>
            {
                for element in elements.iter() {
                    add_key(self);
                    self.scalar(path, element)?;
                }
                Ok(())
            }
            DeValue::Array(elements) => {
                add_key(self);
                self.all(path, elements)
            }
            DeValue::Boolean(true) => {
                add_key(self);
                Ok(())
            }
            DeValue::Boolean(false) => Err(self.wrong(
                path,
                value,
                "is true, or not there at all (some kinds have a key for no, such as noecn)",
            )),
            _ => {
                add_key(self);
                self.scalar(path, value)
            }
        }
    }

    fn all(&mut self, path: &str, elements: &DeArray<'_>) -> Result<(), TableError> {
        elements.iter().try_for_each(|element| self.scalar(path, element))
    }

    fn scalar(&mut self, path: &str, value: &Spanned<DeValue<'_>>) -> Result<(), TableError> {
        let span = value.span();
        let source = self.places.text.get(span.clone()).unwrap_or_default();
        match value.get_ref() {
            DeValue::String(text) => {
                // Where the text stands as it is behind a quotation mark, its words have places of their own.
                let is_plain = source.get(1..).is_some_and(|inner| inner.starts_with(&**text));
                let mut rest: &str = text;
                while let Some(begin) = rest.find(|letter: char| !letter.is_whitespace()) {
                    let word_start = text.len() - rest.len() + begin;
                    let word = rest[begin..].split(char::is_whitespace).next().unwrap_or_default();
                    let at = if is_plain { span.start + 1 + word_start } else { span.start };
                    self.add(word, at, path.to_owned());
                    rest = &rest[begin + word.len()..];
                }
                Ok(())
            }
            // As it is written: a class's 12 is hexadecimal.
            DeValue::Integer(_) | DeValue::Float(_) => {
                self.add(&source.replace('_', ""), span.start, path.to_owned());
                Ok(())
            }
            _ => Err(self.wrong(path, value, "is a text, a number, true, or a list of texts or of numbers")),
        }
    }

    fn wrong(&self, path: &str, value: &Spanned<DeValue<'_>>, what: &str) -> TableError {
        let (line, column) = self.places.of(value.span().start);
        TableError { line, column, reason: format!("{path} {what}") }
    }

    fn add(&mut self, word: &str, start: usize, key: String) {
        let (line, column) = self.places.of(start);
        self.keys.0.push((line, column, key));
        self.words.push(Word { text: Cow::Owned(word.to_owned()), line, column, letters: Some(0) });
    }
}

/// Where lines begin, in bytes.
struct Places<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Places<'t> {
    fn new(text: &'t str) -> Places<'t> {
        let starts = text.match_indices('\n').map(|(at, _)| at + 1);
        Places { text, starts: std::iter::once(0).chain(starts).collect() }
    }

    /// The line and the column of a byte.
    fn of(&self, at: usize) -> (u32, u32) {
        let line = self.starts.partition_point(|start| *start <= at);
        let start = self.starts[line - 1];
        let before = self.text.get(start..at).unwrap_or_default();
        (line as u32, before.chars().count() as u32 + 1)
    }
}
