use crate::sched::{Handle, Rate};
use crate::time::Duration;
use crate::words::{ParseError, Word};

use super::units;

/// A command's words, taken from the left one after the other.
#[derive(Clone, Debug)]
pub(super) struct Args<'w, 'a> {
    words: &'w [Word<'a>],
    /// Words that were taken.
    taken: usize,
    /// How fast the link is of the device that the command is about, of which rates may be a share.
    pub(super) speed: Option<Rate>,
}

impl<'w, 'a> Args<'w, 'a> {
    pub(super) fn new(words: &'w [Word<'a>]) -> Args<'w, 'a> {
        Args { words, taken: 0, speed: None }
    }

    /// The next word, taken.
    pub(super) fn next(&mut self) -> Option<&'w Word<'a>> {
        let word = self.peek()?;
        self.taken += 1;
        Some(word)
    }

    /// The next word.
    pub(super) fn peek(&self) -> Option<&'w Word<'a>> {
        self.words.get(self.taken)
    }

    /// Takes the next word if it is that one.
    pub(super) fn take(&mut self, expected: &str) -> Option<&'w Word<'a>> {
        self.peek().filter(|word| word.text == expected).inspect(|_| self.taken += 1)
    }

    /// The word that was taken last; the first one where none was.
    pub(super) fn last(&self) -> Word<'a> {
        let word = self.words.get(self.taken.saturating_sub(1));
        word.cloned().unwrap_or_else(|| Word::new("", 1, 1))
    }

    /// The word behind the one that was taken last, which is told to need it.
    pub(super) fn value(&mut self, what: &'static str) -> Result<&'w Word<'a>, ParseError> {
        let of = self.last();
        self.next().ok_or_else(|| of.missing(what))
    }

    /// The next word as a rate.
    pub(super) fn rate(&mut self) -> Result<Rate, ParseError> {
        let speed = self.speed;
        let word = self.value("a rate behind it")?;
        units::rate(word, speed)
    }

    /// The next word as a size in bytes.
    pub(super) fn size(&mut self) -> Result<u32, ParseError> {
        units::size(self.value("a size behind it")?)
    }

    /// The next word as a time.
    pub(super) fn time(&mut self) -> Result<Duration, ParseError> {
        units::time(self.value("a time behind it")?)
    }

    /// The next word as a whole number: decimal, hexadecimal behind `0x`, octal behind `0`.
    pub(super) fn number<N: TryFrom<u64>>(&mut self, expected: &'static str) -> Result<N, ParseError> {
        units::number(self.value("a number behind it")?, expected)
    }

    /// The next word as a whole number in base ten.
    pub(super) fn decimal<N: TryFrom<u64>>(&mut self, expected: &'static str) -> Result<N, ParseError> {
        units::decimal(self.value("a number behind it")?, expected)
    }

    /// The next word as a qdisc's handle.
    pub(super) fn qdisc(&mut self) -> Result<Handle, ParseError> {
        units::qdisc(self.value("a handle behind it")?)
    }

    /// The next word as the name of a class or a qdisc.
    pub(super) fn class(&mut self) -> Result<Handle, ParseError> {
        units::class(self.value("a class behind it")?)
    }
}

impl Word<'_> {
    /// The first of these keywords that it is the beginning of, or all of: many of tc's words can be cut short. What is
    /// none of them is itself.
    pub(super) fn keyword<'k>(&'k self, keywords: &[&'k str]) -> &'k str {
        let text = &*self.text;
        let found = keywords.iter().find(|keyword| !text.is_empty() && keyword.starts_with(text));
        found.copied().unwrap_or(text)
    }
}
