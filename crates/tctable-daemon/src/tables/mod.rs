//! The tables of all shards as one, read in parts that hold no packet up: what the control socket and the metrics tell of.

mod connections;
mod gathered;
mod hosts;
mod inside;
mod queues;
mod rules;

pub(crate) use connections::{Cursor, Filter, Found, connection, connections, delete, delete_one};
pub(crate) use gathered::{Gathered, ShardView, gather};
pub(crate) use hosts::{find, hosts, zero, zero_all};
pub(crate) use inside::inside;
pub(crate) use queues::{ClassHost, ClassView, QdiscView, classes, qdiscs};
pub(crate) use rules::rules;

/// Places of a table that one job looks at: some tens of microseconds of a shard's time.
const PLACES: usize = 2048;
