use axum::response::Response;

use super::query::json;

/// The document, as tests hold it against the answers.
pub(super) const DOCUMENT: &str = include_str!("openapi.json");

/// `GET /openapi.json`
pub(super) async fn document() -> Response {
    json(DOCUMENT.to_owned())
}
