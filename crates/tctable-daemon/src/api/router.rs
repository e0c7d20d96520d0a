use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use tokio::sync::Semaphore;

use super::error::ApiError;
use super::{access, classes, connections, health, hosts, openapi, reload, rules, stats, sysctls};
use crate::Daemon;

/// Bytes that a request's body may have.
const MAX_BODY: usize = 64 << 10;
/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Lists of all hosts that are made at a time: each may take hundreds of megabytes where there are a million.
const LISTS: usize = 2;

/// What handlers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) daemon: Arc<Daemon>,
    pub(super) lists: Semaphore,
}

pub(super) type App = axum::extract::State<Arc<Shared>>;

/// Everything under `/v1`. Who asks is told by an [`Access`](super::Access) among a request's extensions; without one nothing
/// is answered.
pub fn router(daemon: Arc<Daemon>) -> Router {
    let shared = Arc::new(Shared { daemon, lists: Semaphore::new(LISTS) });
    let v1 = Router::new()
        .route("/openapi.json", get(openapi::document))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/hosts", get(hosts::list))
        .route("/hosts/zero", post(hosts::zero_all))
        .route("/hosts/{address}", get(hosts::one))
        .route("/hosts/{address}/zero", post(hosts::zero))
        .route("/connections", get(connections::list).delete(connections::delete))
        .route("/connections/{key}", get(connections::one).delete(connections::delete_one))
        .route("/qdiscs", get(classes::qdiscs))
        .route("/classes", get(classes::classes))
        .route("/rules", get(rules::list))
        .route("/stats", get(stats::stats))
        .route("/sysctls", get(sysctls::list))
        .route("/sysctls/{*name}", get(sysctls::one).put(sysctls::set))
        .route("/reload", post(reload::reload))
        .with_state(shared);
    Router::new()
        .nest("/v1", v1)
        .fallback(|| async { ApiError::not_found("no such path: /v1/openapi.json tells what there is") })
        .method_not_allowed_fallback(|| async { ApiError::method_not_allowed() })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn(in_time))
        .layer(from_fn(access::check))
}

async fn in_time(request: Request, next: Next) -> Result<Response, ApiError> {
    let answer = tokio::time::timeout(TIMEOUT, next.run(request)).await;
    answer.map_err(|_| ApiError::unavailable("this took too long"))
}
