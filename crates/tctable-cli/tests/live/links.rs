//! What happens to the gateway's interfaces while it runs: it says so, counts it, and goes on.

use std::net::{IpAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::TcpMaxSeg;
use serde_json::Value;
use tctable_lab::live::network::{INTERFACE, WAN};
use tctable_lab::live::{Host, Size, ping};

use crate::gateway::{Gateway, until};

/// How soon traffic is to pass again once the interface works: far less than the pause after which a port that has not worked for
/// a while is looked at without a word of the kernel.
const BOUND: Duration = Duration::from_millis(1500);
/// So long an interface is away that pauses have become long.
const LONG: Duration = Duration::from_millis(2500);

fn start(options: &[&str]) -> Option<Gateway> {
    Gateway::start(Size { clients: 1, servers: 1, mtu: 1500 }, options)
}

/// What the gateway tells of its outside interface.
fn wan(gateway: &Gateway) -> Value {
    let stats: Value = serde_json::from_str(&gateway.ask(&["stats", "-j"]).expect("an answer")).expect("JSON");
    let links = stats["links"]["interfaces"].as_array().cloned().expect("interfaces");
    links.into_iter().find(|link| link["name"] == WAN).expect("the outside")
}

fn event(gateway: &Gateway, name: &str) -> u64 {
    wan(gateway)["events"][name].as_u64().expect("a count")
}

/// Waits until an event was counted so often.
fn counted(gateway: &Gateway, name: &str, times: u64) {
    until(&format!("{name}: {times}"), || (event(gateway, name) == times).then_some(()));
}

fn passes(gateway: &Gateway, size: usize) -> bool {
    let (client, server) = gateway.pair();
    let to: IpAddr = server.v4.into();
    let pinged = client.namespace.run(|| ping::ping(to, 1, Duration::ZERO, size)).expect("a socket");
    pinged.times.len() == 1
}

/// Traffic passes again, soon after now.
fn passes_soon(gateway: &Gateway, what: &str) {
    let since = Instant::now();
    until(what, || passes(gateway, 56).then_some(()));
    println!("{what}: traffic after {:.0} ms", since.elapsed().as_secs_f64() * 1e3);
    assert!(since.elapsed() < BOUND, "{what}: {:?}", since.elapsed());
}

/// Makes the gateway's outside anew, with everything that the network gave it.
fn make(gateway: &Gateway, server: &Host) {
    let own = &gateway.network.gateway;
    let mac = server.mac().map(|byte| format!("{byte:02x}")).join(":");
    own.ip_batch(&format!(
        "link add {WAN} mtu 1500 type veth peer name {INTERFACE} mtu 1500 address {mac} netns {}\n\
         link set dev {WAN} arp off multicast off addrgenmode none up\n",
        server.namespace.path()
    ))
    .expect("made");
    server.namespace.ip(&["link", "set", "dev", INTERFACE, "arp", "off", "multicast", "off"]).expect("configured");
    server.namespace.ip(&["addr", "add", &format!("{}/24", server.v4), "dev", INTERFACE]).expect("configured");
    come_up(gateway, server);
}

/// Brings a server's interface up, with what it loses when it is down.
fn come_up(gateway: &Gateway, server: &Host) {
    let (client, _) = gateway.pair();
    let neighbour = client.mac().map(|byte| format!("{byte:02x}")).join(":");
    let [a, b, c, _] = client.v4.octets();
    let lines = format!(
        "link set dev {INTERFACE} up\n\
         route replace {a}.{b}.{c}.0/24 dev {INTERFACE}\n\
         neigh replace {} lladdr {neighbour} dev {INTERFACE} nud permanent\n",
        client.v4,
    );
    server.namespace.ip_batch(&lines).expect("configured");
}

#[test]
fn one_that_is_taken_down_and_brought_up_goes_on() {
    let Some(gateway) = start(&[]) else { return };
    assert!(passes(&gateway, 56));
    gateway.network.gateway.ip(&["link", "set", "dev", WAN, "down"]).expect("possible");
    counted(&gateway, "down", 1);
    gateway.says("wan: the interface was taken down");
    std::thread::sleep(LONG);
    assert!(!passes(&gateway, 56));
    gateway.network.gateway.ip(&["link", "set", "dev", WAN, "up"]).expect("possible");
    passes_soon(&gateway, "up again");
    counted(&gateway, "up", 1);
    gateway.says("wan: the interface was brought up");
    assert_eq!(event(&gateway, "gone"), 0);
}

#[test]
fn one_that_loses_its_carrier_goes_on() {
    let Some(gateway) = start(&[]) else { return };
    let (_, server) = gateway.pair();
    assert!(passes(&gateway, 56));
    server.namespace.ip(&["link", "set", "dev", INTERFACE, "down"]).expect("possible");
    counted(&gateway, "carrier_lost", 1);
    gateway.says("wan: carrier lost");
    assert_eq!((&wan(&gateway)["up"], &wan(&gateway)["carrier"]), (&Value::from(true), &Value::from(false)));
    // With something that wants to leave there.
    assert!(!passes(&gateway, 56));
    std::thread::sleep(LONG);
    come_up(&gateway, server);
    passes_soon(&gateway, "carrier back");
    counted(&gateway, "carrier_back", 1);
    gateway.says("wan: the carrier is back");
    assert_eq!(event(&gateway, "down"), 0);
}

/// With several shards, whose sockets are made in their order.
#[test]
fn one_that_is_deleted_and_made_again_goes_on() {
    for shards in ["1", "3"] {
        let Some(gateway) = start(&["--shards", shards]) else { return };
        let (_, server) = gateway.pair();
        assert!(passes(&gateway, 56));
        gateway.network.gateway.ip(&["link", "del", "dev", WAN]).expect("possible");
        counted(&gateway, "gone", 1);
        gateway.says("wan: the interface is gone");
        assert_eq!(wan(&gateway)["interface"], Value::Null);
        std::thread::sleep(LONG);
        make(&gateway, server);
        passes_soon(&gateway, &format!("made again, {shards} shards"));
        counted(&gateway, "back", 1);
        gateway.says("wan: the interface is there again");
    }
}

#[test]
fn one_that_is_renamed_is_kept() {
    let Some(gateway) = start(&[]) else { return };
    let own = &gateway.network.gateway;
    let (_, server) = gateway.pair();
    assert!(passes(&gateway, 56));
    let rename = |from: &str, to: &str| {
        own.ip_batch(&format!("link set dev {from} down\nlink set dev {from} name {to}\nlink set dev {to} up\n"))
            .expect("renamed");
    };
    rename(WAN, "outside");
    passes_soon(&gateway, "renamed");
    counted(&gateway, "renamed", 1);
    gateway.says("wan: renamed from wan to outside");
    assert_eq!(wan(&gateway)["interface"], "outside");
    // Another one takes the name: it is not ours.
    own.ip_batch("link add wan type bridge\nlink set dev wan up\n").expect("possible");
    assert!(passes(&gateway, 56));
    // Also after the port was looked at anew.
    own.ip(&["link", "set", "dev", "outside", "down"]).expect("possible");
    own.ip(&["link", "set", "dev", "outside", "up"]).expect("possible");
    passes_soon(&gateway, "renamed, down and up");
    assert_eq!((wan(&gateway)["interface"].clone(), event(&gateway, "gone")), ("outside".into(), 0));
    // Until ours is gone: then whoever has the name is.
    own.ip(&["link", "del", "dev", "outside"]).expect("possible");
    counted(&gateway, "back", 1);
    assert_eq!((wan(&gateway)["interface"].clone(), event(&gateway, "gone")), (WAN.into(), 1));
    own.ip(&["link", "del", "dev", WAN]).expect("possible");
    make(&gateway, server);
    passes_soon(&gateway, "made again");
}

/// What a rule that goes by the MTU does follows, and so does what passes.
#[test]
fn another_mtu_is_gone_by() {
    let directory = tempfile::tempdir().expect("a directory");
    let rules = directory.path().join("rules.v4");
    let clamp = "-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu";
    std::fs::write(&rules, format!("*mangle\n:FORWARD ACCEPT [0:0]\n{clamp}\nCOMMIT\n")).expect("written");
    let Some(gateway) = start(&["--rules", rules.to_str().expect("text")]) else { return };
    let (client, server) = gateway.pair();
    let own = &gateway.network.gateway;
    let set = |mtu: &str| own.ip(&["link", "set", "dev", WAN, "mtu", mtu]).expect("possible");
    let mtu = |mtu: u32| until("the MTU", || (wan(&gateway)["mtu"] == mtu).then_some(()));
    // What the server may send, as the client's SYN says when it arrives.
    let told = || {
        let listener = server.namespace.run(|| TcpListener::bind((server.v4, 0))).expect("a listener");
        let to = listener.local_addr().expect("an address");
        let _there = client.namespace.run(|| TcpStream::connect(to)).expect("a connection");
        let (here, _) = listener.accept().expect("a connection");
        getsockopt(&here, TcpMaxSeg).expect("a size")
    };
    assert!(told() > 1400);
    set("1300");
    mtu(1300);
    gateway.says("wan: MTU changed from 1500 to 1300 bytes");
    until("the least MTU", || (1100..=1260).contains(&told()).then_some(()));
    assert_eq!(event(&gateway, "mtu_changed"), 1);
    // The client's packets of 1500 bytes do not fit any more; those that fit pass.
    assert!(passes(&gateway, 1200) && !passes(&gateway, 1400));
    for (namespace, device) in
        [(own, "lan"), (own, WAN), (&client.namespace, INTERFACE), (&server.namespace, INTERFACE)]
    {
        namespace.ip(&["link", "set", "dev", device, "mtu", "9000"]).expect("possible");
    }
    mtu(9000);
    until("long packets", || passes(&gateway, 8900).then_some(()));
    until("the least MTU", || (told() > 8000).then_some(()));
}

/// While it does not listen, more happens than the kernel remembers for it.
#[test]
fn what_was_not_told_is_looked_up() {
    let Some(gateway) = start(&[]) else { return };
    let overruns = || {
        let stats: Value = serde_json::from_str(&gateway.ask(&["stats", "-j"]).expect("an answer")).expect("JSON");
        stats["links"]["overruns"].as_u64().expect("a count")
    };
    assert_eq!(overruns(), 0);
    let own = &gateway.network.gateway;
    gateway.pause(|| {
        let many: String = (0..3000).map(|number| format!("link set dev lo mtu {}\n", 2000 + number)).collect();
        own.ip_batch(&many).expect("possible");
        own.ip(&["link", "set", "dev", WAN, "mtu", "1400"]).expect("possible");
    });
    until("the new MTU", || (wan(&gateway)["mtu"] == 1400).then_some(()));
    assert!(overruns() > 0, "there was room for everything");
    assert!(passes(&gateway, 56));
}
