use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use tctable::conntrack::{Connection, ConnectionId};
use tctable::packet::{Tuple, protocol};
use tctable::time::Duration;

use super::PLACES;
use crate::shard::{Gone, Shard, Shards};

/// Which connections are asked for; what is not given does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// One of its ends is one of these.
    pub(crate) host: Option<IpNet>,
    /// Its transport protocol.
    pub(crate) protocol: Option<u8>,
    /// Its state, or something that its status has.
    pub(crate) state: Option<String>,
    /// One of its ports.
    pub(crate) port: Option<u16>,
}

/// A connection that was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// The shard that it is in.
    pub(crate) shard: usize,
    /// Its name there.
    pub(crate) id: ConnectionId,
    /// It.
    pub(crate) connection: Connection,
    /// Its host and its id there.
    pub(crate) owner: Option<(IpAddr, u64)>,
    /// How long it still lives if nothing comes.
    pub(crate) left: Duration,
}

/// Where a list goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    shard: usize,
    place: u32,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.shard, self.place)
    }
}

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Cursor, ()> {
        let (shard, place) = text.split_once('.').ok_or(())?;
        Ok(Cursor { shard: shard.parse().map_err(drop)?, place: place.parse().map_err(drop)? })
    }
}

impl Filter {
    /// Whether a connection is asked for.
    pub(crate) fn wants(&self, connection: &Connection) -> bool {
        let tuple = connection.original();
        self.protocol.is_none_or(|protocol| protocol == tuple.protocol)
            && self
                .port
                .is_none_or(|port| has_ports(tuple) && [tuple.source_port, tuple.destination_port].contains(&port))
            && self.host.is_none_or(|net| {
                net.contains(&tuple.source.to_ip(tuple.family)) || net.contains(&tuple.destination.to_ip(tuple.family))
            })
            && self.state.as_deref().is_none_or(|state| is_in(connection, state))
    }
}

fn has_ports(tuple: &Tuple) -> bool {
    matches!(tuple.protocol, protocol::TCP | protocol::UDP | protocol::UDPLITE | protocol::SCTP)
}

fn is_in(connection: &Connection, state: &str) -> bool {
    let same = |name: &str| name.eq_ignore_ascii_case(state);
    connection.tcp_state().is_some_and(|state| same(&state.to_string()))
        || connection.sctp_state().is_some_and(|state| same(&state.to_string()))
        || connection.status().names().any(same)
}

/// Those that are asked for, `most` at most, from there on, and where the list goes on.
///
/// # Errors
/// [`Gone`]
pub(crate) async fn connections(
    shards: &Shards,
    filter: &Filter,
    from: Cursor,
    most: usize,
) -> Result<(Vec<Found>, Option<Cursor>), Gone> {
    let mut all = Vec::new();
    let mut next = Some(from);
    while let Some(cursor) = next.filter(|_| all.len() < most) {
        if cursor.shard >= shards.count() {
            return Ok((all, None));
        }
        let (filter, most) = (filter.clone(), most - all.len());
        let (found, then) = shards.ask(cursor.shard, move |shard| page(shard, &filter, cursor.place, most)).await?;
        all.extend(found);
        next = after(shards, cursor.shard, then);
    }
    Ok((all, next))
}

/// The cursor after a page of a shard.
fn after(shards: &Shards, shard: usize, then: Option<u32>) -> Option<Cursor> {
    match then {
        Some(place) => Some(Cursor { shard, place }),
        None => Some(Cursor { shard: shard + 1, place: 0 }).filter(|cursor| cursor.shard < shards.count()),
    }
}

fn page(shard: &mut Shard, filter: &Filter, from: u32, most: usize) -> (Vec<Found>, Option<u32>) {
    let (page, then) = shard.gateway.conntrack().page(from, PLACES);
    let mut found = Vec::new();
    for (id, connection) in page.filter(|(_, connection)| filter.wants(connection)) {
        if found.len() == most {
            return (found, Some(id.place()));
        }
        found.push(Found::new(shard, id, connection));
    }
    (found, then)
}

impl Found {
    fn new(shard: &Shard, id: ConnectionId, connection: &Connection) -> Found {
        let gateway = &shard.gateway;
        Found {
            shard: shard.number,
            id,
            connection: connection.clone(),
            owner: gateway.owner(connection).map(|(host, id)| (host.address(), id)),
            left: connection.deadline() - gateway.now(),
        }
    }
}

/// One connection by its name; `None` where it is not there.
///
/// # Errors
/// [`Gone`]
pub(crate) async fn connection(shards: &Shards, shard: usize, id: ConnectionId) -> Result<Option<Found>, Gone> {
    if shard >= shards.count() {
        return Ok(None);
    }
    let find = move |shard: &mut Shard| {
        let connection = shard.gateway.conntrack().get(id)?;
        Some(Found::new(shard, id, connection))
    };
    shards.ask(shard, find).await
}

/// Ends those that are asked for; tells how many.
///
/// # Errors
/// [`Gone`]
pub(crate) async fn delete(shards: &Shards, filter: &Filter) -> Result<usize, Gone> {
    let mut deleted = 0;
    let mut next = Some(Cursor::default());
    while let Some(cursor) = next {
        let filter = filter.clone();
        let delete = move |shard: &mut Shard| {
            let (page, then) = shard.gateway.conntrack().page(cursor.place, PLACES);
            let wanted = page.filter(|(_, connection)| filter.wants(connection));
            let ids: Vec<ConnectionId> = wanted.map(|(id, _)| id).collect();
            (ids.into_iter().filter(|id| shard.gateway.delete_connection(*id)).count(), then)
        };
        let (count, then) = shards.ask(cursor.shard, delete).await?;
        deleted += count;
        next = after(shards, cursor.shard, then);
    }
    Ok(deleted)
}

/// Ends one connection; tells whether it was there.
///
/// # Errors
/// [`Gone`]
pub(crate) async fn delete_one(shards: &Shards, shard: usize, id: ConnectionId) -> Result<bool, Gone> {
    if shard >= shards.count() {
        return Ok(false);
    }
    shards.ask(shard, move |shard| shard.gateway.delete_connection(id)).await
}
