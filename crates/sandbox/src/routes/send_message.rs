//! `POST /api/1.1/wf/send_message_external`: a user's message for the AI.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::json;

use super::{CloseConnection, Refusal};
use crate::{
    journal::Outcome,
    shared::Shared,
    state::{Reception, Request},
};

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/api/1.1/wf/send_message_external", post(send_message))
}

async fn send_message(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let request = match authorize(&shared, &headers).and_then(|()| read(&headers, &body)) {
        Ok(request) => request,
        Err(refusal) => {
            shared.state().note_refusal(refusal.0.as_u16());
            return refusal.into_response();
        }
    };
    let chat_id = request.chat_id.clone();
    let reception = shared.state().receive(request);
    if reception.taken {
        shared.wake(&chat_id);
    }
    answer(&shared, reception).await
}

fn authorize(shared: &Shared, headers: &HeaderMap) -> Result<(), Refusal> {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = token.and_then(|value| value.strip_prefix("Bearer "));
    match token {
        Some(token) if shared.accepts(token) => Ok(()),
        _ => Err(Refusal(StatusCode::UNAUTHORIZED, "the bearer token is wrong or missing".to_owned())),
    }
}

fn read(headers: &HeaderMap, body: &[u8]) -> Result<Request, Refusal> {
    let refuse = |reason: String| Err(Refusal(StatusCode::BAD_REQUEST, reason));
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    if !content_type.to_ascii_lowercase().starts_with("application/json") {
        return refuse("expected Content-Type: application/json".to_owned());
    }
    let request: Request = match serde_json::from_slice(body) {
        Ok(request) => request,
        Err(error) => return refuse(format!("expected the strings task_id, chat_id and message: {error}")),
    };
    for (name, value) in
        [("task_id", &request.task_id), ("chat_id", &request.chat_id), ("message", &request.message)]
    {
        if value.trim().is_empty() {
            return refuse(format!("{name} is empty"));
        }
    }
    Ok(request)
}

async fn answer(shared: &Shared, reception: Reception) -> Response {
    let mut response = match reception.outcome {
        Outcome::Answered(200) => Json(json!({"status": "success", "response": {}})).into_response(),
        Outcome::Answered(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            Refusal(status, reception.reason.to_owned()).into_response()
        }
        Outcome::Closed => close(),
        Outcome::Hung => {
            // Until the other side gives up, which drops this future.
            shared.stop.cancelled().await;
            close()
        }
    };
    if let Some(value) = reception.retry_after.and_then(|value| HeaderValue::try_from(value).ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

fn close() -> Response {
    let mut response = Response::default();
    response.extensions_mut().insert(CloseConnection);
    response
}
