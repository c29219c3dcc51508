//! Who runs a channel. See also [`crate::fence`].

use std::time::Duration;

use async_trait::async_trait;
use switchboard_core::{ChannelName, Cursor};
use switchboard_store::{Lease, LeaseStore, LeaseToken, StoreResult};

use crate::{PostgresStore, convert::to_micros, error::within};

#[async_trait]
impl LeaseStore for PostgresStore {
    #[tracing::instrument(name = "db.channel.register", level = "debug", skip_all, fields(%channel))]
    async fn register_channel(&self, channel: &ChannelName, kind: &str) -> StoreResult<()> {
        within("db.channel.register", async {
            let mut session = self.session().await?;
            sqlx::query!(
                r#"
                INSERT INTO channel (name, kind)
                VALUES ($1, $2)
                ON CONFLICT (name) DO UPDATE
                SET kind = excluded.kind, cursor = NULL
                WHERE channel.kind <> excluded.kind
                "#,
                channel.as_str(),
                kind,
            )
            .execute(&mut *session)
            .await?;
            session.done();
            Ok(())
        })
        .await
    }

    #[tracing::instrument(name = "db.channel.acquire", level = "debug", skip_all, fields(%channel))]
    async fn acquire(
        &self,
        channel: &ChannelName,
        replica: &str,
        ttl: Duration,
        by_force: bool,
    ) -> StoreResult<Option<Lease>> {
        within("db.channel.acquire", async {
            let mut session = self.session().await?;
            // The lock waits for the completions under way that name the present token, and for
            // another replica that acquires; the conditions are then checked on what that one left.
            let row = sqlx::query!(
                r#"
                WITH held AS (
                    SELECT name FROM channel WHERE name = $1 FOR UPDATE
                )
                UPDATE channel
                SET owner = $2,
                    lease_token = lease_token + 1,
                    lease_until = clock_timestamp() + $3::bigint * interval '1 microsecond'
                FROM held
                WHERE channel.name = held.name
                  AND (channel.owner IS NULL OR channel.lease_until <= clock_timestamp() OR $4)
                RETURNING lease_token, cursor
                "#,
                channel.as_str(),
                replica,
                to_micros(ttl),
                by_force,
            )
            .fetch_optional(&mut *session)
            .await?;
            session.done();
            Ok(row
                .map(|row| Lease { token: LeaseToken(row.lease_token), cursor: row.cursor.map(Cursor::new) }))
        })
        .await
    }

    #[tracing::instrument(name = "db.channel.is_owned", level = "debug", skip_all, fields(%channel))]
    async fn is_owned(&self, channel: &ChannelName) -> StoreResult<bool> {
        within("db.channel.is_owned", async {
            let mut session = self.session().await?;
            let owned = sqlx::query_scalar!(
                r#"
                SELECT EXISTS (
                    SELECT FROM channel
                    WHERE name = $1 AND owner IS NOT NULL AND lease_until > clock_timestamp()
                ) AS "owned!"
                "#,
                channel.as_str(),
            )
            .fetch_one(&mut *session)
            .await?;
            session.done();
            Ok(owned)
        })
        .await
    }

    #[tracing::instrument(name = "db.channel.renew", level = "debug", skip_all, fields(%channel))]
    async fn renew(&self, channel: &ChannelName, token: LeaseToken, ttl: Duration) -> StoreResult<bool> {
        within("db.channel.renew", async {
            let mut session = self.session().await?;
            let renewed = sqlx::query!(
                r#"
                UPDATE channel
                SET lease_until = clock_timestamp() + $3::bigint * interval '1 microsecond'
                WHERE name = $1 AND lease_token = $2 AND owner IS NOT NULL
                "#,
                channel.as_str(),
                token.0,
                to_micros(ttl),
            )
            .execute(&mut *session)
            .await?;
            session.done();
            Ok(renewed.rows_affected() > 0)
        })
        .await
    }

    #[tracing::instrument(name = "db.channel.release", level = "debug", skip_all, fields(%channel))]
    async fn release(&self, channel: &ChannelName, token: LeaseToken) -> StoreResult<()> {
        within("db.channel.release", async {
            let mut session = self.session().await?;
            sqlx::query!(
                r#"
                UPDATE channel
                SET owner = NULL, lease_until = NULL
                WHERE name = $1 AND lease_token = $2
                "#,
                channel.as_str(),
                token.0,
            )
            .execute(&mut *session)
            .await?;
            session.done();
            Ok(())
        })
        .await
    }

    #[tracing::instrument(name = "db.channel.secret", level = "debug", skip_all, fields(%channel))]
    async fn channel_secret(&self, channel: &ChannelName, new: &str) -> StoreResult<String> {
        within("db.channel.secret", async {
            let mut session = self.session().await?;
            let secret = sqlx::query_scalar!(
                r#"
                UPDATE channel
                SET secret = coalesce(secret, $2)
                WHERE name = $1
                RETURNING secret AS "secret!"
                "#,
                channel.as_str(),
                new,
            )
            .fetch_one(&mut *session)
            .await?;
            session.done();
            Ok(secret)
        })
        .await
    }

    #[tracing::instrument(name = "db.channel.cursor", level = "debug", skip_all, fields(%channel))]
    async fn cursor(&self, channel: &ChannelName) -> StoreResult<Option<Cursor>> {
        within("db.channel.cursor", async {
            let mut session = self.session().await?;
            let cursor = sqlx::query_scalar!("SELECT cursor FROM channel WHERE name = $1", channel.as_str())
                .fetch_optional(&mut *session)
                .await?;
            session.done();
            Ok(cursor.flatten().map(Cursor::new))
        })
        .await
    }
}
