//! What `/proc` shows of a gateway's tables, byte for byte as Linux 6.18 writes it.
//!
//! A view ([`nf_conntrack`], [`nf_conntrack_stat`], [`nf_conntrack_expect`], [`tc_counter`]) makes one line at a time and hands it to
//! the writer whole, so that a million lines take no more memory than one, and a writer without a buffer does for it.
//! Single lines can be had too: [`connection`], [`expectation`], [`HostLine`].
//!
//! ```
//! use tctable::{Config, Gateway, text};
//!
//! let gateway = Gateway::new(Config::default());
//! let mut view = Vec::new();
//! text::nf_conntrack_stat(&gateway, &mut view)?;
//! assert!(view.starts_with(b"entries  clashres found"));
//! # Ok::<(), std::io::Error>(())
//! ```

mod connection;
mod expectation;
mod host;
mod statistics;
mod tuple;
mod view;

pub use connection::{connection, conntrack_line};
pub use expectation::expectation;
pub use host::HostLine;
pub use view::{nf_conntrack, nf_conntrack_expect, nf_conntrack_stat, tc_counter};
