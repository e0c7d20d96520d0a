//! `tctable run`, `watch` and `check`: the gateway itself.

mod args;
mod log;

use tctable_daemon::RunError;
use tctable_daemon::config::{ConfigError, Loaded, Settings};
use thiserror::Error;

pub(crate) use args::{Check, Run, Watch};

/// Why there is no gateway.
#[derive(Debug, Error)]
pub(crate) enum Failed {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Forwards until it is told to end.
pub(crate) fn run(args: &Run) -> Result<(), Failed> {
    start(Settings::read(args.sources())?)
}

/// Listens until it is told to end.
pub(crate) fn watch(args: &Watch) -> Result<(), Failed> {
    start(Settings::read(args.sources())?)
}

fn start(settings: Settings) -> Result<(), Failed> {
    log::begin();
    Ok(tctable_daemon::run(settings, |_| ())?)
}

/// Reads all that a gateway would read.
pub(crate) fn check(args: &Check) -> Result<(), Failed> {
    let settings = Settings::read(args.sources())?;
    Loaded::read(&settings)?;
    Ok(())
}
