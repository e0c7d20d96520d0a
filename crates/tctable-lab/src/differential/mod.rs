//! The running kernel beside the engine: the same packets through both, and what they say of each one compared.
//!
//! [`Differential::run`] sends packets through [`crate::kernel::Kernel`] and through [`tctable::Gateway`] and compares a
//! [`Record`] of either side after every packet, and all connections at the end. It stops at the first [`Difference`]
//! that no rule of [`KNOWN`] knows.

mod case;
mod clock;
mod engine;
mod known;
mod record;
mod reduce;
pub mod rules;
mod runner;
mod settings;
mod tally;
mod views;

pub use self::case::{Before, Case, Difference};
pub use self::known::{KNOWN, Known};
pub use self::record::{Field, Record, Value, Verdict};
pub use self::reduce::Reduced;
pub use self::runner::{Differential, Run};
pub use self::settings::SettingError;
pub use self::tally::Tally;
pub use self::views::{Texts, Views};
