//! A gateway under all that can happen to one, for a while: `soak TCTABLE SECONDS`, as root.
//!
//! Full load all the time. For four fifths of the time: a reload every second, links that go down and up, clients of the control socket
//! that vanish in the middle; then the memory of the process must be as it was early on. For the last fifth `kill -9` and a restart every
//! few seconds; then no host may have less than it had a second before, and a little.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tctable_lab::live::blast::{Blast, blast};
use tctable_lab::live::network::{INTERFACE, LAN, WAN};
use tctable_lab::live::{Form, Network, Size, tcp};

type Failure = Box<dyn Error + Send + Sync>;

const PATIENCE: Duration = Duration::from_secs(10);
/// Memory may grow by so much, in KiB, and by a tenth: tables that fill, and an allocator's whims.
const SLACK: u64 = 8 << 10;

struct Soak {
    program: String,
    network: Network,
    directory: tempfile::TempDir,
    child: Child,
}

impl Drop for Soak {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Soak {
    fn control(&self) -> PathBuf {
        self.directory.path().join("control.sock")
    }

    fn spawn(program: &str, network: &Network, directory: &tempfile::TempDir) -> Result<Child, Failure> {
        let path = |name: &str| directory.path().join(name);
        let mut command = Command::new(program);
        command.args(["run", "--lan", LAN, "--wan", WAN]).arg("--config").arg(path("tctable.toml"));
        command.arg("--control").arg(path("control.sock")).arg("--state").arg(path("state"));
        command
            .env("TCTABLE_SECCOMP_KILL", "1")
            .stdin(Stdio::null())
            .stderr(fs::File::options().append(true).create(true).open(path("log"))?);
        Ok(network.gateway.run(|| command.spawn())?)
    }

    fn start(program: &str) -> Result<Soak, Failure> {
        let network = Network::build(Size { clients: 3, servers: 2, mtu: 1500 }, Form::InLine)?;
        let directory = tempfile::tempdir()?;
        fs::write(directory.path().join("tctable.toml"), settings(0))?;
        let child = Soak::spawn(program, &network, &directory)?;
        let mut soak = Soak { program: program.to_owned(), network, directory, child };
        soak.wait()?;
        Ok(soak)
    }

    /// Until it answers.
    fn wait(&mut self) -> Result<(), Failure> {
        let since = Instant::now();
        while self.hosts().is_err() {
            if self.child.try_wait()?.is_some() || since.elapsed() > PATIENCE {
                let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
                return Err(format!("the gateway does not come up:\n{log}").into());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn ask(&self, words: &[&str]) -> Result<String, Failure> {
        let output = Command::new(&self.program).args(words).arg("--control").arg(self.control()).output()?;
        match output.status.success() {
            true => Ok(String::from_utf8(output.stdout)?),
            false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned().into()),
        }
    }

    /// Bytes sent and received by each host: a CSV's columns are sums.
    fn hosts(&self) -> Result<HashMap<String, u64>, Failure> {
        let text = self.ask(&["hosts", "-j"])?;
        let mut hosts = HashMap::new();
        for line in text.lines().filter(|line| line.starts_with("{\"ip\"")) {
            let address = line.split('"').nth(3).unwrap_or_default().to_owned();
            let bytes = line.split("\"bytes\":").skip(1).filter_map(|rest| {
                let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
                digits.parse::<u64>().ok()
            });
            hosts.insert(address, bytes.sum());
        }
        if hosts.is_empty() && !text.contains("\"hosts\":[") { Err("no hosts".into()) } else { Ok(hosts) }
    }

    /// Resident memory, in KiB.
    fn memory(&self) -> Result<u64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.split_ascii_whitespace().next().ok_or("no number")?.parse()?)
    }

    fn alive(&mut self) -> Result<(), Failure> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => {
                let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
                Err(format!("the gateway ended: {status}\n{log}").into())
            }
        }
    }

    /// A client that goes in the middle of something.
    fn vanish(&self, turn: u64) {
        let Ok(mut client) = UnixStream::connect(self.control()) else { return };
        let _ = client.set_read_timeout(Some(Duration::from_millis(20)));
        let words: [&[u8]; 5] = [
            b"",
            b"GET /v1/hosts HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /v1/conn",
            b"\xff\0\x01 garbage \r\n\r\n",
            b"POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n\r\n{",
        ];
        let _ = client.write_all(words[(turn % 5) as usize]);
        if turn.is_multiple_of(2) {
            let _ = client.read(&mut [0; 64]);
        }
    }
}

/// Settings that are other ones every time.
fn settings(turn: u64) -> String {
    format!(
        "[sysctl]\nnf_conntrack_udp_timeout = {}\n[[group]]\nname = \"all {}\"\nmembers = [\"10.71.0.0/24\"]\n",
        20 + turn % 10,
        turn % 3
    )
}

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [program, seconds] = words.as_slice() else { return Err("soak TCTABLE SECONDS".into()) };
    let whole = Duration::from_secs(seconds.parse()?);
    let mut soak = Soak::start(program)?;
    let stop = Arc::new(AtomicBool::new(false));
    let streamed = Arc::new(AtomicU64::new(0));
    let (first, server) = (soak.network.clients[0].clone(), soak.network.servers[0].clone());
    let _servers = tcp::Servers::start(&server.namespace)?;
    let what = Blast { connections: 5_000, size: 60, to_mac: server.mac(), from: first.v4, to: server.v4 };
    let mut threads = vec![first.namespace.spawn({
        let stop = stop.clone();
        move || blast(INTERFACE, what, &stop).map(drop).map_err(|error| error.to_string())
    })];
    for client in &soak.network.clients[1..] {
        let (stop, streamed, to) = (stop.clone(), streamed.clone(), server.v4.into());
        threads.push(client.namespace.spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                // It breaks off where the gateway is killed.
                if let Ok(came) = tcp::stream(to, tcp::Way::Up, Duration::from_secs(1)) {
                    streamed.fetch_add(came.bytes, Ordering::Relaxed);
                }
            }
            Ok(())
        }));
    }
    let result = run(&mut soak, whole, &streamed);
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().expect("no panic")?;
    }
    result
}

fn run(soak: &mut Soak, whole: Duration, streamed: &AtomicU64) -> Result<(), Failure> {
    let begun = Instant::now();
    let (early, calm) = (whole / 5, whole * 4 / 5);
    let (mut turn, mut reloads, mut flaps, mut early_memory, mut memory) = (0, 0, 0, 0, 0);
    let mut last: HashMap<String, u64> = HashMap::new();
    while begun.elapsed() < calm {
        let second = Instant::now();
        turn += 1;
        fs::write(soak.directory.path().join("tctable.toml"), settings(turn))?;
        soak.ask(&["reload"])?;
        reloads += 1;
        for each in 0..20 {
            soak.vanish(turn * 20 + each);
        }
        if turn % 7 == 0 {
            let name = if turn % 2 == 0 { LAN } else { WAN };
            soak.network.gateway.ip(&["link", "set", "dev", name, "down"])?;
            thread::sleep(Duration::from_millis(100));
            soak.network.gateway.ip(&["link", "set", "dev", name, "up"])?;
            flaps += 1;
        }
        let hosts = soak.hosts()?;
        less(&last, &hosts)?;
        last = hosts;
        soak.alive()?;
        memory = soak.memory()?;
        if early_memory == 0 && begun.elapsed() >= early {
            early_memory = memory;
        }
        thread::sleep(Duration::from_secs(1).saturating_sub(second.elapsed()));
    }
    println!(
        "{reloads} reloads, {flaps} flaps, {} clients that vanished; memory {early_memory} KiB early, {memory} KiB late",
        turn * 20
    );
    if memory > early_memory + early_memory / 10 + SLACK {
        return Err(format!("memory grows: {early_memory} KiB, then {memory} KiB").into());
    }
    let mut kills = 0;
    while begun.elapsed() < whole {
        let before = soak.hosts()?;
        thread::sleep(Duration::from_millis(2500));
        let known = soak.hosts()?;
        less(&before, &known)?;
        soak.child.kill()?;
        soak.child.wait()?;
        soak.child = Soak::spawn(&soak.program, &soak.network, &soak.directory)?;
        soak.wait()?;
        // What had been counted more than a second before is there again.
        less(&before, &soak.hosts()?)?;
        kills += 1;
    }
    soak.alive()?;
    println!(
        "{kills} times killed; {} MB by TCP all in all; {} hosts",
        streamed.load(Ordering::Relaxed) / 1_000_000,
        last.len()
    );
    match kills {
        0 => Err("too short to kill it".into()),
        _ => Ok(()),
    }
}

/// Nobody has less than before.
fn less(before: &HashMap<String, u64>, now: &HashMap<String, u64>) -> Result<(), Failure> {
    for (address, bytes) in before {
        let has = now.get(address).copied().unwrap_or(0);
        if has < *bytes {
            return Err(format!("{address} had {bytes} bytes, and has {has}").into());
        }
    }
    Ok(())
}
