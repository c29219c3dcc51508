//! `kill -9` at any moment loses nothing, doubles nothing on the page and keeps the order.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use switchboard_sandbox::ReceivedRequest;
use switchboard_testkit::wait::wait_for;
use time::OffsetDateTime;
use tokio_util::task::TaskTracker;

use crate::support::{Database, PATIENCE, Shown, System, Visitor};

/// How often the gateway is killed.
const KILLS: usize = 10;
/// How many people write at the same time.
const VISITORS: usize = 6;
/// How much is taken in between two kills, at least.
const BETWEEN_KILLS: usize = 25;

/// The web channel's limit on one visitor is not what is tested here.
const CHANNEL: &str = "flood = { burst = 100000, per_second = 100000 }";

#[tokio::test]
async fn nothing_is_lost_or_doubled_on_sqlite() {
    kill_under_load(Database::Sqlite).await;
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_on_postgres() {
    kill_under_load(Database::postgres()).await;
}

async fn kill_under_load(database: Database) {
    let mut system = System::start(database, CHANNEL).await;
    let writing = Arc::new(AtomicBool::new(true));
    let taken = Arc::new(AtomicUsize::new(0));
    let tasks = TaskTracker::new();
    let mut writers = Vec::new();
    for _ in 0..VISITORS {
        let visitor = system.visitor().await;
        writers.push(tasks.spawn(write(visitor, writing.clone(), taken.clone())));
    }

    let mut kills = Vec::new();
    for _ in 0..KILLS {
        let goal = taken.load(Ordering::SeqCst) + BETWEEN_KILLS;
        wait_for("messages to be taken", PATIENCE, async || {
            (taken.load(Ordering::SeqCst) >= goal).then_some(())
        })
        .await;
        #[expect(clippy::disallowed_methods, reason = "compared with the sandbox's own times")]
        let before = OffsetDateTime::now_utc();
        system.kill_gateway().await;
        system.start_gateway().await;
        #[expect(clippy::disallowed_methods, reason = "compared with the sandbox's own times")]
        let after = OffsetDateTime::now_utc();
        kills.push((before, after));
    }
    writing.store(false, Ordering::SeqCst);
    let mut visitors = Vec::new();
    for writer in writers {
        visitors.push(writer.await.expect("the writer does not fail"));
    }
    wait_until_quiet(&system).await;
    for (visitor, written) in &visitors {
        check(&system, visitor, *written, &kills).await;
    }
    println!("{} messages taken in over {KILLS} kills", taken.load(Ordering::SeqCst));
}

/// Writes 0, 1, 2 … each until it is taken; how many were.
async fn write(visitor: Visitor, writing: Arc<AtomicBool>, taken: Arc<AtomicUsize>) -> (Visitor, usize) {
    let mut number = 0;
    while writing.load(Ordering::SeqCst) {
        visitor.says(&format!("m{number}")).await;
        number += 1;
        taken.fetch_add(1, Ordering::SeqCst);
    }
    (visitor, number)
}

/// Everything taken in has reached the AI, and the AI has delivered all of its webhooks.
async fn wait_until_quiet(system: &System) {
    let settled = async || system.deliveries().await.iter().all(|it| it["state"] == "sent").then_some(());
    wait_for("all deliveries to be sent", 2 * PATIENCE, settled).await;
    let quiet = async || (system.sandbox.status().waiting == 0).then_some(());
    wait_for("the AI's webhooks to be taken", 2 * PATIENCE, quiet).await;
    wait_for("the answers to be sent", 2 * PATIENCE, settled).await;
}

/// Checks the promise for one visitor, message by message.
async fn check(
    system: &System,
    visitor: &Visitor,
    written: usize,
    kills: &[(OffsetDateTime, OffsetDateTime)],
) {
    let requests: Vec<ReceivedRequest> =
        system.sandbox.requests(0).into_iter().filter(|it| it.chat_id == visitor.chat_id()).collect();
    let mut first_seen: Vec<usize> = Vec::new();
    let mut times: HashMap<usize, OffsetDateTime> = HashMap::new();
    for request in &requests {
        assert!(request.taken, "the sandbox was not told to refuse");
        let number: usize = request.message.strip_prefix('m').expect("ours").parse().expect("a number");
        if let Some(before) = times.insert(number, request.at) {
            let killed = kills.iter().any(|(from, to)| before <= *to && request.at >= *from);
            assert!(killed, "m{number} was sent twice without a kill in between");
            assert_eq!(first_seen.last(), Some(&number), "m{number} came again after a later one");
        } else {
            first_seen.push(number);
        }
    }
    assert_eq!(first_seen, (0..written).collect::<Vec<_>>(), "lost or out of order on the way to the AI");

    let page = visitor.page().await;
    let texts = |by_user: bool| -> Vec<String> {
        let of = |message: &&Shown| (message.author == "user") == by_user;
        page.iter().filter(of).map(|message| digits(&message.html)).collect()
    };
    assert_eq!(texts(true), (0..written).map(|n| n.to_string()).collect::<Vec<_>>(), "on the page");
    let asked: Vec<String> = requests.iter().map(|it| digits(&it.message)).collect();
    assert_eq!(texts(false), asked, "one answer per request, in order");
    assert!(page.windows(2).all(|pair| pair[0].position < pair[1].position));
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// A shutdown that was asked for is quick, although pages are open and answers are awaited.
#[tokio::test]
async fn a_stop_is_clean_with_open_pages() {
    let mut system = System::start(Database::Sqlite, "").await;
    let visitor = system.visitor().await;
    let mut events = visitor.events(0).await;
    system.sandbox.set_delay(Duration::from_hours(1));
    visitor.says("hello").await;
    system.wait_for_requests(1).await;
    system.stop_gateway().await;
    while events.next_message().await.is_some() {}
}
