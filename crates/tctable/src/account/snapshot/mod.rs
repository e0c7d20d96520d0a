//! The host table as bytes, for whoever stores it: hosts, groups, and what was used of quotas.
//!
//! `tcthosts`, a version (16 bits), the body's length in bytes (64 bits), the body, and the CRC-32C (RFC 3720 appendix
//! B.4) of all before it; all numbers little-endian. The body is what `encode` writes in that order.
//!
//! `pass` writes what changed of it in pages of the same form, which `book` puts together again.
//!
//! Connections are not in it: they end with the engine that tracked them, and their ids are not given again.

mod book;
mod decode;
mod encode;
mod pass;

pub use book::HostBook;
pub use pass::HostPass;
pub(super) use pass::Journal;

use thiserror::Error;

pub(super) const MAGIC: &[u8; 8] = b"tcthosts";
/// What a page of a pass begins with in its place.
pub(super) const PAGE_MAGIC: &[u8; 8] = b"tctpage1";
/// Goes up with every change of the body.
pub(super) const VERSION: u16 = 1;
/// Before the body: magic, version, length.
pub(super) const HEADER: usize = 8 + 2 + 8;
pub(super) const CHECKSUM: usize = 4;

/// How long what `bytes` begin with is by its header, checksum included; `None` where it does not begin so.
fn length(magic: &[u8; 8], bytes: &[u8]) -> Option<usize> {
    let (found, rest) = bytes.split_first_chunk::<8>()?;
    let (_, rest) = rest.split_first_chunk::<2>()?;
    let (length, _) = rest.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    (found == magic).then(|| length.checked_add(HEADER + CHECKSUM)).flatten()
}

/// Stands for "no group".
const NO_GROUP: u32 = u32::MAX;

/// Why a snapshot was not taken over. The table is as it was.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SnapshotError {
    /// It begins like something else.
    #[error("this is no snapshot of a host table")]
    Foreign,
    /// Its version is not the one that is known here.
    #[error("a snapshot of version {0} cannot be read: version {VERSION} can")]
    Version(u16),
    /// It is shorter or longer than it says.
    #[error("the snapshot is torn: {there} bytes of {expected}")]
    Torn {
        /// Bytes that there are.
        there: u64,
        /// Bytes that there should be.
        expected: u64,
    },
    /// Its checksum is wrong.
    #[error("the snapshot is damaged: its checksum is wrong")]
    Checksum,
    /// Its checksum is right, but what it says cannot be.
    #[error("the snapshot makes no sense: {0}")]
    Senseless(&'static str),
    /// It has more hosts than there may be.
    #[error("the snapshot has {hosts} hosts, and there may be {max}")]
    TooManyHosts {
        /// Hosts in it.
        hosts: u32,
        /// [`super::Config::max`]
        max: u32,
    },
    /// Hosts of the present table have open connections.
    #[error("hosts have open connections")]
    InUse,
}
