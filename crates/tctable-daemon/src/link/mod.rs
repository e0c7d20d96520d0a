//! What happens to the interfaces: the kernel tells it by rtnetlink (rtnetlink(7), RTNLGRP_LINK), and the gateway goes on.
//!
//! ```text
//!  socket ─► messages ─► book (what is different from before?) ─► events: logged, counted, and the ports look anew
//! ```
//!
//! Settings name an interface by its name, once: from then on the gateway keeps to that very interface, by its index, whatever it is
//! called later, and whoever takes its old name is another one. Only when it is gone, the interface that has the name of the
//! settings takes its place.

mod book;
mod event;
mod message;
mod socket;
mod watch;

pub use self::book::{Link, Links};
pub use self::event::{Event, Kind};
pub(crate) use self::watch::{Watch, least_mtu};
