//! `doctor`, and what is told of a login that fails.

use switchboard_testkit::{port::free_port, synapse::homeserver};

use super::{Bot, Desk, TOKENS, reconfigure, recovery_key, told};
use crate::support::{Database, PATIENCE, System};

/// What doctor prints, and whether it is content. It prints no secret.
async fn doctor(system: &System, bot: &Bot) -> (bool, String) {
    let (well, text) = told(system, &["doctor"]).await;
    for secret in [&bot.account.password, TOKENS] {
        assert!(!text.contains(secret), "a secret is printed");
    }
    (well, text)
}

#[tokio::test]
async fn doctor_says_how_the_account_is_and_disturbs_nobody() {
    let homeserver = homeserver().expect("Synapse runs");
    let bot = Bot::new(&homeserver).await;
    let mut system = System::prepare(Database::Sqlite, &bot.channel("limits = \"off\"")).await;
    bot.hide_secrets(&mut system);
    assert!(told(&system, &["migrate"]).await.0);
    let (well, text) = doctor(&system, &bot).await;
    assert!(
        well && text.contains("the homeserver answers") && text.contains("has not logged in yet"),
        "{text}"
    );
    assert!(!bot.state_dir().exists(), "nothing is made");

    system.start_gateway().await;
    let desk = Desk::encrypted(&homeserver, &bot).await;
    desk.asks("before").await;
    system.has_secret(&recovery_key(&system).await);
    let (well, text) = doctor(&system, &bot).await;
    assert!(well, "{text}");
    for part in [
        &format!("logged in as {} with the device", bot.id()),
        "the device is verified by the account's own identity",
        "keys are copied to the homeserver",
        "no message waits for its key",
        "one in five seconds",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    desk.asks("after").await;
    // What a slow machine has the other parts complain about is not the doctor's doing.
    let complains = |line: &String| line.contains("WARN") || line.contains("ERROR");
    let told = system.output().into_iter().find(|line| complains(line) && line.contains("matrix"));
    assert_eq!(told, None, "nobody notices");
}

#[tokio::test]
async fn doctor_finds_a_wrong_homeserver() {
    let homeserver = homeserver().expect("Synapse runs");
    let bot = Bot::new(&homeserver).await;
    let mut system = System::start(Database::Sqlite, &bot.channel("")).await;
    // The doctor reads what the channel makes when it begins for the first time.
    system.wait_until_connected("bot").await;
    let sandbox = system.sandbox.base_url();
    let wrong = format!("http://127.0.0.1:{}", free_port().expect("a free port"));
    let mut current = homeserver.base_url().to_owned();
    for other in [wrong.as_str(), sandbox.as_str().trim_end_matches('/')] {
        reconfigure(&system, &current, other);
        other.clone_into(&mut current);
        // With a session, and without.
        let (well, text) = doctor(&system, &bot).await;
        assert!(!well && text.contains("check homeserver_url"), "{text}");
    }
    system.stop_gateway().await;
    let fresh = Bot::new(&homeserver).await;
    reconfigure(&system, &bot.state_dir().display().to_string(), &fresh.state_dir().display().to_string());
    reconfigure(&system, "name = \"bot\"", "name = \"other\"");
    let (well, text) = doctor(&system, &bot).await;
    assert!(!well && text.contains("check homeserver_url"), "{text}");
}

#[tokio::test]
async fn a_wrong_password_is_told_and_not_tried_again() {
    let homeserver = homeserver().expect("Synapse runs");
    let bot = Bot::new(&homeserver).await;
    let channel = bot.channel("").replace(&bot.account.password, "not-the-password");
    let mut system = System::prepare(Database::Sqlite, &channel).await;
    bot.hide_secrets(&mut system);
    system.has_secret("not-the-password");
    system.spawn_gateway();
    let line = system.gateway().wait_for_line("refuses the login", PATIENCE).await;
    assert!(line.contains("check user and password"), "{line}");
    let body = system.wait_until_in_trouble("bot").await;
    assert!(body["channels"].to_string().contains("unauthorized"), "{body}");
    system.visitor().await.says("hello").await;
    system.wait_for_requests(1).await;
    let tries = system.output().iter().filter(|line| line.contains("until a person acts")).count();
    assert_eq!(tries, 1, "a person must act");
}
