//! `kill -9` under load: nothing is lost, doubled or out of order, whether Discord still knows the session or not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use switchboard_testkit::{discord::Bot, wait::wait_for};
use tokio_util::task::TaskTracker;

use super::{Desk, TOKEN, channel, desks, stand_in};
use crate::support::{Database, PATIENCE, System, answered, check_questions, now};

/// How often the gateway is killed.
const KILLS: usize = 10;
/// Every so many kills Discord forgets the session too, so that what was missed is in history only.
const FORGETFUL: usize = 3;
/// How quickly each person writes.
const PACE: Duration = Duration::from_millis(15);
/// How many answers come between two kills, at least.
const BETWEEN_KILLS: usize = 20;
/// How many of a person's messages wait for an answer at most.
const WAITING: usize = 10;

#[tokio::test]
async fn nothing_is_lost_over_discord_on_sqlite() {
    kill_under_load(Database::Sqlite).await;
}

#[tokio::test]
async fn nothing_is_lost_over_discord_on_postgres() {
    kill_under_load(Database::postgres()).await;
}

async fn kill_under_load(database: Database) {
    let discord = stand_in().await;
    let bot = discord.bot(TOKEN);
    let mut system = System::start(database, &channel(&discord, "bot", TOKEN)).await;
    system.has_secret(TOKEN);
    bot.wait_for_connections(1, PATIENCE).await;

    let (writing, tasks, desks) = (Arc::new(AtomicBool::new(true)), TaskTracker::new(), desks(&bot));
    let written: Vec<Arc<AtomicUsize>> = desks.iter().map(|_| Arc::default()).collect();
    for (desk, written) in desks.iter().zip(&written) {
        tasks.spawn(write(bot.clone(), desk.clone(), writing.clone(), written.clone()));
    }
    let mut kills = Vec::new();
    for number in 1..=KILLS {
        let goal = bot.sent_count() + BETWEEN_KILLS;
        wait_for("answers to be sent", PATIENCE, async || (bot.sent_count() >= goal).then_some(())).await;
        let before = now();
        system.kill_gateway().await;
        if number.is_multiple_of(FORGETFUL) {
            bot.forgets_sessions();
        }
        system.start_gateway().await;
        kills.push((before, now()));
    }
    writing.store(false, Ordering::SeqCst);
    tasks.close();
    tasks.wait().await;
    // In each place a last word, so that whatever history has before it comes in too.
    for (desk, written) in desks.iter().zip(&written) {
        desk.writes(&format!("m{}", written.fetch_add(1, Ordering::SeqCst)));
    }
    wait_until_quiet(&system, &desks, &written).await;

    for (desk, written) in desks.iter().zip(&written) {
        let asked = check_questions(&system, &desk.chat_id(), written.load(Ordering::SeqCst), &kills);
        let answers: Vec<String> = bot.texts_to(desk.place.id()).iter().map(|text| answered(text)).collect();
        assert_eq!(answers, asked, "each answer once, in order, in its place");
    }
    // The session of the beginning, and at least one after the last that was forgotten.
    let sessions = bot.identifies().len();
    assert!((2..KILLS).contains(&sessions), "{sessions}");
    println!("{} answers over {KILLS} kills and {sessions} sessions", bot.sent_count());
}

/// Writes 0, 1, 2 … while few of the ones before wait for an answer.
async fn write(bot: Bot, desk: Desk, writing: Arc<AtomicBool>, written: Arc<AtomicUsize>) {
    while writing.load(Ordering::SeqCst) {
        if written.load(Ordering::SeqCst) < bot.texts_to(desk.place.id()).len() + WAITING {
            desk.writes(&format!("m{}", written.fetch_add(1, Ordering::SeqCst)));
        }
        tokio::time::sleep(PACE).await;
    }
}

/// Everything was taken in, asked, answered and sent.
async fn wait_until_quiet(system: &System, desks: &[Desk], written: &[Arc<AtomicUsize>]) {
    let all_asked = async || {
        let requests = system.sandbox.requests(0);
        let asked = |(desk, written): (&Desk, &Arc<AtomicUsize>)| {
            let last = format!("m{}", written.load(Ordering::SeqCst) - 1);
            let chat_id = desk.chat_id();
            requests.iter().any(|request| request.chat_id == chat_id && request.message == last)
        };
        desks.iter().zip(written).all(asked).then_some(())
    };
    wait_for("the last messages to reach the AI", 2 * PATIENCE, all_asked).await;
    let settled = async || system.deliveries().await.iter().all(|it| it["state"] == "sent").then_some(());
    wait_for("all deliveries to be settled", 2 * PATIENCE, settled).await;
    let quiet = async || (system.sandbox.status().waiting == 0).then_some(());
    wait_for("the AI's webhooks to be taken", 2 * PATIENCE, quiet).await;
    wait_for("the answers to be settled", 2 * PATIENCE, settled).await;
}
