//! How fast gateways are, side by side in one run: the kernel, tctable and a bare forwarder take turns in the same namespaces.
//!
//! `speed TCTABLE FORWARD FLOOD [ROUNDS [SECONDS]]`: the programs `tctable` and tctable-io's examples `forward` and `flood`, as root, on a
//! machine without other work. The sender has the first processor, the gateway the second one. Where the kernel does its work as a gateway
//! is tried out: on the sender's processor, on the other by RPS, and there by a thread of the device; the best of the three is what
//! others are compared with. Frames are counted where they arrive; what a sender sends beyond that is lost on the way, which is how
//! it is known that it is not the sender that is measured. Ratios are of medians.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use tctable_lab::live::network::{INTERFACE, LAN, LAN_MAC, WAN};
use tctable_lab::live::{Form, Namespace, Network, nft, ping, tcp};

type Failure = Box<dyn Error + Send + Sync>;

/// Who forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Case {
    Kernel(Work),
    Packet,
    Xdp,
    Bare,
    BareXdp,
}

/// Where the kernel does a gateway's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Work {
    /// Where the frame was sent.
    Sender,
    /// On the gateway's processor, where frames are steered to.
    Steered,
    /// There too, in a thread of the device that they come by.
    Thread,
}

const CASES: [Case; 7] = [
    Case::Kernel(Work::Sender),
    Case::Kernel(Work::Steered),
    Case::Kernel(Work::Thread),
    Case::Packet,
    Case::Xdp,
    Case::Bare,
    Case::BareXdp,
];

impl Case {
    fn is_kernel(self) -> bool {
        matches!(self, Case::Kernel(_))
    }

    fn name(self) -> &'static str {
        match self {
            Case::Kernel(Work::Sender) => "kernel, conntrack, nft sets",
            Case::Kernel(Work::Steered) => "the same, steered",
            Case::Kernel(Work::Thread) => "the same, by a thread",
            Case::Packet => "tctable, packet sockets",
            Case::Xdp => "tctable, AF_XDP",
            Case::Bare => "bare forwarder, packet sockets",
            Case::BareXdp => "bare forwarder, AF_XDP",
        }
    }
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Load {
    Frames { size: usize, connections: u32 },
    Tcp,
    Ping,
}

const LOADS: [Load; 6] = [
    Load::Frames { size: 60, connections: 1_000 },
    Load::Frames { size: 60, connections: 200_000 },
    Load::Frames { size: 1400, connections: 1_000 },
    Load::Frames { size: 1400, connections: 200_000 },
    Load::Tcp,
    Load::Ping,
];

impl Load {
    fn name(self) -> String {
        match self {
            Load::Frames { size, connections } => format!("{size}-byte frames, {connections} connections"),
            Load::Tcp => "TCP, one connection".to_owned(),
            Load::Ping => "ping, p99 of 2,000".to_owned(),
        }
    }

    fn show(self, value: f64) -> String {
        match self {
            Load::Frames { .. } => format!("{:.3} Mpps", value / 1e6),
            Load::Tcp => format!("{:.2} Gbit/s", value / 1e9),
            Load::Ping => format!("{:.1} µs", value * 1e6),
        }
    }
}

/// A number, and processor time, each as so many processors.
#[derive(Clone, Copy, Debug)]
struct Measured {
    value: f64,
    times: Times,
    /// Sent, as so many a second.
    offered: f64,
}

/// Seconds of processor time.
#[derive(Clone, Copy, Debug)]
struct Times {
    /// The gateway's process.
    gateway: f64,
    /// The kernel, not for any process, on the gateway's processor.
    softirq: f64,
    /// All there is.
    machine: f64,
}

struct Programs {
    tctable: String,
    forward: String,
    flood: String,
    seconds: u64,
}

/// A process at work, killed in the end.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A gateway at work.
struct Gateway {
    worker: Option<Worker>,
    /// Its control socket, its state and what it says.
    _directory: tempfile::TempDir,
}

/// The processors of the sender and of the gateway.
const SENDER: usize = 0;
const GATEWAY: usize = 1;
/// Nobody's address at the other end: its stack is to have no work with what comes.
const NOBODY: &str = "02:00:00:00:00:99";

/// Starts a program on one processor of a namespace.
fn start(namespace: &Namespace, processor: usize, mut command: Command) -> Result<Worker, Failure> {
    namespace.run(|| {
        let mut set = CpuSet::new();
        set.set(processor)?;
        sched_setaffinity(Pid::from_raw(0), &set)?;
        Ok(Worker(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?))
    })
}

/// Has one processor work on what comes by a device.
fn steer(namespace: &Namespace, device: &str, processor: usize) -> Result<(), Failure> {
    tell(namespace, &format!("echo {:x} > /sys/class/net/{device}/queues/rx-0/rps_cpus", 1 << processor))
}

/// Has a thread of its own on one processor work on what comes by a device.
fn thread_of(namespace: &Namespace, device: &str, processor: usize) -> Result<(), Failure> {
    tell(namespace, &format!("echo 1 > /sys/class/net/{device}/threaded"))?;
    let mut set = CpuSet::new();
    set.set(processor)?;
    let mut found = false;
    for entry in fs::read_dir("/proc")? {
        let path = entry?.path();
        let name = fs::read_to_string(path.join("comm")).unwrap_or_default();
        let number = path.file_name().and_then(|name| name.to_str()?.parse().ok());
        if let (true, Some(number)) = (name.starts_with(&format!("napi/{device}-")), number) {
            sched_setaffinity(Pid::from_raw(number), &set)?;
            found = true;
        }
    }
    if found { Ok(()) } else { Err(format!("{device} has no thread").into()) }
}

/// Does something with the devices of a namespace.
fn tell(namespace: &Namespace, script: &str) -> Result<(), Failure> {
    let script = format!("mount -t sysfs none /sys && {script}");
    namespace.command("unshare", &["--mount", "sh", "-c", &script])?;
    Ok(())
}

impl Programs {
    fn start(&self, case: Case, network: &Network) -> Result<Gateway, Failure> {
        let directory = tempfile::tempdir()?;
        let path = |name: &str| directory.path().join(name).display().to_string();
        let (program, arguments) = match case {
            Case::Kernel(work) => {
                network.gateway.feed("nft", &["-f", "-"], &nft::counting_rules())?;
                if work == Work::Steered {
                    [LAN, WAN].iter().try_for_each(|way| steer(&network.gateway, way, GATEWAY))?;
                }
                fs::write("/proc/sys/net/netfilter/nf_conntrack_max", "1000000")?;
                return Ok(Gateway { worker: None, _directory: directory });
            }
            Case::Packet | Case::Xdp => {
                let mut arguments = vec!["run", "--lan", LAN, "--wan", WAN, "--config", "/dev/null", "--pin", "1"];
                if case == Case::Xdp {
                    arguments.push("--xdp");
                }
                let mut arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
                arguments.extend(["--control".to_owned(), path("control.sock"), "--state".to_owned(), path("state")]);
                (&self.tctable, arguments)
            }
            Case::Bare | Case::BareXdp => {
                let kind = if case == Case::Bare { "packet" } else { "xdp" };
                (&self.forward, [kind, LAN, WAN, "600"].map(str::to_owned).to_vec())
            }
        };
        let mut command = Command::new(program);
        command.args(arguments).stderr(fs::File::create(path("said"))?);
        let mut worker = start(&network.gateway, GATEWAY, command)?;
        let since = Instant::now();
        let to = network.servers[0].v4.into();
        let said = || fs::read_to_string(path("said")).unwrap_or_default();
        while network.clients[0].namespace.run(|| ping::ping(to, 1, Duration::ZERO, 56))?.times.is_empty() {
            if worker.0.try_wait()?.is_some() || since.elapsed() > Duration::from_secs(10) {
                return Err(format!("it does not forward: {}", said().trim()).into());
            }
        }
        if let Some(why) = said().lines().find(|line| line.contains("instead of AF_XDP")) {
            return Err(why.into());
        }
        Ok(Gateway { worker: Some(worker), _directory: directory })
    }

    fn measure(&self, case: Case, load: Load) -> Result<Measured, Failure> {
        let network = Network::direct(1500, if case.is_kernel() { Form::Routed } else { Form::InLine })?;
        let gateway = self.start(case, &network)?;
        let process = gateway.worker.as_ref().map(|worker| worker.0.id());
        match load {
            Load::Frames { size, connections } => self.flood(case, &network, process, size, connections),
            Load::Tcp | Load::Ping => {
                let (client, server) = (&network.clients[0], &network.servers[0]);
                if matches!(case, Case::Xdp | Case::BareXdp) {
                    for host in [client, server] {
                        host.namespace.command(&self.flood, &["finish", INTERFACE])?;
                    }
                }
                let _servers = tcp::Servers::start(&server.namespace)?;
                let to = server.v4.into();
                let (at, before) = (Instant::now(), times(process));
                let value = client.namespace.run(|| -> Result<f64, Failure> {
                    if load == Load::Tcp {
                        let span = Duration::from_secs(self.seconds);
                        return Ok(tcp::stream(to, tcp::Way::Up, span)?.rate());
                    }
                    let pinged = ping::ping(to, 2000, Duration::from_micros(500), 56)?;
                    Ok(pinged.quantile(990).ok_or("no answer")?.as_secs_f64())
                })?;
                Ok(Measured { value, times: times(process).since(before, at.elapsed()), offered: 0.0 })
            }
        }
    }

    fn flood(
        &self,
        case: Case,
        network: &Network,
        process: Option<u32>,
        size: usize,
        connections: u32,
    ) -> Result<Measured, Failure> {
        let (client, server) = (&network.clients[0], &network.servers[0]);
        let [a, b, ..] = server.v4.octets();
        let to = format!("{a}.{b}.0.99");
        let mac = if case.is_kernel() { LAN_MAC.map(|byte| format!("{byte:02x}")).join(":") } else { NOBODY.into() };
        if case.is_kernel() {
            network.gateway.ip(&["neigh", "replace", &to, "lladdr", NOBODY, "dev", WAN, "nud", "permanent"])?;
        }
        network.gateway.command(&self.flood, &["prepare", LAN])?;
        if case == Case::Kernel(Work::Thread) {
            thread_of(&network.gateway, LAN, GATEWAY)?;
        }
        let mut command = Command::new(&self.flood);
        command.args([INTERFACE, &size.to_string(), &connections.to_string(), &mac, &client.v4.to_string(), &to]);
        let mut sender = start(&client.namespace, SENDER, command)?;
        // Every connection is open by then.
        thread::sleep(Duration::from_millis(1500));
        let count = || -> Result<_, Failure> {
            let here = client.namespace.counters(INTERFACE)?;
            Ok((Instant::now(), server.namespace.counters(INTERFACE)?, here, times(process)))
        };
        let before = count()?;
        thread::sleep(Duration::from_secs(self.seconds));
        let after = count()?;
        if let Some(status) = sender.0.try_wait()? {
            return Err(format!("{}: {status}", self.flood).into());
        }
        let took = after.0 - before.0;
        let (here, there) = (after.2 - before.2, after.1 - before.1);
        Ok(Measured {
            value: there.received as f64 / took.as_secs_f64(),
            times: after.3.since(before.3, took),
            offered: (here.sent + here.send_dropped) as f64 / took.as_secs_f64(),
        })
    }
}

impl Times {
    /// Processors that were busy.
    fn since(self, before: Times, took: Duration) -> Times {
        let took = took.as_secs_f64();
        Times {
            gateway: (self.gateway - before.gateway) / took,
            softirq: (self.softirq - before.softirq) / took,
            machine: (self.machine - before.machine) / took,
        }
    }
}

/// Processor time until now, of a process, of its processor and of the whole machine.
fn times(process: Option<u32>) -> Times {
    let seconds = |text: &str, fields: &[usize]| -> f64 {
        let numbers: Vec<&str> = text.split_ascii_whitespace().collect();
        fields.iter().filter_map(|at| numbers.get(*at)?.parse::<f64>().ok()).sum::<f64>() / 100.0
    };
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = |name: &str| stat.lines().find(|line| line.split(' ').next() == Some(name)).unwrap_or_default();
    let own = process.and_then(|process| fs::read_to_string(format!("/proc/{process}/stat")).ok()).unwrap_or_default();
    Times {
        gateway: seconds(own.rsplit_once(')').map_or("", |(_, rest)| rest), &[11, 12]),
        softirq: seconds(line(&format!("cpu{GATEWAY}")), &[6, 7]),
        machine: seconds(line("cpu"), &[1, 2, 3, 6, 7]),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [tctable, forward, flood, rest @ ..] = words.as_slice() else {
        return Err("speed TCTABLE FORWARD FLOOD [ROUNDS [SECONDS]]".into());
    };
    let number = |at: usize, usual: u64| rest.get(at).map_or(Ok(usual), |word| word.parse());
    let (rounds, seconds) = (number(0, 3)?, number(1, 3)?);
    let [tctable, forward, flood] = [tctable, forward, flood].map(String::clone);
    let programs = Programs { tctable, forward, flood, seconds };
    let mut cases = CASES.to_vec();
    for load in LOADS {
        let mut all: BTreeMap<Case, Vec<Measured>> = BTreeMap::new();
        for _ in 0..rounds {
            for case in cases.clone() {
                // Only what is flooded has one.
                if case == Case::Kernel(Work::Thread) && matches!(load, Load::Tcp | Load::Ping) {
                    continue;
                }
                match programs.measure(case, load) {
                    Ok(measured) => all.entry(case).or_default().push(measured),
                    Err(error) => {
                        println!("{}: left out: {error}", case.name());
                        cases.retain(|other| *other != case);
                    }
                }
            }
        }
        println!("\n{}", load.name());
        let value = |case: Case| all.get(&case).map(|all| median(all.iter().map(|each| each.value).collect()));
        // The best is the highest rate, or the shortest time.
        let best = |a: f64, b: f64| if load == Load::Ping { a.min(b) } else { a.max(b) };
        let kernel = cases.iter().filter(|case| case.is_kernel()).filter_map(|case| value(*case)).reduce(best);
        for (case, measured) in &all {
            let of = |get: fn(&Measured) -> f64| median(measured.iter().map(get).collect());
            let own = value(*case).expect("measured");
            let ratio = kernel.map_or(String::new(), |kernel| format!("{:.2} of the kernel", own / kernel));
            let bare = match case {
                Case::Packet => value(Case::Bare),
                Case::Xdp => value(Case::BareXdp),
                _ => None,
            };
            let bare = bare.map_or(String::new(), |bare| format!(", {:.2} of the bare forwarder", own / bare));
            let offered = match load {
                Load::Frames { .. } => format!(", offered {}", load.show(of(|each| each.offered))),
                _ => String::new(),
            };
            println!(
                "  {:31} {:>14}  {ratio}{bare}; processors: gateway {:.2} + softirq {:.2}, machine {:.2}{offered}",
                case.name(),
                load.show(own),
                of(|each| each.times.gateway),
                of(|each| each.times.softirq),
                of(|each| each.times.machine),
            );
        }
    }
    Ok(())
}
