//! Telegram: what is promised holds over it too, and one channel's trouble is nobody else's.

mod people;
mod places;
mod webhook;

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use switchboard_testkit::{
    postgres::PostgresServer,
    telegram::{Bot, FakeTelegram, Fault, Sent, User},
    wait::wait_for,
};
use tokio_util::task::TaskTracker;

use crate::support::{Database, PATIENCE, System, answered, check_questions, now};

const TOKEN: &str = "123456:token-of-the-first-bot-0123456789abc";
const OTHER_TOKEN: &str = "654321:token-of-the-other-bot-0123456789abc";

/// For what takes seconds where nothing else is going on.
const LONG: Duration = Duration::from_mins(2);
/// How often the gateway is killed.
const KILLS: usize = 10;
/// How many people write at the same time.
const PEOPLE: usize = 6;
/// How quickly each of them writes.
const PACE: Duration = Duration::from_millis(15);
/// How many answers come between two kills, at least.
const BETWEEN_KILLS: usize = 20;

/// The configuration of one bot's channel; `more` is added to it.
fn channel(telegram: &FakeTelegram, name: &str, token: &str, more: &str) -> String {
    format!(
        "[[channel]]\nname = \"{name}\"\nkind = \"telegram\"\nai = \"main\"\ntask_id = \"task-1\"\n\
         token = \"{token}\"\napi_url = \"{}\"\nlimits = \"off\"\n{more}\n",
        telegram.url(),
    )
}

#[tokio::test]
async fn nothing_is_lost_over_telegram_on_sqlite() {
    kill_under_load(Database::Sqlite, OnUnknown::Retry).await;
}

#[tokio::test]
async fn nothing_is_lost_over_telegram_on_postgres() {
    kill_under_load(Database::postgres(), OnUnknown::Retry).await;
}

#[tokio::test]
async fn nothing_is_sent_twice_over_telegram_where_so_configured() {
    kill_under_load(Database::Sqlite, OnUnknown::Drop).await;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnUnknown {
    Retry,
    Drop,
}

async fn kill_under_load(database: Database, on_unknown: OnUnknown) {
    let telegram = FakeTelegram::start().await.expect("a free port");
    let bot = telegram.bot(TOKEN);
    bot.throttled(false);
    let more = if on_unknown == OnUnknown::Drop { "on_unknown = \"drop\"" } else { "" };
    let mut system = System::start(database, &channel(&telegram, "bot", TOKEN, more)).await;
    system.has_secret(TOKEN);

    let writing = Arc::new(AtomicBool::new(true));
    let tasks = TaskTracker::new();
    let people: Vec<User> = (0..PEOPLE).map(|number| bot.user(&format!("User {number}"))).collect();
    let written: Vec<Arc<AtomicUsize>> = people.iter().map(|_| Arc::default()).collect();
    for (person, written) in people.iter().zip(&written) {
        let (bot, person) = (bot.clone(), person.clone());
        tasks.spawn(write(bot, person, writing.clone(), written.clone()));
    }
    let mut kills = Vec::new();
    for _ in 0..KILLS {
        let goal = bot.sent_count() + BETWEEN_KILLS;
        bot.wait_for_sent(goal, LONG).await;
        let before = now();
        system.kill_gateway().await;
        system.start_gateway().await;
        kills.push((before, now()));
    }
    writing.store(false, Ordering::SeqCst);
    tasks.close();
    tasks.wait().await;
    wait_until_quiet(&system, &bot).await;

    let mut dropped = 0;
    for (person, written) in people.iter().zip(&written) {
        let asked =
            check_questions(&system, &format!("bot:{}", person.id()), written.load(Ordering::SeqCst), &kills);
        dropped += check_answers(&bot, person, &asked, on_unknown);
    }
    // What was given up may have been sent: nobody knows. What was not sent was given up.
    let dead = system.deliveries().await.iter().filter(|row| row["state"] == "dead").count();
    assert!((dropped..=KILLS * PEOPLE).contains(&dead), "{dropped} were not sent, {dead} are given up");
    assert!(dead == 0 || on_unknown == OnUnknown::Drop);
    println!("{} answers over {KILLS} kills, {dropped} of {dead} given up not sent", bot.sent_count());
}

/// Writes 0, 1, 2 … while few of the ones before still wait at Telegram.
async fn write(bot: Bot, person: User, writing: Arc<AtomicBool>, written: Arc<AtomicUsize>) {
    while writing.load(Ordering::SeqCst) {
        if bot.unconfirmed_count() < 2 * PEOPLE {
            person.sends(&format!("m{}", written.fetch_add(1, Ordering::SeqCst)));
        }
        tokio::time::sleep(PACE).await;
    }
}

/// Everything was fetched, asked, answered, and sent or given up.
async fn wait_until_quiet(system: &System, bot: &Bot) {
    bot.wait_until_confirmed(LONG).await;
    let settled = async || system.deliveries().await.iter().all(|it| it["state"] != "pending").then_some(());
    wait_for("all deliveries to be settled", LONG, settled).await;
    let quiet = async || (system.sandbox.status().waiting == 0).then_some(());
    wait_for("the AI's webhooks to be taken", LONG, quiet).await;
    wait_for("the answers to be settled", LONG, settled).await;
}

/// The answers reached the person's chat in order, each as often as promised: at least once (and again
/// only where a kill cut its sending off, which it does to one at most), or at most once. How many did not.
fn check_answers(bot: &Bot, person: &User, asked: &[String], on_unknown: OnUnknown) -> usize {
    let sent: Vec<String> = bot.texts_to(person.id()).iter().map(|text| answered(text)).collect();
    let (asked, sent) = (counted(asked), counted(&sent));
    let (mut sent, mut missing, mut again) = (sent.iter().peekable(), 0, 0);
    for (question, asked) in &asked {
        let times = sent.next_if(|(answered, _)| answered == question).map_or(0, |(_, times)| *times);
        match on_unknown {
            OnUnknown::Retry => {
                assert!(times >= *asked, "{question}: asked {asked} times, sent {times} times");
                again += times - asked;
            }
            OnUnknown::Drop => {
                assert!(times <= *asked, "{question}: asked {asked} times, sent {times} times");
                missing += asked - times;
            }
        }
    }
    assert_eq!(sent.next(), None, "out of order");
    assert!(again <= KILLS, "{again} were sent again over {KILLS} kills");
    missing
}

/// Each text with how often it stands there in a row.
fn counted(texts: &[String]) -> Vec<(&str, usize)> {
    texts.chunk_by(|one, next| one == next).map(|chunk| (chunk[0].as_str(), chunk.len())).collect()
}

#[tokio::test]
async fn while_the_database_is_away_nothing_is_confirmed_to_telegram() {
    let mut server = PostgresServer::launch().expect("a Postgres of its own");
    let database = server.create_database().expect("a database");
    let telegram = FakeTelegram::start().await.expect("a free port");
    let bot = telegram.bot(TOKEN);
    let at = Database::At(database.url().to_owned());
    let system = System::start(at, &channel(&telegram, "bot", TOKEN, "")).await;
    let alice = bot.user("Alice");
    alice.sends("before");
    bot.wait_for_sent(1, PATIENCE).await;
    // Nothing of it is left to be confirmed or stored.
    wait_until_quiet(&system, &bot).await;

    server.stop().expect("the server stops");
    for number in 0..5 {
        alice.sends(&format!("during {number}"));
    }
    let refused = async || {
        let said = |line: &String| line.contains("the store did not take it");
        system.output().iter().any(said).then_some(())
    };
    wait_for("the intake to be refused", PATIENCE, refused).await;
    assert_eq!(bot.unconfirmed_count(), 5);

    server.start().expect("the server starts");
    let sent = bot.wait_for_sent(6, LONG).await;
    let answers: Vec<&str> = sent[1..].iter().map(Sent::text).collect();
    let expected: Vec<String> = (0..5).map(|number| format!("You wrote: during {number}")).collect();
    assert_eq!(answers, expected);
    bot.wait_until_confirmed(PATIENCE).await;
}

#[tokio::test]
async fn a_bot_that_gets_only_errors_does_not_disturb_the_others() {
    let telegram = FakeTelegram::start().await.expect("a free port");
    let (healthy, broken) = (telegram.bot(TOKEN), telegram.bot(OTHER_TOKEN));
    for fault in [Fault::internal_error(), Fault::bad_gateway(), Fault::unauthorized(), Fault::Closed] {
        broken.heals();
        broken.plan(fault).always();
        let channels =
            channel(&telegram, "healthy", TOKEN, "") + &channel(&telegram, "broken", OTHER_TOKEN, "");
        let mut system = System::prepare(Database::Sqlite, &channels).await;
        system.has_secret(TOKEN);
        system.has_secret(OTHER_TOKEN);
        system.spawn_gateway();
        system.wait_until_ready().await;
        system.wait_until_in_trouble("broken").await;

        let (alice, visitor) = (healthy.user("Alice"), system.visitor().await);
        let before = healthy.sent_count();
        for number in 0..20 {
            alice.sends(&format!("question {number}"));
        }
        visitor.says("hello").await;
        visitor.wait_for_answers(1).await;
        healthy.wait_for_sent(before + 20, PATIENCE).await;
        assert_eq!(broken.sent_count(), 0);
        system.stop_gateway().await;
    }
}

#[tokio::test]
async fn updates_that_telegram_brings_are_confirmed_once_they_are_stored() {
    let telegram = FakeTelegram::start().await.expect("a free port");
    let bot = telegram.bot(TOKEN);
    let mut system =
        System::start(Database::Sqlite, &channel(&telegram, "bot", TOKEN, "mode = \"webhook\"")).await;
    system.has_secret(TOKEN);
    let alice = bot.user("Alice");
    alice.sends("one");
    bot.wait_for_sent(1, PATIENCE).await;
    // Not deleted when the gateway stops: Telegram keeps what comes meanwhile.
    system.stop_gateway().await;
    alice.sends("two");
    assert!(bot.webhook().is_some());
    system.start_gateway().await;
    let sent = bot.wait_for_sent(2, PATIENCE).await;
    assert_eq!(sent[1].text(), "You wrote: two");
    bot.wait_until_confirmed(PATIENCE).await;

    // Whoever does not know the secret is nobody.
    let url = format!("{}/webhooks/telegram/bot", system.url);
    let forged = json!({ "update_id": 1, "message": {} });
    for secret in [None, Some("wrong")] {
        let mut request = system.http.post(&url).json(&forged);
        if let Some(secret) = secret {
            request = request.header("X-Telegram-Bot-Api-Secret-Token", secret);
        }
        let status = request.send().await.expect("the gateway answers").status().as_u16();
        assert!([401, 403, 404].contains(&status), "{status}");
    }
}

#[tokio::test]
async fn a_topic_a_greeting_and_a_group_that_moves() {
    let telegram = FakeTelegram::start().await.expect("a free port");
    let bot = telegram.bot(TOKEN);
    let system =
        System::start(Database::Sqlite, &channel(&telegram, "bot", TOKEN, "greeting = \"Hello, **you**\""))
            .await;
    let alice = bot.user("Alice");
    alice.sends("/start");
    let greeted = bot.wait_for_sent(1, PATIENCE).await;
    assert_eq!(greeted[0].text(), "Hello, you");
    assert_eq!(greeted[0].entities()[0]["type"], "bold");
    assert!(system.sandbox.requests(0).is_empty(), "the AI is not asked");

    let forum = bot.forum("Customers");
    let topic = forum.opens_topic(&alice, "Orders");
    let address = format!("@{} where is it?", bot.username());
    let mention = json!([{ "type": "mention", "offset": 0, "length": bot.username().len() + 1 }]);
    let asked = alice.says(&address).with("entities", mention.clone()).to(&forum).in_topic(topic).send();
    let sent = bot.wait_for_sent(2, PATIENCE).await;
    assert_eq!((sent[1].chat_id, sent[1].topic()), (forum.id(), Some(topic)));
    assert_eq!(sent[1].reply_to(), Some(asked.message_id));

    let group = bot.group("Friends");
    alice.says(&address).with("entities", mention.clone()).to(&group).send();
    bot.wait_for_sent(3, PATIENCE).await;
    let supergroup = group.migrates(&alice);
    alice.says(&address).with("entities", mention).to(&supergroup).send();
    let sent = bot.wait_for_sent(4, PATIENCE).await;
    assert_eq!(sent[3].chat_id, supergroup.id());
    let chats: Vec<String> = system.sandbox.requests(0).into_iter().map(|it| it.chat_id).collect();
    assert_eq!(chats[1], chats[2], "the chat is the same after the move");
}

#[tokio::test]
async fn doctor_looks_for_another_poller_where_that_disturbs_nobody() {
    let telegram = FakeTelegram::start().await.expect("a free port");
    let bot = telegram.bot(TOKEN);
    let mut system = System::prepare(Database::Sqlite, &channel(&telegram, "bot", TOKEN, "")).await;
    system.has_secret(TOKEN);
    // A lease that could not be renewed for two seconds, on a slow disk, would look as if no gateway ran.
    let text = fs::read_to_string(&system.config).expect("the configuration");
    fs::write(&system.config, text.replace("ttl = \"2s\"", "ttl = \"1m\"")).expect("the configuration");
    let migrated = system.run(&["migrate"]).await;
    assert!(migrated.status.success());
    let told = async |system: &System| {
        let output = system.run(&["doctor"]).await;
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let alone = told(&system).await;
    assert!(alone.contains(&format!("@{}", bot.username())), "{alone}");
    assert!(alone.contains("no other program polls the bot"), "{alone}");

    system.start_gateway().await;
    bot.wait_until_polled(PATIENCE).await;
    let beside = told(&system).await;
    assert!(!beside.contains("polls the bot"), "{beside}");
    let conflicts = bot.calls("getUpdates").into_iter().filter(|call| call.status == Some(409)).count();
    assert_eq!(conflicts, 0, "the gateway was thrown out");
    assert!(!(alone + &beside).contains(TOKEN));
}
