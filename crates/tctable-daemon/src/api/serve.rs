use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use tctable_io::peer;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::access::{Access, Peer};
use super::error::ApiError;
use super::router::router;
use super::socket::ControlSocket;
use crate::Daemon;
use crate::http::{Limits, client};

/// Serves a gateway on its control socket, until the future is dropped.
///
/// A client that is slow, silent or gone is let go of after some seconds; of more than 64 at a time the others are told to
/// come again.
///
/// # Errors
/// Only where the socket cannot be served at all.
pub async fn serve(socket: ControlSocket, daemon: Arc<Daemon>) -> io::Result<()> {
    serve_within(Limits::DEFAULT, socket, daemon).await
}

pub(super) async fn serve_within(limits: Limits, socket: ControlSocket, daemon: Arc<Daemon>) -> io::Result<()> {
    let listener = UnixListener::from_std(socket.listener.try_clone()?)?;
    let router = router(daemon);
    let clients = Arc::new(Semaphore::new(limits.clients));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(_) => {
                // No descriptors are left: those who are there are served on.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&clients).try_acquire_owned() else {
            refuse(&stream);
            continue;
        };
        let access = access(&stream, socket.owner, socket.group);
        let router = router.clone().layer(Extension(access));
        tokio::spawn(async move {
            client(stream, limits, router).await;
            drop(place);
        });
    }
}

/// What a client may do; who cannot be told may nothing.
fn access(stream: &UnixStream, owner: u32, group: u32) -> Access {
    match (peer::credentials(stream), peer::groups(stream)) {
        (Ok(peer::Credentials { uid, gid }), Ok(mut groups)) => {
            groups.push(gid);
            Access::of(&Peer { uid, groups }, owner, group)
        }
        _ => Access::Nothing,
    }
}

/// Tells a client that there are too many, if it can be told at once.
fn refuse(stream: &UnixStream) {
    let body = ApiError::unavailable("too many clients").body();
    let head = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close\r\n";
    let answer = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    let _ = stream.try_write(answer.as_bytes());
}
