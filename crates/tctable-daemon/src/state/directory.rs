use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use tctable::account::HostBook;

use super::StateError;
use super::log::{self, Log};

/// Where state is: `hosts-I-of-N.log` for each of N shards, and `shards`, which says what N is. Another number of shards gets
/// files of its own, and `shards` takes the step from the one to the other: whatever the moment at which it ends, what was
/// counted is in one of the two and is read once.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) path: PathBuf,
    /// For as long as it is locked nobody else has the directory.
    lock: File,
}

impl Drop for Directory {
    /// Closing it is not enough where a process is being started, which has it open until it runs another program.
    fn drop(&mut self) {
        let _ = flock(&self.lock, FlockOperation::Unlock);
    }
}

impl Directory {
    pub(super) fn open(path: &Path) -> Result<Directory, StateError> {
        std::fs::create_dir_all(path).map_err(failed(path))?;
        let file = path.join("lock");
        let lock = File::create(&file).map_err(failed(&file))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| StateError::Taken(path.to_owned()))?;
        Ok(Directory { path: path.to_owned(), lock })
    }

    /// Opens the files of so many shards, and gives what is kept of each.
    pub(super) fn hosts(&self, shards: usize) -> Result<Vec<(Log, HostBook)>, StateError> {
        match self.shards()? {
            Some(before) if before == shards => {}
            before => self.hand_out(before.unwrap_or(0), shards)?,
        }
        (0..shards).map(|shard| Log::open(self.log(shard, shards))).collect()
    }

    fn log(&self, shard: usize, shards: usize) -> PathBuf {
        self.path.join(format!("hosts-{shard}-of-{shards}.log"))
    }

    /// How many shards the state is of, if there is any.
    fn shards(&self) -> Result<Option<usize>, StateError> {
        let path = self.path.join("shards");
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(failed(&path))?,
        };
        let number = text.trim().parse().ok().filter(|number| (1..=256).contains(number));
        number.map(Some).ok_or(StateError::Shards(path))
    }

    /// Hands what is kept of so many shards out to other ones. Hosts are added up where they are read, so each shard's go on as a
    /// whole; where there are fewer shards than before, one gets those of several.
    fn hand_out(&self, before: usize, shards: usize) -> Result<(), StateError> {
        let mut books: Vec<HostBook> = (0..shards).map(|_| HostBook::default()).collect();
        for shard in 0..before {
            let (_, book) = Log::open(self.log(shard, before))?;
            books[shard % shards].add(book);
        }
        for (shard, book) in books.iter().enumerate() {
            let path = self.log(shard, shards);
            let page = if book.is_empty() { Vec::new() } else { book.page() };
            write(&path, &page).map_err(failed(&path))?;
        }
        let path = self.path.join("shards");
        write(&path, format!("{shards}\n").as_bytes()).map_err(failed(&path))?;
        for shard in 0..before {
            // What is left of it is not read any more.
            let _ = std::fs::remove_file(self.log(shard, before));
        }
        Ok(())
    }
}

/// Puts a file in the place of the one of that name, if there is one, once all of it is on the disk.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(new, path)?;
    log::sync_directory(path)
}

pub(super) fn failed(path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_owned();
    move |reason| StateError::Io { path, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_free_again_though_somebody_has_its_lock_open() {
        let place = tempfile::tempdir().expect("a directory");
        let directory = Directory::open(place.path()).expect("free");
        assert!(matches!(Directory::open(place.path()), Err(StateError::Taken(_))));
        // As a process has it that is being started.
        let _open = directory.lock.try_clone().expect("possible");
        drop(directory);
        Directory::open(place.path()).expect("free again");
    }
}
