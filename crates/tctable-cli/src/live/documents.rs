//! What a gateway answers, as far as it is printed.

use std::net::IpAddr;

use serde::Deserialize;
use tctable::account::ClassCounters;
use tctable::time::{Duration, Instant};
use tctable_view::HostRow;

/// Packets and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Counter {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct HostClass {
    pub(crate) tx: Counter,
    pub(crate) rx: Counter,
    pub(crate) connections: u32,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Host {
    pub(crate) ip: IpAddr,
    pub(crate) tcp: HostClass,
    pub(crate) udp: HostClass,
    pub(crate) icmp: HostClass,
    pub(crate) other: HostClass,
    pub(crate) connections_opened: u64,
    pub(crate) first: f64,
    pub(crate) last: f64,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Capture {
    #[serde(flatten)]
    pub(crate) frames: Counter,
    pub(crate) last: f64,
    pub(crate) duration: f64,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Totals {
    #[serde(flatten)]
    pub(crate) ip: Counter,
    pub(crate) tx: Counter,
    pub(crate) rx: Counter,
    pub(crate) hosts: u64,
    pub(crate) hosts_expired: u64,
    pub(crate) connections_opened: u64,
    pub(crate) connections_open: u64,
    pub(crate) inside: Vec<String>,
    pub(crate) conntrack: serde_json::Map<String, serde_json::Value>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Hosts {
    pub(crate) capture: Capture,
    pub(crate) totals: Totals,
    pub(crate) unaccounted: serde_json::Map<String, serde_json::Value>,
    pub(crate) hosts: Vec<Host>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Class {
    pub(crate) device: String,
    pub(crate) class: String,
    pub(crate) parent: String,
    pub(crate) host: Option<IpAddr>,
    pub(crate) rate: Option<u64>,
    pub(crate) ceil: Option<u64>,
    #[serde(flatten)]
    pub(crate) sent: Counter,
    pub(crate) dropped: u64,
    pub(crate) backlog: Counter,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Classes {
    pub(crate) classes: Vec<Class>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Qdisc {
    pub(crate) device: String,
    pub(crate) kind: String,
    pub(crate) handle: String,
    pub(crate) parent: String,
    #[serde(flatten)]
    pub(crate) sent: Counter,
    pub(crate) dropped: u64,
    pub(crate) backlog: Counter,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Qdiscs {
    pub(crate) qdiscs: Vec<Qdisc>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Table {
    pub(crate) count: u64,
    pub(crate) max: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Tables {
    pub(crate) connections: Table,
    pub(crate) hosts: Table,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Port {
    pub(crate) name: String,
    pub(crate) up: bool,
    pub(crate) received: u64,
    pub(crate) receive_dropped: u64,
    pub(crate) sent: u64,
    pub(crate) send_full: u64,
    pub(crate) send_refused: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Link {
    pub(crate) name: String,
    pub(crate) interface: Option<String>,
    pub(crate) up: bool,
    pub(crate) carrier: bool,
    pub(crate) mtu: u32,
    pub(crate) events: serde_json::Map<String, serde_json::Value>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Links {
    pub(crate) interfaces: Vec<Link>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Shard {
    pub(crate) number: usize,
    pub(crate) connections: u64,
    pub(crate) hosts: u64,
    #[serde(flatten)]
    pub(crate) frames: Counter,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Stats {
    pub(crate) version: String,
    pub(crate) started: f64,
    pub(crate) now: f64,
    pub(crate) totals: Totals,
    pub(crate) unaccounted: serde_json::Map<String, serde_json::Value>,
    pub(crate) frames: serde_json::Map<String, serde_json::Value>,
    pub(crate) tables: Tables,
    pub(crate) ports: Vec<Port>,
    pub(crate) links: Links,
    pub(crate) shards: Vec<Shard>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Side {
    pub(crate) src: IpAddr,
    pub(crate) dst: IpAddr,
    pub(crate) dport: Option<u16>,
    #[serde(flatten)]
    pub(crate) counter: Counter,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Connection {
    pub(crate) protocol: String,
    pub(crate) state: Option<String>,
    pub(crate) timeout: u64,
    pub(crate) original: Side,
    pub(crate) reply: Side,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Connections {
    pub(crate) connections: Vec<Connection>,
    pub(crate) next: Option<String>,
}

impl From<Counter> for tctable::conntrack::Counter {
    fn from(counter: Counter) -> Self {
        Self { packets: counter.packets, bytes: counter.bytes }
    }
}

/// Times are as exact as a float.
impl From<&Host> for HostRow {
    fn from(host: &Host) -> HostRow {
        let classes = [&host.tcp, &host.udp, &host.icmp, &host.other];
        let time = |seconds: f64| Instant::from_nanos((seconds * 1e9) as u64);
        HostRow {
            address: host.ip,
            classes: classes.map(|class| ClassCounters { tx: class.tx.into(), rx: class.rx.into() }),
            open: classes.map(|class| class.connections),
            opened: host.connections_opened,
            next_id: 0,
            first: time(host.first),
            last: time(host.last),
            left: Duration::ZERO,
        }
    }
}

/// What was not counted for any host, by cause, where there is anything.
pub(crate) fn causes(unaccounted: &serde_json::Map<String, serde_json::Value>) -> Vec<(String, Counter)> {
    let counter = |value: &serde_json::Value| Counter::deserialize(value).ok();
    let mut causes = Vec::new();
    for (name, value) in unaccounted {
        let parts = value.get("by_ethertype").or_else(|| value.get("by_cause")).and_then(|parts| parts.as_object());
        match parts {
            Some(parts) => {
                let part = |(part, value)| Some((format!("{name} {part}"), counter(value)?));
                causes.extend(parts.iter().filter_map(part));
            }
            None => causes.extend(counter(value).map(|counter| (name.clone(), counter))),
        }
    }
    causes.retain(|(_, counter)| counter.packets > 0);
    for (name, _) in &mut causes {
        *name = name.replace('_', " ");
    }
    causes
}
