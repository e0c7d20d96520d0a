//! Hosts, groups and what was used of quotas, kept over restarts; connections too, where an operator wants that.
//!
//! Twice a second each shard tells what changed of its table, in pages between bursts; they are appended to its file and put on
//! the disk. When a file has grown too long, and at the end, the shard tells everything, and a new file takes its place.

mod connections;
mod directory;
mod log;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tctable::account::HostBook;
use tctable::conntrack::SavedConnections;
use tctable::time::Instant;
use thiserror::Error;
use tracing::warn;

use crate::shard::{Gone, Shard, Shards};
use directory::Directory;
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
    /// The file that says of how many shards it is says something else.
    #[error("{}: no number of shards", .0.display())]
    Shards(PathBuf),
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
    directory: Directory,
    logs: Vec<Log>,
    /// Connections that go on, as soon as the gateway does.
    taken: Vec<PathBuf>,
}

/// What a gateway goes on from.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// Of each shard.
    pub(crate) books: Vec<HostBook>,
    /// Of all of them.
    pub(crate) connections: SavedConnections,
}

impl Kept {
    /// When it was, nothing of it is later.
    pub(crate) fn taken_at(&self) -> Instant {
        self.books.iter().map(HostBook::taken_at).fold(self.connections.taken_at(), Instant::max)
    }
}

impl State {
    /// Opens a directory for so many shards, and gives what is kept.
    pub(crate) fn open(directory: &Path, shards: usize) -> Result<(State, Kept), StateError> {
        let directory = Directory::open(directory)?;
        let (logs, books) = directory.hosts(shards)?.into_iter().unzip();
        let (connections, taken) = connections::read(&directory.path)?;
        Ok((State { directory, logs, taken }, Kept { books, connections }))
    }

    /// From now on the gateway counts: connections that it went on with are another start's no more.
    pub(crate) fn begins(&mut self) {
        for path in self.taken.drain(..) {
            if let Err(error) = std::fs::remove_file(&path) {
                warn!("{}: {error}", path.display());
            }
        }
    }

    /// Keeps all connections for the next start.
    pub(crate) async fn save_connections(&self, shards: &Shards) {
        connections::save(&self.directory.path, shards).await;
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

fn gone(gone: Gone) -> io::Error {
    io::Error::other(gone)
}

async fn save(shards: &Shards, shard: usize, log: &mut Log, whole: bool) -> io::Result<()> {
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
