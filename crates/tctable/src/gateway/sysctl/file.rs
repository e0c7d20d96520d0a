//! Files in the form of sysctl.conf(5).

use std::collections::BTreeSet;

use thiserror::Error;

use super::glob::{fits, is_pattern};
use super::{ENTRIES, READ_ONLY, SysctlError, with_dots};
use crate::gateway::Config;

/// What becomes of a line whose name is no tunable's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// It is an error.
    Refuse,
    /// It is skipped, as with `sysctl --ignore`: a machine's own file sets much that the engine has not.
    Skip,
}

/// Why a file was not loaded: its first line that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {cause}")]
pub struct SysctlFileError {
    /// The line's number; the first one is 1.
    pub line: usize,
    /// What is wrong.
    pub cause: SysctlLineError,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SysctlLineError {
    /// It is neither a comment nor a setting.
    #[error("not `name = value`")]
    Syntax,
    /// The tunable was not set.
    #[error(transparent)]
    Setting(#[from] SysctlError),
}

/// A line that is no comment.
struct Line {
    number: usize,
    /// What fails is passed over.
    lenient: bool,
    /// With dots.
    name: String,
    /// There is none where the line only says that no pattern is to set the name.
    value: Option<String>,
}

impl Line {
    /// Reads a line; `None` for a comment or nothing.
    fn parse(number: usize, text: &str) -> Option<Result<Line, SysctlFileError>> {
        let text = text.trim();
        if text.is_empty() || text.starts_with(['#', ';']) {
            return None;
        }
        let (lenient, text) = match text.strip_prefix('-') {
            Some(text) => (true, text),
            None => (false, text),
        };
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.trim().to_owned())),
            None => (text, None),
        };
        let name = with_dots(name.trim());
        if name.is_empty() || value.is_none() && !lenient {
            return Some(Err(SysctlFileError { line: number, cause: SysctlLineError::Syntax }));
        }
        Some(Ok(Line { number, lenient, name, value }))
    }

    /// Does what the line says. `named` are the names that lines have without wildcards.
    fn apply(&self, config: &mut Config, named: &BTreeSet<&str>, unknown: Unknown) -> Result<(), SysctlError> {
        let Some(value) = &self.value else { return Ok(()) };
        if is_pattern(&self.name) {
            let mut fitting = names().filter(|name| fits(&self.name, name) && !named.contains(name));
            return fitting.try_for_each(|name| self.forgive(config.set_sysctl(name, value)));
        }
        let set = match (config.set_named(&self.name, value), unknown) {
            (Some(set), _) => set,
            (None, Unknown::Skip) => Ok(()),
            (None, Unknown::Refuse) => Err(SysctlError::Unknown(self.name.clone())),
        };
        self.forgive(set)
    }

    fn forgive(&self, set: Result<(), SysctlError>) -> Result<(), SysctlError> {
        if self.lenient { Ok(()) } else { set }
    }
}

/// The names of all tunables.
fn names() -> impl Iterator<Item = &'static str> {
    ENTRIES.iter().map(|entry| entry.name).chain(READ_ONLY.iter().map(|(name, _)| *name))
}

impl Config {
    /// Sets tunables as a file in the form of sysctl.conf(5) says, whose text this is. Either all of it is done or nothing.
    ///
    /// A line is `name = value`, a comment that begins with `#` or `;`, or empty; a later line goes before an earlier one.
    /// With `-` before the name it does not matter if it cannot be set. Names are in full, with dots or slashes; one
    /// with wildcards (glob(7)) sets all that it fits but for those that some line names as they are, if only by `-name`
    /// without a value. One that fits none is no error.
    ///
    /// In one point this is stricter than the kernel, which takes the first word of a value for the whole: here nothing may
    /// follow a number, no comment either.
    ///
    /// # Errors
    /// [`SysctlFileError`]; nothing is changed then.
    pub fn load_sysctls(&mut self, text: &[u8], unknown: Unknown) -> Result<(), SysctlFileError> {
        let lines = text.split(|byte| *byte == b'\n').enumerate();
        let lines = lines.filter_map(|(nth, line)| Line::parse(nth + 1, &String::from_utf8_lossy(line)));
        let lines = lines.collect::<Result<Vec<Line>, SysctlFileError>>()?;
        let plain = lines.iter().filter(|line| !is_pattern(&line.name));
        let named = plain.map(|line| line.name.as_str()).collect();
        let mut config = self.clone();
        for line in &lines {
            let applied = line.apply(&mut config, &named, unknown);
            applied.map_err(|error| SysctlFileError { line: line.number, cause: error.into() })?;
        }
        *self = config;
        Ok(())
    }
}
