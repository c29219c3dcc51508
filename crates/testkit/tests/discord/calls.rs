//! Who may call what, and the calls that only tell something.

use reqwest::Client;
use serde_json::{Value, json};
use switchboard_testkit::discord::{FakeDiscord, Kind};

use crate::client::{Http, TOKEN, id, start};

#[tokio::test]
async fn the_token_and_the_agent_are_needed() {
    let (discord, bot, http) = start().await;
    assert_eq!(id(&http.get("/users/@me").await["id"]), bot.id());

    let stranger = Http::new(&discord, "other");
    assert_eq!(stranger.refused("GET /users/@me", Value::Null).await, (401, 0));
    let other = discord.bot("other");
    assert_eq!(id(&stranger.get("/users/@me").await["id"]), other.id());
    let alice = bot.user("Alice").id();
    assert_eq!(stranger.refused(&format!("GET /users/{alice}"), Value::Null).await, (404, 10013));

    let nobody = Client::new().get(format!("{}/api/v10/gateway", discord.url()));
    let nobody = nobody.send().await.expect("an answer");
    assert_eq!(nobody.status(), 403, "without the agent that Discord demands");
    bot.revokes_token();
    assert_eq!(http.refused("GET /users/@me", Value::Null).await, (401, 0));
    bot.restores_token();
    http.get("/users/@me").await;

    let seen =
        format!("{discord:?} {bot:?} {:?} {:?} {:?}", bot.user("Bob"), bot.guild("Shop"), bot.all_calls());
    assert!(!seen.contains("stand-in.token"), "no token in sight: {seen}");
}

#[tokio::test]
async fn the_gateway_is_found_by_anybody() {
    let (discord, _bot, http) = start().await;
    let agent = "DiscordBot (test, 1)";
    let url = format!("{}/api/v10/gateway", discord.url());
    let answer = Client::builder().user_agent(agent).build().expect("a client").get(url).send().await;
    let answer: Value = answer.expect("an answer").json().await.expect("JSON");
    assert_eq!(answer["url"], discord.gateway_url());

    let answer = http.get("/gateway/bot").await;
    assert_eq!((&answer["url"], &answer["shards"]), (&json!(discord.gateway_url()), &json!(1)));
    assert_eq!(answer["session_start_limit"]["remaining"], 1000);
}

#[tokio::test]
async fn what_there_is_can_be_looked_up() {
    let (_discord, bot, http) = start().await;
    let guild = bot.guild("Shop");
    let (help, alice) = (guild.text_channel("help"), bot.user("Alice Ann"));
    let thread = help.opens_thread(&alice, "parcels");
    let path = format!("/guilds/{}", guild.id());

    let found = http.get(&path).await;
    assert_eq!((id(&found["id"]), &found["name"]), (guild.id(), &json!("Shop")));
    assert!(found.get("channels").is_none(), "they come by GUILD_CREATE only");
    assert_eq!(http.get("/users/@me/guilds").await[0]["owner"], false);
    assert_eq!(http.get(&format!("{path}/roles")).await[1]["tags"]["bot_id"], json!(bot.id().to_string()));
    assert_eq!(id(&http.get(&format!("{path}/channels")).await[0]["id"]), help.id());
    let threads = http.get(&format!("{path}/threads/active")).await;
    assert_eq!(id(&threads["threads"][0]["parent_id"]), help.id());
    let member = http.get(&format!("{path}/members/{}", bot.id())).await;
    assert_eq!(member["roles"], json!([guild.bot_role().to_string()]));
    assert_eq!(http.get(&format!("/users/{}", alice.id())).await["global_name"], "Alice Ann");
    let shown = http.get(&format!("/channels/{}", thread.id())).await;
    assert_eq!((&shown["type"], &shown["name"]), (&json!(Kind::PublicThread.number()), &json!("parcels")));

    assert_eq!(http.refused("GET /guilds/1", Value::Null).await, (404, 10004));
    assert_eq!(http.refused("GET /channels/1", Value::Null).await, (404, 10003));
    assert_eq!(http.refused("DELETE /channels/1", Value::Null).await, (404, 0));
    guild.kicks_bot();
    assert_eq!(http.refused(&format!("GET {path}"), Value::Null).await, (404, 10004));
    assert_eq!(http.refused(&format!("GET /channels/{}", help.id()), Value::Null).await, (403, 50001));
    assert_eq!(http.get("/users/@me/guilds").await, json!([]));
}

#[tokio::test]
async fn the_application_says_which_intents_it_was_granted() {
    let (_discord, bot, http) = start().await;
    for path in ["/applications/@me", "/oauth2/applications/@me"] {
        let application = http.get(path).await;
        assert_eq!((id(&application["id"]), &application["flags"]), (bot.id(), &json!(1 << 19)));
    }
    bot.reads_content(false);
    assert_eq!(http.get("/applications/@me").await["flags"], 0);
}

#[tokio::test]
async fn a_direct_channel_is_opened_once() {
    let (_discord, bot, http) = start().await;
    let alice = bot.user("Alice");
    let open = json!({ "recipient_id": alice.id().to_string() });
    let channel = http.result("POST /users/@me/channels", open.clone()).await;
    assert_eq!((&channel["type"], id(&channel["recipients"][0]["id"])), (&json!(1), alice.id()));
    assert_eq!(http.result("POST /users/@me/channels", open).await["id"], channel["id"]);
    assert_eq!(id(&channel["id"]), alice.direct().id());
    assert_eq!(alice.sends("hello").channel_id, alice.direct().id());
    let nobody = json!({ "recipient_id": "1" });
    assert_eq!(http.refused("POST /users/@me/channels", nobody).await, (400, 50033));
}

#[tokio::test]
async fn a_server_goes_down_and_comes_back_with_all_it_knew() {
    let port = switchboard_testkit::port::free_port().expect("a port");
    let discord = FakeDiscord::start_at(port).await.expect("the server starts");
    let (bot, http) = (discord.bot(TOKEN), Http::new(&discord, TOKEN));
    let alice = bot.user("Alice");
    alice.sends("before");
    discord.go_down().await;
    assert!(http.response("GET /users/@me", &Value::Null).await.is_err());
    alice.sends("meanwhile");
    discord.come_back().await.expect("the port is free");
    assert_eq!(http.texts(&alice.direct(), "").await, ["meanwhile", "before"]);
}
