use std::cmp::Reverse;
use std::net::IpAddr;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use tctable::time::Instant;
use tctable_view::{Json, Seconds, Sort, Summary, host, totals, unaccounted};

use super::connections::{list_of, members as connection_members};
use super::error::ApiError;
use super::query::{Asked, Named, json, object};
use super::router::App;
use crate::tables::{self, Cursor, Filter};

/// Rows that are written before others may work.
const ROWS: usize = 1024;
/// Connections of one host that are told with it.
const CONNECTIONS: usize = 1000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    sort: Option<String>,
    limit: Option<usize>,
    since: Option<f64>,
}

/// `GET /hosts`: the document of `replay --format json`.
pub(super) async fn list(State(app): App, Asked(asked): Asked<List>) -> Result<Response, ApiError> {
    let sort = asked.sort.as_deref().map_or(Ok(Sort::default()), str::parse);
    let sort: Sort = sort.map_err(|error: tctable_view::UnknownSort| ApiError::bad_request(error.to_string()))?;
    let since = asked.since.map(instant).transpose()?;
    let _turn = app.lists.acquire().await;
    let mut rows = tables::hosts(&app.daemon.shards, since).await?;
    let gathered = tables::gather(&app.daemon.shards).await?;
    rows.sort_by_cached_key(|row| (Reverse(row.rank(sort)), row.address));
    let inside = tables::inside(&app.daemon.settings());
    let all = match since {
        // Of those that were left out there may be more.
        Some(_) => gathered.hosts(),
        None => rows.len() as u64,
    };
    let summary = Summary {
        totals: &gathered.totals,
        statistics: &gathered.conntrack,
        hosts: all,
        open: gathered.connections(),
        inside: &inside,
    };
    let mut text = String::new();
    text.push_str("{\"capture\":");
    Json::object(&mut text, |json| {
        json.array("files", |_| ());
        json.packets_bytes(gathered.totals.frames);
        json.time("first", app.daemon.started);
        json.time("last", gathered.now);
        json.raw("duration", Seconds((gathered.now - app.daemon.started).as_nanos()));
        json.array("errors", |_| ());
        json.number("skipped", 0);
    });
    text.push_str(",\n\"totals\":");
    Json::object(&mut text, |json| totals(json, &summary));
    text.push_str(",\n\"unaccounted\":");
    Json::object(&mut text, |json| unaccounted(json, &gathered.totals));
    text.push_str(",\n\"hosts\":[");
    rows.truncate(asked.limit.unwrap_or(usize::MAX));
    for (at, row) in rows.iter().enumerate() {
        text.push_str(if at == 0 { "\n" } else { ",\n" });
        Json::object(&mut text, |json| host(json, row));
        if at % ROWS == ROWS - 1 {
            tokio::task::yield_now().await;
        }
    }
    text.push_str("\n]}\n");
    Ok(json(text))
}

/// `GET /hosts/{address}`: one host with its connections.
pub(super) async fn one(State(app): App, Named(address): Named) -> Result<Response, ApiError> {
    let address = parse(&address)?;
    let shards = &app.daemon.shards;
    let row = tables::find(shards, &[address]).await?.pop().ok_or_else(|| unknown(address))?;
    let filter = Filter { host: Some(address.into()), ..Filter::default() };
    let (found, next) = tables::connections(shards, &filter, Cursor::default(), CONNECTIONS).await?;
    Ok(object(|json| {
        json.member("host", |json| host(json, &row));
        list_of(json, &found, next, connection_members);
    }))
}

/// `POST /hosts/{address}/zero`: the host as it stood.
pub(super) async fn zero(State(app): App, Named(address): Named) -> Result<Response, ApiError> {
    let address = parse(&address)?;
    let row = tables::zero(&app.daemon.shards, address).await?.ok_or_else(|| unknown(address))?;
    Ok(object(|json| json.member("host", |json| host(json, &row))))
}

/// `POST /hosts/zero`
pub(super) async fn zero_all(State(app): App) -> Result<Response, ApiError> {
    let zeroed = tables::zero_all(&app.daemon.shards).await?;
    Ok(object(|json| json.number("zeroed", zeroed)))
}

fn parse(address: &str) -> Result<IpAddr, ApiError> {
    address.parse().map_err(|_| ApiError::bad_request(format!("{address:?} is no address")))
}

fn unknown(address: IpAddr) -> ApiError {
    ApiError::not_found(format!("no host {address}"))
}

/// Seconds since the epoch. A float is exact to a microsecond there, and is rounded down to one.
fn instant(seconds: f64) -> Result<Instant, ApiError> {
    let micros = seconds * 1e6;
    if (0.0..1.8e16).contains(&micros) {
        Ok(Instant::from_nanos(micros as u64 * 1_000))
    } else {
        Err(ApiError::bad_request("`since` is no time: seconds since the epoch are"))
    }
}
