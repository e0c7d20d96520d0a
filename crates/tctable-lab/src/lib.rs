//! Traffic and capture generators for tests and benchmarks.
//!
//! - [`generate`] writes whole captures of any size from a seed: an office's traffic, a storm of short connections, a
//!   handful of bulk transfers.
//! - [`packets`] builds single frames by hand, with correct lengths and checksums, for tests that need one exact packet.
//! - [`talks`] makes sequences of packets that try every corner of a connection tracker, each a [`step::Step`], shrinks
//!   those that fail to what matters, and prints them.
//! - `rules` makes random rules that meet those packets, and asks iptables about their text.
//! - `kernel` is the running kernel's forward path as an oracle, `differential` compares the engine with it.
//! - `live` makes network namespaces, and real traffic between them.
//!
//! ```
//! use tctable_lab::generate::{self, Kind, Options};
//!
//! let mut file = Vec::new();
//! let summary = generate::write(&Options::new(Kind::Office, 1_000, 1), &mut file, |_| ())?;
//! assert_eq!((summary.packets, summary.file_bytes), (1_000, file.len() as u64));
//! # Ok::<(), std::io::Error>(())
//! ```
#![forbid(unsafe_code)]

mod checksum;
#[cfg(feature = "differential")]
pub mod differential;
pub mod generate;
#[cfg(feature = "differential")]
pub mod kernel;
#[cfg(feature = "live")]
pub mod live;
pub mod packets;
mod rng;
#[cfg(feature = "differential")]
pub mod rules;
#[cfg(any(feature = "differential", feature = "live"))]
mod skip;
pub mod step;
pub mod talks;
