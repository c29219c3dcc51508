//! Rooms with encryption, with somebody whose client is another one.

use anyhow::{Context as _, Result};
use serde_json::json;
use switchboard_core::ConversationId;
use switchboard_testkit::synapse::{Method, Secrecy};

use super::bot::Bot;

#[tokio::test]
async fn what_is_said_is_encrypted_both_ways() -> Result<()> {
    let bot = Bot::start().await?;
    let (alice, room) = bot.peer().await?;
    let first = alice.say(&room, "Where is my parcel?").await?;
    let question = bot.channel.holds(&["Where is my parcel?"]).await.remove(0);
    let receipt =
        bot.channel.answers(&question.conversation, "On its way.", question.native_id.as_ref()).await?;
    let heard = alice.next_message(&room).await;
    assert_eq!((heard.body(), heard.secrecy), ("On its way.", Secrecy::Decrypted));
    assert_eq!(heard.formatted_body(), Some("<p>On its way.</p>"));
    assert_eq!(heard.event_id, receipt.messages[0].as_str());
    let reply = json!({ "m.in_reply_to": { "event_id": first } });
    assert_eq!(heard.relates_to(), Some(&reply));

    alice.say_in_thread(&room, &first, "And in the thread?").await?;
    let threaded = bot.channel.messages(2).await.remove(1);
    assert_eq!(threaded.conversation.as_str(), format!("{room}/{first}"));
    bot.channel.says(&threaded.conversation, "Too.").await?;
    let heard = alice.next_message(&room).await;
    assert_eq!((heard.body(), heard.secrecy), ("Too.", Secrecy::Decrypted));
    let relation = heard.relates_to().context("a relation")?;
    assert_eq!((&relation["rel_type"], &relation["event_id"]), (&json!("m.thread"), &json!(first)));

    assert!(alice.account().messages(&room).await?.is_empty(), "the server sees no message");
    assert_eq!(bot.channel.status.undecrypted(), 0);
    Ok(())
}

#[tokio::test]
async fn a_restart_in_mid_conversation_changes_nothing() -> Result<()> {
    let mut bot = Bot::start().await?;
    let (alice, room) = bot.peer().await?;
    let conversation = ConversationId::new(&*room);
    let mut all = Vec::new();
    for round in 0..4 {
        alice.say(&room, &format!("question {round}")).await?;
        all.push(format!("question {round}"));
        bot.channel.messages(all.len()).await;
        bot.channel.says(&conversation, &format!("answer {round}")).await?;
        let heard = alice.next_message(&room).await;
        assert_eq!((heard.body(), heard.secrecy), (&*format!("answer {round}"), Secrecy::Decrypted));
        if round % 2 == 0 {
            bot.channel.stop().await;
        } else {
            bot.channel.kill().await;
        }
        bot.channel.closed().await;
        alice.say(&room, &format!("meanwhile {round}")).await?;
        all.push(format!("meanwhile {round}"));
        bot.channel.run().await;
    }
    bot.channel.holds(&all.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(alice.messages(&room).len(), 4, "nothing is doubled");
    assert_eq!(bot.devices().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn the_device_is_signed_and_its_keys_are_copied() -> Result<()> {
    let bot = Bot::start().await?;
    bot.channel.recovery_key().await;
    let alice = bot.homeserver.register("alice").await?;
    let asked = json!({ "device_keys": { bot.id(): [] } });
    let keys = alice.client(Method::POST, "/keys/query", Some(&asked)).await?;
    let device = bot.device().await?;
    let signing = keys["self_signing_keys"][bot.id()]["keys"].as_object().context("a signing key")?;
    let signing = signing.keys().next().context("a signing key")?;
    let signed = &keys["device_keys"][bot.id()][&device]["signatures"][bot.id()];
    assert!(signed.get(signing).is_some(), "{signed}");
    let backup = bot.account.client(Method::GET, "/room_keys/version", None).await?;
    assert_eq!(backup["algorithm"], "m.megolm_backup.v1.curve25519-aes-sha2");
    Ok(())
}
