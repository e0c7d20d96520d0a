//! A line's words, as `iptables-restore` cuts it.

use std::borrow::Cow;
use std::iter;

use super::super::error::{ParseError, Problem, nearest};

/// Characters of a word that an error tells.
const SHOWN: usize = 60;

/// A word, and where it stands.
#[derive(Clone, Debug)]
pub(in crate::ruleset::text) struct Word<'a> {
    pub(in crate::ruleset::text) text: Cow<'a, str>,
    pub(in crate::ruleset::text) line: u32,
    pub(in crate::ruleset::text) column: u32,
}

impl<'a> Word<'a> {
    pub(in crate::ruleset::text) fn new(text: &'a str, line: u32, column: u32) -> Self {
        Word { text: text.into(), line, column }
    }

    fn error(&self, problem: Problem) -> ParseError {
        let mut found: String = self.text.chars().take(SHOWN).collect();
        if found.len() < self.text.len() {
            found.push('…');
        }
        ParseError { line: self.line, column: self.column, found: found.into(), problem }
    }

    pub(in crate::ruleset::text) fn unknown<'c>(
        &self,
        what: &'static str,
        known: impl IntoIterator<Item = &'c str>,
    ) -> ParseError {
        self.error(Problem::Unknown { what, nearest: nearest(&self.text, known) })
    }

    pub(in crate::ruleset::text) fn not_handled(&self, why: &'static str) -> ParseError {
        self.error(Problem::NotHandled { why })
    }

    pub(in crate::ruleset::text) fn invalid(&self, expected: &'static str) -> ParseError {
        self.error(Problem::Invalid { expected })
    }

    pub(in crate::ruleset::text) fn missing(&self, what: &'static str) -> ParseError {
        self.error(Problem::Missing { what })
    }

    pub(in crate::ruleset::text) fn misplaced(&self, why: &'static str) -> ParseError {
        self.error(Problem::Misplaced { why })
    }

    /// The parts between separators, each in its place.
    pub(in crate::ruleset::text) fn split(&self, separator: char) -> impl Iterator<Item = Word<'_>> {
        let mut column = self.column;
        self.text.split(separator).map(move |text| {
            let word = Word { text: text.into(), line: self.line, column };
            column = column.saturating_add(text.chars().count() as u32 + 1);
            word
        })
    }

    /// What is before the first separator, and what is behind it if there is one.
    pub(in crate::ruleset::text) fn split_once(&self, separator: char) -> (Word<'_>, Option<Word<'_>>) {
        let part = |text, column| Word { text: Cow::Borrowed(text), line: self.line, column };
        match self.text.split_once(separator) {
            None => (part(&*self.text, self.column), None),
            Some((before, behind)) => {
                let column = self.column.saturating_add(before.chars().count() as u32 + 1);
                (part(before, self.column), Some(part(behind, column)))
            }
        }
    }

    /// The same word, apart from the line.
    pub(in crate::ruleset::text) fn into_owned(self) -> Word<'static> {
        Word { text: self.text.into_owned().into(), line: self.line, column: self.column }
    }
}

/// Cuts a line at blanks. Between quotation marks blanks are part of a word, and a backslash makes the next character
/// one; a closing quotation mark ends the word.
pub(super) fn words(line: &str, number: u32) -> Result<Vec<Word<'_>>, ParseError> {
    let mut words = Vec::new();
    let mut characters = line.char_indices().zip(1..).peekable();
    while let Some(&((start, first), column)) = characters.peek() {
        if is_blank(first) {
            characters.next();
            continue;
        }
        let mut word = Word::new("", number, column);
        let plain = iter::from_fn(|| characters.next_if(|((_, c), _)| !is_blank(*c) && *c != '"'));
        let end = plain.last().map_or(start, |((at, c), _)| at + c.len_utf8());
        let text = line.get(start..end).unwrap_or_default();
        word.text = text.into();
        if characters.next_if(|((_, c), _)| *c == '"').is_some() {
            let mut quoted = text.to_owned();
            loop {
                let Some(((_, c), _)) = characters.next() else {
                    return Err(Word::new("\"", number, column).missing("another quotation mark behind it"));
                };
                match c {
                    '"' => break,
                    '\\' => quoted.extend(characters.next().map(|((_, c), _)| c)),
                    c => quoted.push(c),
                }
            }
            word.text = quoted.into();
        }
        if word.text.contains(|c: char| c.is_control() && c != '\t') {
            return Err(word.misplaced("has a control character in it"));
        }
        words.push(word);
    }
    Ok(words)
}

fn is_blank(c: char) -> bool {
    c == ' ' || c == '\t'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(line: &str) -> Vec<(String, u32)> {
        words(line, 1).unwrap().into_iter().map(|word| (word.text.into_owned(), word.column)).collect()
    }

    #[test]
    fn blanks_part_words_and_quotation_marks_keep_them_together() {
        let expected = [("-A", 2), ("x", 6), ("a b", 8), ("", 14), ("q\"\\'", 17)];
        let expected: Vec<_> = expected.map(|(text, column)| (text.to_owned(), column)).into();
        assert_eq!(cut(" -A\t x \"a b\" \"\" \"q\\\"\\\\\\'\" "), expected);
        // As iptables-restore has it: what follows a closing quotation mark is another word.
        assert_eq!(cut("fo\"o b\"ar"), [("foo b".to_owned(), 1), ("ar".to_owned(), 8)]);
        assert_eq!(cut("a\\ b"), [("a\\".to_owned(), 1), ("b".to_owned(), 4)]);
        assert_eq!(cut("ü \"ä\" x"), [("ü".to_owned(), 1), ("ä".to_owned(), 3), ("x".to_owned(), 7)]);
    }

    #[test]
    fn what_cannot_be_cut_is_told_with_its_place() {
        assert_eq!(words("-A \"b", 3).unwrap_err().to_string(), "3:4: \"\\\"\" needs another quotation mark behind it");
        assert_eq!(words("a \"b\\", 1).unwrap_err().column, 3);
        assert_eq!(words("a b\u{7}", 1).unwrap_err().column, 3);
    }

    #[test]
    fn parts_know_their_place() {
        let word = Word::new("a,bc,,d", 1, 5);
        let parts: Vec<_> = word.split(',').map(|part| (part.text.into_owned(), part.column)).collect();
        let expected = [("a", 5), ("bc", 7), ("", 10), ("d", 11)].map(|(text, column)| (text.to_owned(), column));
        assert_eq!(parts, expected);
    }
}
