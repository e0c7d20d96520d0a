//! What a gateway is told: files of TOML and options, what they name, and what comes of all that before it is used.
//!
//! [`Said`] is what one file or the command line says, [`Settings`] what holds of all of them, [`Loaded`] what the files that
//! they name say in turn: rules, sets, traffic control, tunables and groups, read and checked.

mod error;
mod file;
mod groups;
mod loaded;
pub mod rules_file;
mod said;
mod settings;
pub mod shaping;
#[cfg(test)]
mod tests;

pub use error::ConfigError;
pub use groups::{GroupSaid, MemberSaid, PeriodSaid, QuotaSaid};
pub use loaded::Loaded;
pub(crate) use loaded::scheduler;
pub use said::{Said, Tunable};
pub use settings::{CONTROL, Form, STATE, Settings, Sources};
