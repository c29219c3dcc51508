//! Where a message was written, by whom, and whether it is meant for the bot.

use serde_json::{Value, json};
use switchboard_core::{Addressed, IncomingMessage, Place};
use switchboard_testkit::telegram::{Chat, User};

use crate::support::Channel;

#[tokio::test]
async fn a_private_message_names_its_author_and_its_place() {
    let channel = Channel::start(|_| {}).await;
    let ann = channel.bot.user_with(json!({ "first_name": "Ann", "last_name": "Lee", "username": "ann" }));
    let posted = ann.sends("hello");
    let message = channel.messages(1).await.remove(0);
    assert_eq!(message.user.as_str(), ann.id().to_string());
    assert_eq!(message.user_name.as_deref(), Some("Ann Lee"));
    assert_eq!(message.conversation.as_str(), ann.id().to_string());
    assert_eq!((message.place, message.addressed), (Place::Direct, Addressed::ToBot));
    let native = format!("{}:{}", ann.id(), posted.message_id);
    assert_eq!(message.native_id.map(|id| id.to_string()), Some(native));
    assert!(message.sent_at.is_some());
    assert_eq!(message.text, "hello");
}

/// Each way to write in a group, and whom it addresses.
fn ways(channel: &Channel, group: &Chat, ann: &User) -> Vec<(&'static str, Addressed)> {
    let me = channel.bot.username().to_owned();
    let bots = channel.bot.id();
    let mut expected = Vec::new();
    let mut say = |text: String, addressed, name| {
        ann.says(&text).to(group).send();
        expected.push((name, addressed));
    };
    say("hello all".to_owned(), Addressed::ToRoom, "nobody");
    say(format!("@{me} hello"), Addressed::ToBot, "a mention");
    say(
        format!("😀👩‍👩‍👧 hello @{}!", me.to_uppercase()),
        Addressed::ToBot,
        "a mention after emoji, in capitals",
    );
    say(format!("@{me}2 hello"), Addressed::ToRoom, "another bot with a longer name");
    say(format!("mail me at x{me}"), Addressed::ToRoom, "the name without @");
    say(format!("/help@{me}"), Addressed::ToBot, "a command for the bot");
    say("/help@another_bot".to_owned(), Addressed::ToRoom, "a command for another bot");
    say("/help me".to_owned(), Addressed::ToBot, "a command for nobody in particular");
    say("try /help".to_owned(), Addressed::ToRoom, "a command in the midst");
    let user = json!({ "id": bots, "is_bot": true, "first_name": "Stand-in" });
    let entities = json!([{ "type": "text_mention", "offset": 0, "length": 3, "user": user }]);
    ann.says("You there").with("entities", entities).to(group).send();
    expected.push(("a mention of the account", Addressed::ToBot));
    let caption = json!({ "photo": [{ "file_id": "f", "file_unique_id": "u", "width": 9, "height": 5 }],
        "caption": format!("what is this, @{me}?") });
    ann.posts(caption).to(group).send();
    expected.push(("a mention in a caption", Addressed::ToBot));
    // An entity that lies outside of the text must not trip anybody.
    let entities = json!([
        { "type": "mention", "offset": 90, "length": 9 },
        { "type": "mention", "offset": u64::MAX, "length": u64::MAX },
    ]);
    ann.says("short").with("entities", entities).to(group).send();
    expected.push(("an entity beyond the text", Addressed::ToRoom));
    expected
}

#[tokio::test]
async fn a_group_s_message_is_for_the_bot_if_it_says_so() {
    let channel = Channel::start(|_| {}).await;
    let (group, ann) = (channel.bot.supergroup("Team"), channel.bot.user("Ann"));
    let expected = ways(&channel, &group, &ann);
    let messages = channel.messages(expected.len()).await;
    for ((way, addressed), message) in expected.iter().zip(&messages) {
        assert_eq!(message.addressed, *addressed, "{way}: {}", message.text);
        assert_eq!(message.place, Place::Group, "{way}");
        assert_eq!(message.conversation.as_str(), group.id().to_string(), "{way}");
    }
}

#[tokio::test]
async fn a_command_for_nobody_is_the_rooms_where_the_bot_reads_everything() {
    let channel = Channel::new(|_| {}).await;
    channel.bot.reads_all_group_messages(true);
    let mut channel = channel;
    channel.run();
    let (group, ann) = (channel.bot.supergroup("Team"), channel.bot.user("Ann"));
    ann.says("/help").to(&group).send();
    assert_eq!(channel.messages(1).await[0].addressed, Addressed::ToRoom);
}

#[tokio::test]
async fn topics_are_conversations_and_threads_of_replies_are_not() {
    let channel = Channel::start(|_| {}).await;
    let (forum, group) = (channel.bot.forum("Forum"), channel.bot.supergroup("Team"));
    let ann = channel.bot.user("Ann");
    let topic = forum.opens_topic(&ann, "Bills");
    let first = ann.says("in the topic").to(&forum).in_topic(topic).send();
    ann.says("a reply in the topic").to(&forum).in_topic(topic).in_reply_to(first.message_id).send();
    ann.says("in General").to(&forum).send();
    let said = ann.says("in the group").to(&group).send();
    ann.says("a reply in the group").to(&group).in_reply_to(said.message_id).send();
    let messages = channel.messages(5).await;
    let places: Vec<&str> = messages.iter().map(|message| message.conversation.as_str()).collect();
    let (topic, forum, group) =
        (format!("{}/{topic}", forum.id()), forum.id().to_string(), group.id().to_string());
    assert_eq!(places, [&*topic, &*topic, &*forum, &*group, &*group]);
}

#[tokio::test]
async fn topics_of_a_private_chat_are_conversations() {
    let channel = Channel::start(|_| {}).await;
    let ann = channel.bot.user("Ann");
    let topic = ann.opens_topic("Bills");
    ann.says("in the topic").in_topic(topic).send();
    ann.sends("in none");
    let messages = channel.messages(2).await;
    let places: Vec<&str> = messages.iter().map(|message| message.conversation.as_str()).collect();
    assert_eq!(places, [format!("{}/{topic}", ann.id()), ann.id().to_string()]);
    assert!(messages.iter().all(|message| message.place == Place::Direct));
}

#[tokio::test]
async fn what_people_write_to_a_channel_is_a_conversation_of_each() {
    let channel = Channel::start(|_| {}).await;
    let (chat, news) = (-1_002_000_000_078_i64, -1_002_000_000_077_i64);
    let write = |update: Value| channel.bot.push_update(update);
    let direct = |id: i64, author: i64, content: Value| {
        let mut message = json!({
            "message_id": id, "date": 1_700_000_000,
            "from": { "id": author, "is_bot": false, "first_name": "Ann" },
            "chat": { "id": chat, "type": "supergroup", "title": "News", "is_direct_messages": true },
            "direct_messages_topic": { "topic_id": 5_000_000_077_i64 + id % 2, "user":
                { "id": author, "is_bot": false, "first_name": "Ann" } },
        });
        for (name, value) in content.as_object().unwrap() {
            message[name] = value.clone();
        }
        json!({ "message": message })
    };
    write(direct(1, 5_000_000_078, json!({ "text": "my order?" })));
    write(direct(2, 5_000_000_077, json!({ "text": "mine?", "entities": new() })));
    // What the channel answers by a person's hand.
    let sender = json!({ "id": news, "type": "channel", "title": "News" });
    write(direct(3, 5_000_000_079, json!({ "text": "on its way", "sender_chat": sender })));
    channel.bot.user("Bob").sends("\"direct_messages_topic\" is only said here");
    let places: Vec<String> =
        channel.messages(3).await.iter().map(|message| message.conversation.to_string()).collect();
    assert_eq!(places[..2], [format!("{chat}/d5000000078"), format!("{chat}/d5000000077")]);
    assert!(!places[2].contains('/'), "{places:?}");
}

#[tokio::test]
async fn a_rich_message_addresses_like_any_other() {
    let channel = Channel::start(|_| {}).await;
    let (group, ann) = (channel.bot.supergroup("Team"), channel.bot.user("Ann"));
    let me = channel.bot.username();
    let user = json!({ "id": channel.bot.id(), "is_bot": true, "first_name": "Stand-in" });
    for words in [
        json!(["😀 ", { "type": "mention", "text": format!("@{me}"), "username": me }, " hello"]),
        json!({ "type": "text_mention", "text": "You there", "user": user }),
        json!({ "type": "bold", "text": { "type": "mention", "text": "@another_bot", "username": "another_bot" } }),
    ] {
        let document = json!({ "blocks": [{ "type": "paragraph", "text": words }] });
        ann.posts(json!({ "rich_message": document })).to(&group).send();
    }
    let messages = channel.messages(3).await;
    let said: Vec<_> = messages.iter().map(|message| (message.addressed, &*message.text)).collect();
    let mention = format!("😀 @{me} hello");
    let expected =
        [(Addressed::ToBot, &*mention), (Addressed::ToBot, "You there"), (Addressed::ToRoom, "@another_bot")];
    assert_eq!(said, expected);
}

#[tokio::test]
async fn a_reply_to_the_bot_is_for_the_bot_and_a_topic_of_the_bots_is_not() {
    let channel = Channel::start(|_| {}).await;
    let (forum, ann) = (channel.bot.forum("Forum"), channel.bot.user("Ann"));
    let me = json!({ "id": channel.bot.id(), "is_bot": true, "first_name": "Stand-in" });
    let replied = |content: Value| {
        let mut message = json!({
            "message_id": 1, "date": 1_700_000_000, "from": me, "chat": { "id": forum.id(), "type": "supergroup",
            "title": "Forum" },
        });
        for (name, value) in content.as_object().unwrap() {
            message[name] = value.clone();
        }
        message
    };
    let answer = replied(json!({ "text": "an answer" }));
    let topic = replied(json!({ "forum_topic_created": { "name": "Bills", "icon_color": 7_322_096 } }));
    ann.says("and then?").with("reply_to_message", answer.clone()).to(&forum).send();
    ann.says("hello all").with("reply_to_message", topic.clone()).to(&forum).send();
    // The same, in messages with something that is not known yet.
    ann.says("and then?").with("reply_to_message", answer).with("entities", new()).to(&forum).send();
    ann.says("hello all").with("reply_to_message", topic).with("entities", new()).to(&forum).send();
    let addressed: Vec<Addressed> =
        channel.messages(4).await.iter().map(|message| message.addressed).collect();
    assert_eq!(addressed, [Addressed::ToBot, Addressed::ToRoom, Addressed::ToBot, Addressed::ToRoom]);
}

fn new() -> Value {
    json!([{ "type": "of_next_year", "offset": 0, "length": 2 }])
}

#[tokio::test]
async fn who_writes_in_a_chats_name_is_that_chat() {
    let channel = Channel::start(|_| {}).await;
    let group = channel.bot.supergroup("Team");
    let bot = channel
        .bot
        .user_with(json!({ "first_name": "Group", "is_bot": true, "username": "GroupAnonymousBot" }));
    let as_group = json!({ "id": group.id(), "type": "supergroup", "title": "Team" });
    let as_channel = json!({ "id": -1_002_000_000_077_i64, "type": "channel", "title": "News" });
    bot.says("an anonymous administrator").with("sender_chat", as_group).to(&group).send();
    bot.says("somebody as a channel").with("sender_chat", as_channel.clone()).to(&group).send();
    bot.says("a channel's post")
        .with("sender_chat", as_channel)
        .with("is_automatic_forward", true)
        .to(&group)
        .send();
    bot.says("another bot").to(&group).send();
    channel.bot.user("Ann").says("the last one").to(&group).send();
    let messages = channel.messages(3).await;
    let authors =
        |message: &IncomingMessage| (message.user.to_string(), message.user_name.clone().unwrap_or_default());
    assert_eq!(messages.len(), 3, "{messages:?}");
    assert_eq!(authors(&messages[0]), (group.id().to_string(), "Team".to_owned()));
    assert_eq!(authors(&messages[1]), ("-1002000000077".to_owned(), "News".to_owned()));
    assert_eq!(messages[2].text, "the last one");
}
