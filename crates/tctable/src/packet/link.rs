use super::error::{Malformed, NotIp};
use super::frame::{Frame, FrameDirection, LinkType};

/// The network layer that a link layer announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Network {
    Ipv4,
    Ipv6,
}

/// What the link layer said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) network: Network,
    /// Where the IP header begins, in bytes.
    pub(super) offset: u16,
    pub(super) direction: FrameDirection,
}

pub(super) const ETHERTYPE_IPV4: u16 = 0x0800;
pub(super) const ETHERTYPE_IPV6: u16 = 0x86dd;
const ETHERTYPE_PPPOE_SESSION: u16 = 0x8864;
/// IEEE 802.1Q and 802.1ad tags, and the value that stacked tags had before 802.1ad.
const ETHERTYPE_TAGS: [u16; 3] = [0x8100, 0x88a8, 0x9100];
const MAX_TAGS: u32 = 4;

/// The network layer of nearly all frames: Ethernet without tags. `None` for any other.
#[inline(always)]
pub(super) fn plain(frame: &Frame<'_>) -> Option<Link> {
    let (LinkType::Ethernet, Some(header)) = (frame.link, frame.data.first_chunk::<14>()) else { return None };
    let network = match u16::from_be_bytes([header[12], header[13]]) {
        ETHERTYPE_IPV4 => Network::Ipv4,
        ETHERTYPE_IPV6 => Network::Ipv6,
        _ => return None,
    };
    Some(Link { network, offset: 14, direction: frame.direction })
}

/// Finds the IP header of a frame.
pub(super) fn parse(frame: &Frame<'_>) -> Result<Link, NotIp> {
    let bytes = frame.data;
    match frame.link {
        LinkType::Ethernet => ethertype(bytes, 12, frame.direction),
        LinkType::Raw => raw(bytes, frame.direction),
        LinkType::Ipv4 => Ok(Link { network: Network::Ipv4, offset: 0, direction: frame.direction }),
        LinkType::Ipv6 => Ok(Link { network: Network::Ipv6, offset: 0, direction: frame.direction }),
        LinkType::Pppoe => pppoe(bytes, 0, frame.direction),
        LinkType::LinuxSll => {
            let direction = cooked_direction(frame.direction, be16(bytes, 0)?);
            ethertype(bytes, 14, direction)
        }
        LinkType::LinuxSll2 => {
            let packet_type = *bytes.get(10).ok_or(Malformed::LinkHeaderCut)?;
            let direction = cooked_direction(frame.direction, u16::from(packet_type));
            let protocol = be16(bytes, 0)?;
            network(bytes, protocol, 20, direction)
        }
        LinkType::Null => {
            let word = *bytes.first_chunk::<4>().ok_or(Malformed::LinkHeaderCut)?;
            // The capturing host's byte order is not told; a family is a small number in one of the two.
            loopback(u32::from_le_bytes(word).min(u32::from_be_bytes(word)), frame.direction)
        }
        LinkType::Loop => {
            let word = *bytes.first_chunk::<4>().ok_or(Malformed::LinkHeaderCut)?;
            loopback(u32::from_be_bytes(word), frame.direction)
        }
    }
}

fn be16(bytes: &[u8], at: usize) -> Result<u16, Malformed> {
    match bytes.get(at..at + 2) {
        Some(two) => Ok(u16::from_be_bytes([two[0], two[1]])),
        None => Err(Malformed::LinkHeaderCut),
    }
}

/// Reads the ethertype at `at`; the next header follows it.
fn ethertype(bytes: &[u8], at: usize, direction: FrameDirection) -> Result<Link, NotIp> {
    let value = be16(bytes, at)?;
    network(bytes, value, at + 2, direction)
}

/// Passes tags and a PPPoE session header; `offset` is where the header that `ethertype` names begins.
fn network(bytes: &[u8], mut ethertype: u16, mut offset: usize, direction: FrameDirection) -> Result<Link, NotIp> {
    let mut tags = 0;
    loop {
        let network = match ethertype {
            ETHERTYPE_IPV4 => Network::Ipv4,
            ETHERTYPE_IPV6 => Network::Ipv6,
            ETHERTYPE_PPPOE_SESSION => return pppoe(bytes, offset, direction),
            tag if ETHERTYPE_TAGS.contains(&tag) => {
                tags += 1;
                if tags > MAX_TAGS {
                    return Err(Malformed::TooManyTags.into());
                }
                ethertype = be16(bytes, offset + 2)?;
                offset += 4;
                continue;
            }
            other => return Err(NotIp::Ethertype(other)),
        };
        return Ok(Link { network, offset: offset as u16, direction });
    }
}

/// A PPPoE session header (RFC 2516 section 4) and the PPP protocol field, of one or two bytes (RFC 1661 section 2).
fn pppoe(bytes: &[u8], at: usize, direction: FrameDirection) -> Result<Link, NotIp> {
    let header = bytes.get(at..at + 7).ok_or(Malformed::LinkHeaderCut)?;
    if header[0] != 0x11 || header[1] != 0 {
        return Err(Malformed::PppoeHeader.into());
    }
    let (protocol, length) = if header[6] & 1 == 1 { (u16::from(header[6]), 1) } else { (be16(bytes, at + 6)?, 2) };
    let network = match protocol {
        0x0021 => Network::Ipv4,
        0x0057 => Network::Ipv6,
        _ => return Err(NotIp::Ethertype(ETHERTYPE_PPPOE_SESSION)),
    };
    Ok(Link { network, offset: (at + 6 + length) as u16, direction })
}

fn raw(bytes: &[u8], direction: FrameDirection) -> Result<Link, NotIp> {
    let network = match bytes.first().ok_or(Malformed::IpHeaderCut)? >> 4 {
        4 => Network::Ipv4,
        6 => Network::Ipv6,
        _ => return Err(Malformed::IpVersion.into()),
    };
    Ok(Link { network, offset: 0, direction })
}

/// Address families of BSD loopback headers: AF_INET is 2 everywhere, AF_INET6 differs between systems.
fn loopback(family: u32, direction: FrameDirection) -> Result<Link, NotIp> {
    let network = match family {
        2 => Network::Ipv4,
        10 | 24 | 28 | 30 => Network::Ipv6,
        _ => return Err(NotIp::Ethertype(0)),
    };
    Ok(Link { network, offset: 4, direction })
}

/// The packet type of a Linux cooked header: 4 is "sent by us", less is "received".
fn cooked_direction(told: FrameDirection, packet_type: u16) -> FrameDirection {
    match (told, packet_type) {
        (FrameDirection::Unknown, 0..=3) => FrameDirection::Inbound,
        (FrameDirection::Unknown, 4) => FrameDirection::Outbound,
        _ => told,
    }
}
