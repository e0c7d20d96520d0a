//! The line, but for what depends on the version of IP.

use std::fmt::{self, Formatter};

use super::{LinkHeader, LogRecord, v4, v6};
use crate::packet::Family;

/// The bits of `LOG --log-...` (`NF_LOG_*`).
mod flag {
    pub(super) const TCP_SEQUENCE: u8 = 1;
    pub(super) const TCP_OPTIONS: u8 = 2;
    pub(super) const IP_OPTIONS: u8 = 4;
    pub(super) const MAC_DECODE: u8 = 32;
}

/// The characters after which the kernel's line ends, with the last part that has room.
const LINE_MAX: usize = 1_019;

/// What ends a packet's part of the line early: what comes after it is not told.
pub(super) enum Stop {
    /// The line is as long as it may be.
    Full,
    /// The packet is: nothing else can be read of it.
    Cut,
    Write(fmt::Error),
}

impl From<fmt::Error> for Stop {
    fn from(error: fmt::Error) -> Self {
        Stop::Write(error)
    }
}

pub(super) type Told = Result<(), Stop>;

/// A packet's bytes as far as they were kept.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a> {
    kept: &'a [u8],
    /// The IP packet's own length.
    length: usize,
}

impl<'a> Bytes<'a> {
    /// So many bytes from there on; `None` where there are fewer.
    pub(super) fn get<const N: usize>(self, at: usize) -> Option<&'a [u8; N]> {
        self.kept.get(at..)?.first_chunk()
    }

    pub(super) fn slice(self, at: usize, length: usize) -> Option<&'a [u8]> {
        self.kept.get(at..)?.get(..length)
    }

    /// What the packet has from there on.
    pub(super) fn left(self, at: usize) -> usize {
        self.length.saturating_sub(at)
    }
}

/// The line as it is written.
pub(super) struct Line<'f, 'g> {
    to: &'f mut Formatter<'g>,
    written: usize,
    flags: u8,
}

impl Line<'_, '_> {
    /// Writes one part, if there is room for all of it.
    pub(super) fn put(&mut self, part: fmt::Arguments<'_>) -> Told {
        let text = part.to_string();
        if self.written + text.len() >= LINE_MAX {
            return Err(Stop::Full);
        }
        self.written += text.len();
        Ok(self.to.write_str(&text)?)
    }

    pub(super) fn tells_ip_options(&self) -> bool {
        self.flags & flag::IP_OPTIONS != 0
    }

    /// What is cut off where more was to be read. Only a header's end is missed, so the line goes on.
    pub(super) fn incomplete(&mut self, left: usize) -> Told {
        self.put(format_args!("INCOMPLETE [{left} bytes] "))
    }

    /// Options as the kernel shows them, in hexadecimal digits.
    pub(super) fn options(&mut self, options: &[u8]) -> Told {
        self.put(format_args!("OPT ("))?;
        options.iter().try_for_each(|byte| self.put(format_args!("{byte:02X}")))?;
        self.put(format_args!(") "))
    }

    pub(super) fn tcp(&mut self, bytes: Bytes<'_>, at: usize, later_fragment: bool) -> Told {
        self.put(format_args!("PROTO=TCP "))?;
        if later_fragment {
            return Ok(());
        }
        let Some(header) = bytes.get::<20>(at) else {
            self.incomplete(bytes.left(at))?;
            return Err(Stop::Cut);
        };
        self.put(format_args!("SPT={} DPT={} ", be16(header, 0), be16(header, 2)))?;
        if self.flags & flag::TCP_SEQUENCE != 0 {
            self.put(format_args!("SEQ={} ACK={} ", be32(header, 4), be32(header, 8)))?;
        }
        self.put(format_args!("WINDOW={} RES=0x{:02x} ", be16(header, 14), (header[12] & 0x0e) << 2))?;
        // The lowest of the bits that were reserved is for accurate ECN now.
        let names = [
            (header[12] & 1, "AE "),
            (header[13] & 0x80, "CWR "),
            (header[13] & 0x40, "ECE "),
            (header[13] & 0x20, "URG "),
            (header[13] & 0x10, "ACK "),
            (header[13] & 0x08, "PSH "),
            (header[13] & 0x04, "RST "),
            (header[13] & 0x02, "SYN "),
            (header[13] & 0x01, "FIN "),
        ];
        names.iter().filter(|(bit, _)| *bit != 0).try_for_each(|(_, name)| self.put(format_args!("{name}")))?;
        self.put(format_args!("URGP={} ", be16(header, 18)))?;
        let options_len = (usize::from(header[12] >> 4) * 4).saturating_sub(20);
        if self.flags & flag::TCP_OPTIONS == 0 || options_len == 0 {
            return Ok(());
        }
        match bytes.slice(at + 20, options_len) {
            Some(options) => self.options(options),
            None => {
                self.put(format_args!("OPT (TRUNCATED)"))?;
                Err(Stop::Cut)
            }
        }
    }

    /// UDP, or under another name UDP-Lite.
    pub(super) fn udp(&mut self, name: &str, bytes: Bytes<'_>, at: usize, later_fragment: bool) -> Told {
        self.put(format_args!("PROTO={name} "))?;
        if later_fragment {
            return Ok(());
        }
        match bytes.get::<8>(at) {
            Some(header) => {
                let [source, destination, length] = [0, 2, 4].map(|at| be16(header, at));
                self.put(format_args!("SPT={source} DPT={destination} LEN={length} "))
            }
            None => {
                self.incomplete(bytes.left(at))?;
                Err(Stop::Cut)
            }
        }
    }

    fn link(&mut self, link: LinkHeader) -> Told {
        match link {
            LinkHeader::None => Ok(()),
            LinkHeader::Empty => self.put(format_args!("MAC= ")),
            LinkHeader::Ethernet(header) if self.flags & flag::MAC_DECODE != 0 => {
                let (destination, source) = (Mac(&header[..6]), Mac(&header[6..12]));
                self.put(format_args!("MACSRC={source} MACDST={destination} "))?;
                self.put(format_args!("MACPROTO={:04x} ", be16(&header, 12)))
            }
            LinkHeader::Ethernet(header) => self.put(format_args!("MAC={} ", Mac(&header))),
        }
    }
}

/// Bytes between colons.
struct Mac<'a>(&'a [u8]);

impl fmt::Display for Mac<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(at, byte)| {
            let colon = if at == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02x}")
        })
    }
}

impl LogRecord {
    fn tell(&self, line: &mut Line<'_, '_>) -> Told {
        line.put(format_args!("{}IN={} OUT={} ", self.prefix, self.input, self.output))?;
        line.link(self.link)?;
        let bytes = Bytes { kept: &self.bytes, length: self.length as usize };
        let told = match self.tuple.family {
            Family::V4 => v4::packet(line, bytes, 0),
            Family::V6 => v6::packet(line, bytes, 0),
        };
        match told {
            Ok(()) if self.mark != 0 => line.put(format_args!("MARK=0x{:x} ", self.mark)),
            other => other,
        }
    }
}

/// The kernel's line.
impl fmt::Display for LogRecord {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.tell(&mut Line { to: f, written: 0, flags: self.flags }) {
            Ok(()) | Err(Stop::Full | Stop::Cut) => Ok(()),
            Err(Stop::Write(error)) => Err(error),
        }
    }
}

pub(super) fn be16(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |word| u16::from_be_bytes(*word))
}

pub(super) fn be32(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |word| u32::from_be_bytes(*word))
}
