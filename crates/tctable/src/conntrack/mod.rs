//! Connection tracking as nf_conntrack does it.
//!
//! A packet's way through this room: [`Conntrack::track`] finds its connection or makes an [`Unconfirmed`] one, lets the
//! protocol's tracker judge it and counts it; at the end of the packet's road [`Conntrack::confirm`] consumes the
//! unconfirmed connection and puts it in the table. Time ends a connection in [`Conntrack::expire`].
//!
//! One index finds a connection from the tuples of both directions: its hash is the same for both (see `table::hash`).

mod connection;
mod generic;
mod icmp;
mod state;
mod statistics;
mod status;
mod table;
mod tcp;
mod timeouts;
mod track;
mod udp;

pub use connection::{Connection, Cookie, Counter, Direction};
pub use state::CtState;
pub use statistics::Statistics;
pub use status::Status;
pub use table::{Config, ConfirmError, ConnectionId, Conntrack, EndReason, Ended, TableFull};
pub use tcp::TcpState;
pub use timeouts::Timeouts;
pub use track::{Attached, Tracked, Unconfirmed};
