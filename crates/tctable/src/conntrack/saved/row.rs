//! One connection.

use std::collections::BTreeSet;

use super::bytes::{Reader, Writer};
use super::{Name, SavedConnections};
use crate::conntrack::changes::Changes;
use crate::conntrack::connection::{Connection, Cookie, Protocol};
use crate::conntrack::extension::Extension;
use crate::conntrack::gre::Gre;
use crate::conntrack::sctp::Sctp;
use crate::conntrack::status::Status;
use crate::conntrack::table::ConnectionId;
use crate::conntrack::tcp::Tcp;
use crate::conntrack::timeouts::Millis;
use crate::packet::{Address, Family, protocol};
use crate::time::{Instant, TimerPosition};

/// Whose a connection is: its host's address, its number there, and three bits that say which of its ends are inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SavedOwner {
    pub(crate) family: Family,
    pub(crate) address: Address,
    pub(crate) id: u64,
    pub(crate) ends: u8,
}

/// A connection that was saved.
#[derive(Debug)]
pub(crate) struct SavedConnection {
    pub(crate) name: Name,
    /// Without a place, a timer, an extension and a host.
    pub(in crate::conntrack) connection: Connection,
    pub(crate) owner: Option<SavedOwner>,
    pub(in crate::conntrack) extension: Option<SavedExtension>,
}

/// What few connections have.
#[derive(Debug)]
pub(in crate::conntrack) struct SavedExtension {
    pub(in crate::conntrack) labels: u128,
    pub(in crate::conntrack) master: Option<Name>,
    /// The helper's name, and what it remembers.
    pub(in crate::conntrack) helper: Option<(Box<str>, Box<[u8]>)>,
    pub(in crate::conntrack) events: Option<Changes>,
}

pub(super) fn write(
    to: &mut Writer,
    id: ConnectionId,
    connection: &Connection,
    owner: Option<SavedOwner>,
    extension: Option<&Extension>,
) {
    let Connection { original, counters, last, first, timeout, status, mark, protocol, timer: _, cookie: _ } =
        connection;
    name(to, id);
    to.tuple(original);
    counters.iter().for_each(|counter| to.counter(*counter));
    to.instant(*first);
    to.instant(*last);
    to.u32(*timeout);
    to.u16(status.bits());
    to.u32(*mark);
    to.option(owner, |to, SavedOwner { family, address, id, ends }| {
        to.u8(family as u8);
        to.address(address);
        to.u64(id);
        to.u8(ends);
    });
    // The protocol's number says which of them it is.
    match protocol {
        Protocol::Tcp(tcp) => tcp.save(to),
        Protocol::Sctp(sctp) => sctp.save(to),
        Protocol::Gre(gre) => gre.timeouts().iter().for_each(|timeout| to.u32(timeout.0)),
        Protocol::Udp | Protocol::UdpLite | Protocol::Icmp | Protocol::Generic => {}
    }
    to.option(extension, |to, Extension { labels, master, helper, events }| {
        to.u128(*labels);
        to.option(*master, name);
        to.option(helper.as_ref(), |to, attached| {
            to.bytes(attached.helper().name().as_bytes());
            to.bytes(&attached.saved());
        });
        to.option(*events, |to, events| to.u16(events.bits()));
    });
}

pub(super) fn name(to: &mut Writer, id: ConnectionId) {
    to.u32(id.place());
    to.u32(id.generation());
}

pub(super) fn read_name(table: u32, from: &mut Reader<'_>) -> Option<Name> {
    Some((table, from.u32()?, from.u32()?))
}

impl SavedConnection {
    pub(super) fn read(table: u32, taken_at: Instant, from: &mut Reader<'_>) -> Option<SavedConnection> {
        let name = read_name(table, from)?;
        let original = from.tuple()?;
        original.inverted()?;
        let counters = [from.counter()?, from.counter()?];
        let (first, last, timeout) = (from.instant()?, from.instant()?, from.u32()?);
        let status = Status::restored(from.u16()?)?;
        let mark = from.u32()?;
        let owner = from.option(|from| {
            let family = from.family()?;
            Some(SavedOwner { family, address: from.address(family)?, id: from.u64()?, ends: from.u8()? })
        })?;
        let protocol = match original.protocol {
            protocol::TCP => Protocol::Tcp(Tcp::restored(from)?),
            protocol::UDP => Protocol::Udp,
            protocol::UDPLITE => Protocol::UdpLite,
            protocol::SCTP => Protocol::Sctp(Sctp::restored(from)?),
            protocol::GRE => Protocol::Gre(Gre::begin([Millis(from.u32()?), Millis(from.u32()?)])),
            protocol::ICMP | protocol::ICMPV6 => Protocol::Icmp,
            _ => Protocol::Generic,
        };
        let extension = from.option(|from| {
            Some(SavedExtension {
                labels: from.u128()?,
                master: from.option(|from| read_name(table, from))?,
                helper: from.option(|from| Some((from.text()?.into(), from.bytes()?.into())))?,
                events: from.option(|from| from.u16().map(Changes::from_bits))?,
            })
        })?;
        let connection = Connection {
            original,
            counters,
            last,
            first,
            timeout,
            timer: TimerPosition::NONE,
            status,
            cookie: Cookie::NONE,
            mark,
            protocol,
        };
        (first <= last && last <= taken_at).then_some(SavedConnection { name, connection, owner, extension })
    }

    /// Whether it must not be dropped early.
    pub(crate) fn is_assured(&self) -> bool {
        self.connection.status.contains(Status::ASSURED)
    }

    /// The one that expected it.
    pub(crate) fn master(&self) -> Option<Name> {
        self.extension.as_ref()?.master
    }

    /// The number of its transport protocol.
    pub(crate) fn protocol(&self) -> u8 {
        self.connection.original.protocol
    }
}

impl SavedConnections {
    /// The names of those that others speak of.
    pub(crate) fn masters(&self) -> BTreeSet<Name> {
        let connections = self.connections.iter().filter_map(SavedConnection::master);
        let announced =
            self.expectations.iter().map(|saved| saved.master).chain(self.keys.iter().map(|saved| saved.master));
        connections.chain(announced).collect()
    }
}
