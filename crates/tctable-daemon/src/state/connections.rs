//! Connections, kept from an end to the next start only: after `kill -9` they would be older than the hosts, and whoever went
//! on with them would judge by windows that are out of date. `connections-I`, one for each shard that there was.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tctable::conntrack::SavedConnections;
use tracing::warn;

use super::{PAGE, StateError, gone, log};
use crate::shard::Shards;

/// What a directory has: all of it in one, and its files.
pub(super) fn read(directory: &Path) -> Result<(SavedConnections, Vec<PathBuf>), StateError> {
    let failed = |reason| StateError::Io { path: directory.to_owned(), reason };
    let (mut saved, mut files) = (SavedConnections::default(), Vec::new());
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some(shard) = name.strip_prefix("connections-") {
            // One that was being written is no better than none.
            if let Ok(table) = shard.parse() {
                let bytes = std::fs::read(&path).map_err(|reason| StateError::Io { path: path.clone(), reason })?;
                if let Err(error) = saved.read(table, &bytes) {
                    warn!("{}: connections do not go on: {error}", path.display());
                }
            }
            files.push(path);
        }
    }
    Ok((saved, files))
}

/// Keeps all connections.
pub(super) async fn save(directory: &Path, shards: &Shards) {
    for shard in 0..shards.count() {
        let path = directory.join(format!("connections-{shard}"));
        if let Err(error) = write(&path, shards, shard).await {
            warn!("{}: connections are not saved: {error}", path.display());
        }
    }
}

async fn write(path: &Path, shards: &Shards, shard: usize) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    let mut next = Some(0);
    while let Some(from) = next {
        let page = move |shard: &mut crate::shard::Shard| shard.gateway.save_connections(from, PAGE);
        let (page, then) = shards.ask(shard, page).await.map_err(gone)?;
        file.write_all(&page)?;
        next = then;
    }
    file.sync_all()?;
    std::fs::rename(new, path)?;
    log::sync_directory(path)
}
