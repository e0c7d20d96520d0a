//! All of them, those that only tell something, and what is refused.

use tctable::gateway::SysctlError;

use super::{fragments, hosts, rules, table, timeouts};
use crate::support::{BOTH, Road};

/// Tested with what they limit.
const ELSEWHERE: [&str; 2] = ["net.netfilter.nf_conntrack_expect_max", "net.netfilter.nf_conntrack_helper"];

/// What the engine is for: they are 1.
const ALWAYS_ON: [&str; 2] = ["net.netfilter.nf_conntrack_acct", "net.netfilter.nf_conntrack_timestamp"];

const READ_ONLY: [&str; 2] = ["net.netfilter.nf_conntrack_buckets", "net.netfilter.nf_conntrack_count"];

#[test]
fn every_tunable_has_a_test() {
    let road = Road::new();
    let mut tested = [
        &ELSEWHERE[..],
        &ALWAYS_ON,
        &READ_ONLY,
        fragments::TESTED,
        hosts::TESTED,
        rules::TESTED,
        table::TESTED,
        timeouts::TESTED,
    ]
    .concat();
    tested.sort_unstable();
    let there: Vec<&str> = road.gateway.sysctls().map(|(name, _)| name).collect();
    assert_eq!(there, tested);
}

#[test]
fn those_that_only_tell_something() {
    for net in BOTH {
        let mut road = Road::new();
        for name in READ_ONLY {
            assert_eq!(road.gateway.set_sysctl(name, "1"), Err(SysctlError::ReadOnly(name)));
        }
        assert_eq!(road.gateway.sysctl("nf_conntrack_count"), Ok(0));
        assert_eq!(road.gateway.sysctl("nf_conntrack_buckets"), Ok(road.gateway.conntrack().buckets() as u64));
        for count in 1..4 {
            road.pass(&net.ping(count));
            assert_eq!(road.gateway.sysctl("nf_conntrack_count"), Ok(count.into()));
        }
    }
}

/// Connections are counted, and their first packets timed, whoever says so.
#[test]
fn what_is_always_on_may_be_switched_on() {
    for net in BOTH {
        let mut road = Road::new();
        for name in ALWAYS_ON {
            assert_eq!(road.gateway.set_sysctl(name, "1"), Ok(()));
            assert!(matches!(road.gateway.set_sysctl(name, "0"), Err(SysctlError::Invalid { min: 1, max: 1, .. })));
            assert_eq!(road.gateway.sysctl(name), Ok(1));
        }
        let shown = road.pass(&net.ask());
        assert_eq!((shown.packets(), road.connection().1.first_seen()), ([1, 0], road.now));
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
