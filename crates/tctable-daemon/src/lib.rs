//! tctable running: shards that forward between live interfaces, their configuration, control and state.
//!
//! A shard is an engine with the ports that feed it, owned by one thread. Whoever wants something of it sends it a job, which
//! the thread does between two bursts.
#![forbid(unsafe_code)]

pub mod api;
mod clock;
pub mod config;
mod daemon;
pub mod forward;
mod http;
pub mod link;
pub mod metrics;
pub mod notify;
mod ports;
pub mod privilege;
mod reload;
pub mod shard;
mod state;
pub mod supervise;
mod tables;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use daemon::{Daemon, RunError, Running, run};
pub use reload::{ReloadError, Reloaded};
pub use state::StateError;
