//! `--pcap-out`: the packets as they would have left.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;

use tctable::packet::{LinkType, mark_congested};
use tctable::time::Instant;
use tctable_io::capture::{MAX_CAPTURED, Resolution, WriteError, Writer};

use crate::output::{OutputError, is_stdout};

/// What is written of a packet when it leaves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kept {
    pub(super) network_offset: usize,
    pub(super) wire_len: u32,
    pub(super) bytes: Box<[u8]>,
}

/// The file. Its packets are in the order of time: two devices send at once, so a packet waits here until none can come
/// before it.
pub(super) struct Shaped {
    name: String,
    writer: Writer<Box<dyn Write>>,
    /// By time, then in the order in which they were taken out of their queues.
    ready: BinaryHeap<Reverse<(Instant, u64, Kept)>>,
    taken: u64,
}

impl Shaped {
    /// A new file, or standard output for `-`, of packets of that link layer.
    pub(super) fn create(path: &Path, link: LinkType) -> Result<Shaped, OutputError> {
        let is_stdout = is_stdout(path);
        let name = if is_stdout { "standard output".to_owned() } else { path.display().to_string() };
        let file: Box<dyn Write> = match is_stdout {
            true => Box::new(io::stdout()),
            false => {
                let made = File::create(path);
                Box::new(made.map_err(|reason| OutputError::Create { file: name.clone(), reason })?)
            }
        };
        let file: Box<dyn Write> = Box::new(BufWriter::new(file));
        let writer = Writer::new(file, link, MAX_CAPTURED, Resolution::Nanos);
        let writer = writer.map_err(|reason| failed(&name, reason))?;
        Ok(Shaped { name, writer, ready: BinaryHeap::new(), taken: 0 })
    }

    /// A packet leaves at that time.
    pub(super) fn add(&mut self, at: Instant, mut packet: Kept, is_marked: bool) {
        if is_marked {
            mark_congested(packet.bytes.get_mut(packet.network_offset..).unwrap_or_default());
        }
        self.ready.push(Reverse((at, self.taken, packet)));
        self.taken += 1;
    }

    /// Writes what left by then.
    pub(super) fn write_until(&mut self, now: Instant) -> Result<(), OutputError> {
        while self.ready.peek().is_some_and(|Reverse((at, ..))| *at <= now) {
            let Some(Reverse((at, _, packet))) = self.ready.pop() else { break };
            let written = self.writer.write(at, packet.wire_len, &packet.bytes);
            written.map_err(|error| match error {
                WriteError::Io(reason) => failed(&self.name, reason),
                error => failed(&self.name, io::Error::other(error)),
            })?;
        }
        Ok(())
    }

    /// Writes all that is left.
    pub(super) fn finish(mut self) -> Result<(), OutputError> {
        self.write_until(Instant::MAX)?;
        let name = self.name;
        let flushed = self.writer.finish().and_then(|mut file| file.flush());
        flushed.map_err(|reason| failed(&name, reason))
    }
}

fn failed(file: &str, reason: io::Error) -> OutputError {
    match reason.kind() {
        ErrorKind::BrokenPipe => OutputError::Closed,
        _ => OutputError::Write { file: file.to_owned(), reason },
    }
}
