use tctable::packet::LinkType;

use super::burst::u16_at;
use super::clock::Clock;
use super::{Corruption, LinkCode};

/// Bytes of a name that are kept, so that a file cannot fill the memory with names.
const MAX_NAME: usize = 256;

const END_OF_OPTIONS: u16 = 0;
const IF_NAME: u16 = 2;
const IF_MAC_ADDRESS: u16 = 6;
const IF_TIME_RESOLUTION: u16 = 9;
const IF_TIME_OFFSET: u16 = 14;

/// What a capture says of a device that it was taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Interface {
    /// Its name there, such as `eth0`; pcap has no names. Cut at 256 bytes.
    pub name: Option<String>,
    /// What its frames begin with.
    pub link_type: LinkCode,
    /// Bytes of a frame that were kept at most; 0 where there was no limit.
    pub snap_len: u32,
    /// Its hardware address.
    pub mac: Option<[u8; 6]>,
    /// The link type as the engine knows it, looked up once for all packets.
    pub(super) link: Option<LinkType>,
    pub(super) clock: Clock,
}

impl Interface {
    /// One of which nothing else is known.
    pub(super) fn unnamed(link_type: LinkCode, snap_len: u32) -> Interface {
        Interface { name: None, link_type, snap_len, mac: None, link: link_type.link_type(), clock: Clock::MICROS }
    }

    /// Takes the options of an interface description block.
    ///
    /// Those that decide what the packets' times mean must be readable.
    pub(super) fn with_options<const BIG: bool>(mut self, options: &[u8]) -> Result<Interface, Corruption> {
        let (mut resolution, mut offset) = (6, 0);
        for option in Options::<BIG>(options) {
            let (code, value) = option?;
            match code {
                IF_NAME => self.name = Some(name(value)),
                IF_MAC_ADDRESS => self.mac = value.try_into().ok(),
                IF_TIME_RESOLUTION => {
                    let &[byte] = value else { return Err(Corruption::InterfaceOptions) };
                    resolution = byte;
                }
                IF_TIME_OFFSET => {
                    let bytes = value.try_into().map_err(|_| Corruption::InterfaceOptions)?;
                    offset = if BIG { i64::from_be_bytes(bytes) } else { i64::from_le_bytes(bytes) };
                }
                _ => {}
            }
        }
        self.clock = Clock::new(resolution, offset);
        Ok(self)
    }
}

/// Some programs count the terminating zero in.
fn name(value: &[u8]) -> String {
    let value = &value[..value.len().min(MAX_NAME)];
    String::from_utf8_lossy(value).trim_end_matches('\0').to_owned()
}

/// The options of a block: code, length, value, padding to four bytes, until the end of the block or of the
/// options, whichever comes first.
pub(super) struct Options<'a, const BIG: bool>(pub &'a [u8]);

impl<'a, const BIG: bool> Iterator for Options<'a, BIG> {
    type Item = Result<(u16, &'a [u8]), Corruption>;

    fn next(&mut self) -> Option<Self::Item> {
        let (head, rest) = self.0.split_first_chunk::<4>()?;
        let (code, length) = (u16_at::<BIG>(head, 0), u16_at::<BIG>(head, 2) as usize);
        if code == END_OF_OPTIONS {
            return None;
        }
        let Some(value) = rest.get(..length) else {
            self.0 = &[];
            return Some(Err(Corruption::InterfaceOptions));
        };
        self.0 = rest.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        Some(Ok((code, value)))
    }
}
