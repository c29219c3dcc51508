//! Updates that Telegram brings: each chat's in order, whatever becomes of the database.

use std::{collections::HashMap, fs};

use switchboard_testkit::{
    postgres::PostgresServer,
    telegram::{FakeTelegram, Sent, User},
    wait::wait_for,
};

use super::{LONG, TOKEN, channel, wait_until_quiet};
use crate::support::{Database, PATIENCE, System};

const PEOPLE: usize = 20;
const EACH: usize = 10;

#[tokio::test]
async fn what_telegram_brings_is_answered_in_the_order_of_each_chat() {
    let telegram = FakeTelegram::start().await.expect("a free port");
    let bot = telegram.bot(TOKEN);
    let more = "mode = \"webhook\"";
    let _system = System::start(Database::Sqlite, &channel(&telegram, "bot", TOKEN, more)).await;
    let people: Vec<User> = (0..PEOPLE).map(|number| bot.user(&format!("User {number}"))).collect();
    for number in 0..EACH {
        for person in &people {
            person.sends(&format!("m{number}"));
        }
    }
    let sent = bot.wait_for_sent(PEOPLE * EACH, LONG).await;
    let mut answers: HashMap<i64, Vec<&str>> = HashMap::new();
    for sent in &sent {
        answers.entry(sent.chat_id).or_default().push(sent.text());
    }
    let expected: Vec<String> = (0..EACH).map(|number| format!("You wrote: m{number}")).collect();
    assert_eq!(answers.len(), PEOPLE);
    assert!(answers.values().all(|answers| *answers == expected), "{answers:?}");
}

#[tokio::test]
async fn while_the_database_is_away_telegram_keeps_what_it_brings() {
    let mut server = PostgresServer::launch().expect("a Postgres of its own");
    let database = server.create_database().expect("a database");
    let telegram = FakeTelegram::start().await.expect("a free port");
    let bot = telegram.bot(TOKEN);
    let at = Database::At(database.url().to_owned());
    let more = "mode = \"webhook\"";
    let system = System::start(at, &channel(&telegram, "bot", TOKEN, more)).await;
    let alice = bot.user("Alice");
    alice.sends("before");
    bot.wait_for_sent(1, PATIENCE).await;
    // Nothing of it is left to be confirmed or stored.
    wait_until_quiet(&system, &bot).await;

    server.stop().expect("the server stops");
    for number in 0..3 {
        alice.sends(&format!("during {number}"));
    }
    let refused = async || bot.deliveries().iter().any(|it| it.status == Some(503)).then_some(());
    wait_for("an update to be refused", PATIENCE, refused).await;
    assert_eq!(bot.unconfirmed_count(), 3);

    server.start().expect("the server starts");
    let sent = bot.wait_for_sent(4, LONG).await;
    let answers: Vec<&str> = sent[1..].iter().map(Sent::text).collect();
    let expected: Vec<String> = (0..3).map(|number| format!("You wrote: during {number}")).collect();
    assert_eq!(answers, expected);
    bot.wait_until_confirmed(PATIENCE).await;
}

#[tokio::test]
async fn polling_is_taken_up_once_the_webhook_is_taken_away() {
    let telegram = FakeTelegram::start().await.expect("a free port");
    let bot = telegram.bot(TOKEN);
    let more = "mode = \"webhook\"";
    let mut system = System::start(Database::Sqlite, &channel(&telegram, "bot", TOKEN, more)).await;
    let alice = bot.user("Alice");
    alice.sends("before");
    bot.wait_for_sent(1, PATIENCE).await;
    system.stop_gateway().await;
    alice.sends("meanwhile");
    let text = fs::read_to_string(&system.config).expect("the configuration");
    fs::write(&system.config, text.replace(more, "mode = \"polling\"")).expect("the configuration");
    system.spawn_gateway();
    system.gateway().wait_for_success(&format!("{}/chat/site", system.url), PATIENCE).await;
    let told = async || system.output().iter().any(|line| line.contains("deleteWebhook")).then_some(());
    wait_for("what to do to be told", PATIENCE, told).await;
    assert!(bot.webhook().is_some(), "it may be somebody's");

    let delete = format!("{}/bot{TOKEN}/deleteWebhook", telegram.url());
    assert!(system.http.get(delete).send().await.expect("an answer").status().is_success());
    let sent = bot.wait_for_sent(2, PATIENCE).await;
    assert_eq!(sent[1].text(), "You wrote: meanwhile");
    system.wait_until_ready().await;
}
