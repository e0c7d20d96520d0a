//! Files of settings.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::error::ConfigError;
use super::said::Said;

impl Said {
    /// What a text says; `file` is what it is called where something is wrong.
    ///
    /// # Errors
    /// [`ConfigError::Syntax`]: also where a key is not known.
    pub fn parse(file: &Path, text: &str) -> Result<Said, ConfigError> {
        toml::from_str(text).map_err(|error| {
            let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or(text);
            let line = before.split('\n').next_back().unwrap_or_default();
            ConfigError::Syntax {
                file: file.to_owned(),
                line: before.matches('\n').count() + 1,
                column: line.chars().count() + 1,
                reason: error.message().to_owned(),
            }
        })
    }

    /// What a file says.
    ///
    /// # Errors
    /// [`ConfigError`]
    pub fn read(file: &Path) -> Result<Said, ConfigError> {
        let text = fs::read_to_string(file);
        let text = text.map_err(|reason| ConfigError::Read { file: file.to_owned(), reason })?;
        Said::parse(file, &text)
    }

    /// What a file says, and those `*.toml` of the directory `conf.d` beside it in the order of their names: later ones go
    /// before earlier ones. Neither needs to be there unless `needed`.
    ///
    /// # Errors
    /// [`ConfigError`]
    pub fn read_all(file: &Path, needed: bool) -> Result<Said, ConfigError> {
        let mut said = match Said::read(file) {
            Err(ConfigError::Read { reason, .. }) if reason.kind() == io::ErrorKind::NotFound && !needed => {
                Said::default()
            }
            said => said?,
        };
        for part in parts(&file.with_file_name("conf.d"))? {
            said = Said::read(&part)?.after(said);
        }
        Ok(said)
    }
}

fn parts(directory: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let wrong = |reason| ConfigError::Read { file: directory.to_owned(), reason };
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(wrong)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(wrong)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
