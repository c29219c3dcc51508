//! Who runs a channel.

use std::time::Duration;

use async_trait::async_trait;
use switchboard_core::{ChannelName, Cursor};
use switchboard_store::{Lease, LeaseStore, LeaseToken, StoreResult};

use crate::{
    SqliteStore, clock,
    error::{Failure, named},
    write::Write,
};

#[async_trait]
impl LeaseStore for SqliteStore {
    async fn register_channel(&self, channel: &ChannelName, kind: &str) -> StoreResult<()> {
        named("db.channel.register", register(self, channel, kind)).await
    }

    async fn acquire(
        &self,
        channel: &ChannelName,
        replica: &str,
        ttl: Duration,
        by_force: bool,
    ) -> StoreResult<Option<Lease>> {
        named("db.channel.acquire", acquire(self, channel, replica, ttl, by_force)).await
    }

    async fn is_owned(&self, channel: &ChannelName) -> StoreResult<bool> {
        named("db.channel.is_owned", is_owned(self, channel)).await
    }

    async fn renew(&self, channel: &ChannelName, token: LeaseToken, ttl: Duration) -> StoreResult<bool> {
        named("db.channel.renew", renew(self, channel, token, ttl)).await
    }

    async fn release(&self, channel: &ChannelName, token: LeaseToken) -> StoreResult<()> {
        named("db.channel.release", release(self, channel, token)).await
    }

    async fn channel_secret(&self, channel: &ChannelName, new: &str) -> StoreResult<String> {
        named("db.channel.secret", channel_secret(self, channel, new)).await
    }

    async fn cursor(&self, channel: &ChannelName) -> StoreResult<Option<Cursor>> {
        named("db.channel.cursor", cursor(self, channel)).await
    }
}

async fn register(store: &SqliteStore, channel: &ChannelName, kind: &str) -> Result<(), Failure> {
    let name = channel.as_str();
    let mut write = Write::begin(store).await?;
    sqlx::query!(
        "
        INSERT INTO channel (name, kind)
        VALUES (?1, ?2)
        ON CONFLICT (name) DO UPDATE
        SET kind = excluded.kind, cursor = NULL
        WHERE channel.kind <> excluded.kind
        ",
        name,
        kind,
    )
    .execute(&mut *write)
    .await?;
    write.commit().await
}

async fn acquire(
    store: &SqliteStore,
    channel: &ChannelName,
    replica: &str,
    ttl: Duration,
    by_force: bool,
) -> Result<Option<Lease>, Failure> {
    let name = channel.as_str();
    let mut write = Write::begin(store).await?;
    let (now, until) = (write.now, clock::after(write.now, ttl));
    let taken = sqlx::query!(
        "
        UPDATE channel
        SET owner = ?2, lease_token = lease_token + 1, lease_until = ?3
        WHERE name = ?1 AND (owner IS NULL OR lease_until <= ?4 OR ?5)
        RETURNING lease_token, cursor
        ",
        name,
        replica,
        until,
        now,
        by_force,
    )
    .fetch_optional(&mut *write)
    .await?;
    write.commit().await?;
    Ok(taken.map(|row| Lease { token: LeaseToken(row.lease_token), cursor: row.cursor.map(Cursor::new) }))
}

async fn renew(
    store: &SqliteStore,
    channel: &ChannelName,
    token: LeaseToken,
    ttl: Duration,
) -> Result<bool, Failure> {
    let name = channel.as_str();
    let mut write = Write::begin(store).await?;
    let until = clock::after(write.now, ttl);
    let renewed = sqlx::query!(
        "
        UPDATE channel
        SET lease_until = ?3
        WHERE name = ?1 AND lease_token = ?2 AND owner IS NOT NULL
        ",
        name,
        token.0,
        until,
    )
    .execute(&mut *write)
    .await?;
    write.commit().await?;
    Ok(renewed.rows_affected() == 1)
}

async fn release(store: &SqliteStore, channel: &ChannelName, token: LeaseToken) -> Result<(), Failure> {
    let name = channel.as_str();
    let mut write = Write::begin(store).await?;
    sqlx::query!(
        "
        UPDATE channel
        SET owner = NULL, lease_until = NULL
        WHERE name = ?1 AND lease_token = ?2
        ",
        name,
        token.0,
    )
    .execute(&mut *write)
    .await?;
    write.commit().await
}

async fn channel_secret(store: &SqliteStore, channel: &ChannelName, new: &str) -> Result<String, Failure> {
    let name = channel.as_str();
    let mut write = Write::begin(store).await?;
    let secret = sqlx::query_scalar!(
        r#"
        UPDATE channel
        SET secret = coalesce(secret, ?2)
        WHERE name = ?1
        RETURNING secret AS "secret!"
        "#,
        name,
        new,
    )
    .fetch_one(&mut *write)
    .await?;
    write.commit().await?;
    Ok(secret)
}

async fn is_owned(store: &SqliteStore, channel: &ChannelName) -> Result<bool, Failure> {
    let name = channel.as_str();
    let mut reader = store.reader().await?;
    let owned = sqlx::query_scalar!(
        r#"
        SELECT EXISTS (
            SELECT 1 FROM channel
            WHERE name = ?1 AND owner IS NOT NULL
                AND lease_until > CAST(unixepoch('subsec') * 1000000 AS INTEGER)
        ) AS "owned!: bool"
        "#,
        name,
    )
    .fetch_one(&mut *reader)
    .await?;
    Ok(owned)
}

async fn cursor(store: &SqliteStore, channel: &ChannelName) -> Result<Option<Cursor>, Failure> {
    let name = channel.as_str();
    let mut reader = store.reader().await?;
    let cursor = sqlx::query_scalar!("SELECT cursor FROM channel WHERE name = ?", name)
        .fetch_optional(&mut *reader)
        .await?;
    Ok(cursor.flatten().map(Cursor::new))
}
