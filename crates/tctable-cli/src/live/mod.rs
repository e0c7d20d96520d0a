//! Commands that speak with a running gateway.

mod args;
mod changes;
mod classes;
pub(crate) mod client;
mod connections;
pub(crate) mod documents;
mod hosts;
mod rules;
mod stats;
mod sysctl;

use thiserror::Error;

use crate::output::{Output, OutputError};
use crate::report::{Look, colored, width};
pub(crate) use args::{Classes, Connections, Delete, Gateway, Hosts, Reload, Stats, Zero};
pub(crate) use changes::{delete, reload, zero};
pub(crate) use classes::classes;
use client::{Client, ClientError};
pub(crate) use connections::connections;
pub(crate) use hosts::{hosts, seconds};
pub(crate) use rules::{Form, rules};
pub(crate) use stats::{stats, stats_text};
pub(crate) use sysctl::{Tunables, sysctls};

/// Why a command failed.
#[derive(Debug, Error)]
pub(crate) enum LiveError {
    /// The gateway did not do it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Nobody takes the output.
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl args::Gateway {
    fn client(&self) -> Result<Client, ClientError> {
        Client::new(&self.control)
    }
}

impl args::Looks {
    fn look(&self, sort: tctable_view::Sort) -> Look {
        Look { width: width(), colored: colored(self.color), sort }
    }
}

/// Prints a text that is whole.
fn print(text: String) -> Result<(), LiveError> {
    let mut output = Output::stdout();
    output.text = text;
    Ok(output.finish()?)
}
