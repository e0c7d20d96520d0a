//! A shaping in TOML is the same as in lines of tc.

use super::world::{CLASSIC, flow, together};
use crate::support::{Files, HOST, OTHER, SERVER, raw, tctable};

const TOML: &str = r#"
# The classic example.
[[qdisc]]
device = "wan"
root = true
handle = "1:"
kind = "htb"
default = 12

[[class]]
device = "wan"
parent = "1:"
classid = "1:1"
kind = "htb"
rate = "100kbps"
ceil = "100kbps"

[[class]]
kind = "htb"
rate = "30kbps"
ceil = "100kbps"
device = "wan"
parent = "1:1"
classid = "1:10"

[[class]]
device = "wan"
parent = "1:1"
classid = "1:11"
kind = "htb"
rate = "10kbps"
ceil = "100kbps"

[[class]]
device = "wan"
parent = "1:1"
classid = "1:12"
kind = "htb"
rate = "60kbps"
ceil = "100kbps"

[[filter]]
device = "wan"
protocol = "ip"
parent = "1:0"
prio = 1
kind = "u32"
match = ["ip src 192.168.1.2", "ip dport 80 0xffff"]
flowid = "1:10"

[[filter]]
device = "wan"
protocol = "ip"
parent = "1:0"
prio = 1
kind = "u32"
match = "ip src 192.168.1.2"
flowid = "1:11"
"#;

fn run(files: &Files, name: &str, text: &str) -> String {
    let flows = [flow(HOST, SERVER, 80, 80, 2), flow(HOST, SERVER, 53, 40, 2), flow(OTHER, SERVER, 80, 80, 2)];
    let capture = files.write("in.pcap", &raw(together(flows)));
    let file = files.write(name, text.as_bytes());
    let args = ["simulate", &capture, "--tc", &file, "--device", "eth0=wan", "--format", "csv"];
    tctable(&args).clean()
}

#[test]
fn both_forms_are_one() {
    let files = Files::new("simulate-toml");
    let lines = run(&files, "shaping.tc", CLASSIC);
    assert_eq!(run(&files, "shaping.toml", TOML), lines);
    // It is known by its content too.
    assert_eq!(run(&files, "shaping", TOML), lines);
}

#[test]
fn every_kind_of_table_is_there() {
    let files = Files::new("simulate-toml-tables");
    let toml = r#"
        link = [{ device = "wan", speed = "1mbit" }]
        qdisc = [
            { device = "wan", root = true, handle = "1:", kind = "prio", bands = 4, priomap = [3, 3, 3, 3, 3, 3, 3, 3] },
            { device = "wan", parent = "1:4", handle = "4:", kind = "htb" },
        ]
        hostclass = [{ device = "wan", parent = "4:", prefix6 = 64, timeout = "60s", kind = "htb", rate = "50%" }]
    "#;
    let lines = "\
        link set dev wan speed 1mbit\n\
        qdisc add dev wan root handle 1: prio bands 4 priomap 3 3 3 3 3 3 3 3\n\
        qdisc add dev wan parent 1:4 handle 4: htb\n\
        hostclass add dev wan parent 4: prefix6 64 timeout 60s htb rate 50%\n";
    assert_eq!(run(&files, "a.toml", toml), run(&files, "a.tc", lines));
}

#[test]
fn errors_name_the_key_and_its_place() {
    let files = Files::new("simulate-toml-errors");
    let capture = files.write("in.pcap", &raw([]));
    for (text, told) in [
        (
            "[[link]]\ndevice = \"wan\"\nspeed = \"10mbits\"\n",
            ":3:10: unknown unit of rates \"mbits\": did you mean \"mbit\"? (in link[0].speed)",
        ),
        (
            "[[qdisc]]\ndevice = \"wan\"\nroot = true\nkind = \"hbt\"\n",
            ":4:9: unknown kind of qdisc \"hbt\": did you mean \"htb\"? (in qdisc[0].kind)",
        ),
        (
            "[[qdisc]]\ndevice = \"wan\"\nroot = true\nkind = \"htb\"\ndefalt = 3\n",
            ":5:1: unknown option of htb \"defalt\": did you mean \"default\"? (in qdisc[0].defalt)",
        ),
        ("[[qdisc]]\nkind = \"htb\"\n", ":1:1: \"qdisc\" needs a device: dev NAME (in qdisc[0])"),
        (
            "[[classes]]\n",
            ":1:3: unknown table \"classes\"; there are [[link]], [[qdisc]], [[class]], [[hostclass]], [[filter]]",
        ),
        ("[link]\n", ":1:2: \"link\" is a list of tables: write [[link]]"),
        (
            "[[link]]\nspeed = 1979-05-27\n",
            ":2:9: link[0].speed is a text, a number, true, or a list of texts or of numbers",
        ),
        (
            "[[qdisc]]\nroot = false\n",
            ":2:8: qdisc[0].root is true, or not there at all (some kinds have a key for no, such as noecn)",
        ),
        (
            "[[qdisc]]\ndevice = \"wan\"\nroot = true\nkind = \"noqueue\"\n[[class]]\ndevice = \"wan\"\n\
             parent = \"1:\"\nclassid = \"1:1\"\nkind = \"htb\"\nrate = \"1mbit\"\n",
            ":5:1: no such qdisc: class add dev wan parent 1: classid 1:1 htb prio 0 rate 1Mbit",
        ),
    ] {
        let file = files.write("shaping.toml", text.as_bytes());
        let ran = tctable(&["simulate", &capture, "--tc", &file]);
        assert_eq!((ran.code, ran.err), (2, format!("tctable: {file}{told}\n")), "{text}");
    }
    let file = files.write("shaping.toml", b"[[link]\n");
    let ran = tctable(&["simulate", &capture, "--tc", &file]);
    assert!(ran.code == 2 && ran.err.starts_with(&format!("tctable: {file}:1:")), "{}", ran.err);
}
