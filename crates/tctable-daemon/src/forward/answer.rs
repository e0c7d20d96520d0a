use tctable::gateway::Transmit;
use tctable::packet::{Frame, LinkType, PacketInfo};

/// Makes the frame of a packet that answers another one: with the link header of that one, tags included, whose two Ethernet
/// addresses change places. Appends it to `into`, and tells whether there can be one.
///
/// What was sent to many has no one to answer in its place.
pub(super) fn frame(answer: &Transmit, rejected: &Frame<'_>, into: &mut Vec<u8>) -> bool {
    if answer.link == rejected.link {
        into.extend_from_slice(&answer.data);
        return true;
    }
    let (LinkType::Ethernet, Ok(info)) = (rejected.link, PacketInfo::read(rejected)) else { return false };
    let Some(header) = rejected.data.get(..usize::from(info.network_offset)) else { return false };
    let Some((addresses, rest)) = header.split_first_chunk::<12>() else { return false };
    let [a, b, c, d, e, f, sender @ ..] = *addresses;
    if a & 1 != 0 {
        return false;
    }
    into.extend_from_slice(&sender);
    into.extend_from_slice(&[a, b, c, d, e, f]);
    into.extend_from_slice(rest);
    into.extend_from_slice(&answer.data);
    true
}
