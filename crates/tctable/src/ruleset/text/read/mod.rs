//! From text to rules.

mod addresses;
mod check;
mod conntrack;
mod counting;
mod fields;
mod file;
mod hashlimit;
mod marks;
mod matches;
mod numbers;
mod options;
mod rule;
mod sets;
mod table;
mod targets;
mod time;
mod transport;
mod words;

pub(super) use addresses::{prefix_length, width};
pub(super) use file::ruleset;
pub(super) use sets::sets;
