//! What can be fetched of what was written.

use serde_json::{Value, json};
use switchboard_testkit::discord::Permission;

use crate::client::{id, start};

#[tokio::test]
async fn pages_are_newest_first_whichever_side_they_lie_on() {
    let (_discord, bot, http) = start().await;
    let alice = bot.user("Alice");
    let ids: Vec<u64> = (1..=6).map(|number| alice.sends(&number.to_string()).message_id).collect();
    assert!(ids.is_sorted());
    let direct = alice.direct();
    let (second, fifth) = (ids[1], ids[4]);
    let cases = [
        (String::new(), "654321"),
        ("?limit=2".to_owned(), "65"),
        (format!("?after={second}"), "6543"),
        // The ones that follow it, not the newest of all.
        (format!("?after={second}&limit=2"), "43"),
        (format!("?before={fifth}&limit=2"), "43"),
        (format!("?around={second}&limit=3"), "321"),
        ("?after=0&limit=1".to_owned(), "1"),
        (format!("?after={}", u64::MAX >> 1), ""),
    ];
    for (query, expected) in cases {
        assert_eq!(http.texts(&direct, &query).await.concat(), expected, "{query}");
    }
    let path = format!("GET /channels/{}/messages", direct.id());
    for query in ["?limit=0", "?limit=101", "?limit=x", "?after=x", "?after=1&before=2"] {
        assert_eq!(http.refused(&format!("{path}{query}"), Value::Null).await, (400, 50035), "{query}");
    }
}

#[tokio::test]
async fn history_needs_permissions_and_is_silent_about_one_of_them() {
    let (_discord, bot, http) = start().await;
    let (help, alice) = (bot.guild("Shop").text_channel("help"), bot.user("Alice"));
    let posted = alice.says("hello").in_channel(&help).send();
    let (all, one) = (
        format!("GET /channels/{}/messages", help.id()),
        format!("GET /channels/{}/messages/{}", help.id(), posted.message_id),
    );
    assert_eq!(http.result(&one, Value::Null).await["content"], "hello");
    help.denies(Permission::ReadMessageHistory);
    assert_eq!(http.result(&all, Value::Null).await, json!([]));
    assert_eq!(http.refused(&one, Value::Null).await, (403, 50001));
    let reply =
        json!({ "content": "a", "message_reference": { "message_id": posted.message_id.to_string() } });
    let send = format!("POST /channels/{}/messages", help.id());
    assert_eq!(http.refused(&send, reply).await, (403, 160_002));
    help.denies(Permission::ViewChannel);
    assert_eq!(http.refused(&all, Value::Null).await, (403, 50001));
    assert_eq!(http.refused("GET /channels/1/messages", Value::Null).await, (404, 10003));
}

#[tokio::test]
async fn history_shows_less_than_the_gateway_does() {
    let (_discord, bot, http) = start().await;
    let (help, alice) = (bot.guild("Shop").text_channel("help"), bot.user("Alice"));
    alice.says("hello").in_channel(&help).send();
    let body = json!({ "content": "hi", "nonce": "key" });
    http.result(&format!("POST /channels/{}/messages", help.id()), body).await;
    let page = http.get(&format!("/channels/{}/messages", help.id())).await;
    for message in page.as_array().expect("a list") {
        for field in ["guild_id", "member", "nonce"] {
            assert!(message.get(field).is_none(), "{field}: {message}");
        }
    }
}

#[tokio::test]
async fn what_was_deleted_is_gone_and_was_still_the_last() {
    let (_discord, bot, http) = start().await;
    let alice = bot.user("Alice");
    let (kept, deleted) = (alice.sends("kept"), alice.sends("deleted"));
    let answer = alice.says("yes").in_reply_to(deleted.message_id).send();
    alice.deletes(deleted);
    alice.edits(kept, "changed");
    let direct = alice.direct();
    assert_eq!(http.texts(&direct, "").await, ["yes", "changed"]);
    let path = format!("/channels/{}/messages", direct.id());
    let reply = http.get(&format!("{path}/{}", answer.message_id)).await;
    assert_eq!(id(&reply["message_reference"]["message_id"]), deleted.message_id);
    assert_eq!(reply["referenced_message"], Value::Null);
    let gone = format!("GET {path}/{}", deleted.message_id);
    assert_eq!(http.refused(&gone, Value::Null).await, (404, 10008));
    alice.deletes(answer);
    assert_eq!(direct.last_message_id(), Some(answer.message_id));
}

#[tokio::test]
async fn without_the_grant_only_what_concerns_the_bot_is_shown() {
    let (_discord, bot, http) = start().await;
    let (help, alice) = (bot.guild("Shop").text_channel("help"), bot.user("Alice"));
    bot.reads_content(false);
    let question = alice.says("secret").in_channel(&help).attaches("a.txt", "text/plain", 3).send();
    alice.says(&format!("{} hi", bot.mention())).in_channel(&help).in_reply_to(question.message_id).send();
    http.send(help.id(), "own").await;
    alice.sends("direct");
    let page = http.get(&format!("/channels/{}/messages", help.id())).await;
    assert_eq!((&page[0]["content"], &page[2]["content"]), (&json!("own"), &json!("")));
    assert_eq!(page[1]["content"], format!("{} hi", bot.mention()));
    assert_eq!(page[1]["referenced_message"]["content"], "");
    assert_eq!(page[2]["attachments"], json!([]));
    assert_eq!(http.texts(&alice.direct(), "").await, ["direct"]);
    bot.reads_content(true);
    assert_eq!(http.texts(&help, "").await[2], "secret");
}

#[tokio::test]
async fn forums_hold_no_messages() {
    let (_discord, bot, http) = start().await;
    let (forum, alice) = (bot.guild("Shop").forum("ideas"), bot.user("Alice"));
    let (post, first) = forum.posts(&alice, "More tea", "please");
    assert_eq!((post.id(), forum.last_message_id()), (first.message_id, Some(post.id())));
    alice.says("or coffee").in_channel(&post).send();
    assert_eq!(http.texts(&post, "").await, ["or coffee", "please"]);
    let call = format!("GET /channels/{}/messages", forum.id());
    assert_eq!(http.refused(&call, Value::Null).await, (400, 50024));
}
