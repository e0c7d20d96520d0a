//! Connection tracking as nf_conntrack does it.
//!
//! A packet's way through this room: `track` finds its connection, lets the protocol's tracker judge the packet and
//! counts it; where there is none `begin` makes an unconfirmed one, a value that rides with the packet. At the end of
//! the packet's road `confirm` consumes that and puts it in the table. Time ends a connection in `expire_some`.
//!
//! One index finds a connection from the tuples of both directions: its hash is the same for both (see `table::hash`).

mod changes;
mod config;
mod connection;
pub mod expect;
mod extension;
mod generic;
mod gre;
mod help;
pub mod helper;
mod icmp;
mod pressure;
mod recent;
mod saved;
mod sctp;
mod state;
mod statistics;
mod status;
mod table;
mod tcp;
mod timeouts;
mod track;
mod udp;
mod udplite;
mod verdict;

pub use changes::Changes;
pub use config::{Config, TcpConfig};
pub use connection::{Connection, Cookie, Counter, Direction};
pub(crate) use saved::{SavedConnection, SavedOwner};
pub use saved::{SavedConnections, SavedError};
pub use sctp::SctpState;
pub use state::CtState;
pub use statistics::Statistics;
pub use status::Status;
pub(crate) use table::End;
pub use table::{ConnectionId, ConnectionIdError, Conntrack, EndReason, Ended};
pub use tcp::{TcpInfo, TcpState};
pub use timeouts::Timeouts;
pub(crate) use track::{Attached, Refused, Tracked, Unconfirmed};
