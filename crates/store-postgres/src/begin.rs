//! Attempts, begun.

use switchboard_store::{Begin, Begun};

use crate::{PostgresStore, error::Fault, fence};

/// See [`switchboard_store::QueueStore::begin`].
pub(crate) async fn begin(store: &PostgresStore, batch: &[Begin]) -> Result<Vec<Begun>, Fault> {
    let mut transaction = store.begin().await?;
    let fences = fence::hold(&mut transaction, batch.iter().map(|item| &item.channel)).await?;
    let outcome = |item: &Begin| {
        if fences.confirm(&item.channel, item.fence) { Begun::Committed } else { Begun::NotOwner }
    };
    let outcomes: Vec<Begun> = batch.iter().map(outcome).collect();
    let ours = batch.iter().zip(&outcomes).filter(|&(_, begun)| *begun == Begun::Committed);
    let ids: Vec<i64> = ours.map(|(item, _)| item.delivery.0).collect();
    sqlx::query!(
        r#"
        WITH held AS (
            SELECT id
            FROM delivery
            WHERE id = ANY($1) AND state = 'pending'
            ORDER BY id
            FOR NO KEY UPDATE
        )
        UPDATE delivery
        SET begun = TRUE
        FROM held
        WHERE delivery.id = held.id
        "#,
        &ids,
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(outcomes)
}
