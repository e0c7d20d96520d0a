//! What is wrong is told with its place, and nothing is overwritten for it.

use crate::support::{Files, HOST, SERVER, command, raw, tctable, udp};

fn capture() -> Vec<u8> {
    raw([(0, udp(HOST, SERVER))])
}

/// What a run says that prints nothing else and ends with 2.
fn fails(args: &[&str]) -> String {
    let ran = tctable(args);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
    ran.err
}

#[test]
fn a_wrong_line_is_told_with_its_place() {
    let files = Files::new("simulate-wrong-line");
    let capture = files.write("in.pcap", &capture());
    for (text, told) in [
        ("qdisc add dev wan root htbb\n", ":1:24: unknown kind of qdisc \"htbb\": did you mean \"htb\"?"),
        ("\nqdisc add dev wna root htb\n", ":2:15: unknown device \"wna\": did you mean \"wan\"?"),
        (
            "qdisc add dev eth0 root htb\n",
            ":1:15: unknown device \"eth0\"; devices are lan and wan, and what --device eth0=lan|wan names",
        ),
        (
            "qdisc add dev wan root handle 1: htb\nclass add dev wan parent 2: classid 2:1 htb rate 1mbit\n",
            ":2:1: no such qdisc: class add dev wan parent 2: classid 2:1 htb prio 0 rate 1Mbit",
        ),
        (
            "qdisc add dev wan root handle 1: htb\nqdisc add dev wan root handle 2: htb\n",
            ":2:1: there is a qdisc already: qdisc add dev wan root handle 2: htb r2q 10 default 0",
        ),
    ] {
        let shaping = files.write("shaping.tc", text.as_bytes());
        assert_eq!(fails(&["simulate", &capture, "--tc", &shaping]), format!("tctable: {shaping}{told}\n"));
    }
    let missing = files.path("none.tc");
    assert!(fails(&["simulate", &capture, "--tc", &missing]).contains("none.tc: cannot be read: No such file"));
    files.write("bytes.tc", b"\xff\xfe");
    assert!(fails(&["simulate", &capture, "--tc", &files.path("bytes.tc")]).contains("bytes.tc: cannot be read"));
}

#[test]
fn nothing_is_overwritten_before_all_makes_sense() {
    let files = Files::new("simulate-overwrite");
    let capture = files.write("in.pcap", &capture());
    let (good, bad) = (files.write("good.tc", b""), files.write("bad.tc", b"qdisc bad\n"));
    let kept = files.write("kept", b"precious");
    for (tc, compare, options) in [
        (&bad, None, vec!["--svg", &kept]),
        (&bad, None, vec!["--pcap-out", &kept]),
        (&good, Some(&bad), vec!["--svg", &kept]),
        (&good, None, vec!["--svg", &kept, "--device", "eth0=wan", "--device", "eth0=lan"]),
        (&good, None, vec!["--svg", &kept, "--pcap-out", &kept]),
    ] {
        let mut args = vec!["simulate", &capture, "--tc", tc];
        if let Some(compare) = compare {
            args.extend(["--compare", compare]);
        }
        args.extend(options);
        fails(&args);
        assert_eq!(files.read("kept"), "precious", "{args:?}");
    }
    let none = files.path("none.pcap");
    fails(&["simulate", &none, "--tc", &good, "--svg", &kept]);
    assert_eq!(files.read("kept"), "precious");
    for output in [&capture, &good] {
        let told = fails(&["simulate", &capture, "--tc", &good, "--pcap-out", output]);
        assert!(told.contains("is used otherwise, and cannot be written too"), "{told}");
    }
}

#[test]
fn what_cannot_go_together_is_refused() {
    let files = Files::new("simulate-together");
    let (capture, tc) = (files.write("in.pcap", &capture()), files.write("shaping.tc", b""));
    for (args, told) in [
        (vec!["-", "--tc", "-"], "only one of the capture, --tc and --compare"),
        (vec![&*capture, "--tc", "-", "--compare", "-"], "only one of the capture, --tc and --compare"),
        (vec![&*capture, "--tc", &tc, "--svg", "-", "--pcap-out", "-"], "cannot both be printed on standard output"),
        (vec![&*capture, "--tc", &tc, "--compare", &tc, "--pcap-out", "x"], "cannot be used with"),
        (vec![&*capture], "--tc <FILE>"),
        (vec![&*capture, "--tc", &tc, "--device", "lan=wan"], "lan always names itself"),
        (vec![&*capture, "--tc", &tc, "--device", "eth0=dmz"], "dmz is neither lan nor wan"),
        (
            vec![&*capture, "--tc", &tc, "--device", "eth0=wan", "--device", "eth0=lan"],
            "--device eth0: one name for both devices",
        ),
    ] {
        let err = fails(&[&["simulate"], &args[..]].concat());
        assert!(err.contains(told), "{args:?}: {err}");
    }
}

#[test]
fn a_cut_capture_is_reported_as_far_as_it_goes() {
    let files = Files::new("simulate-cut");
    let whole = raw([(0, udp(HOST, SERVER)), (1, udp(HOST, SERVER))]);
    let capture = files.write("in.pcap", &whole[..whole.len() - 10]);
    let tc = files.write("shaping.tc", b"");
    let ran = tctable(&["simulate", &capture, "--tc", &tc, "--format", "json"]);
    assert_eq!(ran.code, 1);
    assert_eq!(ran.json()["capture"]["packets"], 1);
    assert_eq!(ran.json()["capture"]["errors"].as_array().unwrap().len(), 1);
    assert!(ran.err.contains("in.pcap: "), "{}", ran.err);
}

#[test]
fn the_help_shows_how_it_is_used() {
    let output = command(&["simulate", "--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for what in ["Examples:", "[[link]]", "hostclass add", "--compare", "Exit status:"] {
        assert!(help.contains(what), "no {what} in\n{help}");
    }
}
