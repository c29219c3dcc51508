//! Sends webhooks, for each dialogue in order.
//!
//! A webhook is repeated until it is answered with 2xx or with a refusal, so that the gateway can
//! be restarted in between. The dialogue's later ones wait; other dialogues do not.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::join_all;
use reqwest::{StatusCode, header::CONTENT_TYPE};
use tokio::time::{Instant, sleep, sleep_until};
use url::Url;

use crate::{dialogue::Progress, shared::Shared};

/// The first pause before a webhook is repeated. It doubles from time to time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause before a webhook is repeated.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A webhook that is to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) message_id: String,
    pub(crate) not_before: Instant,
    pub(crate) content_type: &'static str,
    pub(crate) body: Bytes,
    pub(crate) copies: u8,
}

/// Sends what is in the queue of this chat until it is empty.
pub(crate) async fn drain(shared: Arc<Shared>, chat_id: String) {
    let work = async {
        while let Some(outgoing) = shared.next(&chat_id) {
            if outgoing.not_before > Instant::now() {
                sleep_until(outgoing.not_before).await;
            }
            let progress = send(&shared, &chat_id, &outgoing).await;
            shared.state().settle(&chat_id, &outgoing.message_id, progress);
        }
    };
    shared.stop.run_until_cancelled(work).await;
}

async fn send(shared: &Shared, chat_id: &str, outgoing: &Outgoing) -> Progress {
    if outgoing.copies <= 1 {
        return send_one(shared, chat_id, outgoing).await;
    }
    let copies = (0..outgoing.copies).map(|_| send_one(shared, chat_id, outgoing));
    let all = join_all(copies).await;
    all.into_iter().find(|progress| *progress != Progress::Delivered).unwrap_or(Progress::Delivered)
}

async fn send_one(shared: &Shared, chat_id: &str, outgoing: &Outgoing) -> Progress {
    let mut pause = FIRST_PAUSE;
    let mut attempts = 0;
    loop {
        let mut target = shared.target.subscribe();
        let url = shared.open_target(&mut target).await;
        attempts += 1;
        let status = match post(shared, url, outgoing).await {
            Ok(status) if status.is_success() => return Progress::Delivered,
            Ok(status) if is_refusal(status) => {
                tracing::warn!(%status, message_id = outgoing.message_id, "a webhook was refused");
                return Progress::Refused(status.as_u16());
            }
            Ok(status) => {
                tracing::debug!(%status, "a webhook is repeated");
                Some(status.as_u16())
            }
            Err(error) => {
                tracing::debug!(error = %error.without_url(), "a webhook is repeated");
                None
            }
        };
        let progress = Progress::Repeated { attempts, status };
        shared.state().note_repeat(chat_id, &outgoing.message_id, progress);
        // Another address is tried at once.
        tokio::select! {
            () = sleep(pause) => {}
            _ = target.changed() => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn post(shared: &Shared, url: Url, outgoing: &Outgoing) -> Result<StatusCode, reqwest::Error> {
    let _slot = shared.connections.acquire().await.expect("the semaphore is never closed");
    let request = shared.http.post(url).header(CONTENT_TYPE, outgoing.content_type);
    let response = request.body(outgoing.body.clone()).send().await?;
    let status = response.status();
    // A connection can be used again only after the answer is read.
    response.bytes().await?;
    Ok(status)
}

/// Whether repeating would only bring the same answer.
fn is_refusal(status: StatusCode) -> bool {
    let may_pass = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
    !status.is_server_error() && !may_pass
}
