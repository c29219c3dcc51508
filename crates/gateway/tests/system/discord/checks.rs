//! `check` and `doctor`: what is wrong is told before anybody writes in vain.

use std::fs;

use switchboard_testkit::discord::Permission;

use super::{TOKEN, channel, stand_in};
use crate::support::{Database, System};

/// What the command prints, and whether it is content.
async fn told(system: &System, command: &str) -> (bool, String) {
    let output = system.run(&[command]).await;
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(!told.contains(TOKEN), "the token is printed");
    (output.status.success(), told.into_owned())
}

#[tokio::test]
async fn doctor_says_what_the_bot_lacks() {
    let discord = stand_in().await;
    let bot = discord.bot(TOKEN);
    let system = System::prepare(Database::Sqlite, &channel(&discord, "bot", TOKEN)).await;
    assert!(told(&system, "migrate").await.0);
    let guild = bot.guild("Shop");
    let (help, hidden) = (guild.text_channel("help"), guild.text_channel("hidden"));
    bot.user("Alice").says("hello").in_channel(&help).send();
    let (well, text) = told(&system, "doctor").await;
    assert!(well, "{text}");
    for part in [bot.id().to_string().as_str(), "the intents are granted", "sees 2 of 2 channels"] {
        assert!(text.contains(part), "{part}: {text}");
    }

    hidden.denies(Permission::ViewChannel);
    help.denies(Permission::ReadMessageHistory);
    let (well, text) = told(&system, "doctor").await;
    assert!(well, "the bot works all the same: {text}");
    for part in ["sees 1 of 2 channels", "history of #help in Shop", "Read Message History"] {
        assert!(text.contains(part), "{part}: {text}");
    }

    bot.reads_content(false);
    let (well, text) = told(&system, "doctor").await;
    assert!(!well && text.contains("Message Content Intent"), "{text}");
    bot.revokes_token();
    let (well, text) = told(&system, "doctor").await;
    assert!(!well && text.contains("refuses the bot's token"), "{text}");
    assert!(bot.identifies().is_empty() && bot.sent_count() == 0, "nobody notices");
}

#[tokio::test]
async fn check_explains_a_wrong_token_and_calls_nobody() {
    let discord = stand_in().await;
    let bot = discord.bot(TOKEN);
    let system = System::prepare(Database::Sqlite, &channel(&discord, "bot", TOKEN)).await;
    let (well, text) = told(&system, "check").await;
    assert!(well, "{text}");
    let config = fs::read_to_string(&system.config).expect("the configuration");
    let (id, rest) = TOKEN.split_once('.').expect("a token has parts");
    fs::write(&system.config, config.replace(TOKEN, rest)).expect("the configuration is ours");
    let (well, text) = told(&system, "check").await;
    assert!(!well && text.contains("three parts with dots") && !text.contains(rest), "{text}");
    fs::write(&system.config, config.replace(TOKEN, &format!("Bot {id}")))
        .expect("the configuration is ours");
    assert!(!told(&system, "check").await.0);
    assert!(bot.all_calls().is_empty());
}
