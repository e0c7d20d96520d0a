//! Connections over ctnetlink: the messages and attributes of `linux/netfilter/nfnetlink_conntrack.h`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc::{
    AF_INET, AF_INET6, AF_UNSPEC, NFNETLINK_V0, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR,
};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send, socket,
};

use super::attributes::{Attribute, Attributes, Malformed, put, put_nested};
use super::connection::{Connection, ProtocolState};
use super::error::Error;
use super::statistics::Statistics;
use super::tuple::Tuple;
use crate::packets::protocol::{ICMP, ICMPV6};

/// `NFNL_SUBSYS_CTNETLINK` in the high byte of a message's type.
const SUBSYSTEM: u16 = 1 << 8;
const CT_NEW: u16 = SUBSYSTEM;
const CT_GET: u16 = SUBSYSTEM | 1;
const CT_DELETE: u16 = SUBSYSTEM | 2;
const CT_GET_STATS_CPU: u16 = SUBSYSTEM | 4;

/// Attributes of a connection.
mod cta {
    pub(super) const TUPLE_ORIG: u16 = 1;
    pub(super) const TUPLE_REPLY: u16 = 2;
    pub(super) const STATUS: u16 = 3;
    pub(super) const PROTOINFO: u16 = 4;
    pub(super) const TIMEOUT: u16 = 7;
    pub(super) const MARK: u16 = 8;
    pub(super) const COUNTERS_ORIG: u16 = 9;
    pub(super) const COUNTERS_REPLY: u16 = 10;
    pub(super) const ID: u16 = 12;
    pub(super) const ZONE: u16 = 18;
}

/// Attributes of a tuple.
mod tuple {
    pub(super) const IP: u16 = 1;
    pub(super) const PROTO: u16 = 2;
    pub(super) const V4_SRC: u16 = 1;
    pub(super) const V4_DST: u16 = 2;
    pub(super) const V6_SRC: u16 = 3;
    pub(super) const V6_DST: u16 = 4;
    pub(super) const NUM: u16 = 1;
    pub(super) const SRC_PORT: u16 = 2;
    pub(super) const DST_PORT: u16 = 3;
    pub(super) const ICMP_ID: u16 = 4;
    pub(super) const ICMP_TYPE: u16 = 5;
    pub(super) const ICMP_CODE: u16 = 6;
    pub(super) const ICMPV6_ID: u16 = 7;
    pub(super) const ICMPV6_TYPE: u16 = 8;
    pub(super) const ICMPV6_CODE: u16 = 9;
}

/// Attributes of the protocols' own state.
mod protoinfo {
    pub(super) const TCP: u16 = 1;
    pub(super) const SCTP: u16 = 3;
    pub(super) const TCP_STATE: u16 = 1;
    pub(super) const TCP_WSCALE_ORIGINAL: u16 = 2;
    pub(super) const TCP_WSCALE_REPLY: u16 = 3;
    pub(super) const TCP_FLAGS_ORIGINAL: u16 = 4;
    pub(super) const TCP_FLAGS_REPLY: u16 = 5;
    pub(super) const SCTP_STATE: u16 = 1;
    pub(super) const SCTP_VTAG_ORIGINAL: u16 = 2;
    pub(super) const SCTP_VTAG_REPLY: u16 = 3;
}

/// Attributes of one processor's counters.
mod stats {
    pub(super) const INVALID: u16 = 4;
    pub(super) const INSERT_FAILED: u16 = 9;
    pub(super) const DROP: u16 = 10;
    pub(super) const EARLY_DROP: u16 = 11;
    pub(super) const ERROR: u16 = 12;
}

const COUNTER_PACKETS: u16 = 1;
const COUNTER_BYTES: u16 = 2;

/// The netlink header, and the header of netfilter's messages behind it.
const NLMSG_HEADER: usize = 16;
const HEADERS: usize = NLMSG_HEADER + 4;

/// A socket for questions about connections in the namespace in which it was opened.
pub(super) struct Ctnetlink {
    socket: OwnedFd,
    message: Vec<u8>,
    answer: Vec<u8>,
}

/// One message of an answer.
enum Answer<'a> {
    /// The attributes of what was asked for.
    Attributes(&'a [u8]),
    Error(Errno),
    Acknowledged,
    Done,
}

impl Ctnetlink {
    pub(super) fn open() -> Result<Self, Error> {
        let protocol = SockProtocol::NetlinkNetFilter;
        let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
        Ok(Ctnetlink { socket, message: Vec::new(), answer: vec![0; 1 << 16] })
    }

    pub(super) fn get(&mut self, tuple: &Tuple) -> Result<Option<Connection>, Error> {
        self.begin(CT_GET, 0, family(tuple));
        put_tuple(&mut self.message, tuple);
        self.send()?;
        let length = self.receive()?;
        match split(&self.answer[..length]).next() {
            Some(Ok(Answer::Attributes(attributes))) => Ok(Some(read_connection(attributes)?)),
            // A tuple that no connection can have is none that the kernel refuses to hear of.
            Some(Ok(Answer::Error(Errno::ENOENT | Errno::EINVAL))) => Ok(None),
            Some(Ok(Answer::Error(error))) => Err(error.into()),
            _ => Err(Error::Netlink("no answer to a question")),
        }
    }

    pub(super) fn dump(&mut self) -> Result<Vec<Connection>, Error> {
        let mut connections = Vec::new();
        self.dump_each(CT_GET, |attributes| {
            connections.push(read_connection(attributes)?);
            Ok(())
        })?;
        Ok(connections)
    }

    /// The counters of all processors together.
    pub(super) fn statistics(&mut self) -> Result<Statistics, Error> {
        let mut sum = Statistics::default();
        self.dump_each(CT_GET_STATS_CPU, |attributes| {
            sum += read_statistics(attributes)?;
            Ok(())
        })?;
        Ok(sum)
    }

    /// Asks for everything of a kind and hands the attributes of each to `each`.
    fn dump_each(&mut self, kind: u16, mut each: impl FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
        self.begin(kind, NLM_F_DUMP as u16, AF_UNSPEC as u8);
        self.send()?;
        loop {
            let length = self.receive()?;
            for answer in split(&self.answer[..length]) {
                match answer? {
                    Answer::Attributes(attributes) => each(attributes)?,
                    Answer::Error(error) => return Err(error.into()),
                    Answer::Acknowledged => return Err(Error::Netlink("acknowledged a dump")),
                    Answer::Done => return Ok(()),
                }
            }
        }
    }

    pub(super) fn flush(&mut self) -> Result<(), Error> {
        self.begin(CT_DELETE, NLM_F_ACK as u16, AF_UNSPEC as u8);
        self.demand()
    }

    /// Without a flag that says otherwise, `CT_NEW` changes a connection that is there.
    pub(super) fn set_mark(&mut self, tuple: &Tuple, zone: u16, mark: u32) -> Result<(), Error> {
        self.begin(CT_NEW, NLM_F_ACK as u16, family(tuple));
        put_tuple(&mut self.message, tuple);
        put(&mut self.message, cta::ZONE, &zone.to_be_bytes());
        put(&mut self.message, cta::MARK, &mark.to_be_bytes());
        self.demand()
    }

    /// Sends what is to be acknowledged.
    fn demand(&mut self) -> Result<(), Error> {
        self.send()?;
        let length = self.receive()?;
        match split(&self.answer[..length]).next() {
            Some(Ok(Answer::Acknowledged)) => Ok(()),
            Some(Ok(Answer::Error(error))) => Err(error.into()),
            _ => Err(Error::Netlink("no answer to a demand")),
        }
    }

    /// Begins a message with its headers.
    fn begin(&mut self, kind: u16, flags: u16, family: u8) {
        self.message.clear();
        self.message.extend_from_slice(&[0; 4]);
        self.message.extend_from_slice(&kind.to_ne_bytes());
        self.message.extend_from_slice(&(NLM_F_REQUEST as u16 | flags).to_ne_bytes());
        self.message.extend_from_slice(&[0; 8]);
        self.message.extend_from_slice(&[family, NFNETLINK_V0 as u8, 0, 0]);
    }

    fn send(&mut self) -> Result<(), Error> {
        let length = self.message.len() as u32;
        self.message[..4].copy_from_slice(&length.to_ne_bytes());
        send(self.socket.as_raw_fd(), &self.message, MsgFlags::empty())?;
        Ok(())
    }

    fn receive(&mut self) -> Result<usize, Error> {
        Ok(recv(self.socket.as_raw_fd(), &mut self.answer, MsgFlags::empty())?)
    }
}

/// The messages in what was received.
fn split(mut rest: &[u8]) -> impl Iterator<Item = Result<Answer<'_>, Error>> {
    std::iter::from_fn(move || {
        let [a, b, c, d, e, f, ..] = *rest else { return None };
        let length = u32::from_ne_bytes([a, b, c, d]) as usize;
        let kind = u16::from_ne_bytes([e, f]);
        let Some(message) = rest.get(..length).filter(|_| length >= NLMSG_HEADER + 4) else {
            rest = &[];
            return Some(Err(Error::Netlink("a message is cut")));
        };
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        let word = |at: usize| [message[at], message[at + 1], message[at + 2], message[at + 3]];
        Some(Ok(match i32::from(kind) {
            NLMSG_DONE => Answer::Done,
            NLMSG_ERROR => match i32::from_ne_bytes(word(NLMSG_HEADER)) {
                0 => Answer::Acknowledged,
                error => Answer::Error(Errno::from_raw(-error)),
            },
            _ => Answer::Attributes(&message[HEADERS..]),
        }))
    })
}

fn family(tuple: &Tuple) -> u8 {
    let family = if tuple.source.is_ipv4() { AF_INET } else { AF_INET6 };
    family as u8
}

fn put_tuple(message: &mut Vec<u8>, asked: &Tuple) {
    put_nested(message, cta::TUPLE_ORIG, |message| {
        put_nested(message, tuple::IP, |message| match (asked.source, asked.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                put(message, tuple::V4_SRC, &source.octets());
                put(message, tuple::V4_DST, &destination.octets());
            }
            (source, destination) => {
                put(message, tuple::V6_SRC, &to_v6(source).octets());
                put(message, tuple::V6_DST, &to_v6(destination).octets());
            }
        });
        put_nested(message, tuple::PROTO, |message| {
            put(message, tuple::NUM, &[asked.protocol]);
            let [kind, code] = asked.destination_port.to_be_bytes();
            let (source, destination) = (asked.source_port.to_be_bytes(), asked.destination_port.to_be_bytes());
            match asked.protocol {
                ICMP => {
                    put(message, tuple::ICMP_ID, &source);
                    put(message, tuple::ICMP_TYPE, &[kind]);
                    put(message, tuple::ICMP_CODE, &[code]);
                }
                ICMPV6 => {
                    put(message, tuple::ICMPV6_ID, &source);
                    put(message, tuple::ICMPV6_TYPE, &[kind]);
                    put(message, tuple::ICMPV6_CODE, &[code]);
                }
                // Those without ports do not look at them.
                _ => {
                    put(message, tuple::SRC_PORT, &source);
                    put(message, tuple::DST_PORT, &destination);
                }
            }
        });
    });
}

fn to_v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

impl From<Malformed> for Error {
    fn from(_: Malformed) -> Self {
        Error::Netlink("an attribute is cut")
    }
}

fn read_statistics(attributes: &[u8]) -> Result<Statistics, Error> {
    let mut statistics = Statistics::default();
    for attribute in Attributes(attributes) {
        let attribute = attribute?;
        match attribute.kind {
            stats::INVALID => statistics.invalid = attribute.be32()?,
            stats::INSERT_FAILED => statistics.insert_failed = attribute.be32()?,
            stats::DROP => statistics.drop = attribute.be32()?,
            stats::EARLY_DROP => statistics.early_drop = attribute.be32()?,
            stats::ERROR => statistics.error = attribute.be32()?,
            _ => {}
        }
    }
    Ok(statistics)
}

fn read_connection(attributes: &[u8]) -> Result<Connection, Error> {
    let (mut original, mut reply) = (None, None);
    let mut connection = Connection {
        original: NO_TUPLE,
        reply: NO_TUPLE,
        status: 0,
        timeout: 0,
        counters: [(0, 0); 2],
        protocol: None,
        mark: 0,
        zone: 0,
        id: 0,
    };
    for attribute in Attributes(attributes) {
        let attribute = attribute?;
        match attribute.kind {
            cta::TUPLE_ORIG => original = Some(read_tuple(attribute)?),
            cta::TUPLE_REPLY => reply = Some(read_tuple(attribute)?),
            cta::STATUS => connection.status = attribute.be32()?,
            cta::PROTOINFO => connection.protocol = read_protocol(attribute)?,
            cta::TIMEOUT => connection.timeout = attribute.be32()?,
            cta::MARK => connection.mark = attribute.be32()?,
            cta::COUNTERS_ORIG => connection.counters[0] = read_counter(attribute)?,
            cta::COUNTERS_REPLY => connection.counters[1] = read_counter(attribute)?,
            cta::ID => connection.id = attribute.be32()?,
            cta::ZONE => connection.zone = attribute.be16()?,
            _ => {}
        }
    }
    let (Some(original), Some(reply)) = (original, reply) else {
        return Err(Error::Netlink("a connection without its tuples"));
    };
    Ok(Connection { original, reply, ..connection })
}

/// What a tuple is before its attributes are read.
const NO_TUPLE: Tuple = Tuple {
    source: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    destination: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    protocol: 0,
    source_port: 0,
    destination_port: 0,
};

fn read_tuple(attribute: Attribute<'_>) -> Result<Tuple, Error> {
    let mut read = NO_TUPLE;
    for part in attribute.nested() {
        let part = part?;
        for field in part.nested() {
            let field = field?;
            match (part.kind, field.kind) {
                (tuple::IP, tuple::V4_SRC) => read.source = IpAddr::from(field.bytes::<4>()?),
                (tuple::IP, tuple::V4_DST) => read.destination = IpAddr::from(field.bytes::<4>()?),
                (tuple::IP, tuple::V6_SRC) => read.source = IpAddr::from(field.bytes::<16>()?),
                (tuple::IP, tuple::V6_DST) => read.destination = IpAddr::from(field.bytes::<16>()?),
                (tuple::PROTO, tuple::NUM) => read.protocol = field.u8()?,
                (tuple::PROTO, tuple::SRC_PORT | tuple::ICMP_ID | tuple::ICMPV6_ID) => {
                    read.source_port = field.be16()?
                }
                (tuple::PROTO, tuple::DST_PORT) => read.destination_port = field.be16()?,
                (tuple::PROTO, tuple::ICMP_TYPE | tuple::ICMPV6_TYPE) => {
                    read.destination_port |= u16::from(field.u8()?) << 8
                }
                (tuple::PROTO, tuple::ICMP_CODE | tuple::ICMPV6_CODE) => {
                    read.destination_port |= u16::from(field.u8()?)
                }
                _ => {}
            }
        }
    }
    Ok(read)
}

fn read_counter(attribute: Attribute<'_>) -> Result<(u64, u64), Error> {
    let mut counter = (0, 0);
    for field in attribute.nested() {
        let field = field?;
        match field.kind {
            COUNTER_PACKETS => counter.0 = field.be64()?,
            COUNTER_BYTES => counter.1 = field.be64()?,
            _ => {}
        }
    }
    Ok(counter)
}

fn read_protocol(attribute: Attribute<'_>) -> Result<Option<ProtocolState>, Error> {
    let Some(info) = attribute.nested().next().transpose()? else { return Ok(None) };
    let (mut state, mut scales, mut flags, mut tags) = (0, [0; 2], [0; 2], [0; 2]);
    for field in info.nested() {
        let field = field?;
        match (info.kind, field.kind) {
            (protoinfo::TCP, protoinfo::TCP_STATE) | (protoinfo::SCTP, protoinfo::SCTP_STATE) => state = field.u8()?,
            (protoinfo::TCP, protoinfo::TCP_WSCALE_ORIGINAL) => scales[0] = field.u8()?,
            (protoinfo::TCP, protoinfo::TCP_WSCALE_REPLY) => scales[1] = field.u8()?,
            // Flags, and a mask for setting them.
            (protoinfo::TCP, protoinfo::TCP_FLAGS_ORIGINAL) => flags[0] = field.bytes::<2>()?[0],
            (protoinfo::TCP, protoinfo::TCP_FLAGS_REPLY) => flags[1] = field.bytes::<2>()?[0],
            (protoinfo::SCTP, protoinfo::SCTP_VTAG_ORIGINAL) => tags[0] = field.be32()?,
            (protoinfo::SCTP, protoinfo::SCTP_VTAG_REPLY) => tags[1] = field.be32()?,
            _ => {}
        }
    }
    Ok(match info.kind {
        protoinfo::TCP => Some(ProtocolState::Tcp { state, scales, flags }),
        protoinfo::SCTP => Some(ProtocolState::Sctp { state, tags }),
        _ => None,
    })
}
