//! Tunables: `tctable sysctl`, and files of them.

use crate::support::*;

const FILE: &[u8] = b"# for a busy gateway\nnet.netfilter.nf_conntrack_udp_timeout = 5\n\
                      net/netfilter/nf_conntrack_tcp_timeout_[a-e]* = 0x10\n-net.ipv4.ip_forward = 1\n";

#[test]
fn every_tunable_is_printed_with_its_default() {
    let all = tctable(&["sysctl"]).clean();
    assert!(all.lines().count() > 40, "{all}");
    for line in ["net.netfilter.nf_conntrack_udp_timeout = 30", "net.tctable.host_timeout = 900"] {
        assert!(all.lines().any(|there| there == line), "{all}");
    }
    // What is printed is a file: of what can only be read `-` takes no notice.
    let lenient = all.replace("net.netfilter.nf_conntrack_count", "-net.netfilter.nf_conntrack_count");
    let lenient = lenient.replace("net.netfilter.nf_conntrack_buckets", "-net.netfilter.nf_conntrack_buckets");
    assert_eq!(with_stdin(&["sysctl", "--load", "-"], lenient.as_bytes()).clean(), all);
}

#[test]
fn a_file_is_loaded_before_all_is_printed() {
    let files = Files::new("sysctl-load");
    let file = files.write("gateway.conf", FILE);
    let later = files.write("later.conf", b"net.netfilter.nf_conntrack_udp_timeout = 6\nkernel.printk = 1\n");
    let all = tctable(&["sysctl", "-p", &file]).clean();
    for line in
        ["udp_timeout = 5", "tcp_timeout_close = 16", "tcp_timeout_established = 16", "tcp_timeout_last_ack = 30"]
    {
        assert!(all.contains(&format!("net.netfilter.nf_conntrack_{line}\n")), "{all}");
    }
    let ran = tctable(&["sysctl", "-p", &file, "--load", &later]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert_eq!(ran.err, format!("tctable: {later}: line 2: no tunable is called kernel.printk\n"));
    let all = tctable(&["sysctl", "-p", &file, "--load", &later, "--ignore"]).clean();
    assert!(all.contains("udp_timeout = 6\n") && all.contains("tcp_timeout_close = 16\n"), "{all}");
    let ran = tctable(&["sysctl", "-p", &files.path("none")]);
    assert!(ran.code == 2 && ran.err.contains("none: cannot be read: No such file"), "{ran:?}");
}

#[test]
fn a_replay_goes_by_a_file_and_then_by_the_command_line() {
    let files = Files::new("sysctl-replay");
    let settings = files.write("gateway.conf", FILE);
    let capture = files.write("a.pcap", &raw([(0, udp(HOST, SERVER)), (2 * SECOND, udp_answer(SERVER, HOST))]));
    let timeout = |options: &[&str]| {
        let text =
            tctable(&[&["replay", &capture, "--connections", "--sysctl-file", &settings], options].concat()).clean();
        text.split_whitespace().nth(4).map(str::to_owned)
    };
    assert_eq!(timeout(&[]).as_deref(), Some("5"));
    assert_eq!(timeout(&["--sysctl", "nf_conntrack_udp_timeout=9"]).as_deref(), Some("9"));

    let wrong = files.write("wrong.conf", b"net.netfilter.nf_conntrack_udp_timeout = 5 seconds\n");
    let kept = files.write("kept.txt", b"something");
    let ran = tctable(&["replay", &capture, "--sysctl-file", &wrong, &format!("--connections={kept}")]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.starts_with(&format!("tctable: {wrong}: line 1: \"5 seconds\" is no value for ")), "{ran:?}");
    assert_eq!(files.read("kept.txt"), "something");

    let foreign = files.write("foreign.conf", b"kernel.printk = 1\n");
    let run = |options: &[&str]| tctable(&[&["replay", &capture, "--sysctl-file", &foreign], options].concat()).code;
    assert_eq!((run(&[]), run(&["--sysctl-ignore"])), (2, 0));
    let ran = with_stdin(&["replay", "-", "--sysctl-file", "-"], b"");
    assert!(ran.code == 2 && ran.err.contains("standard input"), "{ran:?}");
}
