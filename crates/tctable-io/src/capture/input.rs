//! A file's bytes, decompressed, in one buffer in which records are read in place.

use std::fmt;
use std::io::{self, BufReader, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;

use super::{OpenError, ReadError};

/// Bytes asked of the operating system at a time: many enough that the system call costs nothing, few enough
/// that a core's second-level cache still holds what was copied in when the records are read.
const BUFFER: usize = 256 << 10;

/// Compressed bytes asked of the operating system at a time.
const COMPRESSED_BUFFER: usize = 128 << 10;

/// The largest zstd window that is accepted, 2^27 bytes: what the zstd program itself accepts by default, and the
/// most memory that a file can make the reader take.
const ZSTD_WINDOW_LOG: u32 = 27;

/// How a capture file is compressed, told by its first bytes and not by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip (RFC 1952), one member or several.
    Gzip,
    /// Zstandard (RFC 8878), one frame or several.
    Zstd,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Compression::None => "uncompressed",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        })
    }
}

/// The window of a file that is in memory: `buffer[start..end]`, whose first byte is byte `offset` of the
/// uncompressed file.
pub(super) struct Input {
    source: Source,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    offset: u64,
    ended: bool,
}

impl Input {
    pub fn new(file: Box<dyn Read + Send>) -> io::Result<Input> {
        let source = Source::new(file)?;
        Ok(Input { source, buffer: vec![0; BUFFER], start: 0, end: 0, offset: 0, ended: false })
    }

    /// The bytes that are there.
    pub fn window(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Where the window begins, in bytes of the uncompressed file.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    pub fn compression(&self) -> Compression {
        match self.source {
            Source::Plain(_) => Compression::None,
            Source::Gzip(_) => Compression::Gzip,
            Source::Zstd(_) => Compression::Zstd,
        }
    }

    /// Bytes of the file itself that were read.
    pub fn bytes_read(&self) -> u64 {
        self.source.file().read
    }

    /// Takes `count` bytes off the window's front; at most the window.
    pub fn consume(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.offset += count as u64;
    }

    /// Reads until the window has `wanted` bytes or the file ends, and says how many it has then.
    ///
    /// The buffer grows with the bytes that arrive, not with the length that a file claims.
    pub fn fill(&mut self, wanted: usize) -> Result<usize, InputError> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        while self.end < wanted && !self.ended {
            if self.end == self.buffer.len() {
                self.buffer.resize(self.end * 2, 0);
            }
            let count = match self.source.read(&mut self.buffer[self.end..]) {
                Ok(count) => count,
                Err(reason) => return Err(self.blame(reason)),
            };
            self.ended = count == 0;
            self.end += count;
        }
        Ok(self.end)
    }

    /// Decompressors pass the file's own errors on, so who failed must be asked of the file.
    fn blame(&self, reason: io::Error) -> InputError {
        let offset = self.offset + self.end as u64;
        let compression = if self.source.file().failed { Compression::None } else { self.compression() };
        InputError { offset, compression, reason }
    }
}

/// A read that failed: in the decompressor, or in the file where `compression` is `None`.
pub(super) struct InputError {
    offset: u64,
    compression: Compression,
    reason: io::Error,
}

impl From<InputError> for OpenError {
    fn from(InputError { compression, reason, .. }: InputError) -> OpenError {
        match compression {
            Compression::None => OpenError::Io(reason),
            _ => OpenError::Decompress { compression, reason },
        }
    }
}

impl From<InputError> for ReadError {
    fn from(InputError { offset, compression, reason }: InputError) -> ReadError {
        match compression {
            Compression::None => ReadError::Io { offset, reason },
            _ => ReadError::Decompress { offset, compression, reason },
        }
    }
}

enum Source {
    Plain(Counted),
    Gzip(Box<MultiGzDecoder<BufReader<Counted>>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, BufReader<Counted>>>),
}

impl Source {
    fn new(file: Box<dyn Read + Send>) -> io::Result<Source> {
        let mut file = Counted { head: [0; 4], head_from: 0, head_to: 0, file, read: 0, failed: false };
        file.read_head()?;
        let buffered = |file| BufReader::with_capacity(COMPRESSED_BUFFER, file);
        Ok(match file.head[..file.head_to] {
            [0x1f, 0x8b, ..] => Source::Gzip(Box::new(MultiGzDecoder::new(buffered(file)))),
            // A data frame, or one of the skippable frames that parallel compressors begin with.
            [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(buffered(file))?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Source::Zstd(Box::new(decoder))
            }
            _ => Source::Plain(file),
        })
    }

    fn file(&self) -> &Counted {
        match self {
            Source::Plain(file) => file,
            Source::Gzip(decoder) => decoder.get_ref().get_ref(),
            Source::Zstd(decoder) => decoder.get_ref().get_ref(),
        }
    }

    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Source::Plain(file) => file.read(into),
            Source::Gzip(decoder) => decoder.read(into),
            Source::Zstd(decoder) => decoder.read(into),
        }
    }
}

/// A file that gives its first bytes once more after they were looked at, and counts.
struct Counted {
    head: [u8; 4],
    head_from: usize,
    head_to: usize,
    file: Box<dyn Read + Send>,
    read: u64,
    failed: bool,
}

impl Counted {
    fn read_head(&mut self) -> io::Result<()> {
        while self.head_to < self.head.len() {
            let count = read_retrying(&mut self.file, &mut self.head[self.head_to..])?;
            if count == 0 {
                break;
            }
            self.head_to += count;
        }
        self.read = self.head_to as u64;
        Ok(())
    }
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.head_from < self.head_to {
            let count = (&self.head[self.head_from..self.head_to]).read(into)?;
            self.head_from += count;
            return Ok(count);
        }
        let result = read_retrying(&mut self.file, into);
        match result {
            Ok(count) => self.read += count as u64,
            Err(_) => self.failed = true,
        }
        result
    }
}

fn read_retrying(file: &mut dyn Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(into) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
