use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tctable::account::HostBook;

use super::StateError;

/// A shard's pages, one behind the other: `hosts-I-of-N.log`. A whole pass begins a new file, which takes the old one's place
/// when it is complete and on the disk.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: File,
    /// Bytes of it, and of the whole pass that it began with.
    pub(super) len: u64,
    pub(super) base: u64,
    /// A new file that is not complete yet.
    next: Option<(File, u64)>,
}

impl Log {
    /// Opens a file, and reads what is right in it: what follows the first page that is not whole was being written when the
    /// gateway was killed.
    pub(super) fn open(path: PathBuf) -> Result<(Log, HostBook), StateError> {
        let failed = |reason| StateError::Io { path: path.clone(), reason };
        let bytes = match std::fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            bytes => bytes.map_err(failed)?,
        };
        let mut book = HostBook::default();
        let mut rest = bytes.as_slice();
        while let Some((page, behind)) = HostBook::page_len(rest).and_then(|len| rest.split_at_checked(len)) {
            if book.apply(page).is_err() {
                break;
            }
            rest = behind;
        }
        let len = (bytes.len() - rest.len()) as u64;
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?;
        // Nothing is to be written behind what cannot be read.
        file.set_len(len).map_err(failed)?;
        Ok((Log { path, file, len, base: len, next: None }, book))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn new_path(&self) -> PathBuf {
        self.path.with_extension("new")
    }

    /// A whole pass begins.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        self.next = Some((File::create(self.new_path())?, 0));
        Ok(())
    }

    /// Takes a page, which is on the disk after [`Log::finish`].
    pub(super) fn append(&mut self, page: &[u8]) -> io::Result<()> {
        let (file, len) = match &mut self.next {
            Some((file, len)) => (file, len),
            None => (&mut self.file, &mut self.len),
        };
        if let Err(error) = file.write_all(page) {
            // Half a page would hide what comes behind it.
            let _ = file.set_len(*len);
            return Err(error);
        }
        *len += page.len() as u64;
        Ok(())
    }

    /// A pass is over.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        match self.next.take() {
            None => self.file.sync_data(),
            Some((file, len)) => {
                file.sync_all()?;
                std::fs::rename(self.new_path(), &self.path)?;
                (self.file, self.len, self.base) = (file, len, len);
                sync_directory(&self.path)
            }
        }
    }

    /// A pass is given up.
    pub(super) fn give_up(&mut self) {
        if self.next.take().is_some() {
            let _ = std::fs::remove_file(self.new_path());
        }
    }
}

/// The new name is on the disk too.
pub(super) fn sync_directory(file: &Path) -> io::Result<()> {
    match file.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}
