//! Hosts, groups and what was used of quotas, kept over restarts.
//!
//! Twice a second each shard tells what changed of its table, in pages between bursts; they are appended to its file and put on
//! the disk. When a file has grown too long, and at the end, the shard tells everything, and a new file takes its place.

mod log;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use tctable::account::HostBook;
use thiserror::Error;
use tracing::warn;

use crate::shard::{Gone, Shard, Shards};
use log::Log;

/// How often what changed is saved: so that the last time was over less than a second ago, also where saving takes a while.
const INTERVAL: Duration = Duration::from_millis(500);
/// Places of the table in one page: some hundred microseconds of work.
const PAGE: usize = 2048;
/// A file that grew by so much beyond what it began with is written anew, if that is no less than it began with.
const GROWTH: u64 = 16 << 20;

/// Why there is no state.
#[derive(Debug, Error)]
pub enum StateError {
    /// Another gateway has it.
    #[error("{}: another gateway keeps its state there", .0.display())]
    Taken(PathBuf),
    /// There were more shards.
    #[error("{}: is of more shards than the {shards} there are now", .path.display())]
    MoreShards {
        /// The state of one that is not there.
        path: PathBuf,
        /// Shards that there are.
        shards: usize,
    },
    /// The operating system does not do what is needed.
    #[error("{}: {reason}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        reason: io::Error,
    },
}

/// The files of a gateway.
#[derive(Debug)]
pub(crate) struct State {
    logs: Vec<Log>,
    /// For as long as it is open nobody else has the directory.
    _lock: File,
}

impl State {
    /// Opens a directory for so many shards, and gives what is kept of each.
    pub(crate) fn open(directory: &Path, shards: usize) -> Result<(State, Vec<HostBook>), StateError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |reason| StateError::Io { path, reason }
        };
        std::fs::create_dir_all(directory).map_err(failed(directory))?;
        let path = directory.join("lock");
        let lock = File::create(&path).map_err(failed(&path))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| StateError::Taken(directory.to_owned()))?;
        let (mut logs, mut books) = (Vec::new(), Vec::new());
        for shard in 0..shards {
            let (log, book) = Log::open(file(directory, shard))?;
            logs.push(log);
            books.push(book);
        }
        let beyond = file(directory, shards);
        match beyond.metadata() {
            Ok(file) if file.len() > 0 => Err(StateError::MoreShards { path: beyond, shards }),
            _ => Ok((State { logs, _lock: lock }, books)),
        }
    }

    /// Saves what changed, again and again. Whoever drops this loses at most what changed since the last time.
    pub(crate) async fn keep(&mut self, shards: &Shards) {
        let mut due = tokio::time::interval(INTERVAL);
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            due.tick().await;
            self.save(shards, false).await;
        }
    }

    /// Saves what changed, or everything.
    pub(crate) async fn save(&mut self, shards: &Shards, whole: bool) {
        for (shard, log) in self.logs.iter_mut().enumerate() {
            let saved = save(shards, shard, log, whole).await;
            if let Err(error) = saved {
                log.give_up();
                // The shard has told what is not on the disk: the next pass is to tell everything.
                log.base = 0;
                log.len = u64::MAX;
                warn!("{}: hosts are not saved: {error}", log.path().display());
            }
        }
    }
}

fn file(directory: &Path, shard: usize) -> PathBuf {
    directory.join(format!("hosts-{shard}.log"))
}

async fn save(shards: &Shards, shard: usize, log: &mut Log, whole: bool) -> io::Result<()> {
    let gone = |Gone| io::Error::other(Gone);
    let whole = whole || log.len.saturating_sub(log.base) > GROWTH.max(log.base);
    let mut now_at = shards.ask(shard, move |shard| shard.gateway.begin_host_pass(whole)).await.map_err(gone)?;
    if now_at.is_whole() {
        log.begin()?;
    }
    loop {
        let job = move |shard: &mut Shard| {
            let mut pass = now_at;
            let page = shard.gateway.host_page(&mut pass, PAGE);
            (pass, page)
        };
        let (after, page) = shards.ask(shard, job).await.map_err(gone)?;
        now_at = after;
        match page {
            Some(page) => log.append(&page)?,
            None => return log.finish(),
        }
    }
}
