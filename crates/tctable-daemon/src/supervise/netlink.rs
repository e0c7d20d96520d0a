//! Redirections by rtnetlink: the messages and attributes of `linux/rtnetlink.h`, `linux/pkt_cls.h` and `linux/tc_act/tc_mirred.h`.
//!
//! A packet that comes in on one interface goes out on the other before anything else of the kernel sees it: a `clsact` qdisc, in its
//! ingress a `u32` filter that every packet matches, and of that the action `mirred egress redirect`.

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::netdevice::{index_to_name, name_to_index};
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with, sockopt};

/// Number 0, which is what a socket gets that asks for none.
const NETLINK_ROUTE: Option<rustix::net::Protocol> = None;
const RTM_NEWLINK: u16 = 16;
const RTM_NEWQDISC: u16 = 36;
const RTM_DELQDISC: u16 = 37;
const RTM_NEWTFILTER: u16 = 44;
const RTM_DELTFILTER: u16 = 45;
const NLMSG_ERROR: u16 = 2;

const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_REPLACE: u16 = 0x100;
const NLM_F_CREATE: u16 = 0x400;

const TCA_KIND: u16 = 1;
const TCA_OPTIONS: u16 = 2;
const TCA_U32_SEL: u16 = 5;
const TCA_U32_ACT: u16 = 7;
const TCA_ACT_KIND: u16 = 1;
const TCA_ACT_OPTIONS: u16 = 2;
const TCA_MIRRED_PARMS: u16 = 2;
const TCA_EGRESS_REDIR: i32 = 1;
const TC_ACT_STOLEN: i32 = 4;
const TC_U32_TERMINAL: u8 = 1;

/// `clsact`, and where its ingress is.
const CLSACT: u32 = 0xffff_fff1;
const CLSACT_HANDLE: u32 = 0xffff_0000;
const INGRESS: u32 = 0xffff_fff2;
/// Ours among the filters of an ingress: preference 1 of all protocols, the first node of the first table.
const PREFERENCE: u32 = 1;
const ETH_P_ALL: u16 = 3;
const NODE: u32 = 0x8000_0800;

const IFF_PROMISC: u32 = 0x100;

/// The two interfaces, and a way to the kernel.
#[derive(Debug)]
pub(super) struct Redirections {
    socket: OwnedFd,
    sequence: u32,
    interfaces: [Interface; 2],
}

/// One of them, by its name until it was found, and then by its index for as long as there is one of that index: a gateway keeps to the
/// same one.
#[derive(Debug)]
struct Interface {
    name: String,
    index: Option<u32>,
}

impl Interface {
    /// Names and indices are asked for through any socket of the internet.
    fn index(&mut self) -> io::Result<u32> {
        let any = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
        if let Some(index) = self.index.filter(|index| index_to_name(&any, *index).is_ok()) {
            return Ok(index);
        }
        let index = name_to_index(&any, &self.name)?;
        self.index = Some(index);
        Ok(index)
    }
}

/// A request's attributes, each padded to four bytes.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn put(&mut self, kind: u16, value: &[u8]) {
        self.0.extend_from_slice(&((4 + value.len()) as u16).to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Message)) {
        let mut inner = Message::default();
        fill(&mut inner);
        self.put(kind, &inner.0);
    }
}

/// `struct tcmsg`
fn traffic_control(interface: u32, handle: u32, parent: u32, info: u32) -> Message {
    let mut message = Message(vec![0; 4]);
    message.0.extend_from_slice(&interface.to_ne_bytes());
    for word in [handle, parent, info] {
        message.0.extend_from_slice(&word.to_ne_bytes());
    }
    message
}

fn filter_info() -> u32 {
    PREFERENCE << 16 | u32::from(ETH_P_ALL.to_be())
}

/// All that comes in here goes out there.
fn filter(interface: u32, to: u32) -> Message {
    // `struct tc_u32_sel` with one key (`struct tc_u32_key`) of an empty mask.
    let mut selector = vec![TC_U32_TERMINAL, 0, 1, 0];
    selector.resize(16 + 16, 0);
    // `struct tc_mirred`: index, capab, action, refcnt, bindcnt, eaction, ifindex
    let mut mirred = Vec::new();
    for word in [0, 0, TC_ACT_STOLEN, 0, 0, TCA_EGRESS_REDIR] {
        mirred.extend_from_slice(&i32::to_ne_bytes(word));
    }
    mirred.extend_from_slice(&to.to_ne_bytes());

    let mut message = traffic_control(interface, NODE, INGRESS, filter_info());
    message.put(TCA_KIND, b"u32\0");
    message.nest(TCA_OPTIONS, |options| {
        options.put(TCA_U32_SEL, &selector);
        options.nest(TCA_U32_ACT, |actions| {
            actions.nest(1, |action| {
                action.put(TCA_ACT_KIND, b"mirred\0");
                action.nest(TCA_ACT_OPTIONS, |options| options.put(TCA_MIRRED_PARMS, &mirred));
            });
        });
    });
    message
}

impl Redirections {
    /// Between two interfaces of this namespace, which may come later.
    pub(super) fn new(one: &str, other: &str) -> io::Result<Redirections> {
        let flags = SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, NETLINK_ROUTE)?;
        sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(std::time::Duration::from_secs(1)))?;
        let interfaces = [one, other].map(|name| Interface { name: name.to_owned(), index: None });
        Ok(Redirections { socket, sequence: 0, interfaces })
    }

    fn indices(&mut self) -> io::Result<[u32; 2]> {
        let [one, other] = &mut self.interfaces;
        Ok([one.index()?, other.index()?])
    }

    /// Makes both interfaces take frames that are for others, and gives them the place where filters are: what can be done beforehand.
    pub(super) fn prepare(&mut self) -> io::Result<()> {
        for interface in self.indices()? {
            // `struct ifinfomsg`
            let mut link = Message(vec![0; 4]);
            for word in [interface, IFF_PROMISC, IFF_PROMISC] {
                link.0.extend_from_slice(&word.to_ne_bytes());
            }
            self.request(RTM_NEWLINK, 0, &link)?;
            let mut qdisc = traffic_control(interface, CLSACT_HANDLE, CLSACT, 0);
            qdisc.put(TCA_KIND, b"clsact\0");
            match self.request(RTM_NEWQDISC, NLM_F_CREATE, &qdisc) {
                // There since an earlier life, or somebody else's: filters of others come after ours.
                Err(error) if error.raw_os_error() == Some(Errno::EXIST.raw_os_error()) => {}
                made => made?,
            }
        }
        Ok(())
    }

    /// From now on the kernel passes everything on. Those that are there already stay.
    pub(super) fn install(&mut self) -> io::Result<()> {
        let [one, other] = self.indices()?;
        for (from, to) in [(one, other), (other, one)] {
            self.request(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_REPLACE, &filter(from, to))?;
        }
        Ok(())
    }

    /// From now on the kernel passes nothing on.
    pub(super) fn remove(&mut self) -> io::Result<()> {
        for interface in self.indices()? {
            let mut message = traffic_control(interface, 0, INGRESS, filter_info());
            message.put(TCA_KIND, b"u32\0");
            match self.request(RTM_DELTFILTER, 0, &message) {
                // There is none; or the interface was new, and has no clsact either.
                Err(error)
                    if [Errno::NOENT, Errno::INVAL]
                        .iter()
                        .any(|is| error.raw_os_error() == Some(is.raw_os_error())) => {}
                removed => removed?,
            }
        }
        Ok(())
    }

    /// As if there had never been any.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.remove()?;
        for interface in self.indices()? {
            let mut qdisc = traffic_control(interface, CLSACT_HANDLE, CLSACT, 0);
            qdisc.put(TCA_KIND, b"clsact\0");
            self.request(RTM_DELQDISC, 0, &qdisc)?;
        }
        Ok(())
    }

    /// Sends a request and waits for what the kernel says of it.
    fn request(&mut self, kind: u16, flags: u16, body: &Message) -> io::Result<()> {
        self.sequence += 1;
        // `struct nlmsghdr`
        let mut message = ((16 + body.0.len()) as u32).to_ne_bytes().to_vec();
        message.extend_from_slice(&kind.to_ne_bytes());
        message.extend_from_slice(&(NLM_F_REQUEST | NLM_F_ACK | flags).to_ne_bytes());
        message.extend_from_slice(&self.sequence.to_ne_bytes());
        message.extend_from_slice(&0u32.to_ne_bytes());
        message.extend_from_slice(&body.0);
        sendto(&self.socket, &message, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
        let mut answer = [0; 8192];
        loop {
            let (length, _) = recv(&self.socket, &mut answer, RecvFlags::empty())?;
            if let Some(said) = acknowledgement(&answer[..length], self.sequence) {
                return said;
            }
        }
    }
}

/// What a message says of the request of a number: nothing where it is about another one.
fn acknowledgement(message: &[u8], sequence: u32) -> Option<io::Result<()>> {
    let word = |at: usize| message.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes);
    let kind = u16::from_ne_bytes(message.get(4..6)?.try_into().ok()?);
    if kind != NLMSG_ERROR || word(8)? != sequence {
        return None;
    }
    Some(match word(16)? as i32 {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(-error)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_padded_and_know_their_length() {
        let mut message = Message::default();
        message.nest(2, |inner| inner.put(1, b"u32\0"));
        message.put(3, &[9]);
        assert_eq!(message.0, [12, 0, 2, 0, 8, 0, 1, 0, b'u', b'3', b'2', 0, 5, 0, 3, 0, 9, 0, 0, 0].map(|byte| byte));
    }

    #[test]
    fn answers_to_others_are_no_answer() {
        let mut answer = vec![36, 0, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0];
        answer.extend_from_slice(&(-17i32).to_ne_bytes());
        assert!(acknowledgement(&answer, 8).is_none());
        let error = acknowledgement(&answer, 7).expect("an answer").expect_err("an error");
        assert_eq!(error.raw_os_error(), Some(17));
        answer[16..20].fill(0);
        assert!(matches!(acknowledgement(&answer, 7), Some(Ok(()))));
        assert!(acknowledgement(&answer[..17], 7).is_none());
    }
}
