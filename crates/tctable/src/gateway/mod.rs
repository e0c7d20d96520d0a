//! The packet's road: wires the rooms together in the order in which a packet passes them.

mod config;
mod control;
mod event;
mod observer;
mod road;
mod sysctl;
mod totals;
mod zones;

pub use config::Config;
pub use event::{Event, EventMask};
pub use observer::{Observer, Seen};
pub use road::Gateway;
pub use sysctl::{SysctlError, SysctlFileError, SysctlLineError, Unknown};
pub use totals::{Totals, Unaccounted};
