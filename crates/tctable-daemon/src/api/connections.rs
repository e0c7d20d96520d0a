use std::fmt::Write;
use std::net::IpAddr;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use ipnet::IpNet;
use serde::Deserialize;
use tctable::conntrack::ConnectionId;
use tctable::packet::protocol;
use tctable::text::conntrack_line;
use tctable_view::{Json, connection as connection_form};

use super::error::ApiError;
use super::query::{Asked, Format, Named, object, plain};
use super::router::App;
use crate::tables::{self, Cursor, Filter, Found};

/// Connections that are told at once where nothing is said, and at most.
const LIMIT: usize = 1000;
const MOST: usize = 10_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    host: Option<String>,
    protocol: Option<String>,
    state: Option<String>,
    port: Option<u16>,
    limit: Option<usize>,
    cursor: Option<String>,
    #[serde(default)]
    format: Format,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Delete {
    host: Option<String>,
    protocol: Option<String>,
    state: Option<String>,
    port: Option<u16>,
    #[serde(default)]
    all: bool,
}

/// `GET /connections`
pub(super) async fn list(State(app): App, Asked(asked): Asked<List>) -> Result<Response, ApiError> {
    let filter = filter(asked.host, asked.protocol, asked.state, asked.port)?;
    let cursor = match &asked.cursor {
        Some(text) => text.parse().map_err(|()| ApiError::bad_request(format!("{text:?} is no cursor")))?,
        None => Cursor::default(),
    };
    let limit = asked.limit.unwrap_or(LIMIT);
    if !(1..=MOST).contains(&limit) {
        return Err(ApiError::bad_request(format!("`limit` is from 1 to {MOST}")));
    }
    let (found, next) = tables::connections(&app.daemon.shards, &filter, cursor, limit).await?;
    match asked.format {
        Format::Json => Ok(object(|json| list_of(json, &found, next, members))),
        Format::Text => {
            let mut text = String::new();
            for each in &found {
                writeln!(text, "{}", conntrack_line(&each.connection, each.left)).expect("memory takes any text");
            }
            let mut answer = plain(text);
            if let Some(next) = next.and_then(|next| HeaderValue::from_str(&next.to_string()).ok()) {
                answer.headers_mut().insert("x-next-cursor", next);
            }
            answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            Ok(answer)
        }
    }
}

/// `GET /connections/{key}`
pub(super) async fn one(State(app): App, Named(key): Named) -> Result<Response, ApiError> {
    let (shard, id) = parse(&key)?;
    let found = tables::connection(&app.daemon.shards, shard, id).await?.ok_or_else(|| unknown(&key))?;
    Ok(object(|json| members(json, &found)))
}

/// `DELETE /connections/{key}`
pub(super) async fn delete_one(State(app): App, Named(key): Named) -> Result<Response, ApiError> {
    let (shard, id) = parse(&key)?;
    match tables::delete_one(&app.daemon.shards, shard, id).await? {
        true => Ok(object(|json| json.number("deleted", 1))),
        false => Err(unknown(&key)),
    }
}

/// `DELETE /connections`
pub(super) async fn delete(State(app): App, Asked(asked): Asked<Delete>) -> Result<Response, ApiError> {
    let filter = filter(asked.host, asked.protocol, asked.state, asked.port)?;
    // Nobody ends all connections by forgetting what to write.
    if asked.all != (filter == Filter::default()) {
        return Err(ApiError::bad_request("say which: `host`, `protocol`, `state` or `port`; or `all=true` alone"));
    }
    let deleted = tables::delete(&app.daemon.shards, &filter).await?;
    Ok(object(|json| json.number("deleted", deleted)))
}

/// The members of a list: its entries and where it goes on.
pub(super) fn list_of(json: &mut Json<'_>, found: &[Found], next: Option<Cursor>, members: fn(&mut Json<'_>, &Found)) {
    json.array("connections", |json| found.iter().for_each(|each| json.element(|json| members(json, each))));
    match next {
        Some(next) => json.plain("next", next),
        None => json.raw("next", "null"),
    }
}

/// The members of one connection: those of a replay's, and its key.
pub(super) fn members(json: &mut Json<'_>, found: &Found) {
    let connection = &found.connection;
    json.plain("key", format_args!("{}.{}", found.shard, found.id));
    if let Some((host, _)) = found.owner {
        json.plain("host", host);
    }
    json.plain("family", connection.original().family);
    connection_form(json, connection, found.owner.map(|(_, id)| id), found.left.as_secs());
    json.time("first", connection.first_seen());
    json.time("last", connection.last_seen());
}

fn filter(
    host: Option<String>,
    protocol: Option<String>,
    state: Option<String>,
    port: Option<u16>,
) -> Result<Filter, ApiError> {
    let host = host.map(|host| net(&host).ok_or_else(|| ApiError::bad_request(format!("{host:?} is no address"))));
    let number = |name: String| number(&name).ok_or_else(|| ApiError::bad_request(format!("{name:?} is no protocol")));
    Ok(Filter { host: host.transpose()?, protocol: protocol.map(number).transpose()?, state, port })
}

/// An address or a prefix.
fn net(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// A protocol by its name or number.
fn number(name: &str) -> Option<u8> {
    Some(match name.to_ascii_lowercase().as_str() {
        "tcp" => protocol::TCP,
        "udp" => protocol::UDP,
        "udplite" => protocol::UDPLITE,
        "sctp" => protocol::SCTP,
        "gre" => protocol::GRE,
        "icmp" => protocol::ICMP,
        "icmpv6" => protocol::ICMPV6,
        number => return number.parse().ok(),
    })
}

/// `SHARD.PLACE.GENERATION`
fn parse(key: &str) -> Result<(usize, ConnectionId), ApiError> {
    let parts = key.split_once('.').and_then(|(shard, id)| Some((shard.parse().ok()?, id.parse().ok()?)));
    parts.ok_or_else(|| ApiError::bad_request(format!("{key:?} is no connection's key")))
}

fn unknown(key: &str) -> ApiError {
    ApiError::not_found(format!("no connection {key}"))
}
