//! The capture file: classic pcap, little endian, microseconds, Ethernet, which every program reads.

use std::{
    io::{self, Write},
    time::Duration,
};

use super::{Summary, frame::Frame};

/// The second in which every capture starts: 14 November 2023, 22:13:20 UTC.
const EPOCH: u64 = 1_700_000_000;
/// Bytes gathered before they are written out.
const BUFFER: usize = 1 << 18;
/// Packets between two reports of progress.
const REPORT: u64 = 1 << 16;

/// Takes frames until the capture is full.
pub(super) struct Sink<W, P> {
    out: W,
    progress: P,
    buffer: Vec<u8>,
    packets: u64,
    summary: Summary,
    /// Microseconds since [`EPOCH`].
    first: u64,
    last: u64,
}

impl<W: Write, P: FnMut(u64)> Sink<W, P> {
    /// Starts a capture that will hold `packets`.
    pub(super) fn new(out: W, progress: P, packets: u64, snap_len: u32) -> Self {
        let mut buffer = Vec::with_capacity(BUFFER + 2048);
        buffer.extend_from_slice(&0xa1b2_c3d4_u32.to_le_bytes());
        buffer.extend_from_slice(&2_u16.to_le_bytes());
        buffer.extend_from_slice(&4_u16.to_le_bytes());
        buffer.extend_from_slice(&[0; 8]);
        buffer.extend_from_slice(&snap_len.to_le_bytes());
        buffer.extend_from_slice(&1_u32.to_le_bytes());
        Self { out, progress, buffer, packets, summary: Summary::default(), first: 0, last: 0 }
    }

    /// Whether every packet that was asked for is there.
    pub(super) fn is_full(&self) -> bool {
        self.summary.packets == self.packets
    }

    /// Notes that a connection was opened.
    pub(super) fn connection(&mut self) {
        self.summary.connections += 1;
    }

    /// Appends a frame at `now`, or a microsecond after the one before it: no two have the same time.
    pub(super) fn record(&mut self, now: u64, frame: &Frame) -> io::Result<()> {
        let now = if self.summary.packets == 0 { now } else { now.max(self.last + 1) };
        if self.summary.packets == 0 {
            self.first = now;
        }
        self.last = now;
        let captured = frame.captured();
        let mut header = [0; 16];
        header[0..4].copy_from_slice(&((EPOCH + now / 1_000_000) as u32).to_le_bytes());
        header[4..8].copy_from_slice(&((now % 1_000_000) as u32).to_le_bytes());
        header[8..12].copy_from_slice(&(captured.len() as u32).to_le_bytes());
        header[12..16].copy_from_slice(&(frame.wire_len() as u32).to_le_bytes());
        self.buffer.extend_from_slice(&header);
        self.buffer.extend_from_slice(captured);
        self.summary.packets += 1;
        self.summary.wire_bytes += frame.wire_len() as u64;
        if self.buffer.len() >= BUFFER {
            self.flush()?;
        }
        if self.summary.packets.is_multiple_of(REPORT) {
            (self.progress)(self.summary.packets);
        }
        Ok(())
    }

    /// Writes out what is left.
    pub(super) fn finish(mut self) -> io::Result<Summary> {
        self.flush()?;
        self.out.flush()?;
        (self.progress)(self.summary.packets);
        self.summary.duration = Duration::from_micros(self.last - self.first);
        Ok(self.summary)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer)?;
        self.summary.file_bytes += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}
