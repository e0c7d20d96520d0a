//! Rules on the road.

use super::road::Gateway;
use super::walk::Walk;
use crate::hook::{Hook, Verdict};
use crate::ruleset::TableName;
use crate::time::Instant;

impl Gateway {
    pub(super) fn step_table(&mut self, _: Instant, _: &mut Walk<'_>, _: Hook, _: TableName) -> Verdict {
        Verdict::Accept
    }
}
