//! Two stores on one database, as two replicas have them: who owns a channel, and that crossing
//! batches neither wait for each other forever nor break an order.

use std::{collections::BTreeMap, time::Duration};

use futures_util::future::try_join_all;
use sqlx::{Connection as _, PgConnection};
use switchboard_core::{
    AiName, Author, ChannelName, ChatId, ChatIdChoice, ConversationId, EventId, IdempotencyKey, Place,
    Receipt, ThreadUpdate, UserId, markup::Rendered,
};
use switchboard_store::{
    Accept, AcceptMessage, AcceptOutcome, ChatSpec, Delivery, Direction, LaneState, LeaseStore as _,
    LeaseToken, MessageStore as _, NewPart, Outcome, QueueStore as _, Reply, ReplyMessage, ReplyOutcome,
    ScanFrom, Settle, Settled, Store as _, Stored,
};
use switchboard_store_postgres::PostgresStore;
use switchboard_testkit::{
    postgres::{TestDatabase, database, execute},
    wait::wait_for,
};

const HOUR: Duration = Duration::from_hours(1);

/// Two replicas, and the channel that they share.
struct Replicas {
    first: PostgresStore,
    second: PostgresStore,
    channel: ChannelName,
    database: TestDatabase,
}

async fn replicas() -> anyhow::Result<Replicas> {
    let database = database()?;
    let connect = || PostgresStore::connect_with(database.url(), 4);
    let (first, second) = tokio::try_join!(connect(), connect())?;
    // At the same time, as they do when they start.
    tokio::try_join!(first.migrate(), second.migrate())?;
    let channel = ChannelName::new("site");
    first.register_channel(&channel, "web").await?;
    Ok(Replicas { first, second, channel, database })
}

impl Replicas {
    async fn own(&self, replica: &PostgresStore) -> anyhow::Result<LeaseToken> {
        let lease = replica.acquire(&self.channel, "replica", HOUR, true).await?;
        Ok(lease.ok_or_else(|| anyhow::anyhow!("force always takes"))?.token)
    }

    /// How often the server had to end a transaction so that another could go on.
    fn deadlocks(&self) -> anyhow::Result<String> {
        execute(
            self.database.url(),
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
        )
    }

    /// Runs a call for as long as it takes until so many transactions wait for another one's lock.
    async fn run_until_waiting(&self, call: &mut (impl Future<Output: std::fmt::Debug> + Unpin), count: i64) {
        let waiting = "SELECT count(*) FROM pg_stat_activity \
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let waits = async {
            // The server ends the wait after some seconds: too few for a process with each question.
            let mut asking = PgConnection::connect(self.database.url()).await.expect("it takes connections");
            wait_for("a transaction that waits for another", Duration::from_mins(1), async || {
                let found: i64 = sqlx::query_scalar(waiting).fetch_one(&mut asking).await.expect("it counts");
                (found == count).then_some(())
            })
            .await;
        };
        tokio::select! {
            result = call => panic!("it did not wait: {result:?}"),
            () = waits => {}
        }
    }

    fn say(&self, fence: Option<LeaseToken>, user: &str, event: &str) -> Accept {
        let message = AcceptMessage {
            event_id: EventId::new(event),
            chat: ChatSpec {
                conversation: ConversationId::new(user),
                user: Some(UserId::new(user)),
                chat_id: ChatIdChoice {
                    preferred: ChatId::new(format!("site:{user}")),
                    unambiguous: ChatId::new(format!("site:{user}:{user}")),
                },
                place: Place::Direct,
                user_name: None,
            },
            text: event.to_owned(),
            native_id: None,
            sent_at: None,
            key: IdempotencyKey::new(format!("key of {event}")),
            ttl: HOUR,
            notice_after: Some(HOUR),
            answer: None,
        };
        Accept { channel: self.channel.clone(), fence, messages: vec![message], cursor: None }
    }

    fn sent(&self, fence: LeaseToken, delivery: &Delivery) -> Settle {
        Settle {
            channel: self.channel.clone(),
            fence,
            lane: delivery.lane,
            delivery: delivery.id,
            key: delivery.key.clone(),
            outcome: Outcome::Sent(Receipt::default()),
            attempted: true,
        }
    }
}

fn answer(question: &Delivery, name: &str) -> Reply {
    let text = Rendered::Plain { text: name.to_owned() };
    Reply {
        ai: AiName::new("main"),
        chat: question.chat.clone(),
        message_id: Some(name.to_owned()),
        thread: ThreadUpdate { thread_id: Some("t".to_owned()), ..ThreadUpdate::default() },
        message: Some(ReplyMessage {
            author: Author::Bot,
            text: name.to_owned(),
            parts: vec![NewPart { key: IdempotencyKey::new(format!("key of {name}")), text }],
            ttl: HOUR,
        }),
    }
}

fn deliveries(outcomes: Vec<AcceptOutcome>) -> Vec<Delivery> {
    let stored = outcomes.into_iter().flat_map(|outcome| match outcome {
        AcceptOutcome::Committed(stored) => stored,
        AcceptOutcome::NotOwner => panic!("the owner was taken for another"),
    });
    let new = stored.filter_map(|stored| match stored {
        Stored::New { mut deliveries, .. } => deliveries.pop(),
        Stored::Duplicate => None,
    });
    new.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_replica_gets_the_lease_and_the_former_owner_changes_nothing() -> anyhow::Result<()> {
    let both = replicas().await?;
    let ask = |replica, name| both.first_or_second(replica).acquire(&both.channel, name, HOUR, false);
    let asked = try_join_all((0..10).map(|number| ask(number % 2, if number % 2 == 0 { "a" } else { "b" })));
    let won: Vec<_> = asked.await?.into_iter().flatten().collect();
    let [lease] = &won[..] else { panic!("{won:?}") };

    let question = deliveries(both.first.accept(vec![both.say(Some(lease.token), "anna", "e1")]).await?);
    let successor = both.own(&both.second).await?;
    assert!(successor > lease.token);
    assert_eq!(both.first.settle(vec![both.sent(lease.token, &question[0])]).await?, [Settled::NotOwner]);
    let refused = both.first.accept(vec![both.say(Some(lease.token), "anna", "e2")]).await?;
    assert!(matches!(refused[..], [AcceptOutcome::NotOwner]));
    assert!(!both.first.renew(&both.channel, lease.token, HOUR).await?);
    let settled = both.second.settle(vec![both.sent(successor, &question[0])]).await?;
    assert_eq!(settled, [Settled::Committed(LaneState::Idle)]);
    Ok(())
}

/// What an owner is committing, it commits as the owner; meanwhile it can renew, and write cursors.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_owner_waits_for_what_is_under_way_and_nobody_else_does() -> anyhow::Result<()> {
    let both = replicas().await?;
    let token = both.own(&both.first).await?;
    let question = deliveries(both.first.accept(vec![both.say(Some(token), "anna", "e1")]).await?).remove(0);

    // The lane is held, so that the completion stops halfway, the fence in its hands.
    let mut stranger = PgConnection::connect(both.database.url()).await?;
    sqlx::raw_sql("BEGIN; SELECT FROM lane FOR UPDATE").execute(&mut stranger).await?;
    let mut completion = Box::pin(both.first.settle(vec![both.sent(token, &question)]));
    both.run_until_waiting(&mut completion, 1).await;

    assert!(both.first.renew(&both.channel, token, HOUR).await?);
    let cursor = Accept {
        cursor: Some(switchboard_core::Cursor::new("7")),
        messages: vec![],
        ..both.say(Some(token), "anna", "")
    };
    both.first.accept(vec![cursor]).await?;
    let mut takeover = Box::pin(both.second.acquire(&both.channel, "b", HOUR, true));
    both.run_until_waiting(&mut takeover, 2).await;

    sqlx::raw_sql("COMMIT").execute(&mut stranger).await?;
    assert_eq!(completion.await?, [Settled::Committed(LaneState::Idle)]);
    assert!(takeover.await?.is_some_and(|lease| lease.token > token));
    Ok(())
}

/// Both replicas take in, answer and complete in the same chats, each batch in another order, some
/// of it twice. Nobody fails, nothing is lost, and every lane is in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crossing_batches_neither_deadlock_nor_break_order() -> anyhow::Result<()> {
    const CHATS: usize = 12;
    const TASKS: usize = 8;
    const ROUNDS: usize = 6;
    let both = replicas().await?;
    let token = both.own(&both.first).await?;
    let task = async |task: usize| -> anyhow::Result<()> {
        let store = both.first_or_second(task % 2);
        for round in 0..ROUNDS {
            let mut users: Vec<String> = (0..CHATS).map(|chat| format!("user-{chat:02}")).collect();
            users.rotate_left((task * 5 + round) % CHATS);
            if task.is_multiple_of(3) {
                users.reverse();
            }
            // Each event is handed over by two tasks, one on each replica.
            let event = |user: &String| both.say(None, user, &format!("{}-{round}-{user}", task / 2));
            let questions = deliveries(store.accept(users.iter().map(event).collect()).await?);
            let answers = questions.iter().map(|question| answer(question, &format!("to {:?}", question.id)));
            let answers = store.reply(answers.collect()).await?;
            let answered = answers.iter().filter(|outcome| matches!(outcome, ReplyOutcome::Stored { .. }));
            assert_eq!(answered.count(), questions.len());
            let settled = store.settle(questions.iter().map(|each| both.sent(token, each)).collect()).await?;
            assert!(settled.iter().all(|settled| *settled != Settled::NotOwner));
        }
        Ok(())
    };
    try_join_all((0..TASKS).map(task)).await?;

    assert_eq!(both.deadlocks()?.trim(), "0");
    // All questions are settled; what is ready are the answers.
    let ready =
        both.second.ready_lanes(&both.channel, Direction::ToMessenger, ScanFrom::default(), 1000).await?;
    assert_eq!(ready.len(), CHATS);
    let lanes: Vec<_> = ready.iter().map(|ready| ready.lane).collect();
    let mut by_lane: BTreeMap<_, Vec<Delivery>> = BTreeMap::new();
    for delivery in both.second.load(&both.channel, &lanes, 1000).await? {
        by_lane.entry(delivery.lane).or_default().push(delivery);
    }
    for answers in by_lane.values() {
        assert_eq!(answers.len(), TASKS / 2 * ROUNDS);
        assert!(answers.iter().zip(1..).all(|(answer, seq)| answer.seq == seq));
        assert!(answers.is_sorted_by_key(|answer| answer.message), "positions are in the lane's order");
    }
    Ok(())
}

/// One user, two conversations, both new, on both replicas at once: each gets a name of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chats_that_are_made_at_once_do_not_share_a_name() -> anyhow::Result<()> {
    let both = replicas().await?;
    for number in 0..20 {
        let user = format!("user-{number}");
        let from = |conversation: &str| {
            let mut accept = both.say(None, &user, &format!("{user} in {conversation}"));
            let chat = &mut accept.messages[0].chat;
            chat.conversation = ConversationId::new(conversation);
            chat.chat_id.unambiguous = ChatId::new(format!("site:{conversation}:{user}"));
            accept
        };
        let (one, two) =
            tokio::try_join!(both.first.accept(vec![from("one")]), both.second.accept(vec![from("two")]))?;
        let mut names = [one, two].map(|outcomes| deliveries(outcomes)[0].chat.chat_id.to_string());
        names.sort_by_key(String::len);
        assert_eq!(names[0], format!("site:{user}"));
        assert!(names[1].starts_with("site:one:") || names[1].starts_with("site:two:"), "{names:?}");
    }
    Ok(())
}

impl Replicas {
    fn first_or_second(&self, number: usize) -> &PostgresStore {
        if number == 0 { &self.first } else { &self.second }
    }
}
