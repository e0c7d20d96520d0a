//! What a request says beside its path, and answers to it.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use tctable_view::Json;

use super::error::ApiError;

/// What stands behind the question mark. Whatever is not known there is an error: a filter that is misspelt must not ask
/// for everything.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Asked<T>, ApiError> {
        let query = Query::try_from_uri(&parts.uri).map_err(|error| ApiError::bad_request(error.body_text()))?;
        Ok(Asked(query.0))
    }
}

/// The part of the path that a route leaves open.
pub(super) struct Named(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Named, ApiError> {
        let path = Path::from_request_parts(parts, state).await;
        Ok(Named(path.map_err(|error| ApiError::bad_request(error.body_text()))?.0))
    }
}

/// A body of JSON, whatever its media type is said to be.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Body<T>, ApiError> {
        let bytes = Bytes::from_request(request, state).await.map_err(|_| ApiError::too_large())?;
        let value = serde_json::from_slice(&bytes).map_err(|error| ApiError::bad_request(error.to_string()))?;
        Ok(Body(value))
    }
}

/// How a list is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    /// One document.
    #[default]
    Json,
    /// The lines of the program that has such a list.
    Text,
}

/// A document.
pub(super) fn object(members: impl FnOnce(&mut Json<'_>)) -> Response {
    let mut text = String::new();
    Json::object(&mut text, members);
    text.push('\n');
    json(text)
}

/// Text that is a document.
pub(super) fn json(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// Text that is none.
pub(super) fn plain(text: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}
