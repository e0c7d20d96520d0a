use axum::extract::State;
use axum::response::Response;
use tctable::defrag::Statistics as Fragments;
use tctable_view::{Json, Summary, totals, unaccounted};

use super::error::ApiError;
use super::query::object;
use super::router::App;
use crate::link::{Kind, Link};
use crate::shard::PortView;
use crate::tables::{self, ShardView};

/// `GET /stats`
pub(super) async fn stats(State(app): App) -> Result<Response, ApiError> {
    let gathered = tables::gather(&app.daemon.shards).await?;
    let inside = tables::inside(&app.daemon.settings());
    let summary = Summary {
        totals: &gathered.totals,
        statistics: &gathered.conntrack,
        hosts: gathered.hosts(),
        open: gathered.connections(),
        inside: &inside,
    };
    let links = &app.daemon.links;
    Ok(object(|json| {
        json.plain("version", app.daemon.version);
        json.time("started", app.daemon.started);
        json.time("now", gathered.now);
        json.member("totals", |json| totals(json, &summary));
        json.member("unaccounted", |json| unaccounted(json, &gathered.totals));
        json.member("frames", |json| {
            json.counter("seen", gathered.totals.frames);
            gathered.counts.named().into_iter().for_each(|(name, counter)| json.counter(name, counter));
            json.number("unanswerable", gathered.counts.unanswerable);
        });
        json.member("tables", |json| {
            json.member("connections", |json| table(json, gathered.connections(), gathered.connections_max));
            json.member("hosts", |json| table(json, gathered.hosts(), gathered.hosts_max));
        });
        json.member("expectations", |json| {
            json.number("count", gathered.expectations);
            json.number("new", gathered.expected.new);
            json.number("create", gathered.expected.create);
            json.number("delete", gathered.expected.delete);
        });
        json.member("fragments", |json| {
            for (family, statistics) in ["ipv4", "ipv6"].into_iter().zip(&gathered.fragments) {
                json.member(family, |json| fragments(json, statistics));
            }
        });
        json.member("lost", |json| {
            json.number("events", gathered.totals.events_lost);
            json.number("answers", gathered.totals.transmits_lost);
        });
        json.number("repeats", gathered.totals.repeats);
        json.number("queue_bypassed", gathered.totals.queue_bypassed);
        json.array("ports", |json| gathered.ports.iter().for_each(|each| json.element(|json| port(json, each))));
        json.member("links", |json| {
            json.number("overruns", links.overruns());
            json.array("interfaces", |json| {
                links.view().iter().for_each(|each| json.element(|json| link(json, each)));
            });
        });
        json.array("shards", |json| gathered.shards.iter().for_each(|each| json.element(|json| shard(json, each))));
    }))
}

fn table(json: &mut Json<'_>, count: u64, max: u64) {
    json.number("count", count);
    json.number("max", max);
}

fn fragments(json: &mut Json<'_>, statistics: &Fragments) {
    json.number("requests", statistics.requests);
    json.number("oks", statistics.oks);
    json.number("fails", statistics.fails);
    json.number("timeouts", statistics.timeouts);
    json.number("overlaps", statistics.overlaps);
    json.number("queues", statistics.queues);
    json.number("memory", statistics.memory);
}

fn port(json: &mut Json<'_>, port: &PortView) {
    let statistics = &port.statistics;
    json.string("name", &port.name);
    json.raw("up", port.up);
    json.number("received", statistics.received);
    json.number("receive_dropped", statistics.receive_dropped);
    json.number("sent", statistics.sent);
    json.number("send_full", statistics.send_full);
    json.number("send_refused", statistics.send_refused);
}

fn link(json: &mut Json<'_>, link: &Link) {
    json.string("name", &link.name);
    match &link.interface {
        Some(interface) => json.string("interface", interface),
        None => json.raw("interface", "null"),
    }
    match link.index {
        Some(index) => json.number("index", index),
        None => json.raw("index", "null"),
    }
    json.raw("up", link.up);
    json.raw("carrier", link.carrier);
    json.number("mtu", link.mtu);
    json.member("events", |json| Kind::ALL.iter().for_each(|kind| json.number(kind.name(), link.count(*kind))));
}

fn shard(json: &mut Json<'_>, shard: &ShardView) {
    json.number("number", shard.number);
    json.number("connections", shard.connections);
    json.number("hosts", shard.hosts);
    json.packets_bytes(shard.frames);
}
