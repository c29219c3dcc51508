//! What sessions hear of guilds, channels, threads and messages.

use serde_json::{Value, json};
use switchboard_testkit::discord::{Kind, Permission};

use crate::client::{INTENTS, Socket, TOKEN, id, identity, start};

#[tokio::test]
async fn messages_are_told_with_all_that_belongs_to_them() {
    let (discord, bot, http) = start().await;
    let (guild, alice) = (bot.guild("Shop"), bot.user("Alice"));
    let help = guild.text_channel("help");
    let (mut socket, _) = Socket::identify(&discord, INTENTS).await;
    socket.event("GUILD_CREATE").await;

    alice.sends("direct");
    let direct = socket.event("MESSAGE_CREATE").await;
    assert!(direct.get("guild_id").is_none() && direct.get("member").is_none());
    let question = alice.says(&format!("{} hi", bot.mention())).in_channel(&help).send();
    let heard = socket.event("MESSAGE_CREATE").await;
    assert_eq!((id(&heard["guild_id"]), id(&heard["id"])), (guild.id(), question.message_id));
    assert_eq!(id(&heard["mentions"][0]["id"]), bot.id());
    assert_eq!((&heard["member"]["roles"], heard["member"].get("user")), (&json!([]), None));

    let body = json!({ "content": "hello", "nonce": 7 });
    let own = id(&http.result(&format!("POST /channels/{}/messages", help.id()), body).await["id"]);
    let heard = socket.event("MESSAGE_CREATE").await;
    assert_eq!((id(&heard["author"]["id"]), &heard["nonce"]), (bot.id(), &json!(7)));
    assert_eq!(heard["member"]["roles"], json!([guild.bot_role().to_string()]));
    for (silent, mentions) in [(false, 1), (true, 0)] {
        let reply = alice.says("thanks").in_channel(&help).in_reply_to(own);
        if silent { reply.without_ping() } else { reply }.send();
        let heard = socket.event("MESSAGE_CREATE").await;
        assert_eq!((&heard["type"], &heard["referenced_message"]["content"]), (&json!(19), &json!("hello")));
        assert_eq!(heard["mentions"].as_array().map(Vec::len), Some(mentions));
    }
}

#[tokio::test]
async fn not_every_message_is_a_text_by_a_person() {
    let (discord, bot, _http) = start().await;
    let guild = bot.guild("Shop");
    let (help, alice, role) = (guild.text_channel("help"), bot.user("Alice"), guild.role("staff"));
    guild.gives_bot(role);
    let (mut socket, _) = Socket::identify(&discord, INTENTS).await;
    let heard = socket.event("GUILD_CREATE").await;
    assert_eq!(heard["members"][0]["roles"].as_array().map(Vec::len), Some(2));

    bot.webhook("CI").says("built").in_channel(&help).send();
    let heard = socket.event("MESSAGE_CREATE").await;
    assert_eq!((&heard["webhook_id"], heard.get("member")), (&heard["author"]["id"], None));
    bot.other_bot("Helper").says("beep").in_channel(&help).send();
    assert_eq!(socket.event("MESSAGE_CREATE").await["author"]["bot"], true);
    alice.says("").of_type(7).in_channel(&help).send();
    assert_eq!(socket.event("MESSAGE_CREATE").await["type"], 7);
    let draft = alice.says(&format!("<@&{role}> look")).in_channel(&help).with("tts", true);
    draft.attaches("a.pdf", "application/pdf", 9).attaches("b.png", "image/png", 1).sticker("Wave").send();
    let heard = socket.event("MESSAGE_CREATE").await;
    assert_eq!(heard["mention_roles"], json!([role.to_string()]));
    assert_eq!((&heard["attachments"][1]["filename"], &heard["tts"]), (&json!("b.png"), &json!(true)));
    assert!(heard["attachments"][0]["url"].as_str().is_some_and(|url| url.starts_with(&discord.url())));
    assert_eq!(heard["sticker_items"][0]["name"], "Wave");
}

#[tokio::test]
async fn sessions_hear_what_they_asked_for() {
    let (discord, bot, _http) = start().await;
    let (help, alice) = (bot.guild("Shop").text_channel("help"), bot.user("Alice"));
    let (mut guilds, _) = Socket::identify(&discord, 1 | 1 << 9).await;
    let (mut direct, _) = Socket::identify(&discord, 1 << 12).await;
    guilds.event("GUILD_CREATE").await;
    alice.sends("direct");
    alice.says("in the guild").in_channel(&help).send();
    alice.says(&format!("hi {}", bot.mention())).in_channel(&help).send();
    alice.sends("direct again");
    let heard = guilds.messages(2).await;
    assert_eq!((&*heard[0], heard[1].starts_with("hi")), ("", true), "without MESSAGE_CONTENT");
    assert_eq!(direct.messages(2).await, ["direct", "direct again"]);
    assert_eq!(bot.connections(), 2);
}

#[tokio::test]
async fn shards_divide_the_guilds() {
    let (discord, bot, _http) = start().await;
    let guild = bot.guild("Shop");
    let (help, alice) = (guild.text_channel("help"), bot.user("Alice"));
    let its = (guild.id() >> 22) % 2;
    let mut sockets = Vec::new();
    for shard in [its, 1 - its] {
        let mut socket = Socket::open(&discord.gateway_url()).await;
        socket.payload().await;
        let mut identity = identity(TOKEN, INTENTS);
        identity["shard"] = json!([shard, 2]);
        socket.say(2, identity).await;
        socket.event("READY").await;
        sockets.push(socket);
    }
    sockets[0].event("GUILD_CREATE").await;
    alice.says("hello").in_channel(&help).send();
    assert_eq!(sockets[0].messages(1).await, ["hello"]);
    alice.sends("direct");
    let first = usize::from(its != 0);
    assert_eq!(sockets[first].messages(1).await, ["direct"], "direct messages go to the first shard");
}

#[tokio::test]
async fn places_are_told_of_as_they_come_and_go() {
    let (discord, bot, _http) = start().await;
    let (mut socket, _) = Socket::identify(&discord, INTENTS).await;
    let (guild, alice) = (bot.guild("Shop"), bot.user("Alice"));
    assert_eq!(id(&socket.event("GUILD_CREATE").await["id"]), guild.id());
    let help = guild.text_channel("help");
    assert_eq!(id(&socket.event("CHANNEL_CREATE").await["guild_id"]), guild.id());
    let message = alice.says("hello").in_channel(&help).send();
    socket.messages(1).await;
    let thread = help.opens_thread_on(message, &alice, "parcels");
    let heard = socket.event("THREAD_CREATE").await;
    assert_eq!((id(&heard["id"]), &heard["newly_created"]), (message.message_id, &json!(true)));
    thread.archives();
    assert_eq!(socket.event("THREAD_UPDATE").await["thread_metadata"]["archived"], true);
    alice.says("again").in_channel(&thread).send();
    assert_eq!(socket.event("THREAD_UPDATE").await["thread_metadata"]["archived"], false);
    assert_eq!(id(&socket.event("MESSAGE_CREATE").await["channel_id"]), thread.id());
    let forum = guild.channel(Kind::Forum, "ideas");
    assert_eq!(socket.event("CHANNEL_CREATE").await["type"], 15);
    let (post, first) = forum.posts(&alice, "More tea", "please");
    assert_eq!(id(&socket.event("THREAD_CREATE").await["parent_id"]), forum.id());
    let heard = socket.event("MESSAGE_CREATE").await;
    assert_eq!((id(&heard["id"]), id(&heard["channel_id"])), (first.message_id, post.id()));
    alice.edits(first, "please!");
    assert_eq!(socket.event("MESSAGE_UPDATE").await["content"], "please!");
    alice.deletes(first);
    assert_eq!(id(&socket.event("MESSAGE_DELETE").await["id"]), first.message_id);
    thread.deletes();
    assert_eq!(id(&socket.event("THREAD_DELETE").await["id"]), thread.id());
    help.deletes();
    assert_eq!(id(&socket.event("CHANNEL_DELETE").await["id"]), help.id());
    guild.kicks_bot();
    assert_eq!(socket.event("GUILD_DELETE").await, json!({ "id": guild.id().to_string() }));
}

#[tokio::test]
async fn what_is_hidden_or_out_of_reach_is_not_heard() {
    let (discord, bot, http) = start().await;
    let (guild, alice) = (bot.guild("Shop"), bot.user("Alice"));
    let (help, hidden) = (guild.text_channel("help"), guild.text_channel("hidden"));
    hidden.denies(Permission::ViewChannel);
    let (mut socket, _) = Socket::identify(&discord, INTENTS).await;
    let heard = socket.event("GUILD_CREATE").await;
    assert_eq!(heard["channels"].as_array().map(Vec::len), Some(2), "hidden channels are named");
    let overwrite = |shown: &Value| shown["permission_overwrites"][0]["deny"].clone();
    let shown =
        heard["channels"].as_array().expect("a list").iter().find(|one| id(&one["id"]) == hidden.id());
    assert_eq!(overwrite(shown.expect("it is there")), "1024");

    alice.says("whisper").in_channel(&hidden).send();
    hidden.opens_thread(&alice, "deep");
    guild.goes_out();
    assert_eq!(socket.event("GUILD_DELETE").await["unavailable"], true);
    let last = alice.says("missed").in_channel(&help).send();
    guild.recovers();
    let heard = socket.event("GUILD_CREATE").await;
    let shown = heard["channels"].as_array().expect("a list").iter().find(|one| id(&one["id"]) == help.id());
    assert_eq!(id(&shown.expect("it is there")["last_message_id"]), last.message_id);
    assert_eq!(heard["threads"], json!([]));
    assert_eq!(http.texts(&help, "").await, ["missed"]);
    hidden.allows(Permission::ViewChannel);
    assert_eq!(overwrite(&socket.event("CHANNEL_UPDATE").await), "0");
    alice.says("aloud").in_channel(&hidden).send();
    assert_eq!(socket.messages(1).await, ["aloud"]);
    assert_eq!(hidden.messages().len(), 2);
}
