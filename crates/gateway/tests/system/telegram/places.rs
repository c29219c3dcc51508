//! Topics, groups that move, and updates that nobody can read: every answer is where its question is.

use std::{fs, time::Duration};

use serde_json::{Value, json};
use switchboard_testkit::{
    postgres,
    telegram::{Call, FakeTelegram, Fault, Sent},
    wait::wait_for,
};

use super::{LONG, TOKEN, channel};
use crate::support::{Database, PATIENCE, System};

/// What the AI platform was asked by which chat, in order.
fn asked(system: &System) -> Vec<(String, String)> {
    system.sandbox.requests(0).into_iter().map(|it| (it.chat_id, it.message)).collect()
}

#[tokio::test]
async fn every_topic_of_a_private_chat_gets_its_own_answers() {
    let telegram = FakeTelegram::start().await.expect("a free port");
    let bot = telegram.bot(TOKEN);
    let system = System::start(Database::Sqlite, &channel(&telegram, "bot", TOKEN, "")).await;
    let alice = bot.user("Alice");
    let (bills, orders) = (alice.opens_topic("Bills"), alice.opens_topic("Orders"));
    system.sandbox.pause(true);
    alice.says("a bill").in_topic(bills).send();
    alice.says("an order").in_topic(orders).send();
    alice.sends("neither");
    alice.says("another bill").in_topic(bills).send();
    system.wait_for_requests(4).await;
    system.sandbox.pause(false);

    let sent = bot.wait_for_sent(4, PATIENCE).await;
    let in_topic = |topic: Option<i64>| -> Vec<&str> {
        sent.iter().filter(|it| it.topic() == topic).map(Sent::text).collect()
    };
    assert_eq!(in_topic(Some(bills)), ["You wrote: a bill", "You wrote: another bill"]);
    assert_eq!(in_topic(Some(orders)), ["You wrote: an order"]);
    assert_eq!(in_topic(None), ["You wrote: neither"]);
    let mut chats: Vec<String> = asked(&system).into_iter().map(|(chat_id, _)| chat_id).collect();
    chats.sort_unstable();
    chats.dedup();
    assert_eq!(chats.len(), 3, "{chats:?}");
}

#[tokio::test]
async fn an_answer_to_a_topic_that_is_gone_goes_nowhere_else() {
    let telegram = FakeTelegram::start().await.expect("a free port");
    let bot = telegram.bot(TOKEN);
    let more = "groups = \"all\"";
    let system = System::start(Database::Sqlite, &channel(&telegram, "bot", TOKEN, more)).await;
    let alice = bot.user("Alice");
    let forum = bot.forum("Customers");
    let (gone, stays) = (forum.opens_topic(&alice, "Gone"), forum.opens_topic(&alice, "Stays"));
    system.sandbox.pause(true);
    alice.says("where?").to(&forum).in_topic(gone).send();
    alice.says("here?").to(&forum).in_topic(stays).send();
    system.wait_for_requests(2).await;
    forum.deletes_topic(gone);
    system.sandbox.pause(false);

    let dead = async || system.deliveries().await.into_iter().find(|it| it["state"] == "dead");
    let dead = wait_for("the answer to be given up", PATIENCE, dead).await;
    assert!(dead.to_string().contains("message thread not found"), "{dead}");
    let sent = bot.wait_for_sent(1, PATIENCE).await;
    let sent: Vec<_> = sent.iter().map(|it| (it.topic(), it.text())).collect();
    assert_eq!(sent, [(Some(stays), "You wrote: here?")]);
}

/// Whether the gateway hears of the move before it sends there.
async fn move_under_way(seen: bool) {
    let telegram = FakeTelegram::start().await.expect("a free port");
    let bot = telegram.bot(TOKEN);
    let more = "groups = \"all\"\nscope = \"room\"";
    let mut system = System::start(Database::Sqlite, &channel(&telegram, "bot", TOKEN, more)).await;
    let (alice, ben) = (bot.user("Alice"), bot.user("Ben"));
    let group = bot.group("Friends");
    system.sandbox.pause(true);
    alice.says("one").to(&group).send();
    ben.says("two").to(&group).send();
    system.wait_for_requests(2).await;
    // The answers are in the queue, and Telegram is away, when the group moves.
    bot.plan(Fault::internal_error()).on("sendMessage").always();
    system.sandbox.pause(false);
    bot.wait_for_calls("sendMessage", 2, PATIENCE).await;
    let supergroup = if seen { group.migrates(&alice) } else { group.migrates_unseen() };
    ben.says("three").to(&supergroup).send();
    system.wait_for_requests(3).await;
    if seen {
        // What the AI has taken and the gateway has not noted would be asked, and answered, again.
        let noted = async || {
            let rows = system.deliveries().await;
            rows.iter().all(|it| it["direction"] != "to_ai" || it["state"] == "sent").then_some(())
        };
        wait_for("the questions to be noted as asked", PATIENCE, noted).await;
        system.kill_gateway().await;
        system.start_gateway().await;
    }
    bot.heals();

    let sent = bot.wait_for_sent(3, PATIENCE).await;
    let sent: Vec<_> = sent.iter().map(|it| (it.chat_id, it.text())).collect();
    let to = supergroup.id();
    if seen {
        let expected = ["one", "two", "three"].map(|text| (to, format!("You wrote: {text}")));
        assert_eq!(sent, expected.each_ref().map(|(chat, text)| (*chat, text.as_str())));
        let chats: Vec<String> = asked(&system).into_iter().map(|(chat_id, _)| chat_id).collect();
        assert!(chats.iter().all(|chat| *chat == chats[0]), "one room is one chat: {chats:?}");
    } else {
        // Who wrote there before anybody told of the move has begun another dialogue.
        assert!(sent.iter().all(|(chat, _)| *chat == to), "{sent:?}");
        let place = |text: &str| sent.iter().position(|(_, sent)| *sent == format!("You wrote: {text}"));
        assert!(place("one") < place("two") && place("three").is_some(), "{sent:?}");
    }
}

#[tokio::test]
async fn answers_follow_a_room_that_moves_before_they_are_sent() {
    move_under_way(true).await;
}

#[tokio::test]
async fn answers_follow_a_room_whose_move_nobody_told() {
    move_under_way(false).await;
}

#[tokio::test]
async fn a_pause_that_telegram_asks_for_is_kept_by_its_chat_alone() {
    let telegram = FakeTelegram::start().await.expect("a free port");
    let bot = telegram.bot(TOKEN);
    let _system = System::start(Database::Sqlite, &channel(&telegram, "bot", TOKEN, "")).await;
    let (alice, ben, carol) = (bot.user("Alice"), bot.user("Ben"), bot.user("Carol"));
    let pause = Duration::from_secs(3);
    // Carol's is not over before this test is, however slow the machine.
    for (person, retry_after) in [(&alice, 3), (&carol, 3600)] {
        bot.plan(Fault::TooManyRequests { retry_after }).on("sendMessage").in_chat(person.id()).next(1);
        person.sends("one");
        person.sends("two");
    }
    let first_call = async |chat: i64| {
        let of_chat = |call: &Call| call.params.integer("chat_id") == Some(chat);
        let first = async || bot.calls("sendMessage").into_iter().find(of_chat);
        wait_for("the first answer to be sent", PATIENCE, first).await
    };
    let refused = first_call(alice.id()).await;
    first_call(carol.id()).await;
    for number in 0..5 {
        ben.sends(&format!("m{number}"));
    }
    let others = async || (bot.sent_to(ben.id()).len() == 5).then_some(());
    wait_for("the others to be answered", PATIENCE, others).await;
    assert_eq!(bot.sent_to(carol.id()).len(), 0, "the pause is not over");
    let sent = bot.wait_for_sent(7, PATIENCE).await;
    let late: Vec<&Sent> = sent.iter().filter(|it| it.chat_id == alice.id()).collect();
    assert_eq!(late.iter().map(|it| it.text()).collect::<Vec<_>>(), ["You wrote: one", "You wrote: two"]);
    assert!(late[0].at - refused.at >= pause, "{late:?}");
    assert_eq!(bot.calls("sendMessage").len(), 9, "nothing was tried before its time");
}

#[tokio::test]
async fn one_unreadable_update_among_a_hundred_is_kept_and_holds_up_nothing() {
    let database = postgres::database().expect("a Postgres for tests");
    let url = database.url().to_owned();
    let telegram = FakeTelegram::start().await.expect("a free port");
    let bot = telegram.bot(TOKEN);
    let alice = bot.user("Alice");
    let bad = json!({ "message": { "message_id": 51, "text": "\u{0}lost?", "chat": "of next year" } });
    for number in 0..100 {
        if number == 50 {
            bot.push_update(bad.clone());
        } else {
            alice.sends(&format!("m{number}"));
        }
    }
    let system = System::start(Database::Postgres(database), &channel(&telegram, "bot", TOKEN, "")).await;
    bot.wait_until_confirmed(LONG).await;
    bot.wait_for_sent(99, LONG).await;
    let expected: Vec<String> = (0..100).filter(|it| *it != 50).map(|it| format!("m{it}")).collect();
    assert_eq!(asked(&system).into_iter().map(|(_, text)| text).collect::<Vec<_>>(), expected);
    let kept = "SELECT convert_from(raw, 'UTF8') FROM unreadable";
    let kept = postgres::execute(&url, kept).expect("the table is there");
    let kept: Value = serde_json::from_str(kept.trim()).expect("one update, as it came");
    assert_eq!(kept["message"], bad["message"]);
}

#[tokio::test]
async fn the_most_detailed_log_shows_no_token() {
    let telegram = FakeTelegram::start().await.expect("a free port");
    let bot = telegram.bot(TOKEN);
    let mut system = System::prepare(Database::Sqlite, &channel(&telegram, "bot", TOKEN, "")).await;
    system.has_secret(TOKEN.split_once(':').expect("a token").1);
    let text = fs::read_to_string(&system.config).expect("the configuration");
    let detailed = text.replace("info,switchboard_engine=debug,switchboard_gateway=debug", "trace");
    assert_ne!(text, detailed);
    fs::write(&system.config, detailed).expect("the configuration");
    system.start_gateway().await;
    let alice = bot.user("Alice");
    let faults = [
        Fault::Closed,
        Fault::bad_gateway(),
        Fault::Garbled,
        Fault::internal_error(),
        Fault::refused(302, "Found"),
        Fault::TooManyRequests { retry_after: 1 },
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        if number < 2 {
            bot.plan(fault.clone()).on("getUpdates").next(1);
        }
        bot.plan(fault).on("sendMessage").next(1);
        alice.sends(&format!("m{number}"));
    }
    bot.wait_until_confirmed(LONG).await;
    bot.wait_for_sent(6, LONG).await;
    telegram.go_down().await;
    system.wait_until_in_trouble("bot").await;
    assert!(system.output().iter().any(|line| line.contains("TRACE")), "it is detailed");
}
