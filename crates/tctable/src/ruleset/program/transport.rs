//! What matches may read of a transport header.

use super::outcome::Outcome;
use crate::hook::PacketBuf;
use crate::packet::Fragment;

/// A packet's bytes from the transport header on, as far as they were kept, where there are at least `need` of them.
///
/// # Errors
/// What a match that needs them says otherwise. A later fragment has no such header. A packet that ends before it is
/// dropped, as in the kernel; where a capture has cut the packet nobody knows what it said.
pub(super) fn header<'p>(packet: &'p PacketBuf<'_>, need: usize) -> Result<&'p [u8], Outcome> {
    let (info, data) = (packet.info(), packet.data());
    if info.fragment == Fragment::Later {
        return Err(Outcome::Differs);
    }
    let start = usize::from(info.transport_offset);
    let end = usize::from(info.network_offset) + info.ip_len as usize;
    let bytes = data.get(..end).unwrap_or(data).get(start..).unwrap_or_default();
    match bytes.len() >= need {
        true => Ok(bytes),
        false if end < start + need => Err(Outcome::HotDrop),
        false => Err(Outcome::Differs),
    }
}

/// Source and destination port, in the first four bytes of a header that has them.
pub(super) fn ports(bytes: &[u8]) -> (u16, u16) {
    match bytes.first_chunk() {
        Some([a, b, c, d]) => (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])),
        None => (0, 0),
    }
}
