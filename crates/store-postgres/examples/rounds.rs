//! Measures how many rounds the store makes in a second: a message accepted and settled, its
//! answer stored and settled; every step on the disk before the next.
//!
//! `cargo run --release --package switchboard-store-postgres --example rounds -- URL` on an empty
//! database; a number after it is the only size of batches. Each worker has chats of its own and hands in one message of each per batch.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use switchboard_core::{
    AiName, Author, ChannelName, ChatId, ChatIdChoice, ConversationId, EventId, Flag, IdempotencyKey,
    MessageId, Place, Receipt, ThreadUpdate, UserId, markup::Rendered,
};
use switchboard_store::{
    Accept, AcceptMessage, AcceptOutcome, ChatSpec, Delivery, LeaseStore as _, LeaseToken, MessageStore as _,
    NewPart, Outcome, QueueStore as _, Reply, ReplyMessage, ReplyOutcome, Settle, Settled, Store as _,
    Stored,
};
use switchboard_store_postgres::PostgresStore;

const HOUR: Duration = Duration::from_hours(1);
const MEASURED: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<()> {
    let url = std::env::args().nth(1).context("the database's url is missing")?;
    let store = PostgresStore::connect(&url).await?;
    store.migrate().await?;
    let channel = ChannelName::new("rounds");
    store.register_channel(&channel, "web").await?;
    let lease = store.acquire(&channel, "rounds", HOUR, true).await?.context("force always takes")?;
    println!("workers  batch  rounds/s  ms/step");
    let only: Option<u32> = std::env::args().nth(2).map(|batch| batch.parse()).transpose()?;
    for workers in [1, 4] {
        for batch in only.map_or_else(|| vec![1, 10, 50, 200], |batch| vec![batch]) {
            let worker = |number| Worker {
                store: &store,
                channel: &channel,
                token: lease.token,
                name: format!("{}-{workers}-{batch}-{number}", lease.token.0),
                batch,
            };
            #[expect(clippy::disallowed_methods, reason = "it measures real time")]
            let begin = Instant::now();
            let rounds: u32 =
                try_join_all((0..workers).map(|number| worker(number).run(begin))).await?.iter().sum();
            let seconds = begin.elapsed().as_secs_f64();
            let steps = 4.0 * f64::from(rounds) / f64::from(batch) / f64::from(workers);
            println!(
                "{workers:7}  {batch:5}  {:8.0}  {:7.2}",
                f64::from(rounds) / seconds,
                seconds * 1000.0 / steps
            );
        }
    }
    Ok(())
}

struct Worker<'a> {
    store: &'a PostgresStore,
    channel: &'a ChannelName,
    token: LeaseToken,
    name: String,
    batch: u32,
}

impl Worker<'_> {
    async fn run(self, begin: Instant) -> Result<u32> {
        let mut rounds = 0;
        while begin.elapsed() < MEASURED {
            self.round(rounds).await?;
            rounds += self.batch;
        }
        Ok(rounds)
    }

    async fn round(&self, number: u32) -> Result<()> {
        let accepts = (0..self.batch).map(|chat| Accept {
            channel: self.channel.clone(),
            fence: Some(self.token),
            messages: vec![self.message(chat, number)],
            cursor: None,
        });
        let mut questions = Vec::new();
        for outcome in self.store.accept(accepts.collect()).await? {
            let AcceptOutcome::Committed(stored) = outcome else { anyhow::bail!("not the owner") };
            for stored in stored {
                let Stored::New { deliveries, .. } = stored else { anyhow::bail!("seen before") };
                questions.extend(deliveries);
            }
        }
        self.settle(&questions).await?;
        let replies = questions.iter().map(Self::reply);
        let mut answers = Vec::new();
        for outcome in self.store.reply(replies.collect()).await? {
            let ReplyOutcome::Stored { deliveries, .. } = outcome else { anyhow::bail!("not stored") };
            answers.extend(deliveries);
        }
        self.settle(&answers).await
    }

    async fn settle(&self, deliveries: &[Delivery]) -> Result<()> {
        let settles = deliveries.iter().map(|delivery| Settle {
            channel: self.channel.clone(),
            fence: self.token,
            lane: delivery.lane,
            delivery: delivery.id,
            key: delivery.key.clone(),
            outcome: Outcome::Sent(Receipt { messages: vec![MessageId::new("12345")] }),
            attempted: true,
        });
        let settled = self.store.settle(settles.collect()).await?;
        ensure!(settled.iter().all(|settled| *settled != Settled::NotOwner), "not the owner");
        Ok(())
    }

    fn message(&self, chat: u32, number: u32) -> AcceptMessage {
        let user = format!("{}-{chat}", self.name);
        let event = format!("{user}-{number}");
        AcceptMessage {
            event_id: EventId::new(&event),
            chat: ChatSpec {
                conversation: ConversationId::new(&user),
                user: Some(UserId::new(&user)),
                chat_id: ChatIdChoice {
                    preferred: ChatId::new(format!("rounds:{user}")),
                    unambiguous: ChatId::new(format!("rounds:{user}:{user}")),
                },
                place: Place::Direct,
                user_name: Some("Anna".to_owned()),
            },
            text: "How long does the delivery take, and what does it cost? I live in Riga.".to_owned(),
            native_id: Some(MessageId::new("12345")),
            sent_at: None,
            key: IdempotencyKey::new(format!("{event}-q")),
            ttl: HOUR,
            notice_after: Some(HOUR),
            answer: None,
        }
    }

    fn reply(question: &Delivery) -> Reply {
        let text = "It takes two days, and it costs nothing above 50 euros.".to_owned();
        Reply {
            ai: AiName::new("main"),
            chat: question.chat.clone(),
            message_id: Some(question.id.to_string()),
            thread: ThreadUpdate {
                thread_id: Some("1721129985149x478019552540622850".to_owned()),
                flags: Flag::ALL.into_iter().map(|flag| (flag, false)).collect(),
                ..ThreadUpdate::default()
            },
            message: Some(ReplyMessage {
                author: Author::Bot,
                text: text.clone(),
                parts: vec![NewPart {
                    key: IdempotencyKey::new(format!("{}-a", question.id)),
                    text: Rendered::Plain { text },
                }],
                ttl: HOUR,
            }),
        }
    }
}
