//! What every inside host sent and received: the tc_counter table.

mod host;
mod inside;
mod table;

pub use host::{Class, ClassCounters, Host, Side};
pub use inside::Inside;
pub use table::{Config, HostTableFull, Hosts};
pub(crate) use table::{Ends, Owner};
