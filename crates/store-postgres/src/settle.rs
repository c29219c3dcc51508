//! Attempts, completed.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;
use sqlx::PgConnection;
use switchboard_store::{DeliveryState, LaneState, Outcome, Settle, Settled};

use crate::{
    PostgresStore,
    convert::{from_micros, to_micros},
    error::Fault,
    fence::Fences,
};

/// See [`switchboard_store::QueueStore::settle`].
pub(crate) async fn settle(store: &PostgresStore, batch: &[Settle]) -> Result<Vec<Settled>, Fault> {
    let mut transaction = store.begin().await?;
    let fences = lock(&mut transaction, batch).await?;
    let owned: Vec<usize> =
        (0..batch.len()).filter(|&index| fences.confirm(&batch[index].channel, batch[index].fence)).collect();

    let mut outcomes = vec![Settled::NotOwner; batch.len()];
    for round in rounds(batch, owned) {
        let items: Vec<&Settle> = round.iter().map(|&index| &batch[index]).collect();
        complete(&mut transaction, &items).await?;
        let states = refresh_lanes(&mut transaction, &items).await?;
        for index in round {
            let state = states.get(&batch[index].lane.0).copied().unwrap_or(LaneState::Idle);
            outcomes[index] = Settled::Committed(state);
        }
    }
    transaction.commit().await?;
    Ok(outcomes)
}

/// Divides the items so that each round has at most one of a lane, and a lane's items keep their
/// order. One round, where the caller runs one delivery of a lane at a time.
fn rounds(batch: &[Settle], items: Vec<usize>) -> Vec<Vec<usize>> {
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    let mut next_round = HashMap::new();
    for index in items {
        let round = next_round.entry(batch[index].lane).or_insert(0);
        if *round == rounds.len() {
            rounds.push(Vec::new());
        }
        rounds[*round].push(index);
        *round += 1;
    }
    rounds
}

/// From here on, the channels get no other owner, and nobody else enqueues into these lanes or
/// completes what is in them. One statement for both locks; see [`fence::hold`](crate::fence::hold).
async fn lock(transaction: &mut PgConnection, batch: &[Settle]) -> Result<Fences, Fault> {
    let channels: BTreeSet<&str> = batch.iter().map(|item| item.channel.as_str()).collect();
    let lanes: BTreeSet<i64> = batch.iter().map(|item| item.lane.0).collect();
    let (channels, lanes) = (Vec::from_iter(channels), Vec::from_iter(lanes));
    let rows = sqlx::query!(
        r#"
        WITH held AS (
            SELECT name, lease_token
            FROM channel
            WHERE name = ANY($1)
            ORDER BY name
            FOR KEY SHARE
        ), lanes AS (
            SELECT id
            FROM lane
            -- The channels first: a new owner waits from here on.
            WHERE id = ANY($2) AND (SELECT count(*) FROM held) > 0
            ORDER BY id
            FOR NO KEY UPDATE
        )
        SELECT name, lease_token
        FROM held
        CROSS JOIN (SELECT count(*) FROM lanes) AS locked
        "#,
        &channels as &[&str],
        &lanes,
    )
    .fetch_all(transaction)
    .await?;
    Ok(rows.into_iter().map(|row| (row.name, row.lease_token)).collect())
}

/// Writes what the attempts came to, where they are still pending and the deliveries that they are
/// believed to be.
async fn complete(transaction: &mut PgConnection, items: &[&Settle]) -> Result<(), Fault> {
    let columns = Columns::of(items);
    sqlx::query!(
        r#"
        WITH completed AS (
            UPDATE delivery
            SET state = input.state,
                attempts = delivery.attempts + input.attempted::integer,
                begun = FALSE,
                run_at = coalesce(now() + input.after * interval '1 microsecond', delivery.run_at),
                native_ids = input.native_ids,
                last_error = input.error,
                finished_at = CASE WHEN input.state <> 'pending' THEN now() END
            FROM UNNEST(
                $1::bigint[], $2::bigint[], $3::text[], $4::boolean[], $5::bigint[], $6::jsonb[], $7::text[],
                $8::text[]
            ) AS input (id, lane, state, attempted, after, native_ids, error, key)
            -- Pending is what is not finished. Said like this, so that the rows are looked up by
            -- their ids, and not in the index of all that is pending.
            WHERE delivery.id = input.id AND delivery.lane = input.lane AND delivery.key = input.key
              AND delivery.finished_at IS NULL
            RETURNING delivery.id, delivery.attempts, input.state, input.error
        )
        INSERT INTO attempt (delivery, number, outcome, error)
        SELECT id, attempts, CASE state WHEN 'pending' THEN 'retry' ELSE state END, error
        FROM completed
        WHERE error IS NOT NULL
        "#,
        &columns.ids,
        &columns.lanes,
        &columns.states as &[&str],
        &columns.attempted,
        &columns.afters as &[Option<i64>],
        &columns.native_ids as &[Option<Value>],
        &columns.errors as &[Option<&str>],
        &columns.keys as &[&str],
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Sets when each lane is ready next. A statement of its own, after the locks: it sees all that
/// was enqueued before they were granted.
async fn refresh_lanes(
    transaction: &mut PgConnection,
    items: &[&Settle],
) -> Result<HashMap<i64, LaneState>, Fault> {
    let lanes: Vec<i64> = items.iter().map(|item| item.lane.0).collect();
    let rows = sqlx::query!(
        r#"
        UPDATE lane
        SET ready_at = head.run_at
        FROM UNNEST($1::bigint[]) AS input (lane)
        LEFT JOIN LATERAL (
            SELECT seq, run_at
            FROM delivery
            WHERE delivery.lane = input.lane AND delivery.state = 'pending'
            ORDER BY delivery.seq
            LIMIT 1
        ) AS head ON TRUE
        WHERE lane.id = input.lane
        RETURNING lane.id, head.seq AS "seq?",
                  (extract(epoch FROM head.run_at - now()) * 1000000)::bigint AS ready_in
        "#,
        &lanes,
    )
    .fetch_all(transaction)
    .await?;
    let states = rows.into_iter().map(|row| {
        let head = row.seq.zip(row.ready_in);
        let ready = |(seq, wait)| LaneState::Ready { seq, after: from_micros(wait) };
        (row.id, head.map_or(LaneState::Idle, ready))
    });
    Ok(states.collect())
}

/// Completions, column by column.
#[derive(Default)]
struct Columns<'a> {
    ids: Vec<i64>,
    lanes: Vec<i64>,
    states: Vec<&'a str>,
    attempted: Vec<bool>,
    afters: Vec<Option<i64>>,
    native_ids: Vec<Option<Value>>,
    errors: Vec<Option<&'a str>>,
    keys: Vec<&'a str>,
}

impl<'a> Columns<'a> {
    fn of(items: &[&'a Settle]) -> Self {
        let mut columns = Self::default();
        for item in items {
            let (state, after, native_ids, error) = match &item.outcome {
                Outcome::Sent(receipt) => {
                    let ids = receipt.messages.iter().map(|id| Value::from(id.as_str())).collect();
                    (DeliveryState::Sent, None, Some(ids), None)
                }
                Outcome::Retry { after, error } => {
                    (DeliveryState::Pending, Some(to_micros(*after)), None, Some(error.as_str()))
                }
                Outcome::Dead { error } => (DeliveryState::Dead, None, None, Some(error.as_str())),
            };
            columns.ids.push(item.delivery.0);
            columns.lanes.push(item.lane.0);
            columns.states.push(state.as_str());
            columns.attempted.push(item.attempted);
            columns.afters.push(after);
            columns.native_ids.push(native_ids);
            columns.errors.push(error);
            columns.keys.push(item.key.as_str());
        }
        columns
    }
}
