//! Live ports over veth pairs, each test in a network namespace that is gone with its thread.
#![cfg(target_os = "linux")]

mod fanout;
mod far;
mod net;
mod offload;
mod packet;
mod tun;
#[cfg(feature = "xdp")]
mod xdp;
