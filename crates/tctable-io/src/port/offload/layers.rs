//! Where the headers of a frame are that is to be cut.

use tctable::packet::LinkType;

/// An IP header in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Network {
    V4 { at: usize },
    V6 { at: usize },
}

/// The frame's IP header; it is whole.
pub(super) fn network(link: LinkType, frame: &[u8]) -> Option<Network> {
    let at = match link {
        LinkType::Ethernet => ethernet(frame)?,
        LinkType::Raw => 0,
        _ => return None,
    };
    match frame.get(at)? >> 4 {
        4 => frame.get(at..at + 20).map(|_| Network::V4 { at }),
        6 => frame.get(at..at + 40).map(|_| Network::V6 { at }),
        _ => None,
    }
}

/// Behind Ethernet's header and its tags.
fn ethernet(frame: &[u8]) -> Option<usize> {
    let mut at = 12;
    loop {
        let [high, low] = *frame.get(at..at + 2)?.first_chunk()?;
        at += match u16::from_be_bytes([high, low]) {
            0x8100 | 0x88a8 => 4,
            0x0800 | 0x86dd => return Some(at + 2),
            _ => return None,
        };
    }
}

impl Network {
    pub(super) fn at(self) -> usize {
        match self {
            Network::V4 { at } | Network::V6 { at } => at,
        }
    }

    /// Both addresses.
    pub(super) fn addresses(self, frame: &[u8]) -> &[u8] {
        match self {
            Network::V4 { at } => &frame[at + 12..at + 20],
            Network::V6 { at } => &frame[at + 8..at + 40],
        }
    }
}
