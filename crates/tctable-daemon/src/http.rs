//! HTTP for few clients, none of which may cost much.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;

/// What clients may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Clients that are connected at a time.
    pub(crate) clients: usize,
    /// How long a client may take to say what it wants, and how long it may be silent between two requests.
    pub(crate) head: Duration,
    /// How long a client may read nothing of an answer.
    pub(crate) write: Duration,
}

impl Limits {
    pub(crate) const DEFAULT: Limits =
        Limits { clients: 64, head: Duration::from_secs(10), write: Duration::from_secs(10) };
}

/// Bytes of a request's head.
const MAX_HEAD: usize = 16 << 10;

/// Answers one client until it goes, or is too slow.
pub(crate) async fn client(stream: impl AsyncRead + AsyncWrite + 'static, limits: Limits, router: Router) {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits.write));
    let service = service_fn(move |request: Request<Incoming>| router.clone().oneshot(request.map(Body::new)));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(Box::pin(stream)), service)
        .await;
    // What is wrong with a client's connection is the client's matter.
    drop(served);
}
