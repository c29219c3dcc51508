//! Completing attempts.

use switchboard_core::MessageId;
use switchboard_store::{Begin, Begun, DeliveryState, Outcome, Settle, Settled};

use crate::{SqliteStore, clock, convert, error::Failure, fence::Fences, lane, write::Write};

pub(crate) async fn settle(store: &SqliteStore, batch: Vec<Settle>) -> Result<Vec<Settled>, Failure> {
    let mut write = Write::begin(store).await?;
    let mut fences = Fences::default();
    let mut settled = Vec::with_capacity(batch.len());
    for item in batch {
        settled.push(if fences.holds(&mut write, &item.channel, item.fence).await? {
            complete(&mut write, &item).await?;
            Settled::Committed(lane::refresh(&mut write, item.lane).await?)
        } else {
            Settled::NotOwner
        });
    }
    write.commit().await?;
    Ok(settled)
}

/// Remembers that attempts begin.
pub(crate) async fn begin(store: &SqliteStore, batch: Vec<Begin>) -> Result<Vec<Begun>, Failure> {
    let mut write = Write::begin(store).await?;
    let mut fences = Fences::default();
    let mut begun = Vec::with_capacity(batch.len());
    for item in batch {
        begun.push(if fences.holds(&mut write, &item.channel, item.fence).await? {
            let key = item.key.as_str();
            let pending = sqlx::query!(
                "UPDATE delivery SET begun = 1 WHERE id = ? AND key = ? AND state = 'pending'",
                item.delivery.0,
                key,
            );
            pending.execute(&mut *write).await?;
            Begun::Committed
        } else {
            Begun::NotOwner
        });
    }
    write.commit().await?;
    Ok(begun)
}

/// Gives the delivery its new state, if it is pending and the one that it is believed to be.
async fn complete(write: &mut Write, item: &Settle) -> Result<(), Failure> {
    let change = Change::of(&item.outcome, write.now)?;
    let (now, state, key) = (write.now, change.state.as_str(), item.key.as_str());
    let finished_at = (change.state != DeliveryState::Pending).then_some(now);
    let attempts = sqlx::query_scalar!(
        "
        UPDATE delivery
        SET state = ?3,
            attempts = attempts + ?4,
            begun = 0,
            run_at = coalesce(?5, run_at),
            native_ids = ?6,
            last_error = ?7,
            finished_at = ?8
        WHERE id = ?1 AND lane = ?2 AND key = ?9 AND state = 'pending'
        RETURNING attempts
        ",
        item.delivery.0,
        item.lane.0,
        state,
        item.attempted,
        change.run_at,
        change.native_ids,
        change.error,
        finished_at,
        key,
    )
    .fetch_optional(&mut **write)
    .await?;
    if let (Some(number), Some(error)) = (attempts, change.error) {
        let outcome = if change.state == DeliveryState::Dead { "dead" } else { "retry" };
        sqlx::query!(
            "
            INSERT INTO attempt (delivery, number, outcome, error, created_at)
            VALUES (?, ?, ?, ?, ?)
            ",
            item.delivery.0,
            number,
            outcome,
            error,
            now,
        )
        .execute(&mut **write)
        .await?;
    }
    Ok(())
}

/// What an outcome makes of a delivery.
struct Change<'a> {
    state: DeliveryState,
    run_at: Option<i64>,
    native_ids: Option<String>,
    error: Option<&'a str>,
}

impl<'a> Change<'a> {
    fn of(outcome: &'a Outcome, now: i64) -> Result<Self, Failure> {
        Ok(match outcome {
            Outcome::Sent(receipt) => {
                let ids: &Vec<MessageId> = &receipt.messages;
                let native_ids = Some(convert::json(ids)?);
                Self { state: DeliveryState::Sent, run_at: None, native_ids, error: None }
            }
            Outcome::Retry { after, error } => Self {
                state: DeliveryState::Pending,
                run_at: Some(clock::after(now, *after)),
                native_ids: None,
                error: Some(error),
            },
            Outcome::Dead { error } => {
                Self { state: DeliveryState::Dead, run_at: None, native_ids: None, error: Some(error) }
            }
        })
    }
}
