//! How methods are called, and what sending takes and refuses.

use reqwest::Client;
use serde_json::{Value, json};
use switchboard_testkit::telegram::FakeTelegram;

use crate::client::{Http, LIMIT, TOKEN, start};

#[tokio::test]
async fn a_method_is_called_in_any_case_and_with_any_kind_of_parameters() {
    let (telegram, bot, http) = start().await;
    let alice = bot.user("Alice");
    let me = http.result("GETME", json!({})).await;
    assert_eq!((&me["id"], &me["username"]), (&json!(123_456), &json!(bot.username())));
    for field in
        ["can_join_groups", "can_read_all_group_messages", "supports_inline_queries", "has_main_web_app"]
    {
        assert!(me[field].is_boolean(), "{field}");
    }

    http.result("SendMessage", json!({ "chat_id": alice.id(), "text": "json" })).await;
    let form = format!("chat_id={}&text=a+form&entities=%5B%5D", alice.id());
    let form =
        http.request("sendMessage").header("content-type", "application/x-www-form-urlencoded").body(form);
    assert!(form.send().await.expect("an answer").status().is_success());
    let query = format!("{}/bot{TOKEN}/sendmessage?chat_id={}&text=a%20query", telegram.url(), alice.id());
    assert!(Client::new().get(query).send().await.expect("an answer").status().is_success());

    assert_eq!(bot.texts_to(alice.id()), ["json", "a form", "a query"]);
    assert_eq!(bot.calls("SENDMESSAGE").len(), 3);
    assert!(bot.all_calls().iter().all(|call| call.status == Some(200)));
}

#[tokio::test]
async fn tokens_and_methods_that_do_not_exist_are_told_apart() {
    let (telegram, bot, http) = start().await;
    assert_eq!(http.refused("getFile", json!({})).await, (404, "Not Found: method not found".to_owned()));
    let stranger = Http::new(&telegram, "999:other");
    assert_eq!(stranger.refused("getMe", json!({})).await, (401, "Unauthorized".to_owned()));

    let other = telegram.bot("999:other");
    assert_eq!(stranger.result("getMe", json!({})).await["id"], 999);
    assert_eq!(stranger.refused("getChat", json!({ "chat_id": bot.user("Alice").id() })).await.0, 400);
    assert_eq!((bot.all_calls().len(), other.all_calls().len()), (1, 2), "bots share nothing");
    assert!(!format!("{telegram:?} {bot:?} {:?}", bot.user("Alice")).contains("AAE"), "no token in sight");
}

#[tokio::test]
async fn a_server_behind_a_prefix_knows_no_other_paths() {
    let telegram = FakeTelegram::start_at(0, "/telegram/").await.expect("the server starts");
    telegram.bot(TOKEN);
    assert!(telegram.url().ends_with("/telegram"));
    Http::new(&telegram, TOKEN).result("getMe", json!({})).await;
    let elsewhere = telegram.url().replace("/telegram", "");
    let answer = Client::new().get(format!("{elsewhere}/bot{TOKEN}/getMe")).send().await.expect("an answer");
    assert_eq!(answer.status(), 404);
}

#[tokio::test]
async fn a_message_comes_back_as_telegram_shows_it() {
    let (_telegram, bot, http) = start().await;
    let alice = bot.user("Alice");
    let question = alice.sends("Where is it?");
    let sent = http
        .result(
            "sendMessage",
            json!({
                "chat_id": alice.id(), "text": "🙂 here", "entities": [{ "type": "bold", "offset": 3, "length": 4 }],
                "reply_parameters": { "message_id": question.message_id },
                "link_preview_options": { "is_disabled": true },
            }),
        )
        .await;
    assert_eq!(sent["message_id"], question.message_id + 1);
    assert_eq!(sent["from"]["id"], bot.id());
    assert_eq!((&sent["chat"]["id"], &sent["chat"]["type"]), (&json!(alice.id()), &json!("private")));
    assert_eq!(sent["reply_to_message"]["text"], "Where is it?");
    assert_eq!(sent["entities"][0]["offset"], 3);
    assert!(sent["date"].is_u64());

    let sent = bot.wait_for_sent(1, LIMIT).await;
    assert_eq!(sent[0].reply_to(), Some(question.message_id));
    assert_eq!(sent[0].entities().len(), 1);
    assert_eq!(http.result("getChat", json!({ "chat_id": alice.id() })).await["first_name"], "Alice");
}

#[tokio::test]
async fn what_telegram_refuses_is_refused() {
    let (_telegram, bot, http) = start().await;
    let id = bot.user("Alice").id();
    let entity = |offset: i64, length: i64| json!([{ "type": "bold", "offset": offset, "length": length }]);
    let cases: [(Value, &str); 9] = [
        (json!({ "chat_id": 1, "text": "a" }), "chat not found"),
        (json!({ "text": "a" }), "chat not found"),
        (json!({ "chat_id": id }), "message text is empty"),
        (json!({ "chat_id": id, "text": " \n" }), "message text is empty"),
        (json!({ "chat_id": id, "text": "🙂".repeat(2049) }), "message is too long"),
        (json!({ "chat_id": id, "text": "a", "message_thread_id": 5 }), "message thread not found"),
        (
            json!({ "chat_id": id, "text": "a", "reply_parameters": { "message_id": 99 } }),
            "message to be replied not found",
        ),
        (
            json!({ "chat_id": id, "text": "🙂", "entities": entity(0, 3) }),
            "entity beginning at UTF-16 offset 0 ends after the end of the text at UTF-16 offset 3",
        ),
        (
            json!({ "chat_id": id, "text": "🙂", "entities": entity(0, 1) }),
            "entity beginning at UTF-16 offset 0 ends in a middle of a UTF-16 symbol at UTF-16 offset 1",
        ),
    ];
    for (params, reason) in cases {
        assert_eq!(http.refused("sendMessage", params).await, (400, format!("Bad Request: {reason}")));
    }
    assert_eq!(bot.sent_count(), 0);

    http.send(id, &"🙂".repeat(2048)).await;
    let lenient = json!({ "message_id": 99, "allow_sending_without_reply": true });
    http.result("sendMessage", json!({ "chat_id": id, "text": "a", "reply_parameters": lenient })).await;
    assert_eq!(bot.sent_count(), 2);
}

#[tokio::test]
async fn typing_needs_a_chat_and_an_action() {
    let (_telegram, bot, http) = start().await;
    let id = bot.user("Alice").id();
    assert_eq!(http.result("sendChatAction", json!({ "chat_id": id, "action": "typing" })).await, true);
    let unknown = http.refused("sendChatAction", json!({ "chat_id": id, "action": "thinking" })).await;
    assert_eq!(unknown, (400, "Bad Request: wrong parameter action in request".to_owned()));
    assert_eq!(http.refused("sendChatAction", json!({ "chat_id": 1, "action": "typing" })).await.0, 400);
}
