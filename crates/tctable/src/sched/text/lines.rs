//! A file's lines and words, as `tc -batch` cuts them.

use crate::words::{ParseError, Word};

/// The words of one command. There is at least one.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    words: Vec<Word<'a>>,
}

impl<'a> Line<'a> {
    /// A command of these words; `None` where there are none.
    pub fn new(words: Vec<Word<'a>>) -> Option<Line<'a>> {
        (!words.is_empty()).then_some(Line { words })
    }

    /// Its words.
    pub fn words(&self) -> &[Word<'a>] {
        &self.words
    }
}

/// Cuts a text into commands: one to a line, `#` begins a comment wherever it stands, a backslash at the very end goes on
/// with the next line without a blank, quotation marks of either kind keep blanks in a word that begins with one.
///
/// # Errors
/// [`ParseError`] where a quotation mark is not closed, or the last line goes on.
pub fn lines(text: &str) -> Result<Vec<Line<'static>>, ParseError> {
    let mut commands = Vec::new();
    let mut letters = Vec::new();
    let mut rest = text.split_inclusive('\n').zip(1u32..);
    while let Some((line, number)) = rest.next() {
        letters.clear();
        let mut goes_on = add(&mut letters, line, number);
        while let Some((at, column)) = goes_on {
            let backslash = Word::new("\\", at, column);
            let (line, number) = rest.next().ok_or_else(|| backslash.missing("another line behind it"))?;
            goes_on = add(&mut letters, line, number);
        }
        commands.extend(Line::new(words(&letters)?));
    }
    Ok(commands)
}

/// A character and where it stands: line and column.
type Letter = (char, u32, u32);

/// Adds what a line says to what lines before it said; where it goes on, the place of its backslash.
fn add(letters: &mut Vec<Letter>, line: &str, number: u32) -> Option<(u32, u32)> {
    let (said, is_cut) = match line.split_once('#') {
        Some((said, _)) => (said, true),
        None => (line, false),
    };
    let continued = said.strip_suffix("\\\n").filter(|_| !is_cut);
    letters.extend(continued.unwrap_or(said).chars().zip(1u32..).map(|(letter, column)| (letter, number, column)));
    continued.map(|said| (number, said.chars().count() as u32 + 1))
}

fn words(letters: &[Letter]) -> Result<Vec<Word<'static>>, ParseError> {
    let is_blank = |letter: char| matches!(letter, ' ' | '\t' | '\r' | '\n');
    let mut words = Vec::new();
    let mut letters = letters.iter().copied().peekable();
    while let Some((first, line, column)) = letters.next() {
        if is_blank(first) {
            continue;
        }
        let mut text = String::new();
        let mut is_spread = false;
        let (mut next_line, mut next_column) = (line, column + 1);
        let mut follows = |line, column| {
            is_spread |= (line, column) != (next_line, next_column);
            (next_line, next_column) = (line, column + 1);
        };
        if let '"' | '\'' = first {
            loop {
                match letters.next() {
                    None => {
                        return Err(Word::new(&text, line, column).missing("another quotation mark behind it"));
                    }
                    Some((letter, ..)) if letter == first => break,
                    Some((letter, line, column)) => {
                        follows(line, column);
                        text.push(letter);
                    }
                }
            }
        } else {
            text.push(first);
            while let Some((letter, line, column)) = letters.next_if(|(letter, ..)| !is_blank(*letter)) {
                follows(line, column);
                text.push(letter);
            }
        }
        let letters_at = u32::from(matches!(first, '"' | '\''));
        let word = Word { text: text.into(), line, column, letters: (!is_spread).then_some(letters_at) };
        if word.text.contains(char::is_control) {
            return Err(word.misplaced("has a control character in it"));
        }
        words.push(word);
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<Vec<String>> {
        let lines = lines(text).unwrap();
        lines.iter().map(|line| line.words().iter().map(|word| word.text.to_string()).collect()).collect()
    }

    /// What tc 6.1 does with each, by the qdisc that it made.
    #[test]
    fn lines_are_cut_as_tc_cuts_them() {
        for (text, expected) in [
            ("a b # c d\n", vec![vec!["a", "b"]]),
            ("a 1:#x b", vec![vec!["a", "1:"]]),
            ("a \\\nb", vec![vec!["a", "b"]]),
            ("hand\\\nle 1:", vec![vec!["handle", "1:"]]),
            ("a # b \\\nc", vec![vec!["a"], vec!["c"]]),
            ("a \\ \nb", vec![vec!["a", "\\"], vec!["b"]]),
            ("a \"b c\"d '' x\"y z\"", vec![vec!["a", "b c", "d", "", "x\"y", "z\""]]),
            (" \t\r\n#\n\n", vec![]),
            ("a\r\nb\r\n", vec![vec!["a"], vec!["b"]]),
        ] {
            assert_eq!(cut(text), expected, "{text:?}");
        }
    }

    #[test]
    fn words_know_their_place() {
        let lines = lines("a\n\n bä \\\n  \"c d\"e").unwrap();
        let places: Vec<_> =
            lines.iter().flat_map(Line::words).map(|word| (&*word.text, word.line, word.column)).collect();
        assert_eq!(places, [("a", 1, 1), ("bä", 3, 2), ("c d", 4, 3), ("e", 4, 8)]);
    }

    #[test]
    fn what_cannot_be_cut_is_told_with_its_place() {
        for (text, told) in [
            ("a\nb 'c d", "2:3: \"c d\" needs another quotation mark behind it"),
            ("a 'b # c'", "1:3: \"b \" needs another quotation mark behind it"),
            ("a \\\n", "1:3: \"\\\\\" needs another line behind it"),
            ("a b\u{7}", "1:3: \"b\\u{7}\" has a control character in it"),
        ] {
            assert_eq!(lines(text).unwrap_err().to_string(), told, "{text:?}");
        }
    }
}
