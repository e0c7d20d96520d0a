use thiserror::Error;

use super::seams::Seams;
use crate::packet::Frame;

/// What became of a fragment.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub enum Outcome<'a> {
    /// It was taken in, and its datagram is not whole yet.
    Held,
    /// It made its datagram whole. The frame is a plain IP packet ([`crate::packet::LinkType::Raw`]) with the time,
    /// device and direction of this fragment, as in the kernel. It goes on in the fragment's place, and never back to
    /// [`super::Defrag::push`]: what stands in a datagram may look like a fragment again, and is not reassembled twice.
    ///
    /// Its bytes are those that are known from the beginning on without a hole, its length on the wire that of the
    /// datagram.
    Whole(Frame<'a>, Seams),
    /// It is dropped.
    Refused(Cause),
    /// It is left as it is and goes on as a fragment: an IPv6 fragment that the kernel does not reassemble either,
    /// since the first one lacks the transport header, it is a middle one and no multiple of 8 bytes long, or its
    /// fragment header stands behind a header other than hop-by-hop, routing, destination and authentication, or its
    /// payload length is zero; or one whose fragment header the capture has not kept.
    Passed,
}

/// Why a fragment was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[repr(u8)]
pub enum Cause {
    /// Fragments take more memory than they may.
    #[error("no memory for fragments")]
    Memory,
    /// Its bytes are there already, in one piece. What is there stays.
    #[error("duplicate fragment")]
    Duplicate,
    /// Some of its bytes are there already: the datagram is dropped (RFC 5722; the kernel does so for IPv4 too).
    #[error("overlapping fragments")]
    Overlap,
    /// It has no bytes, or lies beyond the datagram's end, or ends it elsewhere than another one. With IPv4 the
    /// datagram is dropped.
    #[error("bad fragment length")]
    Length,
    /// The datagram would be longer than 65,535 bytes, which for IPv6 do not count the IPv6 header (RFC 791, RFC 8200
    /// section 4.5). It is dropped when it is whole; an IPv6 fragment that reaches so far is dropped alone.
    #[error("datagram too long")]
    TooLong,
    /// Some fragments say that the transport knows ECN, others not: the datagram is dropped (RFC 3168 section 5.3).
    #[error("ECN bits contradict each other")]
    Ecn,
    /// The packet ends inside its IPv6 fragment header.
    #[error("fragment header cut")]
    Header,
}

impl Cause {
    /// Every cause, in the order of their numbers.
    pub const ALL: [Cause; 7] =
        [Cause::Memory, Cause::Duplicate, Cause::Overlap, Cause::Length, Cause::TooLong, Cause::Ecn, Cause::Header];

    /// The cause as a word for reports, such as `overlap`.
    pub const fn name(self) -> &'static str {
        match self {
            Cause::Memory => "memory",
            Cause::Duplicate => "duplicate",
            Cause::Overlap => "overlap",
            Cause::Length => "length",
            Cause::TooLong => "too_long",
            Cause::Ecn => "ecn",
            Cause::Header => "header",
        }
    }
}
