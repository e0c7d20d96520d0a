//! The lines of `tc`, read and written.
//!
//! A file has one command to a line, as `tc -batch` takes it (iproute2 6.1).

mod args;
mod lines;
mod units;

pub use crate::words::{ParseError, Problem, Word};
pub use lines::{Line, lines};
