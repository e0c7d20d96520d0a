//! TCP: two ends with real state, what a tracker can know of them, and everything that can go wrong between them.
//!
//! `peer` is an end as RFC 9293 wants it, `watch` keeps the edges of the windows, `mischief` sends what lies on them and
//! beyond, `opening` says how a connection begins, and `line` lets connections follow each other on the same addresses
//! and ports.

mod line;
mod mischief;
mod opening;
mod options;
mod peer;
mod segment;
mod watch;

pub(super) use line::{Line, Message};
