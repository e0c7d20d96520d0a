//! Sets, as `ipset save` tells them.

use std::net::IpAddr;

use tctable::packet::Family;
use tctable::ruleset::{Match, Ruleset, Set, SetEntry, SetKind, Sets};

fn entry(address: &str, prefix_len: u8, nomatch: bool) -> SetEntry {
    SetEntry { address: address.parse::<IpAddr>().unwrap().into(), prefix_len, nomatch }
}

#[test]
fn sets_of_addresses_and_of_prefixes() {
    let text = "\
create hosts hash:ip family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x1234
add hosts 10.0.0.1
add hosts 10.0.0.2/32
create nets6 hash:net family inet6 hashsize 1024 maxelem 65536
add nets6 fd00::/8
add nets6 fd00:1::5/32 nomatch
create lans hash:ip netmask 24
add lans 10.1.2.3
";
    let sets = Sets::parse(text).unwrap();
    let expected = [
        ("hosts", SetKind::HashIp, Family::V4, vec![entry("10.0.0.1", 32, false), entry("10.0.0.2", 32, false)]),
        ("lans", SetKind::HashIp, Family::V4, vec![entry("10.1.2.0", 24, false)]),
        ("nets6", SetKind::HashNet, Family::V6, vec![entry("fd00::", 8, false), entry("fd00:1::", 32, true)]),
    ];
    let expected = expected.map(|(name, kind, family, entries)| (name.into(), Set { kind, family, entries }));
    assert_eq!(sets, Sets { sets: expected.into() });
}

#[test]
fn what_is_wrong_with_a_set_is_told() {
    for (text, expected) in [
        ("creat a hash:ip", "1:1: unknown command \"creat\": did you mean \"create\"?"),
        ("create a hash:pi", "1:10: unknown type \"hash:pi\": did you mean \"hash:ip\"?"),
        ("create a hash:ip,port", "1:10: \"hash:ip,port\" is not handled: sets are of hash:ip or hash:net"),
        ("create a hash:ip timeout 5", "1:18: \"timeout\" is not handled: sets have addresses alone, which stay"),
        ("create a hash:ip family inet4", "1:25: unknown family \"inet4\": did you mean \"inet\"?"),
        ("create a hash:ip\ncreate a hash:ip", "2:8: \"a\" is a set already"),
        ("create a hash:ip\nadd b 10.0.0.1", "2:5: unknown set \"b\": did you mean \"a\"?"),
        (
            "create a hash:ip\nadd a 10.0.0.0/24",
            "2:7: \"10.0.0.0/24\" is not handled: an entry of hash:ip is one address: write out what a range stands for",
        ),
        ("create a hash:ip\nadd a fd00::1", "2:7: \"fd00::1\" is not an IPv4 address, but one of IPv6"),
        ("create a hash:ip\nadd a 10.0.0.1 nomatch", "2:16: \"nomatch\" belongs to hash:net"),
        ("create a hash:ip\nadd a 10.0.0.1\nadd a 10.0.0.1", "3:7: \"10.0.0.1\" is in the set already"),
        (
            "create a hash:ip maxelem 1\nadd a 10.0.0.1\nadd a 10.0.0.2",
            "3:7: \"10.0.0.2\" is one entry more than the set's maxelem",
        ),
        ("create a hash:net\nadd a 0.0.0.0/0", "2:7: \"0.0.0.0/0\" is not a prefix, of 1 bit or more"),
    ] {
        assert_eq!(Sets::parse(text).expect_err(text).to_string(), expected, "{text}");
    }
}

#[test]
fn a_rule_asks_for_a_set_that_is_there() {
    let sets = Sets::parse("create lan hash:net\nadd lan 10.0.0.0/8\ncreate lan6 hash:net family inet6\n").unwrap();
    let read = |rule: &str| Ruleset::parse(Family::V4, &format!("*filter\n-A INPUT {rule}\nCOMMIT\n"), &sets);
    let ruleset = read("-m set ! --match-set lan dst -j DROP").unwrap();
    let Match::Set(of) = &ruleset.tables[0].chains[0].rules[0].matches[0] else { panic!("{ruleset}") };
    assert_eq!((of.negated, &*of.value.name, of.value.destination), (true, "lan", true));
    for (rule, expected) in [
        ("-m set --match-set wan src", "2:29: unknown set \"wan\": did you mean \"lan\"?"),
        ("-m set --match-set lan6 src", "2:29: \"lan6\" is a set of addresses of the other version of IP"),
        ("-m set --match-set lan src,dst", "2:33: \"src,dst\" is not src or dst: sets have one dimension"),
        (
            "-m set --match-set lan src --return-nomatch",
            "2:37: \"--return-nomatch\" is not handled: sets have neither counters nor a choice about nomatch",
        ),
    ] {
        assert_eq!(read(rule).expect_err(rule).to_string(), expected, "{rule}");
    }
}
