use std::fmt::Error;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use tctable::conntrack::Counter;
use tctable_view::{HostRow, sum};

use crate::link::{Kind, Link};
use crate::tables::Gathered;

/// What is told, gathered before it is written.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) version: &'static str,
    /// Seconds since the epoch.
    pub(super) started: f64,
    pub(super) gathered: Gathered,
    /// The interfaces.
    pub(super) links: Vec<Link>,
    /// How often what happened to them was not told.
    pub(super) link_overruns: u64,
    /// The top hosts.
    pub(super) hosts: Vec<HostRow>,
}

/// A sample's text, to its end mark.
pub(super) fn text(sample: Sample) -> Result<String, Error> {
    let mut registry = Registry::with_prefix("tctable");
    registry.register_collector(Box::new(sample));
    let mut text = String::new();
    text::encode(&mut text, &registry)?;
    Ok(text)
}

/// One of a counter's two numbers.
type Of = fn(&Counter) -> u64;
type Labels = Vec<(&'static str, String)>;

/// One family: its values by their labels.
struct Family<'a, 'b> {
    encoder: &'a mut DescriptorEncoder<'b>,
    name: &'static str,
    help: &'static str,
}

impl Family<'_, '_> {
    fn write(
        self,
        kind: MetricType,
        values: impl IntoIterator<Item = (Labels, u64)>,
        write: impl Fn(&mut prometheus_client::encoding::MetricEncoder<'_>, u64) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut values = values.into_iter().peekable();
        if values.peek().is_none() {
            return Ok(());
        }
        let mut family = self.encoder.encode_descriptor(self.name, self.help, None, kind)?;
        for (labels, value) in values {
            if labels.is_empty() {
                write(&mut family, value)?;
            } else {
                write(&mut family.encode_family(&labels)?, value)?;
            }
        }
        Ok(())
    }

    /// What only rises.
    fn counters(self, values: impl IntoIterator<Item = (Labels, u64)>) -> Result<(), Error> {
        self.write(MetricType::Counter, values, |metric, value| {
            metric.encode_counter::<NoLabelSet, u64, f64>(&value, None)
        })
    }

    /// What rises and falls.
    fn gauges(self, values: impl IntoIterator<Item = (Labels, u64)>) -> Result<(), Error> {
        self.write(MetricType::Gauge, values, |metric, value| metric.encode_gauge(&value))
    }
}

fn label(name: &'static str, value: impl ToString) -> Labels {
    vec![(name, value.to_string())]
}

impl Collector for Sample {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let encoder = &mut encoder;
        self.about(encoder)?;
        self.traffic(encoder)?;
        self.tables(encoder)?;
        self.ports(encoder)?;
        self.links(encoder)?;
        self.shards(encoder)?;
        self.hosts(encoder)
    }
}

macro_rules! family {
    ($encoder:expr, $name:literal, $help:literal) => {
        Family { encoder: $encoder, name: $name, help: $help }
    };
}

impl Sample {
    fn about(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        family!(encoder, "build_info", "The version that runs").gauges([(label("version", self.version), 1)])?;
        encoder
            .encode_descriptor("start_time_seconds", "When it began, since the epoch", None, MetricType::Gauge)?
            .encode_gauge(&self.started)
    }

    fn traffic(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let Gathered { totals, conntrack, fragments, counts, .. } = &self.gathered;
        let frames: Vec<(&str, Counter)> = counts.named().into_iter().filter(|(name, _)| *name != "waiting").collect();
        let by = |key, list: &[(&str, Counter)], of: Of| {
            list.iter().map(|(name, counter)| (label(key, name), of(counter))).collect::<Vec<_>>()
        };
        let packets: Of = |of| of.packets;
        let bytes: Of = |of| of.bytes;
        family!(encoder, "frames", "Frames, by what became of them").counters(by("outcome", &frames, packets))?;
        family!(encoder, "frame_bytes", "Their bytes").counters(by("outcome", &frames, bytes))?;
        family!(encoder, "frames_waiting", "Frames that wait in queues").gauges([(vec![], counts.waiting.packets)])?;
        family!(encoder, "frames_waiting_bytes", "Their bytes").gauges([(vec![], counts.waiting.bytes)])?;
        family!(encoder, "answers_unanswerable", "Answers for which no frame could be made")
            .counters([(vec![], counts.unanswerable)])?;
        let ip = [("seen", totals.ip), ("made", totals.made), ("tx", totals.tx()), ("rx", totals.rx())];
        let ip = [&ip[..], &[("inside_to_inside", totals.inside_to_inside)]].concat();
        family!(encoder, "ip_packets", "IP packets, and those that hosts sent and received")
            .counters(by("what", &ip, packets))?;
        family!(encoder, "ip_bytes", "Their bytes").counters(by("what", &ip, bytes))?;
        // Ethertypes are whatever somebody sends: they have no label each.
        let unaccounted = &totals.unaccounted;
        let mut causes: Vec<(&str, Counter)> =
            unaccounted.by_cause().into_iter().filter(|(cause, _)| *cause != "queued").collect();
        causes.push(("not_ip", sum(unaccounted.not_ip.values().copied())));
        family!(encoder, "unaccounted_packets", "Packets that count for no host, by cause")
            .counters(by("cause", &causes, packets))?;
        family!(encoder, "unaccounted_bytes", "Their bytes").counters(by("cause", &causes, bytes))?;
        let malformed: Vec<_> = unaccounted.malformed().map(|(cause, counter)| (cause.name(), counter)).collect();
        family!(encoder, "malformed_packets", "Packets whose headers make no sense, by cause")
            .counters(by("cause", &malformed, packets))?;
        family!(encoder, "queued_packets", "Packets that wait in queues of rules")
            .gauges([(vec![], unaccounted.queued.packets)])?;
        let conntrack = conntrack.named().map(|(name, count)| (label("event", name), count));
        family!(encoder, "conntrack_events", "As conntrack -S tells").counters(conntrack)?;
        let fragments = ["ipv4", "ipv6"].into_iter().zip(fragments).flat_map(|(family, of)| {
            let events = [("request", of.requests), ("ok", of.oks), ("fail", of.fails), ("timeout", of.timeouts)];
            events.map(|(event, count)| (vec![("family", family.to_owned()), ("event", event.to_owned())], count))
        });
        family!(encoder, "fragments", "Reassembly, by what became of it").counters(fragments)?;
        let lost = [("events", totals.events_lost), ("answers", totals.transmits_lost)];
        family!(encoder, "lost", "What was lost because too much waited")
            .counters(lost.map(|(what, count)| (label("what", what), count)))
    }

    fn tables(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let gathered = &self.gathered;
        let one = |value| [(vec![], value)];
        family!(encoder, "connections", "Connections that are open").gauges(one(gathered.connections()))?;
        family!(encoder, "connections_max", "Connections that may be open").gauges(one(gathered.connections_max))?;
        family!(encoder, "hosts", "Entries of hosts").gauges(one(gathered.hosts()))?;
        family!(encoder, "hosts_max", "Entries of hosts that there may be").gauges(one(gathered.hosts_max))?;
        family!(encoder, "expectations", "Connections that are expected").gauges(one(gathered.expectations))?;
        family!(encoder, "hosts_expired", "Entries of hosts that expired")
            .counters(one(gathered.totals.hosts_expired))?;
        family!(encoder, "hosts_refused", "Times that there was no place for a host")
            .counters(one(gathered.totals.hosts_refused))
    }

    fn ports(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let ports = &self.gathered.ports;
        let up = ports.iter().map(|port| (label("port", &port.name), u64::from(port.up)));
        family!(encoder, "port_up", "Whether a port is there and up").gauges(up)?;
        let frames = ports.iter().flat_map(|port| {
            let of = &port.statistics;
            let counts = [
                ("received", of.received),
                ("receive_dropped", of.receive_dropped),
                ("sent", of.sent),
                ("send_full", of.send_full),
                ("send_refused", of.send_refused),
            ];
            counts.map(|(what, count)| (vec![("port", port.name.to_string()), ("what", what.to_owned())], count))
        });
        family!(encoder, "port_frames", "Frames of a port, by what the kernel did with them").counters(frames)
    }

    fn links(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let of = |of: fn(&Link) -> u64| self.links.iter().map(move |link| (label("device", &link.name), of(link)));
        family!(encoder, "link_up", "Whether an interface is there, was brought up and has a carrier")
            .gauges(of(|link| u64::from(link.up && link.carrier)))?;
        family!(encoder, "link_mtu_bytes", "Its MTU").gauges(of(|link| link.mtu.into()))?;
        let events = self.links.iter().flat_map(|link| {
            Kind::ALL
                .map(|kind| (vec![("device", link.name.clone()), ("event", kind.name().to_owned())], link.count(kind)))
        });
        family!(encoder, "link_events", "What has happened to an interface").counters(events)?;
        family!(encoder, "link_overruns", "Times that more happened to interfaces than there was room to tell")
            .counters([(vec![], self.link_overruns)])
    }

    fn shards(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let shards = || self.gathered.shards.iter().map(|shard| (label("shard", shard.number), shard));
        family!(encoder, "shard_connections", "Connections that are open in a shard")
            .gauges(shards().map(|(labels, shard)| (labels, shard.connections)))?;
        family!(encoder, "shard_hosts", "Entries of hosts in a shard")
            .gauges(shards().map(|(labels, shard)| (labels, shard.hosts)))?;
        family!(encoder, "shard_frames", "Frames that a shard's engine saw")
            .counters(shards().map(|(labels, shard)| (labels, shard.frames.packets)))?;
        family!(encoder, "shard_bytes", "Their bytes")
            .counters(shards().map(|(labels, shard)| (labels, shard.frames.bytes)))
    }

    fn hosts(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let sides = |of: fn(Counter) -> u64| {
            self.hosts.iter().flat_map(move |host| {
                [("tx", host.tx()), ("rx", host.rx())].map(|(side, counter)| {
                    (vec![("host", host.address.to_string()), ("direction", side.to_owned())], of(counter))
                })
            })
        };
        family!(encoder, "host_packets", "Packets of the top hosts, as they see them")
            .counters(sides(|of| of.packets))?;
        family!(encoder, "host_bytes", "Their bytes").counters(sides(|of| of.bytes))?;
        let open = self.hosts.iter().map(|host| (label("host", host.address), host.open_connections()));
        family!(encoder, "host_connections", "Open connections of the top hosts").gauges(open)?;
        let opened = self.hosts.iter().map(|host| (label("host", host.address), host.opened));
        family!(encoder, "host_connections_opened", "Connections that the top hosts opened").counters(opened)
    }
}
