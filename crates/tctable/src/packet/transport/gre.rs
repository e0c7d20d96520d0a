use super::super::info::PacketInfo;
use super::{Invalid, Transport, be16};

/// The version's bits in the first word (RFC 2784 section 2.1).
const VERSION: u16 = 0x0007;
/// The version of enhanced GRE (RFC 2637 section 4.1), which has a call id.
const ENHANCED: u16 = 1;
/// What enhanced GRE carries: PPP.
const PPP: u16 = 0x880b;

pub(super) fn fill(info: &mut PacketInfo, bytes: &[u8], wire_len: u32) {
    info.transport = match call_id(bytes, wire_len) {
        Ok(call_id) => {
            info.tuple.destination_port = call_id;
            Transport::Gre
        }
        Err(why) => Transport::Invalid(why),
    };
}

/// The call id of an enhanced GRE header, zero where there is none: in other versions, and in a packet that ends before
/// it. `bytes` are those that were kept of `wire_len`.
pub(in crate::packet) fn call_id(bytes: &[u8], wire_len: u32) -> Result<u16, Invalid> {
    let kept = |need: u32| if wire_len < need { Ok(0) } else { Err(Invalid::Cut) };
    let Some(header) = bytes.first_chunk::<4>() else { return kept(4) };
    if be16(header, 0) & VERSION != ENHANCED {
        return Ok(0);
    }
    let Some(header) = bytes.first_chunk::<8>() else { return kept(8) };
    if be16(header, 2) != PPP {
        return Err(Invalid::GreProtocol);
    }
    Ok(be16(header, 6))
}
