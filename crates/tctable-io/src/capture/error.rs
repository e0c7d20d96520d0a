use std::io;

use thiserror::Error;

use super::{Compression, LinkCode};

/// Why a capture cannot be opened. The file's name is not repeated: the caller knows it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file cannot be opened or read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The file has no bytes, or nothing but an empty compressed stream.
    #[error("the file is empty")]
    Empty,
    /// The first bytes belong to no format that is read here.
    #[error("not a pcap or pcapng file: it begins with {}", hex(*magic))]
    NotACapture {
        /// The first four bytes, after decompression.
        magic: [u8; 4],
    },
    /// A pcap variant with other record headers, which old patches of libpcap and some test devices wrote.
    #[error(
        "a modified pcap format (it begins with {}), which is not supported: editcap -F pcap may convert it",
        hex(*magic)
    )]
    ModifiedPcap {
        /// The first four bytes, after decompression.
        magic: [u8; 4],
    },
    /// A version of pcap or pcapng that does not exist yet, or no longer.
    #[error("version {major}.{minor} of the format is not supported")]
    UnsupportedVersion {
        /// Major version: 2 is read for pcap, 1 for pcapng.
        major: u16,
        /// Minor version.
        minor: u16,
    },
    /// An interface that is described before the first packet has a link layer which the engine cannot read.
    #[error("{0} is not supported")]
    UnsupportedLinkType(LinkCode),
    /// The file ends within its first header.
    #[error("the file ends within its header: {wanted} bytes expected, {had} there")]
    Cut {
        /// Bytes that the header takes, as far as is known.
        wanted: u64,
        /// Bytes that are there.
        had: u64,
    },
    /// A pcapng file whose first block cannot be read.
    #[error("the file is corrupt at its beginning: {what}")]
    Corrupt {
        /// What is wrong with it.
        what: Corruption,
    },
    /// The compressed data is damaged or cut before the first header is whole.
    #[error("the {compression} data is damaged: {reason}")]
    Decompress {
        /// How the file is compressed.
        compression: Compression,
        /// What the decompressor said.
        reason: io::Error,
    },
}

/// Why reading ended before the end of the file. All offsets count bytes of the uncompressed capture.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file ends within a record or a block.
    #[error("the file is cut at byte {offset}: a record of at least {wanted} bytes begins there, {had} are left")]
    Cut {
        /// Where the record begins.
        offset: u64,
        /// Bytes that it takes, as far as is known.
        wanted: u64,
        /// Bytes that are left.
        had: u64,
    },
    /// A record or block that cannot be what a capture program wrote; nothing after it can be found.
    #[error("the file is corrupt at byte {offset}: {what}")]
    Corrupt {
        /// Where the record or block begins.
        offset: u64,
        /// What is wrong with it.
        what: Corruption,
    },
    /// The compressed data is damaged or cut.
    #[error("the {compression} data is damaged after {offset} decompressed bytes: {reason}")]
    Decompress {
        /// Decompressed bytes before the damage.
        offset: u64,
        /// How the file is compressed.
        compression: Compression,
        /// What the decompressor said.
        reason: io::Error,
    },
    /// The operating system could not read on.
    #[error("reading failed after {offset} bytes: {reason}")]
    Io {
        /// Bytes of the capture that were read before.
        offset: u64,
        /// What the operating system said.
        reason: io::Error,
    },
}

/// What is wrong with a record or a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Corruption {
    /// More captured bytes than any capture program keeps: see [`MAX_CAPTURED`](super::MAX_CAPTURED).
    #[error("a captured length of {0} bytes")]
    CapturedLength(u32),
    /// A pcapng block shorter than its own frame, not a multiple of four, or longer than
    /// [`MAX_BLOCK`](super::MAX_BLOCK).
    #[error("a block length of {0} bytes")]
    BlockLength(u32),
    /// A pcapng block's length is written at both of its ends, and the two differ.
    #[error("a block whose length is {leading} at its beginning and {trailing} at its end")]
    TrailingLength {
        /// At the beginning.
        leading: u32,
        /// At the end.
        trailing: u32,
    },
    /// A pcapng section whose byte-order magic is neither of the two.
    #[error("a section whose byte-order magic is {0:#010x}")]
    ByteOrderMagic(u32),
    /// A later section of a pcapng version that is not read here.
    #[error("a section of version {major}.{minor}")]
    SectionVersion {
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
    /// A pcapng block too short for the fields of its type, or for the data that they announce.
    #[error("a block of type {0} that is too short for what it holds")]
    ShortBlock(u32),
    /// Options of an interface that cannot be read, so that its packets' times are unknown.
    #[error("an interface with unreadable options")]
    InterfaceOptions,
    /// More interfaces than a [`DeviceId`](tctable::packet::DeviceId) can number.
    #[error("more than 65536 interfaces")]
    TooManyInterfaces,
}

fn hex(bytes: [u8; 4]) -> String {
    let [a, b, c, d] = bytes;
    format!("{a:02x} {b:02x} {c:02x} {d:02x}")
}
