//! The kernel doing what tctable does, as far as it can: connections tracked, and counters for each host in sets of nft.

use std::fmt::Write;

use super::network::{LAN, WAN};

/// Rules for `nft -f`: a packet costs a look-up in a set, where its host has a counter.
pub fn counting_rules() -> String {
    let mut rules = "table inet lab {\n".to_owned();
    for (version, kind) in [("4", "ipv4_addr"), ("6", "ipv6_addr")] {
        for way in ["tx", "rx"] {
            let _ = writeln!(rules, "set {way}{version} {{ type {kind}; size 65535; flags dynamic; counter; }}");
        }
    }
    let _ = write!(
        rules,
        "chain forward {{ type filter hook forward priority 10; policy accept;\n\
         ct state invalid counter\n\
         iifname {LAN} add @tx4 {{ ip saddr }}\n\
         iifname {LAN} add @tx6 {{ ip6 saddr }}\n\
         iifname {WAN} add @rx4 {{ ip daddr }}\n\
         iifname {WAN} add @rx6 {{ ip6 daddr }}\n\
         }}\n}}\n"
    );
    rules
}
