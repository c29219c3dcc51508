//! `GET /panel/api/changes`: server-sent events that say that something changed, and nothing of
//! what. The page then asks for what it shows; an event that it missed costs nothing.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::HeaderName,
    response::{
        IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{StreamExt as _, stream};
use tokio::time::sleep;

use crate::shared::Shared;

/// How long at least between two events, so that a busy sandbox does not keep its panels busy.
const PAUSE: Duration = Duration::from_millis(200);
/// How often a stream without events shows that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// After how long the page comes back when the connection breaks.
const RECONNECT: Duration = Duration::from_secs(1);

pub(super) async fn changes(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let versions = shared.state().versions();
    let events = stream::unfold((versions, true), |(mut versions, first)| async move {
        if !first {
            sleep(PAUSE).await;
            versions.changed().await.ok()?;
        }
        let version = *versions.borrow_and_update();
        let event = Event::default().retry(RECONNECT).data(version.to_string());
        Some((Ok::<_, Infallible>(event), (versions, false)))
    });
    let events = events.take_until(shared.stop.clone().cancelled_owned());
    let unbuffered = [(HeaderName::from_static("x-accel-buffering"), "no")];
    (unbuffered, Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
}
