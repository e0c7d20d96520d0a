use super::super::info::{Packet, PacketInfo};
use super::{SctpHeader, Transport, be16, be32, set_ports, too_short};

/// The common header's length in bytes.
const HEADER_LEN: usize = 12;
/// The bytes of a chunk before its value.
const CHUNK_HEADER_LEN: u32 = 4;
/// The fixed part of the values of INIT and INIT ACK.
const INIT_LEN: u32 = 16;

pub(super) fn fill(info: &mut PacketInfo, bytes: &[u8], wire_len: u32) {
    let Some(header) = bytes.first_chunk::<HEADER_LEN>() else {
        return too_short(info, wire_len, HEADER_LEN as u32);
    };
    set_ports(info, header);
    info.transport = Transport::Sctp(SctpHeader { verification_tag: be32(header, 4) });
}

/// One chunk of an SCTP packet (RFC 9260 section 3.2).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk<'a> {
    /// Its type.
    pub(crate) kind: u8,
    /// Its flags.
    pub(crate) flags: u8,
    /// Its length as it tells it, header included; padding is not.
    pub(crate) length: u16,
    /// What was kept of the packet from its value on.
    rest: &'a [u8],
    /// What the packet itself has from there on.
    rest_len: u32,
}

impl Chunk<'_> {
    /// The initiate tag of an INIT or INIT ACK: `None` where the packet ends inside the chunk's fixed part, or the
    /// capture before the tag's end.
    pub(crate) fn initiate_tag(&self) -> Option<u32> {
        let tag = self.rest.first_chunk::<4>()?;
        (self.rest_len >= INIT_LEN).then(|| u32::from_be_bytes(*tag))
    }
}

/// The chunks of an SCTP packet, in order, as far as the capture kept their headers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunks<'a> {
    bytes: &'a [u8],
    wire_len: u32,
}

impl<'a> Chunks<'a> {
    /// Those of an SCTP packet.
    pub(crate) fn of(packet: Packet<'a>) -> Chunks<'a> {
        let bytes = packet.transport_bytes().get(HEADER_LEN..).unwrap_or_default();
        Chunks { bytes, wire_len: packet.transport_len().saturating_sub(HEADER_LEN as u32) }
    }

    /// Those in bytes that follow a common header.
    #[cfg(test)]
    pub(crate) fn new(bytes: &'a [u8]) -> Chunks<'a> {
        Chunks { bytes, wire_len: bytes.len() as u32 }
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        let header = self.bytes.first_chunk::<4>()?;
        let length = be16(header, 2);
        let rest = self.bytes.get(CHUNK_HEADER_LEN as usize..)?;
        let rest_len = self.wire_len.saturating_sub(CHUNK_HEADER_LEN);
        let chunk = Chunk { kind: header[0], flags: header[1], length, rest, rest_len };
        // Chunks begin at multiples of four bytes. One without any length would never end.
        let step = u32::from(length).next_multiple_of(4).max(CHUNK_HEADER_LEN);
        self.bytes = self.bytes.get(step as usize..).unwrap_or_default();
        self.wire_len = self.wire_len.saturating_sub(step);
        Some(chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(bytes: &[u8]) -> Vec<(u8, u16)> {
        Chunks::new(bytes).map(|chunk| (chunk.kind, chunk.length)).collect()
    }

    #[test]
    fn chunks_are_padded_to_four_bytes() {
        let bytes = [0, 3, 0, 5, 1, 0, 0, 0, 3, 0, 0, 4, 4, 0, 0, 7, 0, 0, 0, 0, 5, 0, 0, 4];
        assert_eq!(lengths(&bytes), [(0, 5), (3, 4), (4, 7), (5, 4)]);
        assert_eq!(Chunks::new(&bytes).next().map(|chunk| chunk.flags), Some(3));
    }

    #[test]
    fn they_end_with_the_last_header_that_is_whole() {
        assert!(lengths(&[]).is_empty());
        assert!(lengths(&[1, 0, 0]).is_empty());
        assert_eq!(lengths(&[1, 0, 0, 4, 2, 0, 0]), [(1, 4)]);
        assert_eq!(lengths(&[1, 0, 0xff, 0xff, 2, 0, 0, 4]), [(1, 0xffff)]);
    }

    #[test]
    fn a_length_below_the_headers_own_goes_on_with_the_next_word() {
        for length in 0..4 {
            assert_eq!(lengths(&[1, 0, 0, length, 2, 0, 0, 4]), [(1, length.into()), (2, 4)]);
        }
    }

    #[test]
    fn an_initiate_tag_needs_the_whole_fixed_part() {
        let mut bytes = [0; 20];
        bytes[..8].copy_from_slice(&[1, 0, 0, 20, 1, 2, 3, 4]);
        for length in 4..=20 {
            let tag = Chunks::new(&bytes[..length]).next().and_then(|chunk| chunk.initiate_tag());
            assert_eq!(tag, (length == 20).then_some(0x0102_0304), "{length}");
            // Where only the capture is cut the tag itself is enough.
            let cut = Chunks { bytes: &bytes[..length], wire_len: 20 };
            let tag = { cut }.next().and_then(|chunk| chunk.initiate_tag());
            assert_eq!(tag, (length >= 8).then_some(0x0102_0304), "{length}");
        }
    }
}
