//! What is sent, and what a failure is taken for.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use switchboard_core::{
    Action, ChannelStatus, ConversationId, IdempotencyKey, Inbox, MessageId, Messenger as _, Receipt, Scope,
    SendError, SendText, Typing, Verdict, chain, markup::render_markdown,
};
use switchboard_telegram::Telegram;
use switchboard_testkit::telegram::Fault;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinSet,
};

use crate::support::{Channel, LIMIT, Store, TOKEN, telegram};

fn text(channel: &Channel, conversation: &str, markdown: &str, reply_to: Option<&str>) -> Action {
    let conversation = ConversationId::new(conversation);
    let support = channel.messenger.capabilities(&conversation).text;
    let text = render_markdown(markdown, &support).remove(0);
    let key = IdempotencyKey::new("000000000000000000000001");
    Action::SendText(SendText { key, conversation, text, reply_to: reply_to.map(MessageId::new) })
}

async fn send(channel: &Channel, conversation: &str, markdown: &str) -> Result<Receipt, SendError> {
    channel.messenger.execute(&text(channel, conversation, markdown, None)).await
}

#[tokio::test]
async fn an_answer_goes_into_the_topic_of_its_question_and_quotes_it() {
    let channel = Channel::start(|_| {}).await;
    let (forum, ann) = (channel.bot.forum("Forum"), channel.bot.user("Ann"));
    let topic = forum.opens_topic(&ann, "Bills");
    let asked = ann.says("where?").to(&forum).in_topic(topic).send();
    let question = channel.messages(1).await.remove(0);
    let native = question.native_id.unwrap();
    let action = text(&channel, question.conversation.as_str(), "**here**", Some(native.as_str()));
    let receipt = channel.messenger.execute(&action).await.unwrap();
    let sent = channel.bot.sent_to(forum.id()).remove(0);
    assert_eq!((sent.topic(), sent.reply_to(), sent.text()), (Some(topic), Some(asked.message_id), "here"));
    let id = format!("{}:{}", forum.id(), sent.message_id);
    assert_eq!(receipt.messages, [MessageId::new(id)]);
}

#[tokio::test]
async fn a_question_that_is_gone_does_not_keep_the_answer_back() {
    let channel = Channel::start(|_| {}).await;
    let (group, ann) = (channel.bot.supergroup("Team"), channel.bot.user("Ann"));
    let asked = ann.says("where?").to(&group).send();
    let native = channel.messages(1).await.remove(0).native_id.unwrap();
    ann.deletes(group.id(), asked.message_id);
    let action = text(&channel, &group.id().to_string(), "here", Some(native.as_str()));
    channel.messenger.execute(&action).await.unwrap();
    assert_eq!(channel.bot.texts_to(group.id()), ["here"]);
}

#[tokio::test]
async fn link_previews_are_shown_as_configured() {
    for (link_previews, expected) in [(false, Some(serde_json::json!({ "is_disabled": true }))), (true, None)]
    {
        let channel = Channel::new(|config| config.link_previews = link_previews).await;
        let ann = channel.bot.user("Ann");
        send(&channel, &ann.id().to_string(), "see https://example.com").await.unwrap();
        assert_eq!(channel.bot.sent()[0].params.json("link_preview_options"), expected);
    }
}

#[tokio::test]
async fn typing_is_shown_in_the_topic() {
    let channel = Channel::new(|_| {}).await;
    let (forum, ann) = (channel.bot.forum("Forum"), channel.bot.user("Ann"));
    let topic = forum.opens_topic(&ann, "Bills");
    let conversation = ConversationId::new(format!("{}/{topic}", forum.id()));
    for on in [true, false] {
        let typing = Action::Typing(Typing { conversation: conversation.clone(), on });
        channel.messenger.execute(&typing).await.unwrap();
    }
    let calls = channel.bot.calls("sendChatAction");
    assert_eq!(calls.len(), 1, "it ends by itself");
    let params = &calls[0].params;
    assert_eq!((params.integer("message_thread_id"), params.text("action")), (Some(topic), Some("typing")));
}

#[tokio::test]
async fn people_who_cannot_be_reached_are_gone() {
    let channel = Channel::new(|_| {}).await;
    let (blocks, deactivates, stranger) =
        (channel.bot.user("Ann"), channel.bot.user("Bob"), channel.bot.stranger("Cy"));
    let (kicks, vanishes) = (channel.bot.supergroup("Kicks"), channel.bot.supergroup("Vanishes"));
    blocks.blocks();
    deactivates.deactivates();
    kicks.kicks_bot(&blocks);
    vanishes.vanishes();
    for chat in [blocks.id(), deactivates.id(), stranger.id(), kicks.id(), vanishes.id(), 7] {
        let error = send(&channel, &chat.to_string(), "hello").await.expect_err("nobody is there");
        assert_eq!(error.verdict(), Verdict::Gone, "{chat}: {}", chain(&error));
    }
}

#[tokio::test]
async fn a_group_that_became_a_supergroup_unseen_is_found_by_sending() {
    let channel = Channel::new(|_| {}).await;
    let group = channel.bot.group("Team");
    let supergroup = group.migrates_unseen();
    let error = send(&channel, &group.id().to_string(), "hello").await.expect_err("it moved");
    let to = ConversationId::new(supergroup.id().to_string());
    assert_eq!(error.verdict(), Verdict::Moved { to: to.clone() });
    send(&channel, to.as_str(), "hello").await.unwrap();
    assert_eq!(channel.bot.texts_to(supergroup.id()), ["hello"]);
}

/// A fault, what the engine is to do after it, and how often the message is in the chat then.
fn faults() -> Vec<(Fault, Verdict, usize)> {
    let pause = Verdict::Retry { pause: Some((Duration::from_secs(7), Scope::Conversation)) };
    let again = Verdict::Retry { pause: None };
    // As some proxies pass it on: the status says nothing, or there is nothing at all.
    let body = |body: &str| Fault::Body(body.to_owned());
    let too_many = r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 7",
        "parameters":{"retry_after":7}}"#;
    let blocked = r#"{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}"#;
    vec![
        (body(too_many), pause.clone(), 0),
        (
            body(&too_many.replace("7}", &format!("{}}}", u64::MAX))),
            Verdict::Retry { pause: Some((Duration::from_hours(24), Scope::Conversation)) },
            0,
        ),
        (body(blocked), Verdict::Gone, 0),
        (body(r#"{"ok":false}"#), Verdict::Unknown, 0),
        (body(r#"{"ok":true}"#), Verdict::Unknown, 0),
        (body(""), Verdict::Unknown, 0),
        (body("[]"), Verdict::Unknown, 0),
        (Fault::TooManyRequests { retry_after: 7 }, pause, 0),
        (Fault::unauthorized(), again.clone(), 0),
        (Fault::refused(404, "Not Found"), again.clone(), 0),
        (Fault::refused(400, "Logged out"), again.clone(), 0),
        (
            Fault::refused(400, "Bad Request: not enough rights to send text messages to the chat"),
            Verdict::Reject,
            0,
        ),
        (Fault::Page(503), again.clone(), 0),
        (Fault::Page(404), again, 0),
        (Fault::internal_error(), Verdict::Unknown, 0),
        (Fault::bad_gateway(), Verdict::Unknown, 0),
        (Fault::Closed, Verdict::Unknown, 0),
        (Fault::AnswerLost, Verdict::Unknown, 1),
        (Fault::Garbled, Verdict::Unknown, 1),
    ]
}

#[tokio::test]
async fn a_failure_says_whether_the_message_may_be_there() {
    let channel = Channel::new(|_| {}).await;
    for (fault, verdict, sent) in faults() {
        let ann = channel.bot.user("Ann");
        channel.bot.plan(fault.clone()).on("sendMessage").next(1);
        let error = send(&channel, &ann.id().to_string(), "hello").await.expect_err("it failed");
        assert_eq!(error.verdict(), verdict, "{fault:?}: {}", chain(&error));
        assert_eq!(channel.bot.sent_to(ann.id()).len(), sent, "{fault:?}");
        let told = format!("{error} {error:?} {}", chain(&error));
        assert!(!told.contains(TOKEN), "{fault:?}");
    }
}

#[tokio::test]
async fn a_refused_token_is_believed_only_if_get_me_is_refused_too() {
    let channel = Channel::new(|_| {}).await;
    let ann = channel.bot.user("Ann").id().to_string();
    for (get_me, verdict) in [
        (Fault::unauthorized(), Verdict::Unauthorized),
        (Fault::refused(404, "Not Found"), Verdict::Unauthorized),
        (Fault::Closed, Verdict::Retry { pause: None }),
        (Fault::bad_gateway(), Verdict::Retry { pause: None }),
    ] {
        channel.bot.plan(Fault::unauthorized()).on("sendMessage").next(1);
        channel.bot.plan(get_me.clone()).on("getMe").next(1);
        let error = send(&channel, &ann, "hello").await.expect_err("it was refused");
        assert_eq!(error.verdict(), verdict, "{get_me:?}: {}", chain(&error));
    }
    send(&channel, &ann, "hello").await.unwrap();
}

#[tokio::test]
async fn a_message_whose_answer_never_comes_may_be_there() {
    let channel = Channel::new(|_| {}).await;
    let ann = channel.bot.user("Ann").id();
    channel.bot.plan(Fault::NoAnswer).on("sendMessage").next(1);
    let to = ann.to_string();
    let until_it_is_there = async {
        channel.bot.wait_for_sent(1, LIMIT).await;
        // From here on nothing happens but that time passes, which need not be waited for.
        tokio::time::pause();
    };
    let (sent, ()) = tokio::join!(send(&channel, &to, "hello"), until_it_is_there);
    let error = sent.expect_err("nobody answered");
    assert_eq!(error.verdict(), Verdict::Unknown, "{}", chain(&error));
    assert_eq!(channel.bot.sent_to(ann).len(), 1);
    assert!(!format!("{error} {error:?} {}", chain(&error)).contains(TOKEN));
}

#[tokio::test]
async fn a_server_that_is_away_has_certainly_sent_nothing() {
    let channel = Channel::new(|_| {}).await;
    let ann = channel.bot.user("Ann");
    channel.fake.go_down().await;
    let error = send(&channel, &ann.id().to_string(), "hello").await.expect_err("nobody listens");
    assert_eq!(error.verdict(), Verdict::Retry { pause: None }, "{}", chain(&error));
}

#[tokio::test]
async fn a_token_that_a_server_repeats_is_not_passed_on() {
    let channel = Channel::new(|_| {}).await;
    let ann = channel.bot.user("Ann");
    channel.bot.plan(Fault::refused(400, format!("Bad Request: /bot{TOKEN}/sendMessage"))).next(1);
    let error = send(&channel, &ann.id().to_string(), "hello").await.expect_err("it is refused");
    assert_eq!(chain(&error), "refused: Bad Request: /bot<token>/sendMessage");
    let escaped = TOKEN.replace(':', "%3A");
    channel.bot.plan(Fault::refused(400, format!("Bad Request: /bot{escaped}/sendMessage"))).next(1);
    let error = send(&channel, &ann.id().to_string(), "hello").await.expect_err("it is refused");
    assert_eq!(chain(&error), "refused: Bad Request: /bot123456%3A<token>/sendMessage");
    // What is no answer of the Bot API may hold the token anywhere.
    for field in ["ok", "result", "error_code", "parameters"] {
        let mut body = json!({ "ok": true, "result": { "message_id": 1 } });
        body[field] = format!("/bot{TOKEN}/sendMessage").into();
        channel.bot.plan(Fault::Body(body.to_string())).next(1);
        let error = send(&channel, &ann.id().to_string(), "hello").await.expect_err("it cannot be read");
        let told = format!("{error} {error:?} {}", chain(&error));
        assert!(!told.contains(TOKEN), "{field}: {told}");
        assert_eq!(error.verdict(), Verdict::Unknown, "{field}");
    }
}

#[tokio::test]
async fn the_token_is_not_carried_elsewhere() {
    let (_, mut config) = telegram().await;
    let (here, elsewhere) = (listen().await, listen().await);
    config.api_url = format!("http://{}", here.local_addr().unwrap()).parse().unwrap();
    let target = format!("http://{}/bot{TOKEN}/SendMessage", elsewhere.local_addr().unwrap());
    let answer =
        format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n");
    let mut server = JoinSet::new();
    server.spawn(async move {
        let (mut connection, _) = here.accept().await.unwrap();
        connection.read_buf(&mut Vec::with_capacity(64 * 1024)).await.unwrap();
        connection.write_all(answer.as_bytes()).await.unwrap();
    });
    let inbox = Inbox::new(Arc::new(Store::default()), ChannelStatus::new());
    let messenger = Telegram::new(config, inbox).unwrap().messenger;
    let conversation = ConversationId::new("5");
    let text = render_markdown("hello", &messenger.capabilities(&conversation).text).remove(0);
    let key = IdempotencyKey::new("000000000000000000000001");
    let send = Action::SendText(SendText { key, conversation, text, reply_to: None });
    let error = messenger.execute(&send).await.expect_err("nothing was sent");
    assert_eq!(error.verdict(), Verdict::Retry { pause: None }, "{}", chain(&error));
    assert!(!format!("{error:?} {}", chain(&error)).contains(TOKEN));
    let visited = tokio::time::timeout(Duration::ZERO, elsewhere.accept()).await;
    assert!(visited.is_err(), "nobody went there");
}

async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

#[tokio::test]
async fn a_conversation_of_another_messenger_is_refused() {
    let channel = Channel::new(|_| {}).await;
    let error = send(&channel, "visitor-7", "hello").await.expect_err("it is not ours");
    assert_eq!(error.verdict(), Verdict::Reject);
    assert_eq!(channel.bot.all_calls().len(), 0);
}
