//! A rule set made ready for packets.
#![allow(dead_code)]

pub(crate) mod limit;
