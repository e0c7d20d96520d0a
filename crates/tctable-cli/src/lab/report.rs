//! What came of a lab, for people and for programs.

use std::fmt::Write;
use std::time::Duration;

use tctable_lab::live::ping::Pinged;
use tctable_lab::live::{Counters, Host, Network};
use tctable_view::Json;

use super::args::Lab;
use super::cpu::Busy;
use super::hosts::HostCounts;
use super::tools::Tools;
use super::traffic::Outcome;
use crate::report::units::{BitRate, Bytes, Count};

/// Everything that is known at the end.
pub(super) struct Report<'a> {
    pub(super) args: &'a Lab,
    pub(super) network: &'a Network,
    /// What the gateway counted for each client.
    pub(super) hosts: Vec<HostCounts>,
    /// What each client's interface counted.
    pub(super) interfaces: Vec<Counters>,
    pub(super) traffic: Outcome,
    pub(super) busy: Busy,
    pub(super) tools: Tools,
}

impl Report<'_> {
    fn rows(&self) -> impl Iterator<Item = (&Host, HostCounts, Counters)> {
        let counted = self.hosts.iter().zip(&self.interfaces);
        self.network.clients.iter().zip(counted).map(|(host, (counts, interface))| (host, *counts, *interface))
    }

    fn gateway(&self) -> String {
        match (self.args.kernel, self.args.xdp) {
            (true, _) => "the kernel routes, with conntrack and counting sets of nft".to_owned(),
            (false, xdp) => format!(
                "tctable in line, {} shard{}, {}",
                self.args.shards,
                if self.args.shards.get() == 1 { "" } else { "s" },
                if xdp { "AF_XDP" } else { "packet sockets" }
            ),
        }
    }

    pub(super) fn write(&self, text: &mut String) {
        if self.args.json {
            Json::object(text, |json| self.json(json));
            text.push('\n');
        } else {
            self.table(text).expect("a text takes everything");
        }
    }

    fn table(&self, text: &mut String) -> std::fmt::Result {
        let traffic = &self.traffic;
        writeln!(text, "Gateway   {}", self.gateway())?;
        writeln!(
            text,
            "Traffic   {} clients, {} servers, IPv4 and IPv6, {:.1} s\n",
            self.network.clients.len(),
            self.network.servers.len(),
            traffic.took.as_secs_f64()
        )?;
        writeln!(
            text,
            "{:10} {:>18} {:>18} {:>18} {:>18}",
            "bytes", "sent, gateway", "interface", "received, gateway", "interface"
        )?;
        let mut equal = true;
        for (host, counts, interface) in self.rows() {
            let pairs = [(counts.tx.bytes, interface.sent_payload()), (counts.rx.bytes, interface.received_payload())];
            let [sent, received] = pairs.map(|(counted, passed)| {
                equal &= counted == passed;
                format!("{:>18} {:>18}", Count(counted).to_string(), Count(passed).to_string())
            });
            writeln!(text, "{:10} {sent} {received}", host.v4.to_string())?;
            writeln!(text, "  {}", host.v6)?;
        }
        let verdict = match equal {
            true => "Every byte that the interfaces of the clients saw was counted for them, and none else.",
            false => "They differ: what was lost on the way is on one side only.",
        };
        writeln!(text, "{verdict}\n")?;
        let rate = |bytes| BitRate(per_second(bytes, traffic.took) * 8);
        writeln!(
            text,
            "TCP       {} down, {} up, {} connections",
            rate(traffic.down),
            rate(traffic.up),
            traffic.connections
        )?;
        writeln!(text, "UDP       {} datagrams, {} lost", Count(traffic.datagrams), Count(traffic.lost))?;
        writeln!(text, "ping      idle {}, loaded {}", latency(&traffic.idle), latency(&traffic.loaded))?;
        if let Some(rate) = self.tools.iperf3 {
            writeln!(text, "iperf3    {} down", BitRate(rate))?;
        }
        if let Some(rate) = self.tools.curl {
            writeln!(text, "curl      100 MB at {}", BitRate(rate))?;
        }
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        if let Some(process) = self.busy.process {
            write!(text, "CPU       gateway {process:.2}, machine ")?;
        } else {
            write!(text, "CPU       machine ")?;
        }
        writeln!(text, "{:.2} of {processors} processors (senders and receivers are on it too)", self.busy.machine)
    }

    fn json(&self, json: &mut Json<'_>) {
        let traffic = &self.traffic;
        json.plain("gateway", if self.args.kernel { "kernel" } else { "tctable" });
        json.array("hosts", |json| {
            for (host, counts, interface) in self.rows() {
                json.element(|json| {
                    json.array("addresses", |json| {
                        host.addresses().iter().for_each(|address| json.plain_element(&address.to_string()));
                    });
                    for (name, counted, frames, bytes) in [
                        ("tx", counts.tx, interface.sent, interface.sent_payload()),
                        ("rx", counts.rx, interface.received, interface.received_payload()),
                    ] {
                        json.member(name, |json| {
                            json.counter("gateway", counted);
                            json.member("interface", |json| {
                                json.number("packets", frames);
                                json.number("bytes", bytes);
                            });
                        });
                    }
                });
            }
        });
        json.member("tcp", |json| {
            json.number("connections", traffic.connections);
            json.number("down_bits_per_second", per_second(traffic.down, traffic.took) * 8);
            json.number("up_bits_per_second", per_second(traffic.up, traffic.took) * 8);
        });
        json.member("udp", |json| {
            json.number("sent", traffic.datagrams);
            json.number("lost", traffic.lost);
        });
        json.member("ping", |json| {
            for (name, pinged) in [("idle", &traffic.idle), ("loaded", &traffic.loaded)] {
                json.member(name, |json| {
                    json.number("sent", pinged.sent);
                    json.number("lost", pinged.sent - pinged.times.len() as u32);
                    for (name, permille) in [("p50_ns", 500), ("p99_ns", 990)] {
                        if let Some(time) = pinged.quantile(permille) {
                            json.number(name, time.as_nanos());
                        }
                    }
                });
            }
        });
        json.member("tools", |json| {
            for (name, rate) in [("iperf3", self.tools.iperf3), ("curl", self.tools.curl)] {
                if let Some(rate) = rate {
                    json.number(name, rate);
                }
            }
        });
        json.member("cpu", |json| {
            if let Some(process) = self.busy.process {
                json.raw("gateway", format_args!("{process:.3}"));
            }
            json.raw("machine", format_args!("{:.3}", self.busy.machine));
        });
    }
}

fn per_second(amount: u64, span: Duration) -> u64 {
    (amount as f64 / span.as_secs_f64().max(1e-9)) as u64
}

fn latency(pinged: &Pinged) -> String {
    let micros = |permille| pinged.quantile(permille).map_or("-".to_owned(), |time| time.as_micros().to_string());
    let lost = pinged.sent as usize - pinged.times.len();
    format!("50 % {} µs, 99 % {} µs, {lost} of {} lost", micros(500), micros(990), pinged.sent)
}

/// What hosts sent and received between two looks, one second apart.
pub(super) fn rates(network: &Network, before: &[HostCounts], now: &[HostCounts], text: &mut String) {
    let rows = network.clients.iter().zip(before.iter().zip(now)).map(|(host, (before, now))| {
        (host.v4, now.tx.bytes, now.rx.bytes, now.tx.bytes - before.tx.bytes, now.rx.bytes - before.rx.bytes)
    });
    let _ = writeln!(text, "{:15} {:>12} {:>12} {:>14} {:>14}", "host", "sent", "received", "sending", "receiving");
    for (address, tx, rx, sending, receiving) in rows {
        let (tx, rx) = (Bytes(tx).to_string(), Bytes(rx).to_string());
        let (sending, receiving) = (BitRate(sending * 8).to_string(), BitRate(receiving * 8).to_string());
        let _ = writeln!(text, "{:15} {tx:>12} {rx:>12} {sending:>14} {receiving:>14}", address.to_string());
    }
}
