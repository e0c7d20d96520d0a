use super::super::info::PacketInfo;
use super::{Invalid, Transport, be16, set_ports, too_short};

const HEADER_LEN: u32 = 8;

/// UDP (RFC 768).
#[inline(always)]
pub(super) fn fill(info: &mut PacketInfo, bytes: &[u8], wire_len: u32) {
    let Some(header) = bytes.first_chunk::<8>() else { return too_short(info, wire_len, HEADER_LEN) };
    set_ports(info, header);
    let udp_len = u32::from(be16(header, 4));
    let possible = possible(udp_len, wire_len);
    info.transport = if possible { Transport::Udp } else { Transport::Invalid(Invalid::Length) };
}

/// UDP-Lite (RFC 3828): as UDP, with the checksum's coverage in the place of the length; a coverage of zero is all, and
/// a checksum must be there.
pub(super) fn fill_lite(info: &mut PacketInfo, bytes: &[u8], wire_len: u32) {
    let Some(header) = bytes.first_chunk::<8>() else { return too_short(info, wire_len, HEADER_LEN) };
    set_ports(info, header);
    let coverage = u32::from(be16(header, 4));
    info.transport = if coverage != 0 && !possible(coverage, wire_len) {
        Transport::Invalid(Invalid::Length)
    } else if be16(header, 6) == 0 {
        Transport::Invalid(Invalid::NoChecksum)
    } else {
        Transport::UdpLite
    };
}

/// Whether the header can tell that length. A first fragment has that of the whole datagram: it tells a connection only
/// when it is whole.
#[inline(always)]
fn possible(told: u32, wire_len: u32) -> bool {
    told >= HEADER_LEN && told <= wire_len
}
