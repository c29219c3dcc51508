//! What sending takes, what it refuses, and what comes of it.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard_testkit::discord::{Kind, Permission};

use crate::client::{id, start, to};

#[tokio::test]
async fn a_message_comes_back_as_discord_shows_it() {
    let (_discord, bot, http) = start().await;
    let alice = bot.user("Alice");
    let question = alice.sends("Where is it?");
    let body = json!({
        "content": " **here** \n", "nonce": "abc", "flags": 4, "tts": false, "allowed_mentions": { "parse": [] },
        "message_reference": { "message_id": question.message_id.to_string(), "fail_if_not_exists": false },
    });
    let sent = http.result(&to(question.channel_id), body).await;
    assert_eq!((&sent["content"], &sent["type"]), (&json!("**here**"), &json!(19)));
    assert_eq!((id(&sent["author"]["id"]), &sent["author"]["bot"]), (bot.id(), &json!(true)));
    assert_eq!((&sent["nonce"], &sent["flags"]), (&json!("abc"), &json!(4)));
    assert_eq!(sent["referenced_message"]["content"], "Where is it?");
    assert!(id(&sent["id"]) > question.message_id, "ids are ordered by time");
    assert!(sent["timestamp"].as_str().is_some_and(|time| time.len() == 32 && time.ends_with("+00:00")));

    let journal = bot.sent_to(question.channel_id);
    assert_eq!((journal[0].content(), journal[0].reply_to()), ("**here**", Some(question.message_id)));
    assert_eq!((journal[0].nonce(), journal[0].pings()), (Some(&json!("abc")), false));
}

#[tokio::test]
async fn what_discord_refuses_is_refused() {
    let (_discord, bot, http) = start().await;
    let alice = bot.user("Alice");
    let channel = alice.direct().id();
    let joined = alice.says("").of_type(7).send().message_id.to_string();
    let elsewhere = bot.user("Bob").sends("hello").message_id.to_string();
    let reply = |id: &str| json!({ "content": "a", "message_reference": { "message_id": id } });
    let cases = [
        (json!({}), (400, 50006)),
        (json!({ "content": " \n" }), (400, 50006)),
        (json!({ "content": 5 }), (400, 50035)),
        (json!({ "content": "🙂".repeat(2001) }), (400, 50035)),
        (json!({ "content": "a", "nonce": "x".repeat(26) }), (400, 50035)),
        (json!({ "content": "a", "nonce": [1] }), (400, 50035)),
        (json!({ "content": "a", "flags": 1 << 15 }), (400, 50035)),
        (json!({ "content": "a", "embeds": [{ "title": "a" }] }), (400, 50035)),
        (json!({ "content": "a", "allowed_mentions": { "parse": ["users"], "users": ["1"] } }), (400, 50035)),
        (reply("1"), (400, 50035)),
        (reply(&joined), (400, 50035)),
        (reply(&elsewhere), (400, 50035)),
    ];
    for (body, expected) in cases {
        assert_eq!(http.refused(&to(channel), body.clone()).await, expected, "{body}");
    }
    assert_eq!(http.refused(&to(1), json!({ "content": "a" })).await, (404, 10003));
    let broken = http.request(&to(channel)).header("content-type", "application/json").body("{");
    assert_eq!(broken.send().await.expect("an answer").status(), 400);
    assert_eq!(bot.sent_count(), 0);

    let (_, body) = http.call(&to(channel), json!({ "content": "a".repeat(2001) })).await.expect("an answer");
    assert_eq!(body["errors"]["content"]["_errors"][0]["code"], "BASE_TYPE_MAX_LENGTH");
    http.send(channel, &"🙂".repeat(2000)).await;
    let lenient = json!({ "message_id": "1", "fail_if_not_exists": false });
    let sent = http.result(&to(channel), json!({ "content": "a", "message_reference": lenient })).await;
    assert_eq!((&sent["type"], sent.get("message_reference")), (&json!(0), None));
}

#[tokio::test]
async fn who_cannot_be_written_to() {
    let (_discord, bot, http) = start().await;
    let (alice, guild) = (bot.user("Alice"), bot.guild("Shop"));
    let direct = alice.direct().id();
    let send = async |channel: u64| http.refused(&to(channel), json!({ "content": "a" })).await;
    alice.blocks();
    assert_eq!(send(direct).await, (403, 50007));
    alice.leaves_guilds();
    assert_eq!(send(direct).await, (403, 50278));
    alice.unblocks();
    http.send(direct, "again").await;
    assert_eq!(send(bot.other_bot("Helper").direct().id()).await, (403, 50007));

    let help = guild.text_channel("help");
    let thread = help.opens_thread(&alice, "parcels");
    help.denies(Permission::SendMessages);
    assert_eq!(send(help.id()).await, (403, 50013));
    http.send(thread.id(), "a thread has a permission of its own").await;
    help.denies_everyone(Permission::SendMessagesInThreads);
    assert_eq!(send(thread.id()).await, (403, 50013));
    help.allows(Permission::SendMessagesInThreads);
    http.send(thread.id(), "again").await;
    help.denies(Permission::ViewChannel);
    assert_eq!(send(thread.id()).await, (403, 50001));
    assert_eq!(send(guild.forum("ideas").id()).await, (400, 40058));
    assert_eq!(send(guild.channel(Kind::Category, "more").id()).await, (400, 50008));
    let gone = guild.text_channel("gone");
    http.send(gone.id(), "here").await;
    gone.deletes();
    assert_eq!(send(gone.id()).await, (404, 10003));
    assert_eq!((gone.messages().len(), gone.shows_typing(), bot.texts_to(gone.id()).len()), (0, false, 1));
}

#[tokio::test]
async fn an_archived_thread_wakes_unless_it_is_locked() {
    let (_discord, bot, http) = start().await;
    let (alice, help) = (bot.user("Alice"), bot.guild("Shop").text_channel("help"));
    let thread = help.opens_thread(&alice, "parcels");
    let archived =
        async || http.get(&format!("/channels/{}", thread.id())).await["thread_metadata"]["archived"].clone();
    thread.archives();
    assert_eq!(archived().await, true);
    http.send(thread.id(), "hello").await;
    assert_eq!(archived().await, false);
    thread.locks();
    assert_eq!(http.refused(&to(thread.id()), json!({ "content": "a" })).await, (403, 160_005));
    thread.archives();
    assert_eq!(http.refused(&to(thread.id()), json!({ "content": "a" })).await, (400, 50083));
}

#[tokio::test]
async fn an_enforced_nonce_sends_once() {
    let (_discord, bot, http) = start().await;
    let (alice, bob) = (bot.user("Alice").direct().id(), bot.user("Bob").direct().id());
    let body = |text: &str, nonce: Value, enforce: bool| json!({ "content": text, "nonce": nonce, "enforce_nonce": enforce });
    let first = http.result(&to(alice), body("one", json!("key"), true)).await;
    let again = http.result(&to(alice), body("changed", json!("key"), true)).await;
    assert_eq!((&again["id"], &again["content"]), (&first["id"], &json!("one")));
    let elsewhere = http.result(&to(bob), body("one", json!("key"), true)).await;
    assert_eq!(elsewhere["channel_id"], json!(alice.to_string()), "it is the author's, not the channel's");
    assert_eq!(bot.texts_to(alice), ["one"]);

    for nonce in [json!(7), json!("7")] {
        http.result(&to(alice), body("two", nonce, true)).await;
    }
    for _ in 0..2 {
        http.result(&to(alice), body("not enforced", json!("other"), false)).await;
    }
    assert_eq!(bot.texts_to(alice), ["one", "two", "not enforced", "not enforced"]);
    bot.remembers_nonces_for(Duration::ZERO);
    http.result(&to(alice), body("later", json!("key"), true)).await;
    assert_eq!(bot.sent_count(), 5);
    assert!(bot.texts_to(bob).is_empty());
}

#[tokio::test]
async fn mentions_notify_only_whom_they_may() {
    let (_discord, bot, http) = start().await;
    let (guild, alice, bob) = (bot.guild("Shop"), bot.user("Alice"), bot.user("Bob"));
    let (help, role) = (guild.text_channel("help"), guild.role("staff"));
    let question = alice.says("hello").in_channel(&help).send();
    let content = format!("@everyone {} {} <@&{role}>", alice.mention(), bob.mention());
    let mut body = json!({
        "content": content, "message_reference": { "message_id": question.message_id.to_string() },
    });
    let whom = |sent: &Value| {
        let users: Vec<u64> =
            sent["mentions"].as_array().expect("a list").iter().map(|user| id(&user["id"])).collect();
        (users, sent["mention_roles"].as_array().expect("a list").len(), sent["mention_everyone"] == true)
    };
    let cases = [
        (Value::Null, (vec![alice.id(), bob.id()], 1, true)),
        (json!({ "parse": [] }), (vec![], 0, false)),
        (json!({ "parse": [], "replied_user": true }), (vec![alice.id()], 0, false)),
        (json!({ "parse": ["roles"], "users": [bob.id().to_string()] }), (vec![bob.id()], 1, false)),
    ];
    for (allowed, expected) in cases {
        body["allowed_mentions"] = allowed;
        let sent = http.result(&to(help.id()), body.clone()).await;
        assert_eq!(whom(&sent), expected, "{}", body["allowed_mentions"]);
        let pings = expected != (vec![], 0, false);
        assert_eq!(bot.sent().last().expect("it was sent").pings(), pings);
    }
}

#[tokio::test]
async fn typing_is_shown_until_something_is_written() {
    let (_discord, bot, http) = start().await;
    let alice = bot.user("Alice");
    let direct = alice.direct();
    let typing = format!("POST /channels/{}/typing", direct.id());
    assert!(!direct.shows_typing());
    assert_eq!(http.result(&typing, json!({})).await, Value::Null);
    assert!(direct.shows_typing());
    http.send(direct.id(), "done").await;
    assert!(!direct.shows_typing());
    assert_eq!(http.refused("POST /channels/1/typing", Value::Null).await, (404, 10003));
}
