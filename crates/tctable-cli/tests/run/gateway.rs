//! A gateway that runs in a network's gateway namespace.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tctable_lab::live::Network;
use tctable_lab::live::network::{LAN, WAN};

pub(crate) struct Gateway {
    child: Child,
    socket: PathBuf,
    said: Arc<Mutex<String>>,
    _directory: tempfile::TempDir,
}

/// What a host counted.
pub(crate) struct Host(Value);

const CLASSES: [&str; 4] = ["tcp", "udp", "icmp", "other"];

impl Host {
    fn count(&self, side: &str, what: &str) -> u64 {
        CLASSES.iter().filter_map(|class| self.0[class][side][what].as_u64()).sum()
    }

    pub(crate) fn bytes(&self, side: &str) -> u64 {
        self.count(side, "bytes")
    }

    pub(crate) fn packets(&self, side: &str) -> u64 {
        self.count(side, "packets")
    }
}

impl Gateway {
    /// Starts one, and waits until it forwards.
    pub(crate) fn start(network: &Network, arguments: &[&str]) -> Gateway {
        let gateway = Gateway::spawn(network, arguments);
        gateway.says("forwarding between");
        gateway
    }

    /// Starts one.
    pub(crate) fn spawn(network: &Network, arguments: &[&str]) -> Gateway {
        let directory = tempfile::tempdir().expect("a directory");
        let socket = directory.path().join("control.sock");
        let mut command = Command::new(env!("CARGO_BIN_EXE_tctable"));
        command.args(["run", "--lan", LAN, "--wan", WAN, "--config", "/dev/null", "--control"]).arg(&socket);
        if !arguments.contains(&"--state") {
            command.args(["--state", ""]);
        }
        command.args(arguments).stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = network.gateway.run(|| command.spawn()).expect("the program");
        let lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let said = Arc::new(Mutex::new(String::new()));
        let hears = said.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                eprintln!("{line}");
                *hears.lock().expect("no panic") += &format!("{line}\n");
            }
        });
        Gateway { child, socket, said, _directory: directory }
    }

    /// Waits until it has said something.
    pub(crate) fn says(&self, what: &str) {
        let since = Instant::now();
        while !self.said.lock().expect("no panic").contains(what) {
            assert!(since.elapsed() < Duration::from_secs(10), "{what:?} was not said");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).expect("it is there");
    }

    /// Has it read its settings anew, and waits until it has.
    pub(crate) fn reload(&self) {
        let count = || self.said.lock().expect("no panic").matches("reload: ").count();
        let before = count();
        self.signal(Signal::SIGHUP);
        let since = Instant::now();
        while count() == before {
            assert!(since.elapsed() < Duration::from_secs(10), "no reload");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// An answer of its control socket.
    pub(crate) fn get(&self, path: &str) -> String {
        use std::io::{Read, Write};
        let mut stream = std::os::unix::net::UnixStream::connect(&self.socket).expect("a socket");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: tctable\r\nConnection: close\r\n\r\n").expect("written");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        String::from_utf8(answer).expect("text")
    }

    /// What it answers, as JSON.
    fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        let body = answer.find('{').map_or("", |at| &answer[at..]);
        let end = body.rfind('}').map_or(0, |at| at + 1);
        serde_json::from_str(&unchunked(&body[..end])).expect("JSON")
    }

    /// One host; nothing is counted of one that there is not.
    pub(crate) fn host(&self, address: IpAddr) -> Host {
        Host(self.json(&format!("/v1/hosts/{address}"))["host"].take())
    }

    /// All hosts by their addresses.
    pub(crate) fn hosts(&self) -> BTreeMap<String, Host> {
        let hosts = self.json("/v1/hosts");
        let hosts = hosts["hosts"].as_array().cloned().expect("hosts");
        hosts.into_iter().map(|host| (host["ip"].as_str().unwrap_or_default().to_owned(), Host(host))).collect()
    }

    /// Connections of TCP, in the order of their tuples.
    pub(crate) fn streams(&self) -> Vec<Value> {
        let mut answer = self.json("/v1/connections?protocol=tcp");
        let mut streams = answer["connections"].as_array_mut().map(std::mem::take).expect("connections");
        let key = |stream: &Value| ["src", "dst", "sport"].map(|name| stream["original"][name].to_string());
        streams.sort_by_key(key);
        streams
    }

    /// Packets that all hosts sent.
    pub(crate) fn packets_sent(&self) -> u64 {
        self.hosts().values().map(|host| host.count("tx", "packets")).sum()
    }

    /// Sends it a signal that nothing comes after.
    pub(crate) fn send_kill(&self) {
        self.signal(Signal::SIGKILL);
    }

    /// Has it end.
    pub(crate) fn end(mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.child.wait().expect("it ends")
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it is there");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A body without the lengths of its chunks, which stand on lines of their own.
fn unchunked(body: &str) -> String {
    body.lines().filter(|line| !line.chars().all(|letter| letter.is_ascii_hexdigit())).collect()
}
