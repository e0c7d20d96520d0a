use std::borrow::Cow;

use super::error::{ParseError, Problem, nearest};

/// Characters of a word that an error tells.
const SHOWN: usize = 60;

/// A word, and where it stands.
#[derive(Clone, Debug)]
pub struct Word<'a> {
    /// What it says.
    pub text: Cow<'a, str>,
    /// Its line, the first being 1.
    pub line: u32,
    /// Its first character's place in the line, the first being 1.
    pub column: u32,
    /// From there on to the first character of its text, quotation marks being none of it; `None` where its characters do not
    /// stand one behind the other, so that only the word's own place can be told of any part of it.
    pub letters: Option<u32>,
}

impl<'a> Word<'a> {
    /// A word in its place.
    pub fn new(text: &'a str, line: u32, column: u32) -> Self {
        Word { text: text.into(), line, column, letters: Some(0) }
    }

    /// A part of it, which is behind so many of its characters.
    pub(crate) fn part<'p>(&self, text: impl Into<Cow<'p, str>>, behind: usize) -> Word<'p> {
        let behind = u32::try_from(behind).unwrap_or(u32::MAX);
        let by = self.letters.map_or(0, |letters| letters.saturating_add(behind));
        let letters = self.letters.map(|_| 0);
        Word { text: text.into(), line: self.line, column: self.column.saturating_add(by), letters }
    }

    fn error(&self, problem: Problem) -> ParseError {
        let mut found: String = self.text.chars().take(SHOWN).collect();
        if found.len() < self.text.len() {
            found.push('…');
        }
        ParseError { line: self.line, column: self.column, found: found.into(), problem }
    }

    pub(crate) fn unknown<'c>(&self, what: &'static str, known: impl IntoIterator<Item = &'c str>) -> ParseError {
        self.error(Problem::Unknown { what, nearest: nearest(&self.text, known) })
    }

    pub(crate) fn not_handled(&self, why: &'static str) -> ParseError {
        self.error(Problem::NotHandled { why })
    }

    pub(crate) fn invalid(&self, expected: &'static str) -> ParseError {
        self.error(Problem::Invalid { expected })
    }

    pub(crate) fn missing(&self, what: &'static str) -> ParseError {
        self.error(Problem::Missing { what })
    }

    pub(crate) fn misplaced(&self, why: &'static str) -> ParseError {
        self.error(Problem::Misplaced { why })
    }

    /// The parts between separators, each in its place.
    pub(crate) fn split(&self, separator: char) -> impl Iterator<Item = Word<'_>> {
        let mut behind = 0;
        self.text.split(separator).map(move |text| {
            let word = self.part(text, behind);
            behind += text.chars().count() + 1;
            word
        })
    }

    /// What is before the first separator, and what is behind it if there is one.
    pub(crate) fn split_once(&self, separator: char) -> (Word<'_>, Option<Word<'_>>) {
        match self.text.split_once(separator) {
            None => (self.part(&*self.text, 0), None),
            Some((before, behind)) => (self.part(before, 0), Some(self.part(behind, before.chars().count() + 1))),
        }
    }

    /// The same word, apart from the line.
    pub(crate) fn into_owned(self) -> Word<'static> {
        Word { text: self.text.into_owned().into(), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_know_their_place() {
        let word = Word::new("a,bc,,d", 1, 5);
        let parts: Vec<_> = word.split(',').map(|part| (part.text.into_owned(), part.column)).collect();
        let expected = [("a", 5), ("bc", 7), ("", 10), ("d", 11)].map(|(text, column)| (text.to_owned(), column));
        assert_eq!(parts, expected);
        let quoted = Word { letters: Some(1), ..word.clone() };
        assert_eq!(quoted.split(',').map(|part| part.column).collect::<Vec<_>>(), [6, 8, 11, 12]);
        let spread = Word { letters: None, ..word };
        assert!(spread.split(',').flat_map(|part| [part.column, part.part("", 1).column]).all(|column| column == 5));
    }
}
