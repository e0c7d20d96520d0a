//! A network with this program in line.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tctable_lab::live::network::{INTERFACE, LAN, WAN};
use tctable_lab::live::{Counters, Error, Form, Host, Network, Size, not_tested};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tctable");
const PATIENCE: Duration = Duration::from_secs(10);

/// The processors are few: one network at a time.
static ONE: Mutex<()> = Mutex::new(());

/// Nobody else has a network until this is dropped.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A network, and the gateway in it.
pub(crate) struct Gateway {
    pub(crate) network: Network,
    child: Child,
    said: Arc<Mutex<String>>,
    directory: TempDir,
    _one: MutexGuard<'static, ()>,
}

/// Waits for something.
pub(crate) fn until<T>(what: &str, mut there: impl FnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(it) = there() {
            return it;
        }
        assert!(since.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

impl Gateway {
    /// The process that was started.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Starts it with more options; `None`, and a line that says so, where this machine has no place for it.
    pub(crate) fn start(size: Size, options: &[&str]) -> Option<Gateway> {
        let one = alone();
        // Without switches where they are not needed: those keep some frames for themselves.
        let built = match size {
            Size { clients: 1, servers: 1, mtu } => Network::direct(mtu, Form::InLine),
            size => Network::build(size, Form::InLine),
        };
        let network = match built {
            Ok(network) => network,
            Err(why @ (Error::NotRoot(_) | Error::NoTool { .. })) => {
                not_tested(why);
                return None;
            }
            Err(error) => panic!("{error}"),
        };
        Some(Gateway::run(one, network, &["--lan", LAN, "--wan", WAN], options))
    }

    /// Starts it behind a TUN device that the kernel routes everything to which comes by the two interfaces.
    pub(crate) fn start_tun(name: &str, options: &[&str]) -> Option<Gateway> {
        let one = alone();
        let network = match Network::direct(1500, Form::Routed) {
            Ok(network) => network,
            Err(why @ (Error::NotRoot(_) | Error::NoTool { .. })) => {
                not_tested(why);
                return None;
            }
            Err(error) => panic!("{error}"),
        };
        let gateway = Gateway::run(one, network, &["--tun", name], options);
        for interface in [LAN, WAN] {
            gateway.network.gateway.ip(&["rule", "add", "iif", interface, "lookup", "100"]).expect("a rule");
        }
        gateway.route_to(name);
        Some(gateway)
    }

    /// Has the kernel route what comes by the two interfaces to a TUN device.
    pub(crate) fn route_to(&self, tun: &str) {
        self.network.gateway.ip(&["route", "replace", "default", "dev", tun, "table", "100"]).expect("a route");
    }

    fn run(one: MutexGuard<'static, ()>, network: Network, form: &[&str], options: &[&str]) -> Gateway {
        let directory = tempfile::tempdir().expect("a directory");
        let mut command = Command::new(PROGRAM);
        // Whoever it becomes is to get this far.
        std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o755)).expect("permissions");
        command.arg("run").args(form).args(["--config", "/dev/null", "--control"]);
        command.arg(directory.path().join("control.sock")).arg("--state").arg(directory.path().join("state"));
        // A system call that its filter does not know is its end, so that the filter is known to be whole.
        command.args(options).env("TCTABLE_SECCOMP_KILL", "1").stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = network.gateway.run(|| command.spawn()).expect("a process");
        let lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let said = Arc::new(Mutex::new(String::new()));
        let hears = said.clone();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                eprintln!("{line}");
                *hears.lock().unwrap_or_else(PoisonError::into_inner) += &format!("{line}\n");
            }
        });
        let mut gateway = Gateway { network, child, said, directory, _one: one };
        let since = Instant::now();
        while gateway.ask(&["hosts", "-j"]).is_none() {
            let ended = gateway.child.try_wait().expect("a process");
            assert!(ended.is_none() && since.elapsed() < PATIENCE, "the gateway does not come up: {ended:?}");
            thread::sleep(Duration::from_millis(20));
        }
        gateway
    }

    /// What a command says of the running gateway.
    pub(crate) fn ask(&self, command: &[&str]) -> Option<String> {
        let control = self.directory.path().join("control.sock");
        let output = Command::new(PROGRAM).args(command).arg("--control").arg(control).output().expect("a process");
        output.status.success().then(|| String::from_utf8(output.stdout).expect("text"))
    }

    /// Waits until it has said something.
    pub(crate) fn says(&self, what: &str) {
        until(what, || self.has_said(what).then_some(()));
    }

    /// Whether it has said something.
    pub(crate) fn has_said(&self, what: &str) -> bool {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).contains(what)
    }

    /// What it has said until now does not count.
    pub(crate) fn forget(&self) {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Does something while the gateway stands still.
    pub(crate) fn pause(&self, act: impl FnOnce()) {
        let process = Pid::from_raw(self.child.id() as i32);
        kill(process, Signal::SIGSTOP).expect("a process");
        act();
        kill(process, Signal::SIGCONT).expect("a process");
    }

    /// What it counted for each address: bytes sent and received, all classes together.
    fn hosts(&self) -> HashMap<IpAddr, [u64; 2]> {
        let text = self.ask(&["hosts", "-j"]).expect("an answer");
        let all: Value = serde_json::from_str(&text).expect("JSON");
        let mut hosts = HashMap::new();
        for host in all["hosts"].as_array().expect("hosts") {
            let sum = |way: &str| {
                host.as_object().expect("a host").values().filter_map(|class| class[way]["bytes"].as_u64()).sum()
            };
            hosts.insert(host["ip"].as_str().expect("an address").parse().expect("an address"), [sum("tx"), sum("rx")]);
        }
        hosts
    }

    /// What it has counted for some addresses, once that does not change any more.
    pub(crate) fn counted(&self, addresses: &[IpAddr]) -> [u64; 2] {
        let mut last = None;
        loop {
            let hosts = self.hosts();
            let of = |way: usize| addresses.iter().filter_map(|address| hosts.get(address)).map(|host| host[way]).sum();
            let now = [of(0), of(1)];
            if last == Some(now) {
                return now;
            }
            last = Some(now);
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// A client, and a server.
    pub(crate) fn pair(&self) -> (&Host, &Host) {
        (&self.network.clients[0], &self.network.servers[0])
    }

    /// What the clients' interfaces count.
    pub(crate) fn interfaces(&self) -> Vec<Counters> {
        let clients = self.network.clients.iter();
        clients.map(|client| client.namespace.counters(INTERFACE).expect("an interface")).collect()
    }

    /// Sees to it that the gateway has counted for each client what its interface did since then, to the byte.
    pub(crate) fn assert_counted(&self, before: &[Counters]) {
        let since = Instant::now();
        loop {
            let hosts = self.hosts();
            let after = self.interfaces();
            let rows: Vec<_> = (self.network.clients.iter().zip(before.iter().zip(&after)))
                .map(|(client, (before, after))| {
                    let passed = *after - *before;
                    let own = client.addresses();
                    let of = |way: usize| {
                        own.iter().filter_map(|address| hosts.get(address)).map(|host| host[way]).sum::<u64>()
                    };
                    ([of(0), of(1)], [passed.sent_payload(), passed.received_payload()])
                })
                .collect();
            if rows.iter().all(|(counted, passed)| counted == passed) {
                assert!(rows.iter().any(|(_, passed)| passed[0] > 0), "there was nothing to count");
                return;
            }
            assert!(since.elapsed() < Duration::from_secs(3), "counted, and passed: {rows:?}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// A place for files.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs a program at a host; `None`, and a line that says so, where it is not installed.
    pub(crate) fn tool(&self, host: &Host, command: &str, arguments: &[&str]) -> Option<String> {
        match host.namespace.command(command, arguments) {
            Ok(said) => Some(said),
            Err(why @ Error::NoTool { .. }) => {
                not_tested(why);
                None
            }
            Err(error) => panic!("{error}"),
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM);
        let since = Instant::now();
        while let Ok(None) = self.child.try_wait() {
            if since.elapsed() > PATIENCE {
                let _ = self.child.kill();
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}
