use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use tctable::Config;
use tctable::gateway::SysctlError;

use super::error::ApiError;
use super::query::{Body, Named, object};
use super::router::App;
use crate::Daemon;
use crate::shard::Gone;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Set {
    value: Value,
}

/// A number, or a text as the kernel takes it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Value {
    Number(u64),
    Text(String),
}

/// `GET /sysctls`
pub(super) async fn list(State(app): App) -> Result<Response, ApiError> {
    let all = all(&app.daemon).await?;
    Ok(object(|json| {
        json.member("sysctls", |json| all.into_iter().for_each(|(name, value)| json.number(name, value)));
    }))
}

/// `GET /sysctls/{name}`
pub(super) async fn one(State(app): App, Named(name): Named) -> Result<Response, ApiError> {
    value(&app.daemon, name).await
}

/// `PUT /sysctls/{name}`: all shards have it, or none.
pub(super) async fn set(
    State(app): App,
    Named(name): Named,
    Body(Set { value: wanted }): Body<Set>,
) -> Result<Response, ApiError> {
    let text = match wanted {
        Value::Number(number) => number.to_string(),
        Value::Text(text) => text,
    };
    // Whether it can be set depends on nothing that shards have.
    Config::default().set_sysctl(&name, &text).map_err(refused)?;
    let wanted = name.clone();
    let set = app.daemon.shards.ask_all(move |shard| shard.gateway.set_sysctl(&wanted, &text)).await?;
    set.into_iter().collect::<Result<(), _>>().map_err(refused)?;
    value(&app.daemon, name).await
}

async fn value(daemon: &Daemon, name: String) -> Result<Response, ApiError> {
    let asked = name.clone();
    let full = daemon.shards.ask(0, move |shard| shard.gateway.sysctl_name(&asked)).await?.map_err(refused)?;
    let value = all(daemon).await?.into_iter().find(|(entry, _)| *entry == full).map(|(_, value)| value);
    let value = value.ok_or_else(|| refused(SysctlError::Unknown(name)))?;
    Ok(object(|json| {
        json.plain("name", full);
        json.number("value", value);
    }))
}

/// All tunables. Those that only tell something tell of all shards together; the others are the same in each.
async fn all(daemon: &Daemon) -> Result<Vec<(&'static str, u64)>, Gone> {
    let mut shards = daemon.shards.ask_all(|shard| shard.gateway.sysctls().collect::<Vec<_>>()).await?.into_iter();
    let mut sum = shards.next().unwrap_or_default();
    for more in shards {
        for ((name, sum), (_, more)) in sum.iter_mut().zip(more) {
            if matches!(Config::default().set_sysctl(name, "0"), Err(SysctlError::ReadOnly(_))) {
                *sum += more;
            }
        }
    }
    Ok(sum)
}

fn refused(error: SysctlError) -> ApiError {
    let message = error.to_string();
    match error {
        SysctlError::Unknown(_) => ApiError::not_found(message),
        SysctlError::ReadOnly(_) => ApiError::refused(message),
        SysctlError::Invalid { .. } => ApiError::bad_request(message),
    }
}
