//! The Linux gateway's datapath as a library.
#![forbid(unsafe_code)]

pub mod packet;
pub mod time;
