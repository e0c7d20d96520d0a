//! The lines of `tc`, read and written.
//!
//! A file has one command to a line, as `tc -batch` takes it (iproute2 6.1). Words stand for what tc takes them for; what it
//! would take and forget, such as the 5 of `handle 1:5`, is an error, and so is what is not built here. tc asks the kernel
//! to change some options and leave the others (`qdisc change`, for `fq_codel`, `codel` and `sfq`); here what a line does
//! not say is as it is by default.
//!
//! Beside tc's own there are lines of ours:
//!
//! - `link set dev DEVICE speed RATE` says how fast a link is; rates of lines behind it may be shares of that (`30%`).
//! - `hostclass add dev DEVICE parent CLASS [prefix4 32] [prefix6 128] [timeout 60s] [max 100000] htb rate RATE ...` gives each
//!   inside host that no filter puts elsewhere a class like this, with its first packet, until it had none for the timeout.
//!   Hosts share one by their prefixes: `prefix6 64` is a class for each subnet.

mod args;
mod command;
mod filter;
mod hosts;
mod kinds;
mod lines;
mod reader;
#[cfg(test)]
mod tests;
mod units;

pub use crate::words::{ParseError, Problem, Word};
pub use command::Command;
pub use lines::{Line, lines};
pub use reader::{Reader, Statement};
