//! The pcap format: draft-ietf-opsawg-pcap.

use tctable::packet::{DeviceId, FrameDirection, LinkType};
use tctable::time::Instant;

use super::burst::{Obstacle, Record, u16_at, u32_at};
use super::{Corruption, Interface, LinkCode, MAX_CAPTURED, OpenError};

/// Bytes of the file header.
pub(super) const FILE_HEADER: usize = 24;
/// Bytes of a record's header.
const RECORD_HEADER: usize = 16;

const MICROS: u32 = 0xa1b2_c3d4;
const NANOS: u32 = 0xa1b2_3c4d;
/// The variants that libpcap and Wireshark know: Kuznetzov's, Mesquita's, Navtel's, and two of Ixia. Their record
/// headers have other fields.
const MODIFIED: [u32; 5] = [0xa1b2_cd34, 0xa1b2_34cd, 0xa12b_3c4d, 0x1c00_01ac, 0x1c00_01ab];

/// What the first four bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Magic {
    Pcap { big: bool, nanos_per_tick: u32 },
    Modified,
    Other,
}

impl Magic {
    pub fn of(bytes: [u8; 4]) -> Magic {
        let big = u32::from_be_bytes(bytes);
        let little = u32::from_le_bytes(bytes);
        match (big, little) {
            (MICROS, _) => Magic::Pcap { big: true, nanos_per_tick: 1000 },
            (_, MICROS) => Magic::Pcap { big: false, nanos_per_tick: 1000 },
            (NANOS, _) => Magic::Pcap { big: true, nanos_per_tick: 1 },
            (_, NANOS) => Magic::Pcap { big: false, nanos_per_tick: 1 },
            _ if MODIFIED.contains(&big) || MODIFIED.contains(&little) => Magic::Modified,
            _ => Magic::Other,
        }
    }
}

#[derive(Debug)]
pub(super) struct Pcap {
    big: bool,
    nanos_per_tick: u32,
    link: LinkType,
    /// Files before version 2.4 have the two lengths of a record in either order.
    lengths_unordered: bool,
}

impl Pcap {
    /// Reads the rest of a file header whose magic is known.
    pub fn open(header: &[u8; FILE_HEADER], big: bool, nanos_per_tick: u32) -> Result<(Pcap, Interface), OpenError> {
        if big { Self::read::<true>(header, nanos_per_tick) } else { Self::read::<false>(header, nanos_per_tick) }
    }

    fn read<const BIG: bool>(header: &[u8; FILE_HEADER], nanos_per_tick: u32) -> Result<(Pcap, Interface), OpenError> {
        let (major, minor) = (u16_at::<BIG>(header, 4), u16_at::<BIG>(header, 6));
        if major != 2 {
            return Err(OpenError::UnsupportedVersion { major, minor });
        }
        // The upper half tells whether frames end in a frame check sequence, which changes nothing for the
        // engine: it goes by the lengths in the headers of the network layer.
        let code = LinkCode(u32_at::<BIG>(header, 20) as u16);
        let link = code.link_type().ok_or(OpenError::UnsupportedLinkType(code))?;
        let interface = Interface::unnamed(code, u32_at::<BIG>(header, 16));
        Ok((Pcap { big: BIG, nanos_per_tick, link, lengths_unordered: minor < 4 }, interface))
    }

    /// Appends records until there are `max`; returns how far it came in the window, and why no further.
    pub fn parse(&self, window: &[u8], max: usize, records: &mut Vec<Record>) -> (usize, Result<(), Obstacle>) {
        if self.big { self.run::<true>(window, max, records) } else { self.run::<false>(window, max, records) }
    }

    fn run<const BIG: bool>(
        &self,
        window: &[u8],
        max: usize,
        records: &mut Vec<Record>,
    ) -> (usize, Result<(), Obstacle>) {
        let mut rest = window;
        let result = loop {
            if records.len() >= max {
                break Ok(());
            }
            let Some((header, data)) = rest.split_first_chunk::<RECORD_HEADER>() else {
                break Err(Obstacle::Need(RECORD_HEADER));
            };
            let mut captured = u32_at::<BIG>(header, 8);
            let mut wire_len = u32_at::<BIG>(header, 12);
            if self.lengths_unordered {
                (captured, wire_len) = (captured.min(wire_len), captured.max(wire_len));
            }
            if captured > MAX_CAPTURED {
                break Err(Corruption::CapturedLength(captured).into());
            }
            let Some(after) = data.get(captured as usize..) else {
                break Err(Obstacle::Need(RECORD_HEADER + captured as usize));
            };
            // 2^32 seconds and 2^32 ticks of a microsecond are less than 2^64 nanoseconds.
            let nanos = u64::from(u32_at::<BIG>(header, 0)) * 1_000_000_000
                + u64::from(u32_at::<BIG>(header, 4)) * u64::from(self.nanos_per_tick);
            records.push(Record {
                time: Instant::from_nanos(nanos),
                start: (window.len() - data.len()) as u32,
                captured,
                // Some programs write the shorter length of a frame that they changed.
                wire_len: wire_len.max(captured),
                device: DeviceId(0),
                direction: FrameDirection::Unknown,
                link: self.link,
            });
            rest = after;
        };
        (window.len() - rest.len(), result)
    }
}
