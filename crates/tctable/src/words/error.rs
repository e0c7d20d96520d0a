use std::fmt;

use thiserror::Error;

/// Why a text cannot be read, and where. Nothing was loaded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct ParseError {
    /// The line, the first being 1.
    pub line: u32,
    /// The character of the line, the first being 1.
    pub column: u32,
    /// What stands there; a long word is cut.
    pub found: Box<str>,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It is not known.
    Unknown {
        /// What it would be: a table, a match, a target.
        what: &'static str,
        /// The known word that it is nearest to, if one is near.
        nearest: Option<Box<str>>,
    },
    /// The kernel's own program knows it, and it is not handled here.
    NotHandled {
        /// What it would do.
        why: &'static str,
    },
    /// It is no value of the kind that is wanted.
    Invalid {
        /// What is wanted.
        expected: &'static str,
    },
    /// Something must come with it, and does not.
    Missing {
        /// What must.
        what: &'static str,
    },
    /// It cannot stand here.
    Misplaced {
        /// Why not.
        why: &'static str,
    },
}

impl fmt::Display for ParseError {
    /// `LINE:COLUMN: what is wrong`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ParseError { line, column, found, problem } = self;
        write!(f, "{line}:{column}: ")?;
        match problem {
            Problem::Unknown { what, nearest: None } => write!(f, "unknown {what} {found:?}"),
            Problem::Unknown { what, nearest: Some(nearest) } => {
                write!(f, "unknown {what} {found:?}: did you mean {nearest:?}?")
            }
            Problem::NotHandled { why } => write!(f, "{found:?} is not handled: {why}"),
            Problem::Invalid { expected } => write!(f, "{found:?} is not {expected}"),
            Problem::Missing { what } => write!(f, "{found:?} needs {what}"),
            Problem::Misplaced { why } => write!(f, "{found:?} {why}"),
        }
    }
}

/// A word that is longer is like none that is known.
const LONGEST: usize = 40;

/// The candidate that a mistyped word is nearest to, if it is near enough to have been meant.
pub(super) fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<Box<str>> {
    if word.is_empty() || word.len() > LONGEST {
        return None;
    }
    let allowed = word.chars().count().div_ceil(3);
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.into())
}

/// Changes of one letter between two words; upper and lower case are nearly the same.
fn distance(word: &str, candidate: &str) -> usize {
    let folded = strsim::osa_distance(&word.to_ascii_lowercase(), &candidate.to_ascii_lowercase());
    folded + usize::from(folded == 0 && word != candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_found() {
        let known = ["conntrack", "connmark", "mark", "limit"];
        for (word, meant) in [
            ("contrack", Some("conntrack")),
            ("MARK", Some("mark")),
            ("lmiit", Some("limit")),
            ("string", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known).as_deref(), meant, "{word}");
        }
        assert_eq!(nearest(&"m".repeat(100_000), known), None);
    }
}
