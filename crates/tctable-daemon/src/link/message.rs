//! What the kernel says, as far as the gateway needs it.
//!
//! Of an interface's attributes only the name and the MTU are read: a kernel that knows more of them than this program, or writes one
//! otherwise, is understood all the same.

use netlink_packet_core::{NLM_F_DUMP_INTR, NLM_F_MULTIPART, NetlinkBuffer, NlasIterator};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::link::{LinkFlags, LinkHeader};

pub(super) const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
pub(super) const RTM_GETLINK: u16 = 18;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
/// `struct nlmsghdr` and `struct ifinfomsg`, in bytes.
pub(super) const NETLINK_HEADER: usize = 16;
pub(super) const LINK_HEADER: usize = 16;

/// An interface as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) index: u32,
    pub(super) name: String,
    pub(super) mtu: u32,
    /// Somebody wants it to work.
    pub(super) up: bool,
    /// It is up and has a carrier.
    pub(super) running: bool,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// An interface is there.
    Is(Seen),
    /// One of a list that was asked for.
    Listed(Seen),
    /// An interface is gone.
    Gone { index: u32 },
    /// The list of that number is at its end; `whole`: nothing changed while it was made.
    ListEnds { number: u32, whole: bool },
    /// The list of that number cannot be had.
    Refused { number: u32 },
}

/// The messages of a datagram. What cannot be read ends it.
pub(super) fn messages(mut datagram: &[u8]) -> Vec<Message> {
    let mut messages = Vec::new();
    while let Ok(buffer) = NetlinkBuffer::new_checked(datagram) {
        messages.extend(message(&buffer));
        let length = (buffer.length() as usize).next_multiple_of(4);
        datagram = datagram.get(length..).unwrap_or_default();
    }
    messages
}

fn message(buffer: &NetlinkBuffer<&[u8]>) -> Option<Message> {
    let number = buffer.sequence_number();
    let payload = buffer.payload();
    match buffer.message_type() {
        RTM_NEWLINK if buffer.flags() & NLM_F_MULTIPART != 0 => Some(Message::Listed(seen(payload)?)),
        RTM_NEWLINK => Some(Message::Is(seen(payload)?)),
        RTM_DELLINK => Some(Message::Gone { index: header(payload)?.index }),
        NLMSG_DONE => Some(Message::ListEnds { number, whole: buffer.flags() & NLM_F_DUMP_INTR == 0 }),
        NLMSG_ERROR => Some(Message::Refused { number }),
        _ => None,
    }
}

/// Of an interface itself: a bridge tells of its ports by the same messages, and that one has left it by "gone".
fn header(payload: &[u8]) -> Option<LinkHeader> {
    LinkHeader::parse(payload).ok().filter(|header| header.interface_family == AddressFamily::Unspec)
}

fn seen(payload: &[u8]) -> Option<Seen> {
    let header = header(payload)?;
    let (mut name, mut mtu) = (None, None);
    for attribute in NlasIterator::new(payload.get(LINK_HEADER..)?) {
        let Ok(attribute) = attribute else { break };
        let value = attribute.value();
        match attribute.kind() {
            IFLA_IFNAME => {
                name = Some(String::from_utf8_lossy(value.strip_suffix(b"\0").unwrap_or(value)).into_owned())
            }
            IFLA_MTU => mtu = value.try_into().ok().map(u32::from_ne_bytes),
            _ => {}
        }
    }
    let up = header.flags.contains(LinkFlags::Up);
    let running = up && header.flags.contains(LinkFlags::Running);
    Some(Seen { index: header.index, name: name?, mtu: mtu?, up, running })
}

#[cfg(test)]
mod tests {
    use super::*;

    const AF_BRIDGE: u8 = 7;
    const UP_AND_RUNNING: u32 = 0x41;

    fn link(kind: u16, flags: u16, family: u8, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = vec![family, 0, 1, 0];
        for word in [5, UP_AND_RUNNING, 0] {
            body.extend_from_slice(&u32::to_ne_bytes(word));
        }
        for (kind, value) in attributes {
            body.extend_from_slice(&((4 + value.len()) as u16).to_ne_bytes());
            body.extend_from_slice(&kind.to_ne_bytes());
            body.extend_from_slice(value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        let mut message = ((NETLINK_HEADER + body.len()) as u32).to_ne_bytes().to_vec();
        message.extend_from_slice(&kind.to_ne_bytes());
        message.extend_from_slice(&flags.to_ne_bytes());
        message.extend_from_slice(&9u32.to_ne_bytes());
        message.extend_from_slice(&[0; 4]);
        message.extend_from_slice(&body);
        message
    }

    fn wan(kind: u16, flags: u16) -> Vec<u8> {
        // One that nobody knows comes first.
        link(kind, flags, 0, &[(999, b"?"), (IFLA_IFNAME, b"wan\0"), (IFLA_MTU, &1500u32.to_ne_bytes())])
    }

    #[test]
    fn messages_are_read_one_behind_the_other() {
        let seen = Seen { index: 5, name: "wan".to_owned(), mtu: 1500, up: true, running: true };
        let mut datagram = wan(RTM_NEWLINK, 0);
        datagram.extend(wan(RTM_NEWLINK, NLM_F_MULTIPART));
        datagram.extend(link(RTM_DELLINK, 0, 0, &[]));
        datagram.extend(link(NLMSG_DONE, NLM_F_DUMP_INTR, 0, &[]));
        datagram.extend(link(NLMSG_ERROR, 0, 0, &[]));
        let expected = [
            Message::Is(seen.clone()),
            Message::Listed(seen),
            Message::Gone { index: 5 },
            Message::ListEnds { number: 9, whole: false },
            Message::Refused { number: 9 },
        ];
        assert_eq!(messages(&datagram), expected);
        // What is cut off is not there, and nothing else happens.
        for length in 0..datagram.len() {
            assert!(expected.starts_with(&messages(&datagram[..length])), "{length}");
        }
    }

    #[test]
    fn what_a_bridge_says_of_its_ports_is_not_of_the_interface() {
        let name: (u16, &[u8]) = (IFLA_IFNAME, b"wan\0");
        assert_eq!(messages(&link(RTM_DELLINK, 0, AF_BRIDGE, &[name])), []);
        assert_eq!(messages(&link(RTM_NEWLINK, 0, AF_BRIDGE, &[name, (IFLA_MTU, &[1; 4])])), []);
    }
}
