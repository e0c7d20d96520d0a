//! A rule set made ready for packets.
#![allow(dead_code)]

pub(crate) mod connlimit;
pub(crate) mod hashlimit;
pub(crate) mod limit;
pub(crate) mod log;
pub(crate) mod mangle;
mod outcome;
pub(crate) mod reject;
#[cfg(test)]
mod sample;
pub(crate) mod set;
pub(crate) mod statistic;
pub(crate) mod time;
