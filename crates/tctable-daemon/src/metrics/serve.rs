use std::cmp::Reverse;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tctable_view::Sort;
use tokio::sync::Semaphore;

use super::collect::{Sample, text};
use crate::Daemon;
use crate::http::{Limits, client};
use crate::shard::Gone;
use crate::tables;

const LIMITS: Limits = Limits { clients: 16, ..Limits::DEFAULT };
/// As the text's specification names it.
const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

struct Shared {
    daemon: Arc<Daemon>,
    /// One text at a time: each goes through all hosts.
    turn: Semaphore,
}

/// Serves a gateway's metrics at `/metrics`, until the future is dropped. The listener is one that does not block.
///
/// # Errors
/// Only where the listener cannot be served at all.
pub async fn serve(listener: TcpListener, daemon: Arc<Daemon>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let router = router(daemon);
    let clients = Arc::new(Semaphore::new(LIMITS.clients));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // No descriptors are left: those who are there are served on.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        // Whoever is too many is let go of, and comes again.
        let Ok(place) = Arc::clone(&clients).try_acquire_owned() else { continue };
        let router = router.clone();
        tokio::spawn(async move {
            client(stream, LIMITS, router).await;
            drop(place);
        });
    }
}

pub(super) fn router(daemon: Arc<Daemon>) -> Router {
    let shared = Arc::new(Shared { daemon, turn: Semaphore::new(1) });
    Router::new().route("/metrics", get(metrics)).with_state(shared)
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let _turn = shared.turn.acquire().await;
    match sample(&shared.daemon).await.map(text) {
        Ok(Ok(text)) => ([(header::CONTENT_TYPE, KIND)], text).into_response(),
        Ok(Err(_)) | Err(Gone) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn sample(daemon: &Daemon) -> Result<Sample, Gone> {
    let gathered = tables::gather(&daemon.shards).await?;
    let mut hosts = match daemon.settings().metrics_hosts {
        0 => Vec::new(),
        _ => tables::hosts(&daemon.shards, None).await?,
    };
    hosts.sort_by_cached_key(|row| (Reverse(row.rank(Sort::Bytes)), row.address));
    hosts.truncate(daemon.settings().metrics_hosts);
    let started = daemon.started.as_nanos() as f64 / 1e9;
    let (links, link_overruns) = (daemon.links.view(), daemon.links.overruns());
    Ok(Sample { version: daemon.version, started, gathered, links, link_overruns, hosts })
}
