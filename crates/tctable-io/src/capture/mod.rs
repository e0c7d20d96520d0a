//! Capture files: pcap and pcapng, plain or compressed with gzip or zstd, read in constant memory.
//!
//! [`Capture`] hands frames over in bursts. Their bytes are borrowed from its buffer, so no packet is copied and
//! nothing is allocated for it.
//!
//! ```no_run
//! use tctable_io::capture::Capture;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut capture = Capture::open("evening.pcap".as_ref())?;
//! let mut bytes = 0;
//! while let Some(burst) = capture.next_burst(256)? {
//!     bytes += burst.frames().map(|frame| u64::from(frame.wire_len)).sum::<u64>();
//! }
//! println!("{bytes}");
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod burst;
mod clock;
mod error;
mod input;
mod interface;
mod link;
mod pcap;
mod pcapng;
mod skipped;
mod writer;

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::mem;
use std::path::Path;

use burst::{Obstacle, Record};
use input::Input;
use pcap::{Magic, Pcap};
use pcapng::PcapNg;

pub use burst::Burst;
pub use error::{Corruption, OpenError, ReadError};
pub use input::Compression;
pub use interface::Interface;
pub use link::LinkCode;
pub use skipped::Skipped;
pub use writer::{Resolution, WriteError, Writer};

/// The most bytes of a frame that a record may hold: what libpcap's programs keep at most, whatever snapshot
/// length they are asked for. A longer record means that its header is not a header.
pub const MAX_CAPTURED: u32 = 262_144;

/// The longest pcapng block that is read, 16 MiB as in libpcap. The buffer grows to the longest block that the
/// file holds, and so never beyond this.
pub const MAX_BLOCK: usize = 16 << 20;

/// How far into a pcapng file interfaces are looked for before the first packet.
const READ_AHEAD: u64 = 4 << 20;

/// The kind of a capture file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// pcap: one interface, records one after the other.
    Pcap,
    /// pcapng: sections and blocks, several interfaces.
    PcapNg,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Pcap => "pcap",
            Format::PcapNg => "pcapng",
        })
    }
}

/// An open capture file, or a stream of the same form.
pub struct Capture {
    name: String,
    input: Input,
    parser: Parser,
    records: Vec<Record>,
    /// Bytes of the window that the burst handed out last takes up.
    lent: usize,
    /// A failure that came up while looking ahead, for the first burst to report.
    failed: Option<ReadError>,
    ended: bool,
}

enum Parser {
    Pcap { pcap: Pcap, interface: [Interface; 1], skipped: Skipped },
    PcapNg(PcapNg),
}

impl Parser {
    fn parse(&mut self, window: &[u8], max: usize, records: &mut Vec<Record>) -> (usize, Result<(), Obstacle>) {
        match self {
            Parser::Pcap { pcap, .. } => pcap.parse(window, max, records),
            Parser::PcapNg(pcapng) => pcapng.parse(window, max, records),
        }
    }
}

impl Capture {
    /// Opens a file and reads its header; of a pcapng file everything up to the first packet.
    ///
    /// Fails where an interface that is described there has a link type which the engine cannot read.
    pub fn open(path: &Path) -> Result<Capture, OpenError> {
        Capture::from_reader(Box::new(File::open(path)?), &path.display().to_string())
    }

    /// Like [`open`](Capture::open), on a stream such as standard input; `name` is what [`name`](Capture::name)
    /// says. Reads may be short, and interrupted ones are repeated. Waits for the first packet of a pcapng
    /// stream.
    pub fn from_reader(input: Box<dyn Read + Send>, name: &str) -> Result<Capture, OpenError> {
        let mut input = Input::new(input)?;
        let parser = open_parser(&mut input)?;
        let mut capture =
            Capture { name: name.to_owned(), input, parser, records: Vec::new(), lent: 0, failed: None, ended: false };
        capture.look_ahead();
        match capture.interfaces().iter().find(|interface| interface.link.is_none()) {
            Some(interface) => Err(OpenError::UnsupportedLinkType(interface.link_type)),
            None => Ok(capture),
        }
    }

    /// Takes in the blocks before the first packet. What is wrong there is for the first burst to report.
    fn look_ahead(&mut self) {
        loop {
            let (parsed, result) = self.parser.parse(self.input.window(), 0, &mut self.records);
            self.input.consume(parsed);
            match result {
                Err(Obstacle::Need(wanted)) if self.input.offset() < READ_AHEAD => match self.input.fill(wanted) {
                    Ok(had) if had >= wanted => {}
                    Ok(_) => return,
                    Err(error) => {
                        self.failed = Some(error.into());
                        return;
                    }
                },
                _ => return,
            }
        }
    }

    /// The next frames: at most `max`, at least one (a `max` of 0 counts as 1), and fewer than `max` where no
    /// more are in the buffer. `None` at the end of the file.
    ///
    /// A file that is cut or corrupt fails once, after all whole records before the damage were handed over;
    /// then it has ended.
    pub fn next_burst(&mut self, max: usize) -> Result<Option<Burst<'_>>, ReadError> {
        self.input.consume(mem::take(&mut self.lent));
        self.records.clear();
        if self.ended {
            return Ok(None);
        }
        // Until a burst is found, every way out is the end.
        self.ended = true;
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        loop {
            let (parsed, result) = self.parser.parse(self.input.window(), max.max(1), &mut self.records);
            if !self.records.is_empty() {
                self.lent = parsed;
                break;
            }
            self.input.consume(parsed);
            let offset = self.input.offset();
            match result {
                Ok(()) => {}
                Err(Obstacle::Corrupt(what)) => return Err(ReadError::Corrupt { offset, what }),
                Err(Obstacle::Need(wanted)) => match self.input.fill(wanted)? {
                    0 => return Ok(None),
                    had if had < wanted => {
                        return Err(ReadError::Cut { offset, wanted: wanted as u64, had: had as u64 });
                    }
                    _ => {}
                },
            }
        }
        self.ended = false;
        Ok(Some(Burst { window: self.input.window(), records: &self.records, interfaces: self.interfaces() }))
    }

    /// The interfaces that were described so far; a frame's [`DeviceId`](tctable::packet::DeviceId) is an index
    /// into them. pcap has exactly one. Those of later sections of a pcapng file come behind those of earlier
    /// ones.
    pub fn interfaces(&self) -> &[Interface] {
        match &self.parser {
            Parser::Pcap { interface, .. } => interface,
            Parser::PcapNg(pcapng) => &pcapng.interfaces,
        }
    }

    /// Bytes of the file, as it is stored, that were read so far: a share of its size for a progress bar.
    pub fn bytes_read(&self) -> u64 {
        self.input.bytes_read()
    }

    /// The kind of file.
    pub fn format(&self) -> Format {
        match self.parser {
            Parser::Pcap { .. } => Format::Pcap,
            Parser::PcapNg(_) => Format::PcapNg,
        }
    }

    /// How it is compressed.
    pub fn compression(&self) -> Compression {
        self.input.compression()
    }

    /// The path, or the name that was given for a stream.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Packets that were in the file and in no burst so far.
    pub fn skipped(&self) -> &Skipped {
        match &self.parser {
            Parser::Pcap { skipped, .. } => skipped,
            Parser::PcapNg(pcapng) => &pcapng.skipped,
        }
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture")
            .field("name", &self.name)
            .field("format", &self.format())
            .field("compression", &self.compression())
            .field("interfaces", &self.interfaces())
            .finish_non_exhaustive()
    }
}

/// Tells the format by the first bytes, and reads the file header or the first section header.
fn open_parser(input: &mut Input) -> Result<Parser, OpenError> {
    let had = input.fill(4)?;
    let Some(&magic) = input.window().first_chunk() else {
        return Err(if had == 0 { OpenError::Empty } else { OpenError::Cut { wanted: 4, had: had as u64 } });
    };
    match Magic::of(magic) {
        Magic::Pcap { big, nanos_per_tick } => open_pcap(input, big, nanos_per_tick),
        Magic::Modified => Err(OpenError::ModifiedPcap { magic }),
        Magic::Other if magic == pcapng::SECTION_HEADER.to_be_bytes() => open_pcapng(input),
        Magic::Other => Err(OpenError::NotACapture { magic }),
    }
}

fn open_pcap(input: &mut Input, big: bool, nanos_per_tick: u32) -> Result<Parser, OpenError> {
    let had = input.fill(pcap::FILE_HEADER)? as u64;
    let Some(header) = input.window().first_chunk() else {
        return Err(OpenError::Cut { wanted: pcap::FILE_HEADER as u64, had });
    };
    let (pcap, interface) = Pcap::open(header, big, nanos_per_tick)?;
    input.consume(pcap::FILE_HEADER);
    Ok(Parser::Pcap { pcap, interface: [interface], skipped: Skipped::default() })
}

fn open_pcapng(input: &mut Input) -> Result<Parser, OpenError> {
    let mut pcapng = PcapNg::default();
    loop {
        match pcapng.section(input.window()) {
            Ok(length) => {
                input.consume(length);
                return Ok(Parser::PcapNg(pcapng));
            }
            Err(Obstacle::Corrupt(Corruption::SectionVersion { major, minor })) => {
                return Err(OpenError::UnsupportedVersion { major, minor });
            }
            Err(Obstacle::Corrupt(what)) => return Err(OpenError::Corrupt { what }),
            Err(Obstacle::Need(wanted)) => {
                let had = input.fill(wanted)?;
                if had < wanted {
                    return Err(OpenError::Cut { wanted: wanted as u64, had: had as u64 });
                }
            }
        }
    }
}
