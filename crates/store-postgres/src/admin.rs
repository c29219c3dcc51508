//! For people: lists, and what to do with what was given up.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::PgConnection;
use switchboard_core::{ChannelName, ChatId};
use switchboard_store::{
    AdminStore, ChatDetail, DeliveryDetail, DeliveryFilter, DeliveryId, DeliveryRow, QueueCounts,
    RefusedWebhook, StoreResult, WebhookRow,
};

use crate::{
    PostgresStore, chat_detail,
    convert::{direction, to_micros},
    deliveries,
    error::{Fault, within},
    webhook,
};

#[async_trait]
impl AdminStore for PostgresStore {
    #[tracing::instrument(name = "db.delivery.list", level = "debug", skip_all)]
    async fn deliveries(&self, filter: &DeliveryFilter, limit: u32) -> StoreResult<Vec<DeliveryRow>> {
        within("db.delivery.list", async {
            let mut session = self.session().await?;
            let rows = deliveries::list(&mut session, filter, limit).await?;
            session.done();
            Ok(rows)
        })
        .await
    }

    #[tracing::instrument(name = "db.delivery.show", level = "debug", skip_all, fields(delivery = %id))]
    async fn delivery(&self, id: DeliveryId) -> StoreResult<Option<DeliveryDetail>> {
        within("db.delivery.show", async {
            let mut session = self.session().await?;
            let detail = deliveries::show(&mut session, id).await?;
            session.done();
            Ok(detail)
        })
        .await
    }

    #[tracing::instrument(name = "db.delivery.retry", level = "debug", skip_all, fields(delivery = %id))]
    async fn retry_delivery(&self, id: DeliveryId, ttl: Duration) -> StoreResult<bool> {
        within("db.delivery.retry", async {
            let mut transaction = self.begin().await?;
            lock_lane(&mut transaction, id).await?;
            let updated = sqlx::query!(
                r#"
                UPDATE delivery
                SET state = 'pending',
                    run_at = now(),
                    expires_at = now() + $2::bigint * interval '1 microsecond',
                    finished_at = NULL
                WHERE id = $1 AND state IN ('dead', 'discarded')
                "#,
                id.0,
                to_micros(ttl),
            )
            .execute(&mut *transaction)
            .await?;
            refresh_lane(&mut transaction, id).await?;
            transaction.commit().await?;
            Ok(updated.rows_affected() > 0)
        })
        .await
    }

    #[tracing::instrument(name = "db.delivery.discard", level = "debug", skip_all, fields(delivery = %id))]
    async fn discard_delivery(&self, id: DeliveryId) -> StoreResult<bool> {
        within("db.delivery.discard", async {
            let mut transaction = self.begin().await?;
            lock_lane(&mut transaction, id).await?;
            let updated = sqlx::query!(
                r#"
                UPDATE delivery
                SET state = 'discarded', finished_at = now()
                WHERE id = $1 AND state IN ('pending', 'dead')
                "#,
                id.0,
            )
            .execute(&mut *transaction)
            .await?;
            refresh_lane(&mut transaction, id).await?;
            transaction.commit().await?;
            Ok(updated.rows_affected() > 0)
        })
        .await
    }

    #[tracing::instrument(name = "db.delivery.count", level = "debug", skip_all)]
    async fn queue_counts(&self) -> StoreResult<Vec<QueueCounts>> {
        within("db.delivery.count", async {
            let mut session = self.session().await?;
            let counts = queue_counts(&mut session).await?;
            session.done();
            Ok(counts)
        })
        .await
    }

    #[tracing::instrument(name = "db.webhook.keep", level = "debug", skip_all, fields(ai = %webhook.ai))]
    async fn keep_webhook(&self, webhook: &RefusedWebhook, keep: u32) -> StoreResult<()> {
        within("db.webhook.keep", async {
            let mut transaction = self.begin().await?;
            webhook::keep(&mut transaction, webhook, keep).await?;
            transaction.commit().await
        })
        .await
    }

    #[tracing::instrument(name = "db.webhook.list", level = "debug", skip_all)]
    async fn webhooks(&self, limit: u32) -> StoreResult<Vec<WebhookRow>> {
        within("db.webhook.list", async {
            let mut session = self.session().await?;
            let rows = webhook::list(&mut session, limit).await?;
            session.done();
            Ok(rows)
        })
        .await
    }

    #[tracing::instrument(name = "db.chat.show", level = "debug", skip_all, fields(%chat_id))]
    async fn chat(&self, chat_id: &ChatId) -> StoreResult<Option<ChatDetail>> {
        within("db.chat.show", async {
            let mut session = self.session().await?;
            let detail = chat_detail::show(&mut session, chat_id).await?;
            session.done();
            Ok(detail)
        })
        .await
    }
}

/// Locks the lane of a delivery, as everybody does who changes what is pending.
async fn lock_lane(transaction: &mut PgConnection, delivery: DeliveryId) -> Result<(), Fault> {
    sqlx::query!(
        r#"
        SELECT lane.id
        FROM delivery
        JOIN lane ON lane.id = delivery.lane
        WHERE delivery.id = $1
        FOR NO KEY UPDATE OF lane
        "#,
        delivery.0,
    )
    .fetch_optional(transaction)
    .await?;
    Ok(())
}

/// Sets when the delivery's lane is ready next.
async fn refresh_lane(transaction: &mut PgConnection, delivery: DeliveryId) -> Result<(), Fault> {
    sqlx::query!(
        r#"
        UPDATE lane
        SET ready_at = (
            SELECT run_at
            FROM delivery
            WHERE delivery.lane = lane.id AND delivery.state = 'pending'
            ORDER BY delivery.seq
            LIMIT 1
        )
        WHERE id = (SELECT lane FROM delivery WHERE id = $1)
        "#,
        delivery.0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

async fn queue_counts(connection: &mut PgConnection) -> Result<Vec<QueueCounts>, Fault> {
    // Two reads, each of an index that holds nothing else.
    let rows = sqlx::query!(
        r#"
        WITH open AS (
            SELECT lane, count(*) AS pending, 0 AS dead
            FROM delivery WHERE state = 'pending' GROUP BY lane
            UNION ALL
            SELECT lane, 0 AS pending, count(*) AS dead
            FROM delivery WHERE state = 'dead' GROUP BY lane
        )
        SELECT lane.channel, lane.direction, min(lane.id) AS "lane!",
               sum(open.pending)::bigint AS "pending!", sum(open.dead)::bigint AS "dead!"
        FROM open
        JOIN lane ON lane.id = open.lane
        GROUP BY lane.channel, lane.direction
        ORDER BY lane.channel, lane.direction
        "#,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(QueueCounts {
                channel: ChannelName::new(row.channel),
                direction: direction(&row.direction, row.lane)?,
                pending: row.pending.try_into().unwrap_or(0),
                dead: row.dead.try_into().unwrap_or(0),
            })
        })
        .collect()
}
