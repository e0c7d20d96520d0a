use axum::extract::State;
use axum::response::Response;

use super::error::ApiError;
use super::query::object;
use super::router::App;
use crate::ReloadError;

/// `POST /reload`
pub(super) async fn reload(State(app): App) -> Result<Response, ApiError> {
    match app.daemon.reload().await {
        Ok(reloaded) => Ok(object(|json| {
            json.array("changed", |json| reloaded.changed.iter().for_each(|line| json.string_element(line)));
        })),
        Err(ReloadError::Gone) => Err(ApiError::unavailable("the gateway ends")),
        Err(error @ (ReloadError::Config(_) | ReloadError::Fixed(_))) => Err(ApiError::refused(error.to_string())),
    }
}
