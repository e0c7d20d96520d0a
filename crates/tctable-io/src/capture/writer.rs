use std::io::{self, Write};

use tctable::time::Instant;
use thiserror::Error;

use super::{LinkCode, MAX_CAPTURED};

/// The unit of a pcap file's times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Resolution {
    /// Microseconds, which every program reads. Nanoseconds are cut off.
    #[default]
    Micros,
    /// Nanoseconds.
    Nanos,
}

/// Why a record was not written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The output failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// pcap counts seconds in 32 bits: until February 2106.
    #[error("the time {0} does not fit a pcap file")]
    Time(Instant),
}

/// Writes a pcap file (draft-ietf-opsawg-pcap), version 2.4, little-endian, with two writes to a record: give it
/// an output that buffers.
#[derive(Debug)]
pub struct Writer<W: Write> {
    output: W,
    keep: u32,
    resolution: Resolution,
}

impl<W: Write> Writer<W> {
    /// Writes the file header. At most `snap_len` bytes of each frame are kept, and never more than
    /// [`MAX_CAPTURED`].
    pub fn new(
        mut output: W,
        link: impl Into<LinkCode>,
        snap_len: u32,
        resolution: Resolution,
    ) -> io::Result<Writer<W>> {
        let magic: u32 = match resolution {
            Resolution::Micros => 0xa1b2_c3d4,
            Resolution::Nanos => 0xa1b2_3c4d,
        };
        let mut header = [0; 24];
        header[..4].copy_from_slice(&magic.to_le_bytes());
        header[4..6].copy_from_slice(&2u16.to_le_bytes());
        header[6..8].copy_from_slice(&4u16.to_le_bytes());
        header[16..20].copy_from_slice(&snap_len.to_le_bytes());
        header[20..].copy_from_slice(&u32::from(link.into().number()).to_le_bytes());
        output.write_all(&header)?;
        Ok(Writer { output, keep: snap_len.min(MAX_CAPTURED), resolution })
    }

    /// Writes one frame that was `wire_len` bytes long, or as long as `data` where that is more.
    pub fn write(&mut self, time: Instant, wire_len: u32, data: &[u8]) -> Result<(), WriteError> {
        let nanos = time.as_nanos();
        let seconds = u32::try_from(nanos / 1_000_000_000).map_err(|_| WriteError::Time(time))?;
        let fraction = match self.resolution {
            Resolution::Micros => nanos % 1_000_000_000 / 1_000,
            Resolution::Nanos => nanos % 1_000_000_000,
        } as u32;
        let wire_len = wire_len.max(u32::try_from(data.len()).unwrap_or(u32::MAX));
        let kept = &data[..data.len().min(self.keep as usize)];
        let mut header = [0; 16];
        header[..4].copy_from_slice(&seconds.to_le_bytes());
        header[4..8].copy_from_slice(&fraction.to_le_bytes());
        header[8..12].copy_from_slice(&(kept.len() as u32).to_le_bytes());
        header[12..].copy_from_slice(&wire_len.to_le_bytes());
        self.output.write_all(&header)?;
        Ok(self.output.write_all(kept)?)
    }

    /// Gives the output back, flushed.
    pub fn finish(mut self) -> io::Result<W> {
        self.output.flush()?;
        Ok(self.output)
    }
}
