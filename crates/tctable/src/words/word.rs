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
}

impl<'a> Word<'a> {
    /// A word in its place.
    pub fn new(text: &'a str, line: u32, column: u32) -> Self {
        Word { text: text.into(), line, column }
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
        let mut column = self.column;
        self.text.split(separator).map(move |text| {
            let word = Word { text: text.into(), line: self.line, column };
            column = column.saturating_add(text.chars().count() as u32 + 1);
            word
        })
    }

    /// What is before the first separator, and what is behind it if there is one.
    pub(crate) fn split_once(&self, separator: char) -> (Word<'_>, Option<Word<'_>>) {
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
    pub(crate) fn into_owned(self) -> Word<'static> {
        Word { text: self.text.into_owned().into(), line: self.line, column: self.column }
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
    }
}
