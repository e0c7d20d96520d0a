//! Asks a running gateway, over its control socket.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};

/// Longer than a gateway takes to answer anything.
const TIMEOUT: Duration = Duration::from_secs(90);

/// Why a gateway did not do what it was asked for.
#[derive(Debug, Error)]
pub(crate) enum ClientError {
    /// There is no socket, or nobody at it.
    #[error("{}: nobody listens there: is a gateway running (`tctable run`)? --control says where", .0.display())]
    Nobody(PathBuf),
    /// The socket's mode.
    #[error("{}: not allowed: that takes root or the socket's group", .0.display())]
    NotAllowed(PathBuf),
    /// It does not work.
    #[error("{}: {reason}", .path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// What the operating system said.
        reason: io::Error,
    },
    /// What came is no answer.
    #[error("{}: no gateway answers there: {reason}", .path.display())]
    NoAnswer {
        /// The socket.
        path: PathBuf,
        /// What was wrong.
        reason: String,
    },
    /// The gateway says no.
    #[error("{0}")]
    Refused(String),
}

/// An answer that is a success.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// Its body.
    pub(crate) text: String,
    /// Where a list goes on that is no JSON.
    pub(crate) next: Option<String>,
}

/// A way to a gateway.
#[derive(Debug)]
pub(crate) struct Client {
    path: PathBuf,
    runtime: Runtime,
}

impl Client {
    /// A client of that socket. Each request connects anew.
    ///
    /// # Errors
    /// [`ClientError::Io`]
    pub(crate) fn new(path: &Path) -> Result<Client, ClientError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|reason| ClientError::Io { path: path.to_owned(), reason })?;
        Ok(Client { path: path.to_owned(), runtime })
    }

    /// Asks for something; `what` is the path behind `/v1`, with what follows it.
    ///
    /// # Errors
    /// [`ClientError`]
    pub(crate) fn get(&self, what: &str) -> Result<Answer, ClientError> {
        self.send(Method::GET, what, String::new())
    }

    /// The same, read as a document.
    ///
    /// # Errors
    /// [`ClientError`]
    pub(crate) fn read<T: DeserializeOwned>(&self, what: &str) -> Result<T, ClientError> {
        self.parse(&self.get(what)?.text)
    }

    /// A document.
    ///
    /// # Errors
    /// [`ClientError::NoAnswer`]
    pub(crate) fn parse<'a, T: Deserialize<'a>>(&self, text: &'a str) -> Result<T, ClientError> {
        serde_json::from_str(text).map_err(|error| self.no_answer(error))
    }

    /// Has something done.
    ///
    /// # Errors
    /// [`ClientError`]
    pub(crate) fn send(&self, method: Method, what: &str, body: String) -> Result<Answer, ClientError> {
        let asked = async { tokio::time::timeout(TIMEOUT, self.exchange(method, what, body)).await };
        self.runtime.block_on(asked).unwrap_or_else(|_| Err(self.no_answer("it takes too long")))
    }

    async fn exchange(&self, method: Method, what: &str, body: String) -> Result<Answer, ClientError> {
        let stream = UnixStream::connect(&self.path).await.map_err(|error| self.not_connected(error))?;
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| self.no_answer(error))?;
        let request = Request::builder()
            .method(method)
            .uri(format!("/v1{what}"))
            .header("host", "tctable")
            .header("connection", "close")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| self.no_answer(error))?;
        let answer = async {
            let answer = sender.send_request(request).await?;
            let (head, body) = answer.into_parts();
            Ok::<_, hyper::Error>((head, body.collect().await?.to_bytes()))
        };
        // The connection moves the bytes of both; that it is closed at the end is no failure.
        let (_, answer) = tokio::join!(connection, answer);
        let (head, bytes) = answer.map_err(|error| self.no_answer(error))?;
        let text = String::from_utf8(bytes.to_vec()).map_err(|error| self.no_answer(error))?;
        if head.status != StatusCode::OK {
            let refusal = self.parse::<Refusal>(&text)?.error;
            return Err(ClientError::Refused(refusal.message));
        }
        let next = head.headers.get("x-next-cursor").and_then(|next| next.to_str().ok()).map(str::to_owned);
        Ok(Answer { text, next })
    }

    fn not_connected(&self, reason: io::Error) -> ClientError {
        let path = self.path.clone();
        match reason.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => ClientError::Nobody(path),
            ErrorKind::PermissionDenied => ClientError::NotAllowed(path),
            _ => ClientError::Io { path, reason },
        }
    }

    fn no_answer(&self, reason: impl ToString) -> ClientError {
        ClientError::NoAnswer { path: self.path.clone(), reason: reason.to_string() }
    }
}

#[derive(Deserialize)]
struct Refusal {
    error: Why,
}

#[derive(Deserialize)]
struct Why {
    message: String,
}

/// What is asked for behind the path: `?name=value&...`, of those that have a value.
pub(crate) fn query(parts: &[(&str, Option<String>)]) -> String {
    let mut text = String::new();
    for (name, value) in parts {
        let Some(value) = value else { continue };
        text.push(if text.is_empty() { '?' } else { '&' });
        text.push_str(name);
        text.push('=');
        text.push_str(&encoded(value));
    }
    text
}

/// A part of a URI (RFC 3986 section 2).
pub(crate) fn encoded(text: &str) -> String {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match unreserved(byte) {
            true => encoded.push(char::from(byte)),
            false => tctable_view::append(&mut encoded, format_args!("%{byte:02X}")),
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_uri_are_encoded() {
        assert_eq!(encoded("10.0.0.0/8"), "10.0.0.0%2F8");
        assert_eq!(encoded("a b&c=é"), "a%20b%26c%3D%C3%A9");
        assert_eq!(query(&[("a", None)]), "");
        assert_eq!(query(&[("a", Some("1".into())), ("b", None), ("c", Some("fe80::1".into()))]), "?a=1&c=fe80%3A%3A1");
    }
}
