//! `connlimit`: the connections that somebody has at once.
//!
//! As the kernel's nf_conncount: each rule keeps the tuples of the connections that it has seen, by the packet's address
//! under the mask and by zone, and forgets those whose connection is gone or is a TCP connection in TIME_WAIT or CLOSE. It
//! looks for them in the order in which they came, until it finds the packet's own one or has forgotten [`MOST_FORGOTTEN`];
//! so one that is over may count until then. The packet's own connection counts in any case, also before it is confirmed.
//! A reply is counted by its own address, not by that of its connection's first packet.
//!
//! Differences: the kernel looks at a list of an unconfirmed packet once in a jiffy, so that it may count connections that
//! were dropped in the same jiffy; and where it has forgotten the most that it may it counts an own connection that lies behind
//! them twice.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::hashlimit::masked;
use super::outcome::Outcome;
use super::transport;
use crate::conntrack::{Connection, Conntrack, TcpState};
use crate::hook::PacketBuf;
use crate::packet::{Address, Family, Invalid, Transport, Tuple, protocol};
use crate::ruleset::Connlimit;
use crate::time::Instant;

/// The tuples that one packet may have forgotten; seen with Linux 6.18.44.
const MOST_FORGOTTEN: usize = 65;

/// The groups that are looked at for each new one, whether anything in them lives: with two, no more than about half of all
/// are dead ones.
const SWEPT: usize = 2;

/// Those who are counted together: an address under the mask, in a zone.
type Group = (Address, u16);

/// The connections that one rule counts.
#[derive(Clone, Debug)]
pub(crate) struct ConnlimitState {
    family: Family,
    /// In the order in which they came. Never empty.
    groups: BTreeMap<Group, Vec<Tuple>>,
    /// The group that was swept last.
    swept: Group,
}

impl ConnlimitState {
    /// Nothing was seen. All that it keeps of the rule is the version of IP that it is for.
    pub(crate) fn new(_: &Connlimit, family: Family) -> Self {
        ConnlimitState { family, groups: BTreeMap::new(), swept: Group::default() }
    }

    /// Counts the packet's connection and says whether there are too many, or few enough. A packet from which no connection
    /// can be told is dropped.
    pub(crate) fn matches(
        &mut self,
        rule: &Connlimit,
        packet: &PacketBuf<'_>,
        conntrack: &Conntrack,
        now: Instant,
    ) -> Outcome {
        let own = match packet.connection(conntrack) {
            Some((connection, _)) => *connection.original(),
            None => match untracked_tuple(packet) {
                Ok(tuple) => tuple,
                Err(outcome) => return outcome,
            },
        };
        let Tuple { source, destination, .. } = packet.info().tuple;
        let address = if rule.by_destination { destination } else { source };
        let group = (masked(address, self.family, rule.mask), own.zone);
        let alive = |tuple: &Tuple| find(conntrack, tuple, now).is_some();
        if !self.groups.contains_key(&group) {
            self.sweep(alive);
        }
        let tuples = self.groups.entry(group).or_default();
        let connections = count(tuples, own, |tuple| find(conntrack, tuple, now));
        ((connections > rule.limit as usize) == rule.above).into()
    }

    /// Forgets groups in which nothing lives, of the next few.
    fn sweep(&mut self, alive: impl Fn(&Tuple) -> bool) {
        for _ in 0..SWEPT {
            let mut following = self.groups.range((Bound::Excluded(self.swept), Bound::Unbounded));
            let Some((group, tuples)) = following.next().or_else(|| self.groups.first_key_value()) else { return };
            self.swept = *group;
            if !tuples.iter().any(&alive) {
                self.groups.remove(&self.swept);
            }
        }
    }
}

/// The tuples that are left, with the own one, after those were forgotten that the kernel would find to be over.
fn count<'c>(tuples: &mut Vec<Tuple>, own: Tuple, find: impl Fn(&Tuple) -> Option<&'c Connection>) -> usize {
    let (mut found, mut forgotten) = (false, 0);
    tuples.retain(|tuple| {
        if found {
            return true;
        }
        let over = match find(tuple) {
            Some(connection) => *tuple != own && is_closed(connection),
            None => true,
        };
        if over && forgotten < MOST_FORGOTTEN {
            forgotten += 1;
            return false;
        }
        found = *tuple == own;
        true
    });
    if !found {
        tuples.push(own);
    }
    tuples.len()
}

fn find<'c>(conntrack: &'c Conntrack, tuple: &Tuple, now: Instant) -> Option<&'c Connection> {
    let (id, _) = conntrack.find(tuple)?;
    conntrack.get(id).filter(|connection| connection.deadline() > now)
}

fn is_closed(connection: &Connection) -> bool {
    matches!(connection.tcp_state(), Some(TcpState::TimeWait | TcpState::Close))
}

/// What stands for the connection of a packet that has none: its own tuple in the zone of those that were told none. Ports
/// are all that the kernel looks for then: what else is wrong with the transport header is not asked.
fn untracked_tuple(packet: &PacketBuf<'_>) -> Result<Tuple, Outcome> {
    let info = packet.info();
    let tuple = Tuple { zone: 0, ..info.tuple };
    let has_ports = matches!(tuple.protocol, protocol::TCP | protocol::UDP | protocol::UDPLITE | protocol::SCTP);
    match info.transport {
        Transport::Invalid(Invalid::Cut) => Err(Outcome::Differs),
        Transport::Invalid(Invalid::Length) if has_ports => {
            let (source_port, destination_port) = transport::ports(transport::header(packet, 4)?);
            Ok(Tuple { source_port, destination_port, ..tuple })
        }
        Transport::Fragment | Transport::Invalid(Invalid::Length | Invalid::NoNextHeader) => Err(Outcome::HotDrop),
        _ => Ok(tuple),
    }
}

#[cfg(test)]
mod tests;
