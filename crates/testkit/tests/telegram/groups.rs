//! Groups and their topics, and what happens to a bot in them.

use serde_json::json;

use crate::client::start;

#[tokio::test]
async fn topics_exist_only_in_forums() {
    let (_telegram, bot, http) = start().await;
    let alice = bot.user("Alice");
    let forum = bot.forum("Support");
    let topic = forum.opens_topic(&alice, "Billing");
    let asked = alice.says("How much?").to(&forum).in_topic(topic).send();
    let updates = http.result("getUpdates", json!({})).await;
    assert_eq!(updates[0]["message"]["forum_topic_created"]["name"], "Billing");
    let question = &updates[1]["message"];
    assert_eq!(
        (&question["message_thread_id"], &question["is_topic_message"]),
        (&json!(topic), &json!(true))
    );
    assert_eq!(question["chat"]["is_forum"], true);
    assert_eq!(question["reply_to_message"]["message_id"], topic, "the topic's first message, if no other");

    let reply = json!({ "message_id": asked.message_id });
    let into = |topic: i64| json!({ "chat_id": forum.id(), "text": "A lot", "message_thread_id": topic, "reply_parameters": reply });
    let sent = http.result("sendMessage", into(topic)).await;
    assert_eq!(
        (&sent["message_thread_id"], &sent["reply_to_message"]["text"]),
        (&json!(topic), &json!("How much?"))
    );
    assert_eq!(bot.sent()[0].topic(), Some(topic));
    let missing = (400, "Bad Request: message thread not found".to_owned());
    assert_eq!(http.refused("sendMessage", into(topic + 100)).await, missing);
    assert_eq!(http.refused("sendMessage", into(1)).await, missing, "the general topic has no name");
    let typing = json!({ "chat_id": forum.id(), "action": "typing", "message_thread_id": topic + 100 });
    assert_eq!(http.refused("sendChatAction", typing).await, missing);
}

#[tokio::test]
async fn replies_in_a_supergroup_look_like_a_topic_and_are_none() {
    let (_telegram, bot, http) = start().await;
    let alice = bot.user("Alice");
    let group = bot.supergroup("Support");
    let first = alice.says("one").to(&group).send();
    let answer = http
        .result("sendMessage", json!({ "chat_id": group.id(), "text": "two", "reply_parameters": { "message_id": first.message_id } }))
        .await;
    alice.says("three").to(&group).in_reply_to(answer["message_id"].as_i64().expect("an id")).send();
    let updates = http.result("getUpdates", json!({})).await;
    let third = &updates[1]["message"];
    assert_eq!(third["message_thread_id"], first.message_id);
    assert!(third.get("is_topic_message").is_none());
    assert_eq!(third["reply_to_message"]["from"]["id"], bot.id(), "one sees who is answered");
    // Asking for it back does no harm.
    let send = json!({ "chat_id": group.id(), "text": "four", "message_thread_id": first.message_id });
    assert!(http.result("sendMessage", send).await.get("message_thread_id").is_none());
}

#[tokio::test]
async fn a_group_that_migrates_says_where_to() {
    let (_telegram, bot, http) = start().await;
    let alice = bot.user("Alice");
    let group = bot.group("Support");
    http.send(group.id(), "before").await;
    let new = group.migrates(&alice);
    assert!(new.id() < -1_000_000_000_000);
    let updates = http.result("getUpdates", json!({})).await;
    let (old_side, new_side) = (&updates[0]["message"], &updates[1]["message"]);
    assert_eq!(
        (&old_side["chat"]["id"], &old_side["migrate_to_chat_id"]),
        (&json!(group.id()), &json!(new.id()))
    );
    assert_eq!(
        (&new_side["chat"]["id"], &new_side["migrate_from_chat_id"]),
        (&json!(new.id()), &json!(group.id()))
    );

    let (status, body) =
        http.call("sendMessage", json!({ "chat_id": group.id(), "text": "a" })).await.expect("an answer");
    assert_eq!((status, &body["parameters"]["migrate_to_chat_id"]), (400, &json!(new.id())));
    assert_eq!(body["description"], "Bad Request: group chat was upgraded to a supergroup chat");
    http.send(new.id(), "after").await;
    assert_eq!(bot.texts_to(new.id()), ["after"]);
    assert_eq!(bot.texts_to(group.id()), ["before"]);
}

#[tokio::test]
async fn where_the_bot_is_not_wanted_it_cannot_write() {
    let (_telegram, bot, http) = start().await;
    let (alice, bob, stranger) = (bot.user("Alice"), bot.user("Bob"), bot.stranger("Carol"));
    let (group, forum, gone) = (bot.group("Group"), bot.forum("Forum"), bot.group("Gone"));
    alice.blocks();
    bob.deactivates();
    group.kicks_bot(&bob);
    forum.kicks_bot(&bob);
    gone.vanishes();
    let cases = [
        (alice.id(), 403, "Forbidden: bot was blocked by the user"),
        (bob.id(), 403, "Forbidden: user is deactivated"),
        (stranger.id(), 403, "Forbidden: bot can't initiate conversation with a user"),
        (group.id(), 403, "Forbidden: bot was kicked from the group chat"),
        (forum.id(), 403, "Forbidden: bot was kicked from the supergroup chat"),
        (gone.id(), 400, "Bad Request: chat not found"),
    ];
    for (chat_id, code, reason) in cases {
        let refused = http.refused("sendMessage", json!({ "chat_id": chat_id, "text": "a" })).await;
        assert_eq!(refused, (code, reason.to_owned()));
    }
    assert_eq!(bot.sent_count(), 0);

    stranger.sends("Hello");
    http.send(stranger.id(), "Now we talk").await;
    group.adds_bot(&bob);
    alice.unblocks();
    http.send(alice.id(), "Welcome back").await;
    let updates = http.result("getUpdates", json!({})).await;
    let changes =
        updates.as_array().expect("a list").iter().filter_map(|update| update.get("my_chat_member"));
    let status = |member: &serde_json::Value| member["status"].as_str().unwrap_or_default().to_owned();
    let changes: Vec<_> =
        changes.map(|change| (change["chat"]["id"].as_i64(), status(&change["new_chat_member"]))).collect();
    let change = |chat: i64, status: &str| (Some(chat), status.to_owned());
    assert_eq!(
        changes,
        [
            change(alice.id(), "kicked"),
            change(group.id(), "kicked"),
            change(forum.id(), "kicked"),
            change(group.id(), "member"),
            change(alice.id(), "member"),
        ]
    );
}

#[tokio::test]
async fn edits_are_told_and_deletions_are_not() {
    let (_telegram, bot, http) = start().await;
    let alice = bot.user("Alice");
    let posted = alice.sends("Helo");
    alice.edits(posted, "Hello");
    alice.deletes(alice.id(), posted.message_id);
    let updates = http.result("getUpdates", json!({})).await;
    assert_eq!(updates.as_array().map(Vec::len), Some(2));
    let edited = &updates[1]["edited_message"];
    assert_eq!((&edited["message_id"], &edited["text"]), (&json!(posted.message_id), &json!("Hello")));
    let reply = json!({ "chat_id": alice.id(), "text": "a", "reply_parameters": { "message_id": posted.message_id } });
    assert_eq!(http.refused("sendMessage", reply).await.0, 400);
}
