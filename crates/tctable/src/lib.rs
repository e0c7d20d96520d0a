//! The Linux gateway's datapath as a library: connection tracking and per-host counters, sans-IO and deterministic.
//!
//! Frames and their times go in, in bursts; tables, totals and events can be read. The engine does no I/O, reads no
//! clock, starts no thread and has no unsafe code. The same packets and the same configuration give the same state.
//!
//! Begin with [`Gateway`]. The rooms, in a packet's order: [`packet`] reads headers, [`conntrack`] tracks connections,
//! [`account`] counts for hosts, [`gateway`] wires them; [`text`] shows the tables as `/proc` does; [`time`] is passed in.
#![forbid(unsafe_code)]

pub mod account;
pub mod conntrack;
pub mod defrag;
pub mod gateway;
pub mod hook;
pub mod packet;
pub mod ruleset;
pub mod sched;
mod table;
pub mod text;
pub mod time;
mod words;

pub use gateway::{Config, Event, Gateway};
pub use table::HashKey;
