//! Files in the form of sysctl.conf(5). That `sysctl -p` makes the same of them is tested in `tctable-lab`.

use tctable::gateway::{SysctlError, SysctlFileError, SysctlLineError, Unknown};

use crate::support::{BOTH, Road};

const UDP: &str = "net.netfilter.nf_conntrack_udp_timeout";

/// What a file changes, in the order of the names.
fn changed(text: &str) -> Result<Vec<(&'static str, u64)>, SysctlFileError> {
    changed_by(text.as_bytes(), Unknown::Refuse)
}

fn changed_by(text: &[u8], unknown: Unknown) -> Result<Vec<(&'static str, u64)>, SysctlFileError> {
    let mut road = Road::new();
    let before: Vec<(&str, u64)> = road.gateway.sysctls().collect();
    let loaded = road.gateway.load_sysctls(text, unknown);
    let after: Vec<(&str, u64)> = road.gateway.sysctls().collect();
    let changed = after.into_iter().filter(|now| !before.contains(now)).collect::<Vec<_>>();
    assert!(loaded.is_ok() || changed.is_empty(), "half of it was done: {changed:?}");
    loaded.map(|()| changed)
}

#[test]
fn comments_spaces_and_separators() {
    let file = "# a comment\n; another\n   # and one more\n\n \t \n\
                net.netfilter.nf_conntrack_udp_timeout = 31\n  net/ipv4/ipfrag_time=9\r\n\
                \tnet.netfilter.nf_conntrack_tcp_loose\t=\t0\t\n\
                net.netfilter.nf_conntrack_gre_timeout = 0x10";
    assert_eq!(
        changed(file),
        Ok(vec![
            ("net.ipv4.ipfrag_time", 9),
            ("net.netfilter.nf_conntrack_gre_timeout", 16),
            ("net.netfilter.nf_conntrack_tcp_loose", 0),
            (UDP, 31),
        ])
    );
    assert_eq!(changed(""), Ok(vec![]));
    // Not UTF-8, in a comment.
    assert_eq!(changed_by(b"# caf\xe9\nnet.netfilter.nf_conntrack_udp_timeout=8", Unknown::Refuse), Ok(vec![(UDP, 8)]));
}

#[test]
fn a_later_line_goes_before_an_earlier_one() {
    assert_eq!(
        changed("net.netfilter.nf_conntrack_udp_timeout=5\nnet.netfilter.nf_conntrack_udp_timeout=6\n"),
        Ok(vec![(UDP, 6)])
    );
}

#[test]
fn an_error_names_its_line_and_nothing_is_done() {
    let unknown = |name: &str| SysctlLineError::Setting(SysctlError::Unknown(name.to_owned()));
    for (line, cause) in [
        ("net/netfilter/nf_conntrack_mix = 1", unknown("net.netfilter.nf_conntrack_mix")),
        ("kernel.printk = 4", unknown("kernel.printk")),
        // Short names are for the command line.
        ("nf_conntrack_max = 4", unknown("nf_conntrack_max")),
        ("net.netfilter.nf_conntrack_udp_timeout", SysctlLineError::Syntax),
        ("= 1", SysctlLineError::Syntax),
        ("-", SysctlLineError::Syntax),
        (
            "net.netfilter.nf_conntrack_count = 1",
            SysctlLineError::Setting(SysctlError::ReadOnly("net.netfilter.nf_conntrack_count")),
        ),
    ] {
        let file = format!("net.netfilter.nf_conntrack_max = 5\n\n{line}\nnet.netfilter.nf_conntrack_checksum = 0\n");
        assert_eq!(changed(&file), Err(SysctlFileError { line: 3, cause }));
    }
    for value in ["", "x", "-1", "4294968", "1 2", "35 # seconds", "35;"] {
        let error =
            changed(&format!("net.netfilter.nf_conntrack_max = 5\nnet.netfilter.nf_conntrack_udp_timeout = {value}\n"))
                .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("line 2: {value:?} is no value for {UDP}: a number from 0 to 4294967 is")
        );
    }
}

#[test]
fn a_dash_passes_over_what_fails() {
    let file = "-net.netfilter.nf_conntrack_mix = 1\n\
                \x20-net.netfilter.nf_conntrack_max = many\n-net.netfilter.nf_conntrack_count=1\n\
                -net.netfilter.nf_conntrack_udp_timeout = 7\n\
                - net.netfilter.nf_conntrack_tcp_loose = 0\n-nothing.at.all\n";
    assert_eq!(changed(file), Ok(vec![("net.netfilter.nf_conntrack_tcp_loose", 0), (UDP, 7)]));
}

#[test]
fn names_that_others_have_may_be_skipped() {
    let file = b"kernel.printk = 4 4 1 7\nnet.ipv4.ip_forward=1\nnet.netfilter.nf_conntrack_udp_timeout=8\n";
    assert!(changed_by(file, Unknown::Refuse).is_err());
    assert_eq!(changed_by(file, Unknown::Skip), Ok(vec![(UDP, 8)]));
    // Values and form are not.
    for wrong in ["net.netfilter.nf_conntrack_udp_timeout = x", "net.netfilter.nf_conntrack_count = 1", "kernel.printk"]
    {
        assert!(changed_by(wrong.as_bytes(), Unknown::Skip).is_err(), "{wrong}");
    }
}

#[test]
fn wildcards_leave_alone_what_is_named() {
    let of_tcp = |file: &str| {
        let changed = changed(file).expect("all is well").into_iter();
        changed.map(|(name, value)| (name.rsplit('_').next().unwrap_or(name), value)).collect::<Vec<_>>()
    };
    let close = "net.netfilter.nf_conntrack_tcp_timeout_close";
    let glob = "net/netfilter/nf_conntrack_tcp_timeout_c*";
    assert_eq!(of_tcp(&format!("{glob} = 12")), [("close", 12), ("wait", 12)]);
    // Before it, behind it, or without a value.
    assert_eq!(of_tcp(&format!("{close} = 11\n{glob} = 12")), [("close", 11), ("wait", 12)]);
    assert_eq!(of_tcp(&format!("{glob} = 12\n{close} = 11")), [("close", 11), ("wait", 12)]);
    assert_eq!(of_tcp(&format!("{glob} = 12\n-{close}\n")), [("wait", 12)]);
    assert_eq!(of_tcp(&format!("-{glob}\n{glob} = 12\n{glob} = 13")), [("close", 13), ("wait", 13)]);
    assert_eq!(
        of_tcp("net.netfilter.nf_conntrack_tcp_timeout_[ck]lose=9\nnet.netfilter.nf_conntrack_tcp_timeout_clos?=8"),
        [("close", 8)]
    );
    // Each wildcard keeps to its part of the name, and one that fits nothing is no error.
    assert_eq!(of_tcp("net.*.nf_conntrack_udp_timeout=3\n*.nf_conntrack_icmp_timeout=5\nnet.*=7"), [("timeout", 3)]);
    assert_eq!(changed("net.*.* = x").unwrap_err().line, 1);
    assert_eq!(changed("-net.*.nf_conntrack_tcp_* = x"), Ok(vec![]));
}

/// The rooms go by a file as by a single setting.
#[test]
fn a_running_gateway_goes_by_it_at_once() {
    for net in BOTH {
        let mut road = Road::new();
        let file = b"net.netfilter.nf_conntrack_udp_timeout = 7\nnet.tctable.host_connections_max = 1\n";
        road.gateway.load_sysctls(file, Unknown::Refuse).expect("all is well");
        assert_eq!(road.line(&net.ask()), "NEW original udp 7 CONFIRMED");
        assert_eq!(road.line(&net.ping(1)), "-");
    }
}
