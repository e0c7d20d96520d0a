//! The running kernel: frames that come in by one of two devices are sent by a third one, at which the filters are.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use tun_rs::{DeviceBuilder, Layer, SyncDevice};

use super::packets::Frame;
use super::sets::{DEVICE, INPUTS};

pub struct Side {
    inputs: [SyncDevice; 2],
}

/// Runs a tool in this thread's namespace.
fn run(command: &str, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new(command)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect(command);
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("a tool that reads");
    let output = child.wait_with_output().expect("an end");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command} {arguments:?}: {said}\n{input}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

impl Side {
    /// Makes the devices, in a namespace where nothing else is.
    pub fn new() -> Side {
        let inputs = INPUTS.map(|name| {
            DeviceBuilder::new().name(name).layer(Layer::L2).enable(false).build_sync().expect("a TAP device")
        });
        let mut links = format!("link add {DEVICE} type veth peer name sink\n");
        for name in [DEVICE, "sink", INPUTS[0], INPUTS[1]] {
            links.push_str(&format!("link set dev {name} addrgenmode none arp off up\n"));
        }
        run("ip", &["-batch", "-"], &links);
        let mut redirect = String::new();
        for name in INPUTS {
            redirect.push_str(&format!(
                "qdisc add dev {name} clsact\n\
                 filter add dev {name} ingress protocol all u32 match u32 0 0 action mirred egress redirect dev {DEVICE}\n"
            ));
        }
        run("tc", &["-batch", "-"], &redirect);
        Side { inputs }
    }

    /// Loads a tree with filters in the place of what was there.
    pub fn load(&mut self, lines: &str) {
        let is_there = run("tc", &["qdisc", "show", "dev", DEVICE], "").contains("htb 1:");
        let delete = if is_there { format!("qdisc del dev {DEVICE} root\n") } else { String::new() };
        run("tc", &["-batch", "-"], &(delete + lines));
    }

    /// All handles of filters, with their priorities.
    pub fn handles(&self) -> BTreeSet<(u16, String)> {
        let shown = run("tc", &["filter", "show", "dev", DEVICE, "parent", "1:"], "");
        let handles = shown.lines().filter_map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            let behind = |what| words.iter().position(|word| *word == what).and_then(|at| words.get(at + 1).copied());
            Some((behind("pref")?.parse().ok()?, behind("fh")?.to_owned()))
        });
        handles.collect()
    }

    pub fn send(&mut self, frame: &Frame) {
        self.inputs[frame.input].send(&frame.bytes).expect("a device that takes frames");
    }

    /// What each class has sent: packets and bytes.
    pub fn counts(&self) -> BTreeMap<u32, (u64, u64)> {
        let shown = run("tc", &["-s", "class", "show", "dev", DEVICE], "");
        let mut counts = BTreeMap::new();
        let mut class = None;
        for line in shown.lines() {
            let words: Vec<_> = line.split_whitespace().collect();
            match words[..] {
                ["class", "htb", id, ..] => {
                    class = id.strip_prefix("1:").and_then(|id| u32::from_str_radix(id, 16).ok())
                }
                ["Sent", bytes, "bytes", packets, ..] => {
                    let count = (packets.parse().expect("a number"), bytes.parse().expect("a number"));
                    counts.insert(class.take().expect("a class before its counters"), count);
                }
                _ => {}
            }
        }
        counts
    }
}
