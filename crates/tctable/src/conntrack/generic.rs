//! All other protocols: a connection is two addresses and a protocol number.

use super::timeouts::{Millis, Ready};

pub(super) fn timeout(timeouts: &Ready) -> Millis {
    timeouts.generic
}
