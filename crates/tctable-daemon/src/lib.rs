//! tctable running: shards that forward between live interfaces, their configuration, control and state.
//!
//! A shard is an engine with the ports that feed it, owned by one thread. Whoever wants something of it sends it a job, which
//! the thread does between two bursts.

pub mod shard;
