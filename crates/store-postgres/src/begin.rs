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
    let (ids, keys): (Vec<i64>, Vec<&str>) =
        ours.map(|(item, _)| (item.delivery.0, item.key.as_str())).unzip();
    sqlx::query!(
        r#"
        WITH held AS (
            SELECT delivery.id
            FROM delivery
            JOIN UNNEST($1::bigint[], $2::text[]) AS input (id, key) USING (id, key)
            WHERE delivery.state = 'pending'
            ORDER BY delivery.id
            FOR NO KEY UPDATE OF delivery
        )
        UPDATE delivery
        SET begun = TRUE
        FROM held
        WHERE delivery.id = held.id
        "#,
        &ids,
        &keys as &[&str],
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(outcomes)
}
