use std::io;

use thiserror::Error as ThisError;

/// What can go wrong with namespaces and the traffic between them.
#[derive(Debug, ThisError)]
pub enum Error {
    /// Only root may make network namespaces.
    #[error("network namespaces need root (CAP_SYS_ADMIN and CAP_NET_ADMIN): {0}")]
    NotRoot(#[source] io::Error),
    /// A program is not installed.
    #[error("`{command}` is needed and not installed{}", package(command))]
    NoTool {
        /// Its name.
        command: String,
    },
    /// A program failed.
    #[error("{command}: {output}")]
    Command {
        /// What was run.
        command: String,
        /// What it said on standard error.
        output: String,
    },
    /// An address, a file or a socket failed.
    #[error("{what}: {reason}")]
    Io {
        /// What was tried.
        what: String,
        /// What the operating system said.
        #[source]
        reason: io::Error,
    },
}

/// Where Debian has a program.
fn package(command: &str) -> &'static str {
    match command {
        "ip" | "tc" | "bridge" => " (package iproute2)",
        "nft" => " (package nftables)",
        _ => "",
    }
}

impl Error {
    /// What was tried, and why it failed.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
        let what = what.into();
        move |reason| Error::Io { what, reason }
    }
}
