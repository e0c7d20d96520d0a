//! `iprange`

use crate::packet::{Address, Tuple};
use crate::ruleset::{Iprange, Not};

pub(super) fn matches(asked: &Iprange, tuple: &Tuple) -> bool {
    within(&asked.source, tuple.source) && within(&asked.destination, tuple.destination)
}

fn within(asked: &Option<Not<(Address, Address)>>, address: Address) -> bool {
    asked.is_none_or(|asked| asked.wants((asked.value.0..=asked.value.1).contains(&address)))
}
