//! What is refused, where, and why.

use tctable::packet::Family;

use super::read;

/// The error of a rule that stands in the third line of a file, behind a chain of the user.
fn error(family: Family, table: &str, rule: &str) -> String {
    let text = format!("*{table}\n:user - [0:0]\n{rule}\nCOMMIT\n");
    read(family, &text).expect_err(rule).to_string()
}

#[test]
fn a_word_that_is_not_known_is_told_with_the_nearest_one() {
    for (rule, expected) in [
        ("-A INPUT -m contrack", "3:13: unknown match \"contrack\": did you mean \"conntrack\"?"),
        ("-A INPUT -m string --string x", "3:13: unknown match \"string\""),
        ("-A INPUT -j REJCT", "3:13: unknown target or chain \"REJCT\": did you mean \"REJECT\"?"),
        ("-A INPUT -j usr", "3:13: unknown target or chain \"usr\": did you mean \"user\"?"),
        ("-A INPUT -j accept", "3:13: unknown target or chain \"accept\": did you mean \"ACCEPT\"?"),
        ("-A INPUT -g ACCEPT", "3:13: unknown chain \"ACCEPT\""),
        ("-A INPTU -j DROP", "3:4: unknown chain \"INPTU\": did you mean \"INPUT\"?"),
        ("-A INPUT -p tpc", "3:13: unknown protocol \"tpc\": did you mean \"tcp\"?"),
        ("-A INPUT -p tcp --dprt 80", "3:17: unknown option \"--dprt\": did you mean \"--dport\"?"),
        ("-A INPUT -p tcp --dport htpt", "3:25: unknown port or service \"htpt\": did you mean \"http\"?"),
        (
            "-A INPUT -m conntrack --ctstate NEW,ESTBLISHED",
            "3:37: unknown state \"ESTBLISHED\": did you mean \"ESTABLISHED\"?",
        ),
        ("-A INPUT -m conntrack --ctstate NEW -z", "3:37: unknown option \"-z\""),
        (
            "-A INPUT -p icmp --icmp-type echo-rquest",
            "3:30: unknown ICMP type \"echo-rquest\": did you mean \"echo-request\"?",
        ),
        (
            "-A INPUT -j REJECT --reject-with icmp-net-unreachabl3",
            "3:34: unknown answer \"icmp-net-unreachabl3\": did you mean \"icmp-net-unreachable\"?",
        ),
        ("-A INPUT -j LOG --log-level warn", "3:29: unknown level \"warn\""),
        ("-A INPUT -p tcp -dport 80", "3:17: unknown option \"-dport\": did you mean \"--dport\"?"),
        ("-P INPUT REJECT", "3:10: unknown policy \"REJECT\""),
    ] {
        assert_eq!(error(Family::V4, "filter", rule), expected, "{rule}");
    }
}

#[test]
fn a_value_that_cannot_be_is_told() {
    for (rule, expected) in [
        ("-A INPUT -s 10.0.0.256", "3:13: \"10.0.0.256\" is not an IPv4 address (names of hosts are not looked up)"),
        ("-A INPUT -s 10.0.0.1,10.0.0.1/33", "3:31: \"33\" is not the length of a prefix, or a mask"),
        ("-A INPUT -s fd00::1", "3:13: \"fd00::1\" is not an IPv4 address, but one of IPv6"),
        ("-A INPUT -p tcp --dport 70000", "3:25: \"70000\" is not a port, 0 to 65535"),
        ("-A INPUT -p tcp --dport 90:80", "3:25: \"90:80\" is not a range of ports: its end is below its start"),
        (
            "-A INPUT -p udp -m multiport --ports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16",
            "3:74: \"16\" is one too many: 15 ports are the most",
        ),
        (
            "-A INPUT -p udp -m multiport --ports 1:2,3:4,5:6,7:8,9:10,11:12,13:14,15:16",
            "3:71: \"15:16\" is one too many: 15 ports are the most",
        ),
        ("-A INPUT -i interface0123456", "3:13: \"interface0123456\" is not the name of a device, 1 to 15 bytes"),
        (
            "-A INPUT -j LOG --log-prefix 123456789012345678901234567890",
            "3:30: \"123456789012345678901234567890\" is not a prefix, 1 to 29 bytes",
        ),
        (
            "-A INPUT -m limit --limit 5/lightyear",
            "3:27: \"5/lightyear\" is not a rate such as 5/minute, at most 10000/second",
        ),
        (
            "-N 12345678901234567890123456789",
            "3:4: \"12345678901234567890123456789\" is not the name of a chain, 1 to 28 bytes and neither - nor ! before them",
        ),
        ("[1:x] -A INPUT", "3:1: \"[1:x]\" is not a counter, [packets:bytes]"),
        ("-I INPUT 2", "3:10: \"2\" is not the number of a rule, or one more than there are"),
    ] {
        assert_eq!(error(Family::V4, "filter", rule), expected, "{rule}");
    }
}

#[test]
fn what_is_missing_or_too_much_is_told() {
    for (rule, expected) in [
        ("-A INPUT -p", "3:10: \"-p\" needs a value behind it"),
        ("-A INPUT -m mark -j DROP", "3:13: \"mark\" needs --mark"),
        (
            "-A INPUT --ctstate NEW",
            "3:10: \"--ctstate\" is an option of a match that is not named before it (-m, or -p)",
        ),
        ("-A INPUT -m tcp --dport 80", "3:13: \"tcp\" needs -p tcp"),
        ("-A INPUT ! -p tcp --dport 80", "3:19: \"--dport\" needs -p tcp"),
        ("-A INPUT -p icmp -m multiport --dports 80", "3:21: \"multiport\" needs -p tcp, udp, udplite, sctp or dccp"),
        ("-A INPUT -s 10.0.0.1 -s 10.0.0.2", "3:22: \"-s\" is given twice"),
        ("-A INPUT -j DROP -j ACCEPT", "3:18: \"-j\" is given twice"),
        ("-A INPUT -j DROP -g user", "3:18: \"-g\" stands beside -j"),
        ("-A INPUT ! -j DROP", "3:10: \"!\" cannot stand before that option"),
        ("-A INPUT ! ! -p tcp", "3:12: \"!\" stands twice"),
        ("-A INPUT -p tcp !", "3:17: \"!\" needs an option behind it"),
        ("-A INPUT DROP", "3:10: \"DROP\" is not expected here"),
        ("-p tcp -j DROP", "3:1: \"-p\" needs a command: -A, -I, -N, -P or -F"),
        ("-D INPUT 1", "3:1: \"-D\" is not handled: rules are added only: -A, -I, -N, -P and -F"),
        ("-A INPUT -m comment --comment \"never ends", "3:31: \"\\\"\" needs another quotation mark behind it"),
    ] {
        assert_eq!(error(Family::V4, "filter", rule), expected, "{rule}");
    }
}

#[test]
fn a_rule_stands_where_the_kernel_would_have_it() {
    for (table, rule, expected) in [
        ("mangle", "-A FORWARD -j REJECT", "3:15: \"REJECT\" belongs to table filter"),
        ("filter", "-A FORWARD -j CT --notrack", "3:15: \"CT\" belongs to table raw"),
        ("mangle", "-A FORWARD -j NOTRACK", "3:15: \"NOTRACK\" belongs to table raw"),
        ("filter", "-A FORWARD -j DSCP --set-dscp 1", "3:15: \"DSCP\" belongs to table mangle"),
        ("raw", "-A OUTPUT -j TTL --ttl-set 1", "3:14: \"TTL\" belongs to table mangle"),
        (
            "filter",
            "-A FORWARD -j REJECT --reject-with tcp-reset",
            "3:15: \"REJECT\" needs -p tcp, to answer with a TCP reset",
        ),
        ("raw", "-A PREROUTING -j CT --helper ftp", "3:18: \"CT\" needs -p, for a helper is that of a protocol"),
        (
            "mangle",
            "-A PREROUTING -j CLASSIFY --set-class 1:1",
            "3:18: \"CLASSIFY\" chooses how a packet leaves, in FORWARD, OUTPUT and POSTROUTING alone",
        ),
        (
            "mangle",
            "-A FORWARD -p tcp -j TCPMSS --set-mss 1400",
            "3:22: \"TCPMSS\" needs -p tcp and --syn, or --tcp-flags with SYN: others have no segment size",
        ),
        (
            "filter",
            "-A OUTPUT -m mac --mac-source 0:0:0:0:0:1",
            "3:14: \"mac\" sees packets that came in, in PREROUTING, INPUT and FORWARD alone",
        ),
        ("filter", "-A OUTPUT -i eth0", "3:11: \"-i\" has no place in OUTPUT and POSTROUTING"),
        ("filter", "-A INPUT -o eth0", "3:10: \"-o\" has no place in INPUT and PREROUTING"),
        ("filter", "-A INPUT -j FORWARD", "3:13: \"FORWARD\" is a built-in chain, to which no rule leads"),
    ] {
        assert_eq!(error(Family::V4, table, rule), expected, "{rule}");
    }
}

#[test]
fn each_version_of_ip_has_its_own() {
    for (family, rule, expected) in [
        (Family::V4, "-A INPUT -m hl --hl-eq 1", "3:13: \"hl\" is a match of IPv6"),
        (Family::V6, "-A INPUT -m ttl --ttl-eq 1", "3:13: \"ttl\" is a match of IPv4"),
        (Family::V4, "-A INPUT -j HL --hl-set 1", "3:13: \"HL\" is a target of IPv6"),
        (Family::V6, "-A INPUT -f", "3:10: \"-f\" is for IPv4: IPv6's header does not tell a fragment"),
        (Family::V6, "-A INPUT -p icmp -m icmp --icmp-type 8", "3:21: \"icmp\" is a match of IPv4"),
        (
            Family::V6,
            "-A INPUT -j REJECT --reject-with icmp-net-unreachable",
            "3:34: unknown answer \"icmp-net-unreachable\": did you mean \"icmp6-port-unreachable\"?",
        ),
    ] {
        let said = error(family, "filter", rule);
        assert_eq!(said.split(": did").next(), expected.split(": did").next(), "{rule}");
    }
}
