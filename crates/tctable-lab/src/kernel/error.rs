use std::io;

use thiserror::Error as ThisError;

/// What can go wrong between this process and the kernel.
#[derive(Debug, ThisError)]
pub enum Error {
    /// This process may not make network namespaces, or there is no TUN.
    #[error("no network namespace with TUN devices to be had here: {0}")]
    Unavailable(#[source] io::Error),
    /// A tool that sets up the namespace failed.
    #[error("{command}: {output}")]
    Command {
        /// The tool.
        command: &'static str,
        /// What it printed, or why it did not run.
        output: String,
    },
    /// A sysctl was not written.
    #[error("sysctl {name} = {value}: {error}")]
    Sysctl {
        /// Its name, with dots.
        name: String,
        /// The value that was refused.
        value: String,
        /// Why.
        error: io::Error,
    },
    /// Something else came out than went in.
    #[error("sent {sent:02x?}, but {came:02x?} came out")]
    Copy {
        /// What was sent.
        sent: Vec<u8>,
        /// What came.
        came: Vec<u8>,
    },
    /// ctnetlink said something that makes no sense.
    #[error("ctnetlink: {0}")]
    Netlink(&'static str),
    /// A device or socket failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<nix::Error> for Error {
    fn from(error: nix::Error) -> Self {
        Error::Io(error.into())
    }
}
