use std::collections::HashMap;
use std::net::IpAddr;

use tctable::account::Host;
use tctable::time::Instant;
use tctable_view::HostRow;

use super::PLACES;
use crate::shard::{Gone, Shard, Shards};

/// Addresses that one job looks for.
const ADDRESSES: usize = 512;

/// Every host, in no order; each is the sum of what all shards have of it. With `since` only those that counted something at
/// that time or later.
///
/// # Errors
/// [`Gone`]
pub(crate) async fn hosts(shards: &Shards, since: Option<Instant>) -> Result<Vec<HostRow>, Gone> {
    let mut rows: HashMap<IpAddr, HostRow> = HashMap::new();
    for shard in 0..shards.count() {
        let mut next = Some(0);
        while let Some(from) = next {
            let (page, then) = shards.ask(shard, move |shard| page(shard, from, since)).await?;
            page.into_iter().for_each(|row| add(&mut rows, row));
            next = then;
        }
    }
    if since.is_some() && shards.count() > 1 {
        // What another shard has of them may be older.
        let addresses: Vec<IpAddr> = rows.into_keys().collect();
        return find(shards, &addresses).await;
    }
    Ok(rows.into_values().collect())
}

/// The hosts of these addresses, in no order; those that there are none of are left out.
///
/// # Errors
/// [`Gone`]
pub(crate) async fn find(shards: &Shards, addresses: &[IpAddr]) -> Result<Vec<HostRow>, Gone> {
    let mut rows = HashMap::with_capacity(addresses.len());
    for chunk in addresses.chunks(ADDRESSES) {
        let chunk = chunk.to_vec();
        let look = move |shard: &mut Shard| {
            let found = chunk.iter().filter_map(|address| shard.gateway.host(*address));
            found.map(|host| row(shard, host)).collect::<Vec<_>>()
        };
        shards.ask_all(look).await?.into_iter().flatten().for_each(|row| add(&mut rows, row));
    }
    Ok(rows.into_values().collect())
}

/// Gives a host as it stands and sets its counters to zero; `None` where there is none.
///
/// # Errors
/// [`Gone`]
pub(crate) async fn zero(shards: &Shards, address: IpAddr) -> Result<Option<HostRow>, Gone> {
    let zero = move |shard: &mut Shard| {
        let host = shard.gateway.zero_host(address)?;
        Some(row(shard, &host))
    };
    let mut rows = HashMap::new();
    shards.ask_all(zero).await?.into_iter().flatten().for_each(|row| add(&mut rows, row));
    Ok(rows.into_values().next())
}

/// Sets the counters of all hosts to zero; tells of how many. A host that begins meanwhile may keep what it counted.
///
/// # Errors
/// [`Gone`]
pub(crate) async fn zero_all(shards: &Shards) -> Result<usize, Gone> {
    let mut zeroed = std::collections::HashSet::new();
    for shard in 0..shards.count() {
        let mut next = Some(0);
        while let Some(from) = next {
            let zero = move |shard: &mut Shard| {
                let (page, then) = shard.gateway.hosts().page(from, PLACES);
                let addresses: Vec<IpAddr> = page.map(Host::address).collect();
                for address in &addresses {
                    shard.gateway.zero_host(*address);
                }
                (addresses, then)
            };
            let (addresses, then) = shards.ask(shard, zero).await?;
            zeroed.extend(addresses);
            next = then;
        }
    }
    Ok(zeroed.len())
}

fn page(shard: &mut Shard, from: u32, since: Option<Instant>) -> (Vec<HostRow>, Option<u32>) {
    let (page, then) = shard.gateway.hosts().page(from, PLACES);
    let page = page.filter(|host| since.is_none_or(|since| host.last_seen() >= since));
    (page.map(|host| row(shard, host)).collect(), then)
}

fn row(shard: &Shard, host: &Host) -> HostRow {
    HostRow::new(host, shard.gateway.now(), shard.gateway.hosts().config().timeout)
}

fn add(rows: &mut HashMap<IpAddr, HostRow>, row: HostRow) {
    rows.entry(row.address).and_modify(|sum| sum.add_beside(&row)).or_insert(row);
}
