//! Hints between replicas, by `NOTIFY`.
//!
//! Every `NOTIFY` is a commit under a lock of the whole server, so hints come here in batches, some
//! dozens a second at most.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgListener, PgPoolOptions};
use switchboard_core::ChannelName;
use switchboard_store::{About, Hint, HintStore, StoreResult};

use crate::{
    PostgresStore,
    error::{Fault, within},
};

/// The name under which Postgres passes hints on.
const NAME: &str = "switchboard";
/// Postgres refuses a payload of 8,000 bytes and more.
const MAX_BYTES: usize = 7_999;

/// After how long a silent connection is asked whether there is still a server at its end.
const QUIET: Duration = Duration::from_secs(30);

/// A hint on its way.
#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    from: String,
    channel: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[async_trait]
impl HintStore for PostgresStore {
    #[tracing::instrument(name = "db.hint.tell", level = "debug", skip_all)]
    async fn hint(&self, from: &str, hints: Vec<Hint>) -> StoreResult<()> {
        let payloads = hints.into_iter().map(|hint| payload(from, hint));
        let payloads: Vec<String> = payloads.filter(|it| it.len() <= MAX_BYTES).collect();
        within("db.hint.tell", async {
            let mut session = self.session().await?;
            // Nothing is written that would have to survive a crash.
            sqlx::query!(
                r#"
                SELECT set_config('synchronous_commit', 'off', TRUE), pg_notify($1, payload)::TEXT
                FROM unnest($2::TEXT[]) AS payload
                "#,
                NAME,
                &payloads,
            )
            .fetch_all(&mut *session)
            .await?;
            session.done();
            Ok(())
        })
        .await
    }

    async fn listen(&self, me: &str, heard: &(dyn Fn(Hint) + Send + Sync)) -> StoreResult<()> {
        let fail = |error: sqlx::Error| Fault::from(error).during("db.hint.listen");
        // A connection of its own, so that the pool does not lack one.
        let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(self.options.clone());
        let mut listener = PgListener::connect_with(&pool).await.map_err(fail)?;
        listener.ignore_pool_close_event(true);
        // Whoever listens is told that something may have been missed.
        listener.eager_reconnect(false);
        listener.listen(NAME).await.map_err(fail)?;
        loop {
            let Ok(next) = tokio::time::timeout(QUIET, listener.try_recv()).await else {
                let alive = async { Ok(sqlx::query("SELECT 1").execute(&mut listener).await?) };
                within("db.hint.listen", alive).await?;
                continue;
            };
            let Some(notification) = next.map_err(fail)? else {
                let lost = Fault::Unavailable("the connection was lost".into());
                return Err(lost.during("db.hint.listen"));
            };
            // Another version's, or somebody else's under the same name.
            let Ok(payload) = serde_json::from_str::<Payload>(notification.payload()) else { continue };
            if payload.from != me {
                heard(payload.into());
            }
        }
    }
}

fn payload(from: &str, Hint { channel, about }: Hint) -> String {
    let note = match about {
        About::Work => None,
        About::Note(note) => Some(note),
    };
    let payload = Payload { from: from.to_owned(), channel: channel.as_str().to_owned(), note };
    serde_json::to_string(&payload).expect("texts are JSON")
}

impl From<Payload> for Hint {
    fn from(Payload { channel, note, .. }: Payload) -> Self {
        Self { channel: ChannelName::new(channel), about: note.map_or(About::Work, About::Note) }
    }
}
