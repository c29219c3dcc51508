//! What comes in, as what, and for whom.

use serde_json::json;
use switchboard_core::{Addressed, Place};

use crate::support::Channel;

#[tokio::test]
async fn what_is_no_text_is_put_into_words() {
    let channel = Channel::start().await;
    let alice = channel.bot.user("Alice");
    alice.says("look").attaches("a.png", "image/png", 5).send();
    alice.says("").attaches("a.pdf", "application/pdf", 5).attaches("b.mp4", "video/mp4", 5).send();
    alice.says("").sticker("Wave").send();
    alice.says(&format!("{} hi", channel.bot.mention())).send();
    alice.says("").send();
    let messages = channel.messages(5).await;
    let texts: Vec<&str> = messages.iter().map(|message| message.text.as_str()).collect();
    let named = texts[3];
    assert_eq!(
        (&texts[..3], texts[4]),
        (
            &["look\n[image: a.png]", "[file: a.pdf]\n[video: b.mp4]", "[sticker: Wave]"][..],
            "[empty message]"
        )
    );
    assert!(named.starts_with('@') && named.ends_with(" hi") && !named.contains('<'), "{named}");
    assert_eq!(messages[0].user_name.as_deref(), Some("Alice"));
    assert!(messages[0].sent_at.is_some());
}

#[tokio::test]
async fn a_message_is_for_the_bot_or_for_the_room() {
    let channel = Channel::start().await;
    let (bot, guild) = (&channel.bot, channel.bot.guild("Shop"));
    let (help, alice) = (guild.text_channel("help"), channel.bot.user("Alice"));
    let (own, given, other) = (guild.bot_role(), guild.role("support"), guild.role("others"));
    guild.gives_bot(given);
    // Discord tells a bot of its own roles without being asked.
    let member = serde_json::json!({
        "guild_id": guild.id().to_string(), "user": { "id": bot.id().to_string() },
        "roles": [own.to_string(), given.to_string()],
    });
    bot.push_event("GUILD_MEMBER_UPDATE", &member);
    let direct = alice.sends("direct");
    let first = channel.messages(1).await.remove(0);
    assert_eq!((first.place, first.addressed), (Place::Direct, Addressed::ToBot));
    assert_eq!(first.conversation.as_str(), format!("@{}", direct.channel_id));

    let mut expected = Vec::new();
    for (text, addressed) in [
        ("to all".to_owned(), Addressed::ToRoom),
        ("@everyone".to_owned(), Addressed::ToRoom),
        (bot.mention(), Addressed::ToBot),
        (format!("<@&{own}>"), Addressed::ToBot),
        (format!("<@&{given}>"), Addressed::ToBot),
        (format!("<@&{other}>"), Addressed::ToRoom),
        (alice.mention(), Addressed::ToRoom),
    ] {
        alice.says(&text).in_channel(&help).send();
        expected.push((text, addressed));
    }
    let messages = channel.messages(1 + expected.len()).await;
    for (message, (text, addressed)) in messages[1..].iter().zip(&expected) {
        assert_eq!((message.place, message.addressed), (Place::Group, *addressed), "{text}");
    }
}

#[tokio::test]
async fn roles_are_known_in_a_session_that_was_taken_over() {
    let mut channel = Channel::new().await;
    let guild = channel.bot.guild("Shop");
    let (help, role) = (guild.text_channel("help"), guild.role("support"));
    guild.gives_bot(role);
    channel.run().await;
    channel.stop().await;
    channel.run().await;
    channel.bot.user("Alice").says(&format!("<@&{role}>")).in_channel(&help).send();
    assert_eq!(channel.messages(1).await[0].addressed, Addressed::ToBot);
    assert_eq!(channel.bot.identifies().len(), 1);
}

#[tokio::test]
async fn bots_webhooks_and_the_system_are_left_out() {
    let channel = Channel::start().await;
    let help = channel.bot.guild("Shop").text_channel("help");
    channel.bot.other_bot("Other").says("bot").in_channel(&help).send();
    channel.bot.webhook("CI").says("webhook").in_channel(&help).send();
    let alice = channel.bot.user("Alice");
    for kind in [6, 7, 8, 18, 21] {
        alice.says("system").of_type(kind).in_channel(&help).send();
    }
    alice.says("person").in_channel(&help).send();
    channel.holds(&["person"]).await;
}

#[tokio::test]
async fn what_stands_beside_somebody_s_words_costs_none_of_them() {
    let channel = Channel::start().await;
    let help = channel.bot.guild("Shop").text_channel("help");
    let alice = channel.bot.user("Alice");
    let strange = json!([{ "type": "video", "video": { "proxy_url": "https://cdn.example" }, "height": -1 }]);
    let other = channel.bot.other_bot("Other");
    let answered = other.says("a preview").with("embeds", strange.clone()).in_channel(&help).send();
    alice.says("in answer").in_channel(&help).in_reply_to(answered.message_id).send();
    alice.says("a link").with("embeds", strange).send();
    alice.says("liked").with("reactions", json!([{ "count": 1, "emoji": { "name": null } }])).send();
    alice.says("nothing").with("attachments", json!(null)).with("components", json!(null)).send();
    let voice = json!([{ "id": "7", "filename": "v.ogg", "duration_secs": 61.5, "waveform": "?" }]);
    alice.says("").with("attachments", voice).send();
    let answers = json!([{ "poll_media": { "text": "tea", "emoji": { "id": null, "name": null } } }]);
    alice.says("").with("poll", json!({ "question": { "text": "What?" }, "answers": answers })).send();
    let sticker = json!([{ "id": "8", "name": "Wave" }]);
    let forwarded = json!([{ "message": { "content": "for you", "sticker_items": sticker } }]);
    alice.says("").with("message_snapshots", forwarded).send();
    channel
        .holds(&[
            "in answer",
            "a link",
            "liked",
            "nothing",
            "[voice message, 1:01]",
            "[poll: What?]\n- tea",
            "[forwarded message]\nfor you\n[sticker: Wave]",
        ])
        .await;
}
