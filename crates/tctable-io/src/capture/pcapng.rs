//! The pcapng format: draft-ietf-opsawg-pcapng.

use tctable::packet::{DeviceId, FrameDirection};
use tctable::time::Instant;

use super::burst::{Obstacle, Record, u16_at, u32_at};
use super::interface::{Interface, Options};
use super::{Corruption, LinkCode, MAX_BLOCK, MAX_CAPTURED, Skipped};

/// Reads the same in either byte order.
pub(super) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
/// A block's type and length in front, and its length again behind.
const BLOCK_FRAME: usize = 12;
/// A section header block up to its options, with the length behind.
const SECTION_FIELDS: usize = 24;
/// Offset of an enhanced or obsolete packet block's data.
const PACKET_DATA: usize = 28;
/// Offset of a simple packet block's data.
const SIMPLE_DATA: usize = 12;
/// The option of a packet block that has the direction in its lowest two bits.
const PACKET_FLAGS: u16 = 2;
/// As many as a `DeviceId` can number.
const MAX_INTERFACES: usize = 1 << 16;

/// Where the parser stands: in which section, and what it has read of the file.
#[derive(Debug, Default)]
pub(super) struct PcapNg {
    big: bool,
    /// The section's interface 0.
    first_interface: usize,
    /// Simple packet blocks have no time of their own.
    last_time: Instant,
    pub interfaces: Vec<Interface>,
    pub skipped: Skipped,
}

impl PcapNg {
    /// Appends records until there are `max`; returns how far it came in the window, and why no further.
    ///
    /// Blocks that hold no packet are taken in on the way. With a `max` of 0, that is all that happens.
    pub fn parse(&mut self, window: &[u8], max: usize, records: &mut Vec<Record>) -> (usize, Result<(), Obstacle>) {
        let mut at = 0;
        loop {
            let big = self.big;
            let (reached, result) = if big {
                self.run::<true>(window, at, max, records)
            } else {
                self.run::<false>(window, at, max, records)
            };
            if result.is_err() || self.big == big {
                return (reached, result);
            }
            at = reached;
        }
    }

    /// Until there are `max` records, or until a section of the other byte order has begun.
    fn run<const BIG: bool>(
        &mut self,
        window: &[u8],
        mut at: usize,
        max: usize,
        records: &mut Vec<Record>,
    ) -> (usize, Result<(), Obstacle>) {
        while self.big == BIG {
            match self.block::<BIG>(window, at, max, records) {
                Ok(Some(length)) => at += length,
                Ok(None) => break,
                Err(obstacle) => return (at, Err(obstacle)),
            }
        }
        (at, Ok(()))
    }

    /// Takes in the block at `at` and returns its length; `None` where it holds a packet too many.
    #[inline(always)]
    fn block<const BIG: bool>(
        &mut self,
        window: &[u8],
        at: usize,
        max: usize,
        records: &mut Vec<Record>,
    ) -> Result<Option<usize>, Obstacle> {
        let rest = &window[at..];
        let kind = u32_at::<BIG>(rest.first_chunk::<8>().ok_or(Obstacle::Need(8))?, 0);
        if kind == SECTION_HEADER {
            return self.section(rest).map(Some);
        }
        let is_packet = matches!(kind, ENHANCED_PACKET | SIMPLE_PACKET | OBSOLETE_PACKET);
        if is_packet && records.len() >= max {
            return Ok(None);
        }
        let block = whole_block::<BIG>(rest)?;
        match kind {
            ENHANCED_PACKET | OBSOLETE_PACKET => self.packet::<BIG>(kind, block, at, records)?,
            SIMPLE_PACKET => self.simple_packet::<BIG>(block, at, records)?,
            INTERFACE_DESCRIPTION => self.interface::<BIG>(block)?,
            _ => {}
        }
        Ok(Some(block.len()))
    }

    /// Begins the section whose header block the window begins with; returns the block's length.
    pub fn section(&mut self, window: &[u8]) -> Result<usize, Obstacle> {
        let head = window.first_chunk::<12>().ok_or(Obstacle::Need(12))?;
        let big = u32_at::<true>(head, 8) == BYTE_ORDER_MAGIC;
        if !big && u32_at::<false>(head, 8) != BYTE_ORDER_MAGIC {
            return Err(Corruption::ByteOrderMagic(u32_at::<true>(head, 8)).into());
        }
        let length = if big { section_length::<true>(window) } else { section_length::<false>(window) }?;
        self.big = big;
        self.first_interface = self.interfaces.len();
        Ok(length)
    }

    fn interface<const BIG: bool>(&mut self, block: &[u8]) -> Result<(), Corruption> {
        let body = &block[8..block.len() - 4];
        let (fields, options) = body.split_first_chunk::<8>().ok_or(Corruption::ShortBlock(INTERFACE_DESCRIPTION))?;
        if self.interfaces.len() == MAX_INTERFACES {
            return Err(Corruption::TooManyInterfaces);
        }
        let interface = Interface::unnamed(LinkCode(u16_at::<BIG>(fields, 0)), u32_at::<BIG>(fields, 4));
        self.interfaces.push(interface.with_options::<BIG>(options)?);
        Ok(())
    }

    /// An enhanced packet block, or the obsolete one that differs in how the interface is written.
    #[inline(always)]
    fn packet<const BIG: bool>(
        &mut self,
        kind: u32,
        block: &[u8],
        at: usize,
        records: &mut Vec<Record>,
    ) -> Result<(), Corruption> {
        let (frame, body) = block.split_first_chunk::<PACKET_DATA>().ok_or(Corruption::ShortBlock(kind))?;
        let body = body.split_last_chunk::<4>().ok_or(Corruption::ShortBlock(kind))?.0;
        let number = if kind == ENHANCED_PACKET { u32_at::<BIG>(frame, 8) } else { u16_at::<BIG>(frame, 8).into() };
        let ticks = u64::from(u32_at::<BIG>(frame, 12)) << 32 | u64::from(u32_at::<BIG>(frame, 16));
        let captured = u32_at::<BIG>(frame, 20);
        if captured > MAX_CAPTURED {
            return Err(Corruption::CapturedLength(captured));
        }
        if captured as usize > body.len() {
            return Err(Corruption::ShortBlock(kind));
        }
        let Some(interface) = self.interfaces[self.first_interface..].get(number as usize) else {
            self.skipped.unknown_interface += 1;
            return Ok(());
        };
        let Some(link) = interface.link else {
            self.skipped.count_link_type(interface.link_type);
            return Ok(());
        };
        let options = body.get(captured.next_multiple_of(4) as usize..).unwrap_or(&[]);
        self.last_time = interface.clock.time(ticks);
        records.push(Record {
            time: self.last_time,
            start: (at + PACKET_DATA) as u32,
            captured,
            // Some programs write the shorter length of a frame that they changed.
            wire_len: u32_at::<BIG>(frame, 24).max(captured),
            device: self.device(number),
            direction: if options.is_empty() { FrameDirection::Unknown } else { direction::<BIG>(options) },
            link,
        });
        Ok(())
    }

    /// A simple packet block: of the section's first interface, and without a time.
    fn simple_packet<const BIG: bool>(
        &mut self,
        block: &[u8],
        at: usize,
        records: &mut Vec<Record>,
    ) -> Result<(), Corruption> {
        let (frame, body) = block.split_first_chunk::<SIMPLE_DATA>().ok_or(Corruption::ShortBlock(SIMPLE_PACKET))?;
        let body = body.split_last_chunk::<4>().ok_or(Corruption::ShortBlock(SIMPLE_PACKET))?.0;
        let Some(interface) = self.interfaces.get(self.first_interface) else {
            self.skipped.unknown_interface += 1;
            return Ok(());
        };
        let Some(link) = interface.link else {
            self.skipped.count_link_type(interface.link_type);
            return Ok(());
        };
        let wire_len = u32_at::<BIG>(frame, 8);
        let captured = if interface.snap_len == 0 { wire_len } else { wire_len.min(interface.snap_len) };
        if captured > MAX_CAPTURED {
            return Err(Corruption::CapturedLength(captured));
        }
        if captured as usize > body.len() {
            return Err(Corruption::ShortBlock(SIMPLE_PACKET));
        }
        records.push(Record {
            time: self.last_time,
            start: (at + SIMPLE_DATA) as u32,
            captured,
            wire_len,
            device: self.device(0),
            direction: FrameDirection::Unknown,
            link,
        });
        Ok(())
    }

    /// Interfaces are counted through the whole file, beyond the section that a block counts them in.
    fn device(&self, number: u32) -> DeviceId {
        DeviceId((self.first_interface + number as usize) as u16)
    }
}

/// The block that the window begins with, whose length is sound at both ends.
#[inline]
fn whole_block<const BIG: bool>(window: &[u8]) -> Result<&[u8], Obstacle> {
    let head = window.first_chunk::<8>().ok_or(Obstacle::Need(8))?;
    let leading = u32_at::<BIG>(head, 4);
    let length = leading as usize;
    if !(BLOCK_FRAME..=MAX_BLOCK).contains(&length) || !length.is_multiple_of(4) {
        return Err(Corruption::BlockLength(leading).into());
    }
    let block = window.get(..length).ok_or(Obstacle::Need(length))?;
    let trailing = u32_at::<BIG>(block, length - 4);
    if trailing != leading {
        return Err(Corruption::TrailingLength { leading, trailing }.into());
    }
    Ok(block)
}

fn section_length<const BIG: bool>(window: &[u8]) -> Result<usize, Obstacle> {
    let block = whole_block::<BIG>(window)?;
    let fields = block.first_chunk::<SECTION_FIELDS>().ok_or(Corruption::ShortBlock(SECTION_HEADER))?;
    let (major, minor) = (u16_at::<BIG>(fields, 12), u16_at::<BIG>(fields, 14));
    if major != 1 {
        return Err(Corruption::SectionVersion { major, minor }.into());
    }
    Ok(block.len())
}

/// From a packet block's options. The packet itself is whole, so options that cannot be read only leave its
/// direction unknown.
fn direction<const BIG: bool>(options: &[u8]) -> FrameDirection {
    let flags = Options::<BIG>(options)
        .map_while(Result::ok)
        .find_map(|(code, value)| Some(value).filter(|value| code == PACKET_FLAGS && value.len() == 4));
    match flags.map(|value| u32_at::<BIG>(value, 0) & 3) {
        Some(1) => FrameDirection::Inbound,
        Some(2) => FrameDirection::Outbound,
        _ => FrameDirection::Unknown,
    }
}
