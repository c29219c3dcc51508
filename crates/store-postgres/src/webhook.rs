//! Webhooks that were refused or ignored.

use sqlx::PgConnection;
use switchboard_core::AiName;
use switchboard_store::{RefusedWebhook, WebhookRow};

use crate::error::Fault;

/// Keeps one, and so many altogether. Works within the caller's transaction.
pub(crate) async fn keep(
    transaction: &mut PgConnection,
    webhook: &RefusedWebhook,
    keep: u32,
) -> Result<(), Fault> {
    // One at a time, or two that do not see each other would leave one too many.
    sqlx::raw_sql("LOCK TABLE webhook IN SHARE ROW EXCLUSIVE MODE").execute(&mut *transaction).await?;
    sqlx::query!(
        "INSERT INTO webhook (ai, reason, content_type, body) VALUES ($1, $2, $3, $4)",
        webhook.ai.as_str(),
        webhook.reason,
        webhook.content_type,
        webhook.body,
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        "DELETE FROM webhook WHERE id <= (SELECT id FROM webhook ORDER BY id DESC LIMIT 1 OFFSET $1)",
        i64::from(keep),
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// The latest ones.
pub(crate) async fn list(connection: &mut PgConnection, limit: u32) -> Result<Vec<WebhookRow>, Fault> {
    let rows = sqlx::query!(
        r#"
        SELECT id, ai, reason, content_type, body, created_at
        FROM webhook
        ORDER BY id DESC
        LIMIT $1
        "#,
        i64::from(limit),
    )
    .fetch_all(connection)
    .await?;
    let row = rows.into_iter().map(|row| WebhookRow {
        id: row.id,
        webhook: RefusedWebhook {
            ai: AiName::new(row.ai),
            reason: row.reason,
            content_type: row.content_type,
            body: row.body,
        },
        at: row.created_at,
    });
    Ok(row.collect())
}
