//! `tctable run`, `watch` and `check`: the gateway itself.

mod args;
mod log;

use std::process::ExitStatus;

use tctable_daemon::RunError;
use tctable_daemon::config::{ConfigError, Form, Loaded, Settings};
use tctable_daemon::supervise::{SuperviseError, Supervised, Supervisor, supervise};
use thiserror::Error;

pub(crate) use args::{Check, Run, Watch};

/// Why there is no gateway.
#[derive(Debug, Error)]
pub(crate) enum Failed {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Supervise(#[from] SuperviseError),
    /// What was wrong was told by the gateway's process.
    #[error("the gateway never forwarded ({0}); the kernel passes everything on between the two interfaces")]
    Never(ExitStatus),
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
    if let Form::InLine { lan, wan } = &settings.form
        && settings.fail_open
        && !Supervisor::find().is_ok_and(|supervisor| supervisor.is_there())
    {
        let what = Supervised {
            lan: lan.clone(),
            wan: wan.clone(),
            program: "/proc/self/exe".into(),
            arguments: std::env::args_os().skip(1).collect(),
        };
        return supervise(&what)?.map_or(Ok(()), |status| Err(Failed::Never(status)));
    }
    Ok(tctable_daemon::run(settings, |_| ())?)
}

/// Reads all that a gateway would read.
pub(crate) fn check(args: &Check) -> Result<(), Failed> {
    let settings = Settings::read(args.sources())?;
    Loaded::read(&settings)?;
    Ok(())
}
