//! What goes out, and what becomes of it.

use std::time::Duration;

use switchboard_core::{
    Action, ConversationId, IdempotencyKey, MessageId, Messenger as _, Receipt, Scope, SendError, SendText,
    Verdict,
    markup::{Rendered, Unit},
};
use switchboard_testkit::discord::{Fault, Permission, Rates, Scope as LimitScope, Window};

use crate::support::Channel;

const SEND: &str = "POST /channels/*/messages";

async fn send(channel: &Channel, to: &str, key: &str, reply_to: Option<u64>) -> Result<Receipt, SendError> {
    send_text(channel, to, key, format!("@everyone **{key}**"), reply_to).await
}

async fn send_text(
    channel: &Channel,
    to: &str,
    key: &str,
    text: String,
    reply_to: Option<u64>,
) -> Result<Receipt, SendError> {
    let action = Action::SendText(SendText {
        key: IdempotencyKey::new(key),
        conversation: ConversationId::new(to),
        text: Rendered::Markdown { text },
        reply_to: reply_to.map(|id| MessageId::new(id.to_string())),
    });
    channel.messenger.execute(&action).await
}

async fn verdict(channel: &Channel, to: &str) -> Verdict {
    send(channel, to, "k", None).await.expect_err("it is refused").verdict()
}

#[tokio::test]
async fn nobody_is_notified_and_no_link_is_unfolded() {
    let channel = Channel::new().await;
    let help = channel.bot.guild("Shop").text_channel("help");
    let receipt = send(&channel, &help.id().to_string(), "k", None).await.unwrap();
    let sent = channel.bot.sent().remove(0);
    assert_eq!(receipt.messages, [MessageId::new(sent.message_id.to_string())]);
    assert!(!sent.pings());
    assert_eq!(sent.body["flags"], 4);
}

#[tokio::test]
async fn the_longest_text_is_what_the_capabilities_say() {
    let channel = Channel::new().await;
    let to = channel.bot.guild("Shop").text_channel("help").id().to_string();
    let text = channel.messenger.capabilities(&ConversationId::new(&*to)).text;
    assert_eq!(text.unit, Unit::CodePoints);
    // Each of them is two units of UTF-16 and four bytes.
    let longest = "\u{1F600}".repeat(text.limit);
    send_text(&channel, &to, "1", longest.clone(), None).await.unwrap();
    let error = send_text(&channel, &to, "2", longest + "!", None).await.expect_err("it is too long");
    assert_eq!(error.verdict(), Verdict::Reject);
}

#[tokio::test]
async fn an_answer_refers_to_its_question_as_far_as_it_can() {
    let channel = Channel::new().await;
    let guild = channel.bot.guild("Shop");
    let (help, mute, alice) =
        (guild.text_channel("help"), guild.text_channel("mute"), channel.bot.user("Alice"));
    let to = help.id().to_string();
    let question = alice.says("?").in_channel(&help).send();
    send(&channel, &to, "1", Some(question.message_id)).await.unwrap();
    alice.deletes(question);
    send(&channel, &to, "2", Some(question.message_id)).await.unwrap();
    mute.denies(Permission::ReadMessageHistory);
    let question_there = alice.says("?").in_channel(&mute).send();
    send(&channel, &mute.id().to_string(), "3", Some(question_there.message_id)).await.unwrap();
    let answered: Vec<_> =
        channel.bot.sent().iter().map(switchboard_testkit::discord::Sent::reply_to).collect();
    assert_eq!(answered, [Some(question.message_id), None, None]);
}

#[tokio::test]
async fn a_repetition_within_minutes_is_no_second_message() {
    let channel = Channel::new().await;
    let to = format!("@{}", channel.bot.user("Alice").direct().id());
    for fault in [Fault::AnswerLost, Fault::Garbled] {
        let key = format!("{fault:?}");
        channel.bot.plan(fault).on(SEND).next(1);
        let error = send(&channel, &to, &key, None).await.expect_err("the answer was lost");
        assert_eq!(error.verdict(), Verdict::Unknown, "{key}");
        send(&channel, &to, &key, None).await.unwrap();
    }
    assert_eq!(channel.bot.sent_count(), 2);
}

#[tokio::test]
async fn refusals_have_their_meaning() {
    let channel = Channel::new().await;
    let (guild, alice) = (channel.bot.guild("Shop"), channel.bot.user("Alice"));
    let (help, direct) = (guild.text_channel("help"), format!("@{}", alice.direct().id()));
    assert_eq!(verdict(&channel, "17").await, Verdict::Gone);
    alice.blocks();
    assert_eq!(verdict(&channel, &direct).await, Verdict::Gone);
    alice.leaves_guilds();
    assert_eq!(verdict(&channel, &direct).await, Verdict::Gone);
    help.denies(Permission::SendMessages);
    assert_eq!(verdict(&channel, &help.id().to_string()).await, Verdict::Reject);
    assert_eq!(verdict(&channel, "site").await, Verdict::Reject);
    channel.bot.revokes_token();
    assert_eq!(verdict(&channel, &direct).await, Verdict::Unauthorized);
}

#[tokio::test]
async fn a_refused_token_is_believed_only_if_another_question_is_refused_too() {
    let channel = Channel::new().await;
    let to = channel.bot.guild("Shop").text_channel("help").id().to_string();
    for (again, expected) in [
        (None, Verdict::Retry { pause: None }),
        (Some(Fault::unauthorized()), Verdict::Unauthorized),
        (Some(Fault::Closed), Verdict::Retry { pause: None }),
    ] {
        channel.bot.plan(Fault::unauthorized()).on(SEND).next(1);
        if let Some(again) = again.clone() {
            channel.bot.plan(again).on("GET /users/@me").next(1);
        }
        assert_eq!(verdict(&channel, &to).await, expected, "{again:?}");
    }
    send(&channel, &to, "k", None).await.unwrap();
}

#[tokio::test]
async fn a_pause_is_for_what_discord_says() {
    let channel = Channel::new().await;
    let to = channel.bot.guild("Shop").text_channel("help").id().to_string();
    for (scope, expected) in [
        (LimitScope::User, Scope::Conversation),
        (LimitScope::Shared, Scope::Conversation),
        (LimitScope::Global, Scope::Channel),
    ] {
        channel.bot.plan(Fault::TooManyRequests { retry_after: 1.25, scope }).on(SEND).next(1);
        let pause = Some((Duration::from_millis(1250), expected));
        assert_eq!(verdict(&channel, &to).await, Verdict::Retry { pause });
    }
}

#[tokio::test]
async fn an_empty_bucket_is_left_alone() {
    let channel = Channel::new().await;
    let to = channel.bot.guild("Shop").text_channel("help").id().to_string();
    // It does not fill before the test is over.
    let messages = Window { count: 5, period: Duration::from_hours(1) };
    channel.bot.limit(Some(Rates { messages, ..Rates::usual() }));
    for number in 0..5 {
        send(&channel, &to, &format!("{number}"), None).await.unwrap();
    }
    let Verdict::Retry { pause: Some((_, Scope::Conversation)) } = verdict(&channel, &to).await else {
        panic!("the bucket is empty")
    };
    assert_eq!((channel.bot.calls(SEND).len(), channel.fake.invalid_requests()), (5, 0));
}
