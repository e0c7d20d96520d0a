//! A line's words, as `iptables-restore` cuts it.

use std::iter;

use crate::words::{ParseError, Word};

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
}
