use tctable::packet::{Family, PacketInfo, sum};
use tctable_io::port::Offload;

/// Puts the sum of the pseudo header where the checksum of a frame is that is still to be finished: whoever edited the frame
/// kept the field right for a checksum that is. The headers may have moved, so their places are read anew.
pub(super) fn renew(frame: &mut [u8], info: &PacketInfo, offload: &Offload) {
    let [.., a, b] = offload.0;
    let (network, transport) = (usize::from(info.network_offset), usize::from(info.transport_offset));
    let field = transport + usize::from(u16::from_ne_bytes([a, b]));
    let addresses = match info.tuple.family {
        Family::V4 => frame.get(network + 12..network + 20),
        Family::V6 => frame.get(network + 8..network + 40),
    };
    let Some(addresses) = addresses else { return };
    let len = info.ip_len as usize - (transport - network).min(info.ip_len as usize);
    let mut total =
        u32::from(sum(addresses)) + u32::from(info.tuple.protocol) + (len as u32 & 0xffff) + (len as u32 >> 16);
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    if let Some(field) = frame.get_mut(field..field + 2) {
        field.copy_from_slice(&(total as u16).to_be_bytes());
    }
}
