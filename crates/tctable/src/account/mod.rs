//! What every inside host sent and received: the tc_counter table.

mod host;
mod inside;
mod table;

pub use host::{Class, ClassCounters, Host, Side};
pub use inside::Inside;
pub(crate) use table::Owner;
pub use table::{Config, HostTableFull, Hosts};
