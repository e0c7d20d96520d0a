//! Real stacks: network namespaces, what their interfaces count, and traffic between them.
//!
//! Needs root and `ip`.

pub mod blast;
mod counters;
mod error;
pub mod http;
mod namespace;
pub mod network;
pub mod nft;
pub mod ping;
pub mod tcp;
pub mod udp;

pub use crate::skip::not_tested;
pub use counters::Counters;
pub use error::Error;
pub use namespace::Namespace;
pub use network::{Form, Host, Network, Size};
