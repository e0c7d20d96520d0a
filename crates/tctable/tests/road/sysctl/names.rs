//! All of them, those that only tell something, and what is refused.

use tctable::gateway::SysctlError;

use super::{fragments, hosts, rules, table, timeouts};
use crate::support::{BOTH, Road};

/// Tested with what they limit.
const ELSEWHERE: [&str; 2] = ["net.netfilter.nf_conntrack_expect_max", "net.netfilter.nf_conntrack_helper"];

const READ_ONLY: [&str; 3] =
    ["net.netfilter.nf_conntrack_acct", "net.netfilter.nf_conntrack_count", "net.netfilter.nf_conntrack_timestamp"];

#[test]
fn every_tunable_has_a_test() {
    let road = Road::new();
    let mut tested =
        [&ELSEWHERE[..], &READ_ONLY, fragments::TESTED, hosts::TESTED, rules::TESTED, table::TESTED, timeouts::TESTED]
            .concat();
    tested.sort_unstable();
    let there: Vec<&str> = road.gateway.sysctls().map(|(name, _)| name).collect();
    assert_eq!(there, tested);
}

#[test]
fn those_that_only_tell_something() {
    for net in BOTH {
        let mut road = Road::new();
        for (name, value) in READ_ONLY.iter().zip([1, 0, 1]) {
            assert_eq!(road.gateway.sysctl(name), Ok(value));
            assert_eq!(road.gateway.set_sysctl(name, "1"), Err(SysctlError::ReadOnly(name)));
        }
        for count in 1..4 {
            road.pass(&net.ping(count));
            assert_eq!(road.gateway.sysctl("nf_conntrack_count"), Ok(count.into()));
        }
    }
}

#[test]
fn what_is_refused_changes_nothing() {
    let mut road = Road::new();
    let before: Vec<(&str, u64)> = road.gateway.sysctls().collect();
    let unknown = || SysctlError::Unknown("nf_conntrack_mix".to_owned());
    assert_eq!(road.gateway.set_sysctl("nf_conntrack_mix", "1"), Err(unknown()));
    assert_eq!(road.gateway.sysctl("nf_conntrack_mix"), Err(unknown()));
    for (name, _) in before.iter().filter(|(name, _)| !READ_ONLY.contains(name)) {
        for value in ["", "x", "-1", "4294967296", "1 2"] {
            let refused = road.gateway.set_sysctl(name, value);
            assert!(matches!(refused, Err(SysctlError::Invalid { .. })), "{name} = {value:?}: {refused:?}");
        }
    }
    assert_eq!(road.gateway.sysctls().collect::<Vec<_>>(), before);
}
