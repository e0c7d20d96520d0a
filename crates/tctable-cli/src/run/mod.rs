//! `tctable run`, `watch` and `check`: the gateway itself.

mod args;
mod log;

use std::process::ExitStatus;

use tctable_daemon::RunError;
use tctable_daemon::config::{ConfigError, Form, Loaded, Settings};
use tctable_daemon::privilege::Start;
use tctable_daemon::supervise::{SuperviseError, Supervised, Supervisor, supervise};
use thiserror::Error;

pub(crate) use args::{Check, Run, Watch};

/// Why there is no gateway.
#[derive(Debug, Error)]
pub(crate) enum Failed {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Supervise(#[from] SuperviseError),
    #[error("the gateway ended before it forwarded: {0}")]
    Ended(ExitStatus),
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
    if let (true, Form::InLine { lan, wan }) = (settings.fail_open, &settings.form)
        && !Supervisor::find().map_err(SuperviseError::from)?.is_there()
    {
        let supervised = Supervised {
            lan: lan.clone(),
            wan: wan.clone(),
            program: std::env::current_exe().map_err(SuperviseError::from)?,
            arguments: std::env::args_os().skip(1).collect(),
            start: Start::of(&settings),
        };
        return match supervise(&supervised)? {
            None => Ok(()),
            Some(status) => Err(Failed::Ended(status)),
        };
    }
    Ok(tctable_daemon::run(settings, |_| ())?)
}

/// Reads all that a gateway would read.
pub(crate) fn check(args: &Check) -> Result<(), Failed> {
    let settings = Settings::read(args.sources())?;
    Loaded::read(&settings)?;
    Ok(())
}
