//! Helpers: they read the talk of protocols that announce further connections, as the kernel's `nf_conntrack_ftp`,
//! `_tftp`, `_sip`, `_irc` and `_pptp`.
//!
//! A [`Helper`] is what is configured once; attaching it to a connection gives a [`Session`], what it remembers of that
//! connection. Each of the connection's packets goes through [`Attached::packet`] at the end of its road, right before it
//! is confirmed. What the helper learns goes to the tables of expectations and GRE keys at once; the rest
//! ([`Consequences`]) is for whoever keeps the connections.
//!
//! What the helpers accept is what the kernel accepts, oddities included: each test table was read off the kernel.
//! Addresses are not rewritten here: that is for address translation, which is not built.

mod attached;
mod ftp;
mod irc;
mod keymap;
mod payload;
mod pptp;
mod registry;
mod requests;
mod sip;
#[cfg(test)]
mod testing;
mod text;
mod tftp;

use std::fmt::Debug;

pub use attached::Attached;
pub use ftp::Ftp;
pub use irc::Irc;
pub use keymap::{KeyError, Keymap};
pub use payload::Payload;
pub use pptp::Pptp;
pub use registry::{AlreadyRegistered, Helpers, UnknownHelper};
pub use requests::{Consequences, Requests, Wanted};
pub use sip::{Sip, Transport};
pub use tftp::Tftp;

use super::expect::Policy;
use crate::packet::{Family, Tuple};

/// A helper for one protocol.
pub trait Helper: Debug + Send + Sync {
    /// Its name, as in `conntrack -L`. With protocol and family it tells the helper.
    fn name(&self) -> &'static str;

    /// The transport protocol of the connections that it helps.
    fn protocol(&self) -> u8;

    /// The version of IP of the connections that it helps; `None` for both.
    fn family(&self) -> Option<Family> {
        None
    }

    /// The server's ports for which it is attached by itself, where that is asked for.
    fn default_ports(&self) -> &[u16];

    /// Its classes of expectations. A class is named by its place.
    fn policies(&self) -> &[Policy];

    /// Begins to listen to a connection.
    fn attach(&self) -> Box<dyn Session>;
}

/// What a helper remembers of one connection.
pub trait Session: Debug + Send {
    /// Reads a packet of the connection.
    fn packet(&mut self, payload: &Payload<'_>, requests: &mut Requests<'_>) -> Outcome;

    /// The connection ended. What it expected is removed without this.
    fn end(&mut self, _tuples: &[Tuple; 2], _requests: &mut Requests<'_>) {}

    /// What it remembers, as bytes, at most 65,535 of them: for who keeps connections over a restart. Nothing by default.
    fn saved(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Remembers what [`Session::saved`] gave, right after it began to listen; tells whether that can be read.
    fn restore(&mut self, saved: &[u8]) -> bool {
        saved.is_empty()
    }
}

/// What is to become of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on.
    Accept,
    /// It is dropped: it announces a connection that could not be read or not be expected. The sender sends it once more.
    Drop,
}
