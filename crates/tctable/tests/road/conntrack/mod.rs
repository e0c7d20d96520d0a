//! Connections as they are seen on the road.

mod bursts;
mod checksums;
mod expected;
mod expiry;
mod generic;
mod gre;
mod icmp;
mod icmp_errors;
mod limits;
mod names;
mod sctp;
mod statistics;
mod status;
mod tcp;
mod tcp_close;
mod tcp_refused;
mod udp;
mod udplite;
mod untracked;
mod zones;

pub use tcp::open;
