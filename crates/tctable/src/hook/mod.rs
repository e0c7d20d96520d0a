//! Hooks as netfilter has them: five points on a packet's road, functions with priorities at each, and their verdicts.

mod devices;
mod packet;
mod point;
mod verdict;

pub use devices::Devices;
pub(crate) use packet::{Ct, Template};
pub use packet::{PacketBuf, Tracking};
pub use point::{Families, Hook, priority};
pub use verdict::{DropReason, Verdict};
