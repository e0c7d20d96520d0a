//! The packet's road: wires the rooms together in the order in which a packet passes them.

mod accounting;
mod burst;
mod config;
mod control;
mod engine;
mod event;
mod hooks;
mod hosts;
mod observer;
mod offer;
mod queue;
mod road;
mod route;
mod rules;
mod saved;
mod sysctl;
mod timers;
mod totals;
mod transmit;
mod walk;
mod zones;

pub use config::Config;
pub use engine::Gateway;
pub use event::{Event, EventMask};
pub use hooks::{HookFn, HookHandle, Passing};
pub use observer::{Observer, Passed, Seen, Whole};
pub use queue::{Queued, QueuedId, ReinjectError};
pub use route::Route;
pub use rules::UnknownRuleHelper;
pub use saved::Restored;
pub use sysctl::{SysctlError, SysctlFileError, SysctlLineError, Unknown};
pub use totals::{Totals, Unaccounted};
pub use transmit::Transmit;
