use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use tctable_view::rules;

use super::error::ApiError;
use super::query::{Asked, Format, object, plain};
use super::router::App;
use crate::tables;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Of {
    #[serde(default)]
    format: Format,
    family: Option<Family>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Family {
    Ipv4,
    Ipv6,
}

/// `GET /rules`
pub(super) async fn list(State(app): App, Asked(of): Asked<Of>) -> Result<Response, ApiError> {
    let [v4, v6] = tables::rules(&app.daemon.shards).await?;
    let loaded = [(Family::Ipv4, v4), (Family::Ipv6, v6)];
    let wanted = loaded.into_iter().filter(|(family, _)| of.family.is_none_or(|wanted| wanted == *family));
    let wanted: Vec<_> = wanted.filter_map(|(_, rules)| rules).collect();
    match of.format {
        Format::Text => Ok(plain(wanted.iter().map(ToString::to_string).collect())),
        Format::Json => Ok(object(|json| {
            json.array("rules", |json| wanted.iter().for_each(|each| json.element(|json| rules(json, each))));
        })),
    }
}
