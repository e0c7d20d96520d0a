//! Where text goes: standard output or a file, through one buffer in memory.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use thiserror::Error;

/// Text that is gathered before it is written: a system call then costs nothing beside the text.
const ENOUGH: usize = 64 << 10;

/// Why output was not written.
#[derive(Debug, Error)]
pub(crate) enum OutputError {
    /// The file cannot be made.
    #[error("{file}: cannot be written: {reason}")]
    Create {
        /// Its name.
        file: String,
        /// What the operating system said.
        reason: io::Error,
    },
    /// The file or standard output takes no more.
    #[error("{file}: writing failed: {reason}")]
    Write {
        /// Its name.
        file: String,
        /// What the operating system said.
        reason: io::Error,
    },
    /// Nobody reads the pipe any more.
    #[error("the output was closed")]
    Closed,
}

/// An output under its name. Text is added to [`Output::text`], which cannot fail, and leaves with [`Output::relieve`]
/// and [`Output::finish`].
pub(crate) struct Output {
    name: String,
    file: Box<dyn Write>,
    /// What was not written yet.
    pub(crate) text: String,
}

impl Output {
    /// Standard output.
    pub(crate) fn stdout() -> Output {
        Output { name: "standard output".to_owned(), file: Box::new(io::stdout()), text: String::new() }
    }

    /// A new file, or standard output for `-`.
    pub(crate) fn create(path: &Path) -> Result<Output, OutputError> {
        if is_stdout(path) {
            return Ok(Output::stdout());
        }
        let name = path.display().to_string();
        match File::create(path) {
            Ok(file) => Ok(Output { name, file: Box::new(file), text: String::new() }),
            Err(reason) => Err(OutputError::Create { file: name, reason }),
        }
    }

    /// Writes what was gathered, if it is enough to be worth it.
    pub(crate) fn relieve(&mut self) -> Result<(), OutputError> {
        if self.text.len() >= ENOUGH { self.write() } else { Ok(()) }
    }

    /// Writes all that is left.
    pub(crate) fn finish(mut self) -> Result<(), OutputError> {
        self.write()?;
        let flushed = self.file.flush();
        self.named(flushed)
    }

    fn write(&mut self) -> Result<(), OutputError> {
        let written = self.file.write_all(self.text.as_bytes());
        self.text.clear();
        self.named(written)
    }

    fn named(&self, result: io::Result<()>) -> Result<(), OutputError> {
        result.map_err(|reason| match reason.kind() {
            ErrorKind::BrokenPipe => OutputError::Closed,
            _ => OutputError::Write { file: self.name.clone(), reason },
        })
    }
}

/// Whether a path stands for standard output.
pub(crate) fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}
