//! Telling users that their answer is late.

use std::{sync::Arc, time::Duration};

use switchboard_core::{Author, chain};
use switchboard_store::{LeaseToken, ReplyOutcome, Store, StoreResult};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{channel::Attached, render::render};

/// How often the store is asked who has waited for too long.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How many notices are sent at a time.
const AT_ONCE: u32 = 100;

/// Sends the channel's notices until `stop`. Does nothing where none is configured.
pub(crate) async fn run(
    to: Attached,
    store: Arc<dyn Store>,
    fence: LeaseToken,
    ttl: Duration,
    stop: CancellationToken,
) {
    let Some((text, _)) = to.channel.policy.notice.clone() else { return };
    while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
        if let Err(error) = send_due(&to, &*store, fence, &text, ttl).await {
            tracing::warn!(channel = %to.channel.policy.name, error = %chain(&error), "no notices were sent");
        }
    }
}

async fn send_due(
    to: &Attached,
    store: &dyn Store,
    fence: LeaseToken,
    text: &str,
    ttl: Duration,
) -> StoreResult<()> {
    let channel = &to.channel.policy.name;
    for notice in store.due_notices(channel, AT_ONCE).await? {
        let asked_at = Instant::now();
        let message = render(&*to.messenger, &notice.conversation, Author::Gateway, text.to_owned(), ttl);
        match store.send_notice(channel, fence, &notice, message).await {
            Ok(Some(ReplyOutcome::Stored { deliveries, .. })) => {
                tracing::info!(%channel, chat_id = %notice.chat_id, "the answer is late; the user is told");
                to.channel.push(deliveries, asked_at);
            }
            Ok(_) => {}
            Err(error) if error.is_transient() => return Err(error),
            // One chat must not keep the others from being told.
            Err(error) => {
                tracing::error!(%channel, chat_id = %notice.chat_id, error = %chain(&error), "no notice was sent");
            }
        }
    }
    Ok(())
}
