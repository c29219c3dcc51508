//! What clients are refused because there is too much of it, and how that is told: to them, in the log and
//! in the metrics.

use std::sync::LazyLock;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::json;
use tokio::net::TcpStream;

use crate::{log_limit::LogLimit, telemetry};

/// What was too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Connections in all.
    Connections,
    /// Connections, or requests, of one address.
    Address,
    /// Connections whose client is waited for: one was closed.
    Waiting,
    /// Requests that are worked on.
    Requests,
    /// Bytes of bodies that have not come whole.
    Bodies,
    /// Streams of events.
    Streams,
}

/// When to come again, in seconds.
const SOON: u32 = 5;
/// The same for a page that finds no place for its stream: it can write all the same.
const LATER: u32 = 30;

impl Refused {
    pub(crate) const ALL: [Self; 6] =
        [Self::Connections, Self::Address, Self::Waiting, Self::Requests, Self::Bodies, Self::Streams];

    /// The word that is counted.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Address => "address",
            Self::Waiting => "waiting",
            Self::Requests => "requests",
            Self::Bodies => "bodies",
            Self::Streams => "streams",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Address => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn retry_after(self) -> u32 {
        if self == Self::Streams { LATER } else { SOON }
    }

    /// Counts it, and writes a line now and then.
    pub(super) fn note(self) {
        static LIMITS: LazyLock<[LogLimit; Refused::ALL.len()]> =
            LazyLock::new(|| Refused::ALL.map(|_| LogLimit::per_minute(1)));
        telemetry::count_refusal(self);
        if let Some(left_out) = LIMITS[self as usize].admit() {
            let reason = self.as_str();
            tracing::warn!(reason, left_out, "clients hold too much; some are refused");
        }
    }

    /// The answer to a request. What `answered` has told the browser besides stays: without it, a page on
    /// another site could not read this.
    pub(super) fn instead_of(self, answered: Response) -> Response {
        let (mut head, _) = answered.into_parts();
        let after = self.retry_after();
        let body =
            json!({ "error": "unavailable", "reason": "too much at the moment", "retry_after": after });
        let (own, body) = (self.status(), Json(body)).into_response().into_parts();
        head.status = own.status;
        head.headers.remove(header::CONTENT_LENGTH);
        head.headers.extend(own.headers);
        head.headers.insert(header::RETRY_AFTER, HeaderValue::from(after));
        Response::from_parts(head, body)
    }

    /// The answer to a request that was not looked at.
    pub(super) fn response(self) -> Response {
        self.instead_of(Response::default())
    }

    /// Tells whoever connected, if that can be done at once.
    pub(super) fn tell(self, stream: &TcpStream) {
        let (status, after) = (self.status(), self.retry_after());
        let answer = format!(
            "HTTP/1.1 {status}\r\nRetry-After: {after}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        );
        // Whoever does not hear it sees that the connection is closed.
        let _ = stream.try_write(answer.as_bytes());
    }
}
