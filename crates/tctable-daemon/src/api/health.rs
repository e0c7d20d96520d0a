use std::time::Duration;

use axum::extract::State;
use axum::response::Response;

use super::error::ApiError;
use super::query::object;
use super::router::App;

/// How long a shard may take to answer.
const TIMEOUT: Duration = Duration::from_secs(1);

/// `GET /health/live`: who answers lives.
pub(super) async fn live() -> Response {
    object(|json| json.raw("live", true))
}

/// `GET /health/ready`: every shard does what it is asked to, and every port is up.
pub(super) async fn ready(State(app): App) -> Result<Response, ApiError> {
    let asked = app.daemon.shards.ask_all(|shard| {
        let down = shard.ports.iter().find(|port| !port.up);
        down.map(|port| port.name.clone())
    });
    let answers = tokio::time::timeout(TIMEOUT, asked).await;
    let answers = answers.map_err(|_| ApiError::unavailable("a shard does not answer"))??;
    match answers.into_iter().flatten().next() {
        Some(port) => Err(ApiError::unavailable(format!("{port} is down"))),
        None => Ok(object(|json| json.raw("ready", true))),
    }
}
