//! From bytes to what the rest of the engine reads: one [`PacketInfo`] for each packet.
//!
//! A packet is parsed once, in the order of its headers: link layer (`link`), network layer (`ipv4`, `ipv6`),
//! transport layer (`transport`). Captured bytes may end anywhere; lengths always come from the IP header.

mod address;
mod checksum;
mod ecn;
mod error;
mod frame;
mod hop_by_hop;
mod info;
mod ipv4;
mod ipv6;
mod link;
mod quote;
mod transport;
mod tuple;

pub use address::{Address, Family};
pub use checksum::sum;
pub(crate) use checksum::{Checksum, fold, pseudo, verify};
pub use ecn::mark_congested;
pub use error::{Malformed, NotIp};
pub use frame::{DeviceId, Frame, FrameDirection, LinkType};
pub use info::{Fragment, Packet, PacketInfo};
pub use quote::quoted_tuple;
pub(crate) use quote::{NoQuote, quote_offset};
pub(crate) use transport::{Chunk, Chunks};
pub use transport::{Invalid, SctpHeader, TcpHeader, Transport, protocol, tcp_flags};
pub use tuple::Tuple;
