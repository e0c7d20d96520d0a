//! How fast gateways are, side by side in one run: the kernel, tctable and a bare forwarder take turns in the same namespaces.
//!
//! `speed TCTABLE FORWARD [ROUNDS [SECONDS]]`: the programs `tctable` and tctable-io's example `forward`, as root, on a machine without
//! other work. The sender has the first processor, the gateway the second one. Frames are counted where they arrive; what a sender
//! sends beyond that is lost in the gateway, which is how it is known to be the one that is measured. Ratios are of medians.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use tctable_lab::live::blast::{Blast, blast};
use tctable_lab::live::network::{INTERFACE, LAN, LAN_MAC, WAN};
use tctable_lab::live::{Form, Network, nft, ping, tcp};

type Failure = Box<dyn Error + Send + Sync>;

/// Who forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Case {
    Kernel,
    Packet,
    Xdp,
    Bare,
    BareXdp,
}

impl Case {
    fn name(self) -> &'static str {
        match self {
            Case::Kernel => "kernel, conntrack, nft sets",
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

/// A number, the gateway's processor time and the machine's, each as so many processors.
#[derive(Clone, Copy, Debug)]
struct Measured {
    value: f64,
    gateway: f64,
    machine: f64,
    /// Sent, as so many a second.
    offered: f64,
}

struct Programs {
    tctable: String,
    forward: String,
    seconds: u64,
}

/// A gateway at work, killed in the end.
struct Gateway {
    child: Option<Child>,
    /// Its control socket and its state.
    _directory: tempfile::TempDir,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// This thread runs on one processor.
fn pin(processor: usize) -> Result<(), Failure> {
    let mut set = CpuSet::new();
    set.set(processor)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

impl Programs {
    fn start(&self, case: Case, network: &Network) -> Result<Gateway, Failure> {
        let directory = tempfile::tempdir()?;
        let path = |name: &str| directory.path().join(name).display().to_string();
        let (program, arguments) = match case {
            Case::Kernel => {
                network.gateway.feed("nft", &["-f", "-"], &nft::counting_rules())?;
                // What comes is worked on by the other processor than the sender's.
                let share = "mount -t sysfs none /sys && for way in lan wan; do \
                             echo 2 > /sys/class/net/$way/queues/rx-0/rps_cpus; done";
                network.gateway.command("unshare", &["--mount", "sh", "-c", share])?;
                fs::write("/proc/sys/net/netfilter/nf_conntrack_max", "1000000")?;
                return Ok(Gateway { child: None, _directory: directory });
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
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = network.gateway.run(|| -> Result<Child, Failure> {
            pin(1)?;
            Ok(command.spawn()?)
        })?;
        let mut gateway = Gateway { child: Some(child), _directory: directory };
        let since = Instant::now();
        let to = network.servers[0].v4.into();
        while network.clients[0].namespace.run(|| ping::ping(to, 1, Duration::ZERO, 56))?.times.is_empty() {
            let child = gateway.child.as_mut().expect("started");
            if child.try_wait()?.is_some() || since.elapsed() > Duration::from_secs(10) {
                return Err(format!("{}: it does not forward", case.name()).into());
            }
        }
        Ok(gateway)
    }

    fn measure(&self, case: Case, load: Load) -> Result<Measured, Failure> {
        let network = Network::direct(1500, if case == Case::Kernel { Form::Routed } else { Form::InLine })?;
        let gateway = self.start(case, &network)?;
        let process = gateway.child.as_ref().map(Child::id);
        let span = Duration::from_secs(self.seconds);
        let (client, server) = (&network.clients[0], &network.servers[0]);
        match load {
            Load::Frames { size, connections } => {
                let stop = Arc::new(AtomicBool::new(false));
                let what = Blast {
                    connections,
                    size,
                    // To nobody's address at the other end: its stack is to have no work with them.
                    to_mac: if case == Case::Kernel { LAN_MAC } else { [2, 0, 0, 0, 0, 0x99] },
                    from: client.v4,
                    to: [server.v4.octets()[0], server.v4.octets()[1], 0, 99].into(),
                };
                if case == Case::Kernel {
                    let to = what.to.to_string();
                    network.gateway.ip(&[
                        "neigh",
                        "replace",
                        &to,
                        "lladdr",
                        "02:00:00:00:00:99",
                        "dev",
                        WAN,
                        "nud",
                        "permanent",
                    ])?;
                }
                let sender = client.namespace.spawn({
                    let stop = stop.clone();
                    move || -> Result<u64, Failure> {
                        pin(0)?;
                        Ok(blast(INTERFACE, what, &stop)?)
                    }
                });
                // Every connection is open by then.
                thread::sleep(Duration::from_millis(1500));
                let count = || -> Result<_, Failure> {
                    let at = Instant::now();
                    Ok((
                        at,
                        server.namespace.counters(INTERFACE)?,
                        client.namespace.counters(INTERFACE)?,
                        busy(process),
                    ))
                };
                let before = count()?;
                thread::sleep(span);
                let after = count()?;
                stop.store(true, Ordering::Relaxed);
                sender.join().expect("no panic")?;
                let took = (after.0 - before.0).as_secs_f64();
                Ok(Measured {
                    value: (after.1 - before.1).received as f64 / took,
                    gateway: (after.3.0 - before.3.0) / took,
                    machine: (after.3.1 - before.3.1) / took,
                    offered: (after.2 - before.2).sent as f64 / took,
                })
            }
            Load::Tcp | Load::Ping => {
                let _servers = tcp::Servers::start(&server.namespace)?;
                let to = server.v4.into();
                let (at, before) = (Instant::now(), busy(process));
                let value = client.namespace.run(|| -> Result<f64, Failure> {
                    if load == Load::Tcp {
                        return Ok(tcp::stream(to, tcp::Way::Up, span)?.rate());
                    }
                    let pinged = ping::ping(to, 2000, Duration::from_micros(500), 56)?;
                    Ok(pinged.quantile(990).ok_or("no answer")?.as_secs_f64())
                })?;
                let (took, after) = (at.elapsed().as_secs_f64(), busy(process));
                let (gateway, machine) = ((after.0 - before.0) / took, (after.1 - before.1) / took);
                Ok(Measured { value, gateway, machine, offered: 0.0 })
            }
        }
    }
}

/// Seconds of processor time of a process, and of the whole machine.
fn busy(process: Option<u32>) -> (f64, f64) {
    let sum = |text: Option<&str>, skip: usize, take: usize| -> f64 {
        let numbers = text.unwrap_or_default().split_ascii_whitespace().skip(skip).take(take);
        numbers.filter_map(|number| number.parse::<f64>().ok()).sum::<f64>() / 100.0
    };
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let machine = stat.lines().next();
    let machine = sum(machine, 1, 3) + sum(machine, 6, 3);
    let own = process.and_then(|process| fs::read_to_string(format!("/proc/{process}/stat")).ok()).unwrap_or_default();
    (sum(own.rsplit_once(')').map(|(_, rest)| rest), 11, 2), machine)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [tctable, forward, rest @ ..] = words.as_slice() else {
        return Err("speed TCTABLE FORWARD [ROUNDS [SECONDS]]".into());
    };
    let number = |at: usize, usual: u64| rest.get(at).map_or(Ok(usual), |word| word.parse());
    let (rounds, seconds) = (number(0, 3)?, number(1, 3)?);
    let programs = Programs { tctable: tctable.clone(), forward: forward.clone(), seconds };
    let mut cases = vec![Case::Kernel, Case::Packet, Case::Xdp, Case::Bare, Case::BareXdp];
    for load in LOADS {
        let mut all: BTreeMap<Case, Vec<Measured>> = BTreeMap::new();
        for _ in 0..rounds {
            for case in cases.clone() {
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
        for (case, measured) in &all {
            let of = |get: fn(&Measured) -> f64| median(measured.iter().map(get).collect());
            let own = value(*case).expect("measured");
            let ratio =
                value(Case::Kernel).map_or(String::new(), |kernel| format!("{:.2} of the kernel", own / kernel));
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
                "  {:31} {:>14}  {ratio}{bare}; processors: gateway {:.2}, machine {:.2}{offered}",
                case.name(),
                load.show(own),
                of(|each| each.gateway),
                of(|each| each.machine),
            );
        }
    }
    Ok(())
}
