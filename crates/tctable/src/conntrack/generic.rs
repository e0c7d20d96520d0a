//! All other protocols: a connection is two addresses and a protocol number.

use super::timeouts::Timeouts;
use crate::time::Duration;

pub(super) fn timeout(timeouts: &Timeouts) -> Duration {
    timeouts.generic
}
