//! Logging in, and being logged out.

use anyhow::Result;
use secrecy::SecretString;
use serde_json::json;
use switchboard_matrix::Login;
use switchboard_testkit::synapse::{Account, Method, NewRoom};

use super::bot::Bot;

fn token(of: &Account, device_id: &str) -> Login {
    let access_token = SecretString::from(of.access_token.clone());
    Login::Token { access_token, device_id: device_id.to_owned(), password: None }
}

#[tokio::test]
async fn a_wrong_password_is_a_person_s_to_correct() -> Result<()> {
    let mut bot = Bot::new().await?;
    bot.channel.config.login = Login::Password(SecretString::from("wrong"));
    bot.channel.begin();
    let error = bot.channel.ended().await.unwrap_err();
    assert!(error.reason.contains("M_FORBIDDEN") && error.remedy.contains("password"), "{error}");
    // It is corrected without anything else to be done.
    bot.channel.config.login = Login::Password(SecretString::from(bot.account.password.clone()));
    bot.channel.run().await;
    assert_eq!(bot.devices().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_token_is_taken_for_its_own_user_and_device_only() -> Result<()> {
    let mut bot = Bot::new().await?;
    let stranger = bot.homeserver.register("stranger").await?;
    for login in [token(&stranger, &stranger.device_id), token(&bot.account, "OTHER")] {
        bot.channel.config.login = login;
        bot.channel.begin();
        let error = bot.channel.ended().await.unwrap_err();
        assert!(error.reason.contains("the access token is for"), "{error}");
        assert!(error.remedy.contains("device_id"), "{error}");
    }
    bot.channel.config.login = Login::Token {
        access_token: SecretString::from("syt_nobody"),
        device_id: bot.account.device_id.clone(),
        password: None,
    };
    bot.channel.begin();
    let error = bot.channel.ended().await.unwrap_err();
    assert!(error.remedy.contains("access_token"), "{error}");

    bot.channel.config.login = token(&bot.account, &bot.account.device_id);
    bot.channel.run().await;
    let alice = bot.homeserver.register("alice").await?;
    let room = alice.create_room(&NewRoom::direct(bot.id())).await?;
    alice.say(&room, "hello").await?;
    bot.channel.holds(&["hello"]).await;
    bot.channel.restart().await;
    alice.say(&room, "again").await?;
    bot.channel.holds(&["hello", "again"]).await;
    Ok(())
}

#[tokio::test]
async fn a_device_that_was_deleted_is_named() -> Result<()> {
    let mut bot = Bot::start().await?;
    let device = bot.device().await?;
    let user = json!({ "type": "m.id.user", "user": bot.id() });
    let auth = json!({ "type": "m.login.password", "identifier": user, "password": bot.account.password });
    let path = format!("/devices/{device}");
    bot.account.client(Method::DELETE, &path, Some(&json!({ "auth": auth }))).await?;
    let error = bot.channel.ended().await.unwrap_err();
    assert!(error.reason.contains(&device), "{error}");
    assert!(error.remedy.contains(&format!("replaces_device = {device:?}")), "{error}");
    bot.channel.begin();
    assert_eq!(bot.channel.ended().await.unwrap_err(), error);
    bot.channel.config.replaces_device = Some(device.clone());
    bot.channel.run().await;
    assert_ne!(bot.device().await?, device);
    Ok(())
}
