//! The files that are read: all are looked at before the first packet of any.

use std::path::{Path, PathBuf};
use std::{fs, io};

use tctable::conntrack::Counter;
use tctable_io::capture::{Capture, Compression, Format, Interface, OpenError, ReadError, Skipped};
use thiserror::Error;

/// Why an input cannot be used. Nothing was read then.
#[derive(Debug, Error)]
pub(crate) enum InputError {
    /// It cannot be opened, or is no capture that can be read.
    #[error("{file}: {reason}")]
    Open {
        /// Its name.
        file: String,
        /// What is wrong with it.
        reason: OpenError,
    },
    /// It is a directory.
    #[error("{0}: a directory, not a capture file")]
    Directory(String),
    /// Standard input was named twice.
    #[error("-: standard input can be read only once")]
    StdinTwice,
}

/// A file that was opened once and found to be a capture.
pub(crate) struct Input {
    name: String,
    source: Source,
    size: Option<u64>,
    /// The interfaces that stand before its first packet.
    pub(crate) interfaces: Vec<Interface>,
    pub(crate) format: Format,
}

enum Source {
    /// Opened again in its turn, so that a thousand files do not take a thousand buffers and descriptors.
    Path(PathBuf),
    /// A pipe: what was read of it does not come again.
    Open(Box<Capture>),
}

impl Input {
    fn new(path: &Path) -> Result<Input, InputError> {
        let name = path.display().to_string();
        let wrong = |reason| InputError::Open { file: name.clone(), reason };
        if path.as_os_str() == "-" {
            let name = "standard input";
            let wrong = |reason| InputError::Open { file: name.to_owned(), reason };
            let capture = Capture::from_reader(Box::new(io::stdin()), name).map_err(wrong)?;
            return Ok(Input::open_already(name.to_owned(), capture));
        }
        let metadata = fs::metadata(path).map_err(|reason| wrong(reason.into()))?;
        if metadata.is_dir() {
            return Err(InputError::Directory(name));
        }
        let capture = Capture::open(path).map_err(wrong)?;
        if !metadata.is_file() {
            return Ok(Input::open_already(name, capture));
        }
        let source = Source::Path(path.to_owned());
        let (interfaces, format) = (capture.interfaces().to_vec(), capture.format());
        Ok(Input { name, source, size: Some(metadata.len()), interfaces, format })
    }

    fn open_already(name: String, capture: Capture) -> Input {
        let (interfaces, format) = (capture.interfaces().to_vec(), capture.format());
        Input { name, source: Source::Open(Box::new(capture)), size: None, interfaces, format }
    }

    /// The path, or what standard input is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Bytes of the file as it is stored; `None` where nobody can know.
    pub(crate) fn size(&self) -> Option<u64> {
        self.size
    }

    /// The capture, before its first packet.
    pub(crate) fn open(self) -> Result<Box<Capture>, OpenError> {
        match self.source {
            Source::Path(path) => Capture::open(&path).map(Box::new),
            Source::Open(capture) => Ok(capture),
        }
    }
}

/// Looks at all files.
pub(crate) fn check(files: &[PathBuf]) -> Result<Vec<Input>, InputError> {
    if files.iter().filter(|path| path.as_os_str() == "-").count() > 1 {
        return Err(InputError::StdinTwice);
    }
    files.iter().map(|path| Input::new(path)).collect()
}

/// Whether two paths lead to the same file.
pub(crate) fn are_same(one: &Path, other: &Path) -> bool {
    match (fs::canonicalize(one), fs::canonicalize(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// What was wrong with a file that was read in part.
#[derive(Debug)]
pub(crate) struct Damage {
    /// In words.
    pub(crate) error: String,
    /// Bytes of the uncompressed capture before it.
    pub(crate) offset: Option<u64>,
}

impl From<ReadError> for Damage {
    fn from(error: ReadError) -> Damage {
        let offset = match error {
            ReadError::Cut { offset, .. }
            | ReadError::Corrupt { offset, .. }
            | ReadError::Decompress { offset, .. }
            | ReadError::Io { offset, .. } => Some(offset),
            _ => None,
        };
        Damage { error: error.to_string(), offset }
    }
}

/// What is known of a file once it was read.
#[derive(Debug)]
pub(crate) struct FileSummary {
    /// Its name.
    pub(crate) name: String,
    /// What kind of file it is, unless it went away before it was read.
    pub(crate) kind: Option<(Format, Compression)>,
    /// The interfaces that it describes.
    pub(crate) interfaces: Vec<Interface>,
    /// Its frames that were read.
    pub(crate) frames: Counter,
    /// Its packets that were not.
    pub(crate) skipped: Skipped,
    /// Why it was not read to its end.
    pub(crate) damage: Option<Damage>,
}

impl FileSummary {
    /// Of a file that was read.
    pub(crate) fn new(name: String, capture: &Capture, frames: Counter, damage: Option<Damage>) -> FileSummary {
        FileSummary {
            name,
            kind: Some((capture.format(), capture.compression())),
            interfaces: capture.interfaces().to_vec(),
            frames,
            skipped: capture.skipped().clone(),
            damage,
        }
    }

    /// Of a file that could not be opened when its turn came.
    pub(crate) fn vanished(name: String, error: OpenError) -> FileSummary {
        FileSummary {
            name,
            kind: None,
            interfaces: Vec::new(),
            frames: Counter::default(),
            skipped: Skipped::default(),
            damage: Some(Damage { error: error.to_string(), offset: None }),
        }
    }

    /// What is to be said about it: nothing where all of it was read.
    pub(crate) fn complaints(&self) -> impl Iterator<Item = String> {
        let name = &self.name;
        let damage = self.damage.iter().map(move |damage| format!("{name}: {}", damage.error));
        let links = &self.skipped.unsupported_link;
        let links = links.iter().map(move |(link, n)| format!("{name}: {}: {link} is not supported", skipped(*n)));
        let unknown = Some(self.skipped.unknown_interface).filter(|n| *n > 0);
        let unknown =
            unknown.map(move |n| format!("{name}: {}: of interfaces that the file does not describe", skipped(n)));
        damage.chain(links).chain(unknown)
    }
}

fn skipped(packets: u64) -> String {
    format!("{packets} packet{} skipped", if packets == 1 { "" } else { "s" })
}
