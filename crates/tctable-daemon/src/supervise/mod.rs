//! Fail open: a process beside the gateway that has the kernel pass everything on between the two interfaces while the gateway does
//! not forward, and starts it again when it died.
//!
//! ```text
//!  starting ── "open" ──► forwarding ── a shard is silent ──► silent ── it beats again ──► forwarding
//!      ▲                      │ "close"                          │ for too long: killed
//!      └────── restarted ─────┴── it is gone ────────────────────┘
//! ```
//!
//! In every state but *forwarding* the kernel redirects. A silent gateway may not be dead but late, on a machine with too much to do; then
//! for a moment both pass frames on, which end systems put up with, as they do with a bridge that learns.

mod child;
mod link;
mod netlink;
mod parent;

pub use self::child::{Pulse, Supervisor};
pub use self::parent::{SuperviseError, Supervised, clear, supervise};
