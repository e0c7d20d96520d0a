//! Rules in every spelling of every option, each behind the name of its table. iptables takes some and refuses others.

use tctable::packet::Family;

pub(super) fn of(family: Family) -> &'static str {
    match family {
        Family::V4 => include_str!("v4.txt"),
        Family::V6 => include_str!("v6.txt"),
    }
}
