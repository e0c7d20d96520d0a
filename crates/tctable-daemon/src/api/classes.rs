use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use tctable::sched::{Backlog, ClassOptions, Count};
use tctable_view::Json;

use super::error::ApiError;
use super::query::{Asked, object};
use super::router::App;
use crate::tables::{self, ClassHost, ClassView, QdiscView};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Of {
    device: Option<String>,
}

impl Of {
    fn wants(&self, device: &str) -> bool {
        self.device.as_deref().is_none_or(|wanted| wanted == device)
    }
}

/// `GET /qdiscs`
pub(super) async fn qdiscs(State(app): App, Asked(of): Asked<Of>) -> Result<Response, ApiError> {
    let all = tables::qdiscs(&app.daemon.shards).await?;
    Ok(object(|json| {
        json.array("qdiscs", |json| {
            let wanted = all.iter().filter(|qdisc| of.wants(&qdisc.device));
            wanted.for_each(|each| json.element(|json| qdisc(json, each)));
        });
    }))
}

/// `GET /classes`
pub(super) async fn classes(State(app): App, Asked(of): Asked<Of>) -> Result<Response, ApiError> {
    let all = tables::classes(&app.daemon.shards).await?;
    Ok(object(|json| {
        json.array("classes", |json| {
            let wanted = all.iter().filter(|class| of.wants(&class.device));
            wanted.for_each(|each| json.element(|json| class(json, each)));
        });
    }))
}

fn qdisc(json: &mut Json<'_>, qdisc: &QdiscView) {
    let view = &qdisc.view;
    json.string("device", &qdisc.device);
    json.plain("kind", view.options.kind());
    json.plain("handle", view.handle);
    json.plain("parent", view.parent);
    counters(json, view.sent, view.dropped, view.overlimits, view.backlog);
    json.number("requeues", view.requeues);
}

fn class(json: &mut Json<'_>, class: &ClassView) {
    let view = &class.entry.view;
    json.string("device", &class.device);
    json.plain("kind", class.entry.kind);
    json.plain("class", view.id);
    json.plain("parent", view.parent);
    if let Some(leaf) = view.leaf {
        json.plain("leaf", leaf);
    }
    match class.host {
        Some(ClassHost::Address(address)) => json.plain("host", address),
        Some(ClassHost::Group(group)) => json.number("group", group),
        None => {}
    }
    match view.options {
        Some(ClassOptions::Htb(options)) => {
            // Bits a second, as tc's lines say it.
            json.number("rate", options.rate.rate.0 * 8);
            json.number("ceil", options.ceil.unwrap_or(options.rate).rate.0 * 8);
            json.number("prio", options.prio);
        }
        Some(ClassOptions::Cbq(options)) => json.number("rate", options.rate.rate.0 * 8),
        None => {}
    }
    counters(json, view.sent, view.dropped, view.overlimits, view.backlog);
}

fn counters(json: &mut Json<'_>, sent: Count, dropped: u64, overlimits: u64, backlog: Backlog) {
    json.number("packets", sent.packets);
    json.number("bytes", sent.bytes);
    json.number("dropped", dropped);
    json.number("overlimits", overlimits);
    json.member("backlog", |json| {
        json.number("packets", backlog.packets);
        json.number("bytes", backlog.bytes);
    });
}
