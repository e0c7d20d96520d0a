//! Fail open: what is lost of a steady stream when the gateway starts, stops, is killed and hangs, in namespaces.
//!
//! The gateway is a forwarder of a few lines in a process of its own; the supervisor is in another.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tctable_daemon::privilege::Start;
use tctable_daemon::supervise::{Supervised, Supervisor, clear, supervise};
use tctable_io::port::{Departure, PacketConfig, PacketSocket, Port, Role};
use tctable_lab::live::network::{INTERFACE, LAN, WAN};
use tctable_lab::live::udp::{Loss, Steady, Stream, send};
use tctable_lab::live::{Error, Form, Network, Size, not_tested};

/// Set for the processes that this test starts: who they are.
const PART: &str = "TCTABLE_TEST_PART";
const RATE: u32 = 4000;
/// What may be lost at each step.
const LIMIT: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(10);

fn supervisor() {
    let what = Supervised {
        lan: LAN.to_owned(),
        wan: WAN.to_owned(),
        program: env::current_exe().expect("this program"),
        arguments: Vec::new(),
        start: Start::default(),
    };
    // The gateway knows itself by the environment that the supervisor gives it.
    assert_eq!(supervise(&what).expect("supervised"), None);
}

/// Forwards until SIGTERM.
fn gateway() {
    let supervisor = Supervisor::find().expect("standard input");
    let stop = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGTERM, stop.clone()).expect("a signal");
    let open = |name: &str, id, role| {
        let config = PacketConfig::new(name, tctable::packet::DeviceId(id), role);
        PacketSocket::open(config).expect("a packet socket")
    };
    let mut ports = [open(LAN, 0, Role::InLine), open(WAN, 1, Role::InLine)];
    supervisor.open(1).expect("a supervisor");
    let mut pulse = supervisor.pulse(0);
    let mut fresh = true;
    let mut stopping = false;
    loop {
        let mut moved = 0;
        for from in [0, 1] {
            let [lan, wan] = &mut ports;
            let (from, to) = if from == 0 { (lan, wan) } else { (wan, lan) };
            let received = from.receive(tctable::time::Instant::ZERO, 256, &mut |arrivals| {
                let frames: Vec<_> =
                    arrivals.iter().map(|each| Departure { data: each.frame.data, offload: each.offload }).collect();
                // What came before the kernel stopped passing it on has gone already; so has what comes after it began again.
                if !fresh && !stopping {
                    to.send(&frames).expect("sent");
                }
            });
            moved += received.expect("received");
        }
        fresh &= moved > 0;
        pulse.beat(Instant::now());
        if moved == 0 {
            if stopping {
                return;
            }
            if stop.load(Ordering::Relaxed) {
                supervisor.close().expect("a supervisor");
                stopping = true;
            }
            thread::sleep(Duration::from_micros(200));
        }
    }
}

/// The children of a process, whichever of its threads started them.
fn children(process: u32) -> Vec<i32> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let texts = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    texts
        .flat_map(|text| text.split_ascii_whitespace().filter_map(|child| child.parse().ok()).collect::<Vec<_>>())
        .collect()
}

fn until<T>(what: &str, mut there: impl FnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(it) = there() {
            return it;
        }
        assert!(since.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(2));
    }
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        for child in children(self.0.id()) {
            let _ = kill(Pid::from_raw(child), Signal::SIGKILL);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Without the harness of tests: that has a thread of its own, and the supervisor's signals would go there.
fn main() {
    match env::var(PART).as_deref() {
        Ok("supervisor") if env::var_os("TCTABLE_SUPERVISED").is_none() => return supervisor(),
        Ok(_) => return gateway(),
        Err(_) => {}
    }
    let network = match Network::build(Size { clients: 1, servers: 1, mtu: 1500 }, Form::InLine) {
        Ok(network) => network,
        Err(why @ (Error::NotRoot(_) | Error::NoTool { .. })) => return not_tested(why),
        Err(error) => panic!("{error}"),
    };
    let (client, server) = (&network.clients[0], &network.servers[0]);
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.env(PART, "supervisor").stdout(Stdio::null());
    let mut parent = Killed(network.gateway.run(|| command.spawn()).expect("a process"));
    let supervisor = parent.0.id();
    let forwarding = |is: bool| {
        let filters = network.gateway.command("tc", &["filter", "show", "dev", LAN, "ingress"]).expect("tc");
        (filters.contains("mirred") != is).then_some(())
    };
    let child = |old: Option<i32>| children(supervisor).into_iter().find(|child| Some(*child) != old);

    // Start: what is lost is lost after the redirections are there.
    until("redirections", || {
        let filters = network.gateway.command("tc", &["filter", "show", "dev", LAN, "ingress"]).expect("tc");
        filters.contains("mirred").then_some(())
    });
    let first = until("a gateway", || child(None));
    until("a gateway that forwards", || forwarding(true));

    let step = |name: &str, act: &dyn Fn()| {
        let to = SocketAddr::from((server.v4, 5000));
        let steady = Steady { rate: RATE, size: 64, length: PATIENCE };
        let stream = Stream::start(&client.namespace, &server.namespace, to, steady).expect("a stream");
        until("traffic", || (stream.count() > u64::from(RATE) / 4).then_some(()));
        act();
        let count = stream.count();
        until("traffic", || (stream.count() > count + u64::from(RATE) / 4).then_some(()));
        let Loss { sent, lost, span, received } = stream.stop().expect("sent");
        println!(
            "{name}: {lost} of {sent} datagrams lost ({:.1} ms), longest gap {:.1} ms, {} came twice or late",
            span.as_secs_f64() * 1e3,
            received.gap.as_secs_f64() * 1e3,
            received.out_of_order
        );
        assert!(span < LIMIT, "{name}: {span:?}");
    };

    step("nothing happens", &|| ());
    step("kill -9, and its restart", &|| {
        kill(Pid::from_raw(first), Signal::SIGKILL).expect("killed");
        until("another gateway", || child(Some(first)));
        until("redirections", || forwarding(false));
        until("a gateway that forwards", || forwarding(true));
    });
    let second = child(None).expect("a gateway");
    step("hang, and its restart", &|| {
        kill(Pid::from_raw(second), Signal::SIGSTOP).expect("stopped");
        until("another gateway", || child(Some(second)));
        until("a gateway that forwards", || forwarding(true));
    });
    step("stop", &|| {
        kill(Pid::from_raw(supervisor as i32), Signal::SIGTERM).expect("told");
        until("redirections", || forwarding(false));
        until("the gateway's end", || children(supervisor).is_empty().then_some(()));
    });
    until("the supervisor's end", || parent.0.try_wait().expect("a process"));

    // Start again: the kernel passes on, then the gateway.
    let mut parent = None;
    let started = std::cell::RefCell::new(&mut parent);
    step("start", &|| {
        let mut command = Command::new(env::current_exe().expect("this program"));
        command.env(PART, "supervisor").stdout(Stdio::null());
        **started.borrow_mut() = Some(Killed(network.gateway.run(|| command.spawn()).expect("a process")));
        until("a gateway that forwards", || forwarding(true));
    });
    drop(parent);
    network.gateway.run(|| clear(LAN, WAN)).expect("cleared");
    let qdiscs = network.gateway.command("tc", &["qdisc", "show", "dev", WAN]).expect("tc");
    assert!(!qdiscs.contains("clsact"), "{qdiscs}");
    let before = server.namespace.counters(INTERFACE).expect("an interface");
    let steady = Steady { rate: RATE, size: 64, length: Duration::from_millis(50) };
    client.namespace.run(|| send((server.v4, 5000).into(), steady)).expect("sent");
    assert_eq!((server.namespace.counters(INTERFACE).expect("an interface") - before).received, 0);
}
