//! A gateway without privileges, whose every system call that its filter does not know would be its end, does all that it is for.

use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, TcpStream};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tctable_lab::live::network::WAN;
use tctable_lab::live::{Size, ping};

use crate::failing::child;
use crate::gateway::{Gateway, until};

const SMALL: Size = Size { clients: 1, servers: 1, mtu: 1500 };
/// Capabilities by their numbers in linux/capability.h.
const CHOWN: u64 = 1 << 0;
const DAC_OVERRIDE: u64 = 1 << 1;
const FOWNER: u64 = 1 << 3;
const KILL: u64 = 1 << 5;
const SETGID: u64 = 1 << 6;
const SETUID: u64 = 1 << 7;
const SETPCAP: u64 = 1 << 8;
const NET_ADMIN: u64 = 1 << 12;
const NET_RAW: u64 = 1 << 13;

/// A line of /proc/PID/status.
fn status(process: i32, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{process}/status")).expect("a process");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).expect("a field");
    line.trim().to_owned()
}

fn capabilities(process: i32, name: &str) -> u64 {
    u64::from_str_radix(&status(process, name), 16).expect("a mask")
}

fn passes(gateway: &Gateway) -> bool {
    let (client, server) = gateway.pair();
    let to: IpAddr = server.v4.into();
    let pinged = client.namespace.run(|| ping::ping(to, 1, Duration::ZERO, 56)).expect("a socket");
    pinged.times.len() == 1
}

/// The process that forwards has two capabilities, and is somebody else.
fn assert_harmless(process: i32, more: u64) {
    for name in ["CapEff", "CapPrm", "CapBnd"] {
        assert_eq!(capabilities(process, name), NET_ADMIN | NET_RAW | more, "{name}");
    }
    assert_eq!((status(process, "NoNewPrivs"), status(process, "Seccomp")), ("1".to_owned(), "2".to_owned()));
    let nobody = nix::unistd::User::from_name("nobody").expect("users").expect("nobody").uid;
    assert_eq!(status(process, "Uid"), vec![nobody.to_string(); 4].join("\t"));
}

#[test]
fn a_supervisor_has_two_capabilities_in_effect_and_starts_a_gateway_again() {
    let Some(gateway) = Gateway::start(SMALL, &["--fail-open", "--user", "nobody"]) else { return };
    let supervisor = gateway.process() as i32;
    assert_eq!(capabilities(supervisor, "CapEff"), NET_ADMIN | KILL);
    let start = CHOWN | DAC_OVERRIDE | FOWNER | KILL | SETGID | SETUID | SETPCAP | NET_ADMIN | NET_RAW;
    for name in ["CapPrm", "CapBnd"] {
        assert_eq!(capabilities(supervisor, name), start, "{name}");
    }
    assert_eq!((capabilities(supervisor, "CapInh"), capabilities(supervisor, "CapAmb")), (0, 0));
    assert_eq!(status(supervisor, "NoNewPrivs"), "1");
    // Twice: the second finds what the first has given to another user. SIGHUP goes on to it, and a hanging one is killed.
    for signal in [Signal::SIGKILL, Signal::SIGSTOP] {
        let old = child(&gateway).expect("a gateway");
        assert_harmless(old, 0);
        until("traffic", || passes(&gateway).then_some(()));
        gateway.forget();
        kill(Pid::from_raw(supervisor), Signal::SIGHUP).expect("a process");
        gateway.says("reload: ");
        kill(Pid::from_raw(old), signal).expect("a process");
        until("another gateway", || child(&gateway).filter(|new| *new != old));
        until("an answer", || gateway.ask(&["stats", "-j"]));
    }
    until("traffic", || passes(&gateway).then_some(()));
}

/// An interface that goes is made again, by /dev/net/tun.
#[test]
fn behind_a_tun_device() {
    let Some(gateway) = Gateway::start_tun("tct0", &["--user", "nobody"]) else { return };
    assert_harmless(gateway.process() as i32, 0);
    until("traffic", || passes(&gateway).then_some(()));
    let own = &gateway.network.gateway;
    own.ip(&["link", "set", "dev", "tct0", "down"]).expect("possible");
    gateway.says("tct0: the interface was taken down");
    own.ip(&["link", "set", "dev", "tct0", "up"]).expect("possible");
    gateway.route_to("tct0");
    until("traffic", || passes(&gateway).then_some(()));
    own.ip(&["link", "del", "dev", "tct0"]).expect("possible");
    gateway.says("tct0: the interface is there again");
    until("a route", || own.ip(&["link", "show", "dev", "tct0", "up"]).ok());
    gateway.route_to("tct0");
    until("traffic", || passes(&gateway).then_some(()));
    assert!(gateway.ask(&["hosts"]).is_some());
}

#[test]
fn with_metrics() {
    let Some(gateway) = Gateway::start(SMALL, &["--user", "nobody", "--metrics", "127.0.0.1:9100"]) else { return };
    assert_harmless(gateway.process() as i32, 0);
    let scrape = || {
        let mut stream = gateway.network.gateway.run(|| TcpStream::connect("127.0.0.1:9100")).expect("a connection");
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n").expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    };
    assert!(scrape().contains("tctable_link_up{device=\"wan\"} 1"));
    assert!(passes(&gateway));
    gateway.network.gateway.ip(&["link", "set", "dev", WAN, "down"]).expect("possible");
    until("the link's fall", || {
        let text = scrape();
        let is_down = text.contains("tctable_link_up{device=\"wan\"} 0");
        (is_down && text.contains("tctable_link_events_total{device=\"wan\",event=\"down\"} 1")).then_some(())
    });
}

/// A port that takes a capability of its own, under a supervisor, which has it no more than it needs.
#[test]
fn with_metrics_on_a_low_port_under_a_supervisor() {
    const NET_BIND_SERVICE: u64 = 1 << 10;
    let options = ["--fail-open", "--user", "nobody", "--metrics", "127.0.0.1:91"];
    let Some(gateway) = Gateway::start(SMALL, &options) else { return };
    let supervisor = gateway.process() as i32;
    assert_eq!(capabilities(supervisor, "CapEff"), NET_ADMIN | KILL);
    assert_ne!(capabilities(supervisor, "CapPrm") & NET_BIND_SERVICE, 0);
    let old = child(&gateway).expect("a gateway");
    assert_harmless(old, 0);
    kill(Pid::from_raw(old), Signal::SIGKILL).expect("a process");
    until("another gateway", || child(&gateway).filter(|new| *new != old));
    until("its port", || gateway.network.gateway.run(|| TcpStream::connect("127.0.0.1:91")).ok());
}

/// By AF_XDP, also after the interface went down and came back.
#[cfg(feature = "xdp")]
#[test]
fn by_af_xdp() {
    const BPF: u64 = 1 << 39;
    let Some(gateway) = Gateway::start(SMALL, &["--user", "nobody", "--xdp"]) else { return };
    assert_harmless(gateway.process() as i32, BPF);
    assert!(!gateway.has_said("instead of AF_XDP"));
    until("traffic", || passes(&gateway).then_some(()));
    gateway.network.gateway.ip(&["link", "set", "dev", WAN, "down"]).expect("possible");
    gateway.says("wan: the interface was taken down");
    gateway.network.gateway.ip(&["link", "set", "dev", WAN, "up"]).expect("possible");
    until("traffic", || passes(&gateway).then_some(()));
}
