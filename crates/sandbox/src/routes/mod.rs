//! What is reached over HTTP.

mod control;
mod origin;
mod panel;
mod send_message;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{FromRequest, Request, rejection::JsonRejection},
    http::StatusCode,
    middleware,
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::shared::Shared;

/// All routes.
pub(crate) fn router(shared: &Arc<Shared>) -> Router {
    Router::new()
        .merge(send_message::routes())
        .merge(control::routes())
        .merge(panel::routes())
        .layer(middleware::from_fn_with_state(Arc::clone(shared), origin::guard))
        .with_state(Arc::clone(shared))
}

/// Put on an answer, it is not sent; the connection is closed instead.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("closed because a fault asks for it")]
pub(crate) struct CloseConnection;

/// A refusal with its reason.
#[derive(Debug)]
pub(crate) struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"reason": self.1}))).into_response()
    }
}

/// A body in JSON; anything else is refused with the reason.
pub(crate) struct Body<T>(T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let body: Result<Json<T>, JsonRejection> = Json::from_request(request, state).await;
        match body {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => Err(Refusal(rejection.status(), rejection.body_text())),
        }
    }
}
