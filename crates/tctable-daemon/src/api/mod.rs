//! The control socket: HTTP with JSON under `/v1`, over a Unix socket.
//!
//! What can be asked is in the OpenAPI document `/v1/openapi.json`. Root, and who runs the gateway, may read and change; the
//! socket's group may read; nobody else may anything. Every answer that is no success is `{"error":{"code","message"}}`.

mod access;
mod classes;
#[cfg(test)]
mod clients;
mod connections;
mod error;
mod health;
mod hosts;
mod openapi;
mod query;
mod reload;
mod router;
mod rules;
mod serve;
mod socket;
mod stats;
mod sysctls;
#[cfg(test)]
mod tests;

pub use access::Access;
pub use router::router;
pub use serve::serve;
pub use socket::{ControlSocket, SocketError};
