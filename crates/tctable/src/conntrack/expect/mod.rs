//! Connections that other connections announce, as nf_conntrack_expect: an FTP control connection names the data
//! connection that is to come.
//!
//! A helper (`helper`) reads the announcement and inserts an [`Expectation`]; the first packet of a new connection is
//! looked up among them ([`Expectations::take`]), and the connection that it begins is RELATED to the one that announced
//! it, its master.

mod expectation;
mod statistics;
mod table;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use expectation::{Expectation, Flags, Mask, Policy};
pub use statistics::Statistics;
pub use table::{Change, Expectations, InsertError, Known};
