//! Rooms without encryption.

use anyhow::{Context as _, Result};
use serde_json::json;
use switchboard_core::{Addressed, ConversationId, Place};
use switchboard_testkit::{
    synapse::{Account, Method, NewRoom},
    wait::wait_for,
};

use super::bot::Bot;
use crate::channel::LIMIT;

#[tokio::test]
async fn a_direct_room_is_entered_heard_and_answered() -> Result<()> {
    let bot = Bot::start().await?;
    let alice = bot.homeserver.register("alice").await?;
    let room = alice.create_room(&NewRoom::direct(bot.id())).await?;
    let first = alice.say(&room, "Where is my parcel?").await?;
    let message = bot.channel.holds(&["Where is my parcel?"]).await.remove(0);
    assert_eq!(message.event_id.as_str(), first);
    assert_eq!(message.conversation.as_str(), room);
    assert_eq!((message.place, message.addressed), (Place::Direct, Addressed::ToBot));
    assert_eq!((message.user.as_str(), message.user_name.as_deref()), (&*alice.user_id, Some("alice")));

    bot.channel.types(&message.conversation, true).await;
    assert_eq!(alice.typing(&room).await?, [bot.id()]);
    bot.channel.answers(&message.conversation, "On its way.", message.native_id.as_ref()).await?;
    bot.channel.types(&message.conversation, false).await;
    assert_eq!(alice.typing(&room).await?, Vec::<String>::new());

    let answer = alice.messages(&room).await?.pop().context("an answer")?;
    assert_eq!((answer.sender.as_str(), answer.body()), (bot.id(), "On its way."));
    assert_eq!(answer.content["formatted_body"], "<p>On its way.</p>");
    assert_eq!(answer.content["m.relates_to"], json!({ "m.in_reply_to": { "event_id": first } }));
    alice.say(&room, "Thanks").await?;
    bot.channel.holds(&["Where is my parcel?", "Thanks"]).await;
    Ok(())
}

#[tokio::test]
async fn a_thread_is_a_conversation() -> Result<()> {
    let bot = Bot::start().await?;
    let alice = bot.homeserver.register("alice").await?;
    let room = alice.create_room(&NewRoom::direct(bot.id())).await?;
    let first = alice.say(&room, "first").await?;
    let fallback = json!({ "event_id": first });
    let relation = json!({
        "rel_type": "m.thread", "event_id": first, "is_falling_back": true, "m.in_reply_to": fallback,
    });
    let content = json!({ "msgtype": "m.text", "body": "in it", "m.relates_to": relation });
    alice.send(&room, &content).await?;
    let messages = bot.channel.holds(&["first", "in it"]).await;
    let thread = ConversationId::new(format!("{room}/{first}"));
    assert_eq!(messages[0].conversation.as_str(), room);
    assert_eq!(messages[1].conversation, thread);

    bot.channel.says(&thread, "answer").await?;
    let answer = alice.messages(&room).await?.pop().context("an answer")?;
    assert_eq!(answer.content["m.relates_to"], relation);
    Ok(())
}

#[tokio::test]
async fn in_a_group_only_some_words_are_for_the_bot() -> Result<()> {
    let bot = Bot::start().await?;
    let (alice, bob) = (bot.homeserver.register("alice").await?, bot.homeserver.register("bob").await?);
    let room = NewRoom::group("Help").invite(bot.id()).invite(&bob.user_id);
    let room = alice.create_room(&room).await?;
    bob.join(&room).await?;
    alice.say(&room, "just us").await?;
    let ours = bot.channel.messages(1).await.remove(0).conversation;
    let answer = bot.channel.says(&ours, "said by the bot").await?.messages.remove(0);
    alice.say(&room, "Support, are you there?").await?;
    alice.say(&room, "the supporters").await?;
    let mention = json!({ "user_ids": [bot.id()] });
    alice.send(&room, &json!({ "msgtype": "m.text", "body": "psst", "m.mentions": mention })).await?;
    let relation = json!({ "m.in_reply_to": { "event_id": answer.as_str() } });
    bob.send(&room, &json!({ "msgtype": "m.text", "body": "really?", "m.relates_to": relation })).await?;
    bob.send(&room, &json!({ "msgtype": "m.notice", "body": "Support: I am a bot" })).await?;
    bot.account.say(&room, "by another device").await?;
    bob.say(&room, "last").await?;
    let all = ["just us", "Support, are you there?", "the supporters", "psst", "really?", "last"];
    let messages = bot.channel.holds(&all).await;
    assert!(messages.iter().all(|message| message.place == Place::Group));
    let addressed: Vec<bool> = messages.iter().map(|it| it.addressed == Addressed::ToBot).collect();
    assert_eq!(addressed, [false, true, false, true, true, false]);
    Ok(())
}

#[tokio::test]
async fn who_is_thrown_out_knows_and_may_come_back() -> Result<()> {
    let bot = Bot::start().await?;
    let alice = bot.homeserver.register("alice").await?;
    // In a direct room made by Synapse's preset she could not.
    let room = alice.create_room(&NewRoom::group("Help").invite(bot.id())).await?;
    alice.say(&room, "before").await?;
    let conversation = bot.channel.messages(1).await.remove(0).conversation;
    assert_eq!(bot.channel.reachable(1).await, [(room.clone(), true)]);
    kick(&alice, &room, bot.id()).await?;
    assert_eq!(bot.channel.reachable(2).await[1], (room.clone(), false));
    let refused = bot.channel.says(&conversation, "too late").await;
    assert_eq!(refused.unwrap_err().verdict(), switchboard_core::Verdict::Gone);
    alice.say(&room, "nobody there").await?;
    alice.invite(&room, bot.id()).await?;
    alice.say(&room, "again").await?;
    bot.channel.holds(&["before", "again"]).await;
    assert_eq!(bot.channel.reachable(3).await[2], (room, true));
    bot.channel.says(&conversation, "back").await?;
    Ok(())
}

async fn kick(by: &Account, room: &str, user: &str) -> Result<()> {
    let body = json!({ "user_id": user });
    by.client(Method::POST, &format!("/rooms/{room}/kick"), Some(&body)).await.map(drop)
}

#[tokio::test]
async fn what_comes_while_nobody_listens_comes_in_order_and_once() -> Result<()> {
    let mut bot = Bot::new().await?;
    bot.channel.config.read_receipts = true;
    bot.channel.run().await;
    let alice = bot.homeserver.register("alice").await?;
    let room = alice.create_room(&NewRoom::direct(bot.id())).await?;
    alice.say(&room, "first").await?;
    bot.channel.messages(1).await;
    bot.channel.stop().await;
    let mut texts = vec!["first".to_owned()];
    let mut last = String::new();
    for number in 0..250 {
        texts.push(format!("{number}"));
        last = alice.say(&room, &texts[number + 1]).await?;
    }
    bot.channel.run().await;
    bot.channel.holds(&texts.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let read = async || {
        let sync = alice.client(Method::GET, "/sync?timeout=0", None).await.ok()?;
        let told = sync["rooms"]["join"][&room]["ephemeral"]["events"].as_array()?.clone();
        let receipts = told.iter().find(|event| event["type"] == "m.receipt")?;
        receipts["content"][&last]["m.read"].get(bot.id()).map(drop)
    };
    wait_for("the receipt", LIMIT, read).await;
    Ok(())
}
