//! A gateway that dies in line, under `--fail-open`.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tctable_lab::live::udp::{Loss, Steady, Stream};
use tctable_lab::live::{Size, ping};

use crate::gateway::{Gateway, until};

const RATE: u32 = 4000;

/// The gateway's own process; the one that was started is its supervisor.
pub(crate) fn child(gateway: &Gateway) -> Option<i32> {
    let tasks = fs::read_dir(format!("/proc/{}/task", gateway.process())).ok()?;
    let texts = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    texts
        .flat_map(|text| text.split_ascii_whitespace().filter_map(|child| child.parse().ok()).collect::<Vec<_>>())
        .next()
}

#[test]
fn a_gateway_that_is_killed_costs_less_than_fifty_milliseconds() {
    let Some(gateway) = Gateway::start(Size { clients: 1, servers: 1, mtu: 1500 }, &["--fail-open"]) else { return };
    let (client, server) = gateway.pair();
    let to = SocketAddr::from((server.v4, 5000));
    for (name, signal) in [("killed", Signal::SIGKILL), ("hangs", Signal::SIGSTOP)] {
        let steady = Steady { rate: RATE, size: 64, length: Duration::from_secs(20) };
        let stream = Stream::start(&client.namespace, &server.namespace, to, steady).expect("a stream");
        until("traffic", || (stream.count() > u64::from(RATE) / 4).then_some(()));
        let old = child(&gateway).expect("a gateway");
        kill(Pid::from_raw(old), signal).expect("a process");
        until("another gateway", || child(&gateway).filter(|new| *new != old));
        until("an answer", || gateway.ask(&["stats", "-j"]));
        let count = stream.count();
        until("traffic", || (stream.count() > count + u64::from(RATE) / 4).then_some(()));
        let Loss { sent, lost, span, .. } = stream.stop().expect("sent");
        println!("{name}: {lost} of {sent} lost ({:.1} ms)", span.as_secs_f64() * 1e3);
        assert!(span < Duration::from_millis(50), "{name}: {span:?}");
    }
}

/// The kernel passes on between the same interfaces that the gateway did, whatever they are called by then.
#[test]
fn a_renamed_interface_stays_open() {
    let Some(gateway) = Gateway::start(Size { clients: 1, servers: 1, mtu: 1500 }, &["--fail-open"]) else { return };
    let (client, server) = gateway.pair();
    let passes = || {
        let pinged = client.namespace.run(|| ping::ping(server.v4.into(), 1, Duration::ZERO, 56)).expect("a socket");
        (pinged.times.len() == 1).then_some(())
    };
    let lines = "link set dev wan down\nlink set dev wan name outside\nlink set dev outside up\n";
    gateway.network.gateway.ip_batch(lines).expect("possible");
    until("traffic", passes);
    kill(Pid::from_raw(child(&gateway).expect("a gateway")), Signal::SIGKILL).expect("a process");
    gateway.says("the kernel passes everything on until it is back");
    until("traffic", passes);
    let filters = gateway.network.gateway.command("tc", &["filter", "show", "dev", "outside", "ingress"]).expect("tc");
    assert!(filters.contains("mirred"), "{filters}");
    // By its name the next gateway finds it again.
    let lines = "link set dev outside down\nlink set dev outside name wan\nlink set dev wan up\n";
    gateway.network.gateway.ip_batch(lines).expect("possible");
    until("an answer", || gateway.ask(&["stats", "-j"]));
    until("traffic", passes);
}
