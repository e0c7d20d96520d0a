use std::io;
use std::path::PathBuf;

use tctable::account::GroupError;
use tctable::gateway::{SysctlError, UnknownRuleHelper};
use tctable::packet::Family;
use thiserror::Error;

use super::rules_file::RulesFileError;
use super::shaping::ShapingError;

/// Why settings are not used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("{}: cannot be read: {reason}", .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        reason: io::Error,
    },
    /// A file says something that is not understood.
    #[error("{}:{line}:{column}: {reason}", .file.display())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// The line; the first one is 1.
        line: usize,
        /// The character of the line.
        column: usize,
        /// What is wrong.
        reason: String,
    },
    /// No interface is named.
    #[error("no interface: say `lan` and `wan`, or `tun`, or `watch`")]
    NoInterface,
    /// Only one side of a bridge is named.
    #[error("a bridge has two sides: `lan` and `wan`")]
    OneSide,
    /// Two forms at once.
    #[error("`lan` and `wan`, `tun`, and `watch` exclude each other")]
    TwoForms,
    /// The same interface twice.
    #[error("{0}: named twice")]
    SameInterface(String),
    /// No interface can be called so.
    #[error("{0:?} is no name of an interface: it has 1 to 15 bytes, neither `/` nor blanks")]
    InterfaceName(String),
    /// A number that makes no sense.
    #[error("{what}: {reason}")]
    Senseless {
        /// The setting.
        what: &'static str,
        /// Why not.
        reason: String,
    },
    /// A tunable cannot be set.
    #[error("sysctl: {0}")]
    Sysctl(#[from] SysctlError),
    /// Groups make no sense together.
    #[error(transparent)]
    Groups(#[from] GroupError),
    /// A file of rules or sets is wrong.
    #[error(transparent)]
    Rules(#[from] RulesFileError),
    /// A file of traffic control is wrong.
    #[error(transparent)]
    Shaping(#[from] ShapingError),
    /// Two files of rules for one version of IP.
    #[error("two files of rules for {0}")]
    Twice(Family),
    /// A rule names a helper that there is none of.
    #[error(transparent)]
    Helper(#[from] UnknownRuleHelper),
}
