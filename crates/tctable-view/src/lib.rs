//! What tctable's tables look like as JSON, the same in the report of a replay and from a running gateway.
//!
//! Each form is written by one function, into a text, value by value: numbers stay exact. Times are seconds since the epoch,
//! amounts are packets and bytes.
#![forbid(unsafe_code)]

mod connection;
mod host;
mod json;
mod rules;
mod summary;

pub use connection::{connection, end_reason};
pub use host::{HostRow, Sort, UnknownSort, host, sum};
pub use json::{Json, Seconds, append};
pub use rules::rules;
pub use summary::{Inside, Summary, totals, unaccounted};
