//! The packet's road: wires the rooms together in the order in which a packet passes them.

mod config;
mod event;
mod observer;
mod road;
mod totals;

pub use config::Config;
pub use event::{Event, EventMask};
pub use observer::{Observer, Seen};
pub use road::Gateway;
pub use totals::{Totals, Unaccounted};
