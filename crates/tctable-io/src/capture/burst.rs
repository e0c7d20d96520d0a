use tctable::packet::{DeviceId, Frame, FrameDirection, LinkType};
use tctable::time::Instant;

use super::{Corruption, Interface};

/// Frames that lie in the reader's buffer, in the order of the file. They borrow their bytes from there.
#[derive(Clone, Copy, Debug)]
pub struct Burst<'a> {
    pub(super) window: &'a [u8],
    pub(super) records: &'a [Record],
    pub(super) interfaces: &'a [Interface],
}

impl<'a> Burst<'a> {
    /// How many frames there are; at least one.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none, which no burst from [`Capture::next_burst`](super::Capture::next_burst) is.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The interfaces that were described up to this burst's end, as [`Capture::interfaces`](super::Capture::interfaces)
    /// gives them.
    pub fn interfaces(&self) -> &'a [Interface] {
        self.interfaces
    }

    /// The frames.
    pub fn frames(&self) -> impl ExactSizeIterator<Item = Frame<'a>> + Clone + use<'a> {
        let window = self.window;
        self.records.iter().map(move |record| Frame {
            time: record.time,
            device: record.device,
            direction: record.direction,
            link: record.link,
            wire_len: record.wire_len,
            data: &window[record.start as usize..][..record.captured as usize],
        })
    }
}

/// Where a frame lies in the window, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub time: Instant,
    /// In the window; a window is far smaller than 4 GiB.
    pub start: u32,
    pub captured: u32,
    pub wire_len: u32,
    pub device: DeviceId,
    pub direction: FrameDirection,
    pub link: LinkType,
}

/// Why a parser went no further in the window, other than that it has as many records as it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// What comes next takes at least so many bytes, more than the window has.
    Need(usize),
    /// What comes next cannot be read.
    Corrupt(Corruption),
}

impl From<Corruption> for Obstacle {
    fn from(what: Corruption) -> Obstacle {
        Obstacle::Corrupt(what)
    }
}

/// A number in the byte order of the file. Callers that pass a constant place in an array pay no bounds check.
#[inline(always)]
pub(super) fn u32_at<const BIG: bool>(bytes: &[u8], at: usize) -> u32 {
    let bytes = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
    if BIG { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
}

/// A number in the byte order of the file.
#[inline(always)]
pub(super) fn u16_at<const BIG: bool>(bytes: &[u8], at: usize) -> u16 {
    let bytes = [bytes[at], bytes[at + 1]];
    if BIG { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
}
