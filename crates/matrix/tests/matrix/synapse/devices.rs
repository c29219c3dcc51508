//! The directory of the device: lost, copied, put back, in use.

use std::{fs, path::Path};

use anyhow::Result;
use secrecy::SecretString;
use switchboard_core::ConversationId;
use switchboard_matrix::Login;
use switchboard_testkit::synapse::Secrecy;

use super::bot::Bot;

#[tokio::test]
async fn a_lost_directory_is_refused_until_the_device_is_given_up() -> Result<()> {
    let mut bot = Bot::start().await?;
    let (alice, room) = bot.peer().await?;
    alice.say(&room, "before").await?;
    bot.channel.messages(1).await;
    bot.channel.recovery_key().await;
    bot.channel.stop().await;
    bot.channel.closed().await;
    fs::remove_dir_all(&bot.channel.config.state_dir)?;
    bot.channel.begin();
    let error = bot.channel.ended().await.unwrap_err();
    let device = bot.device().await?;
    assert!(error.reason.contains("is empty") && error.reason.contains(&device), "{error}");
    assert!(error.remedy.contains(&format!("replaces_device = {device:?}")), "{error}");
    assert_eq!(bot.devices().await?, [device.as_str()], "no other was made");

    bot.channel.config.replaces_device = Some(device.clone());
    bot.channel.run().await;
    bot.channel.recovery_key().await;
    alice.say(&room, "after").await?;
    bot.channel.holds(&["before", "after"]).await;
    bot.channel.says(&ConversationId::new(&*room), "understood").await?;
    assert_eq!(alice.next_message(&room).await.secrecy, Secrecy::Decrypted);
    // It is given up once.
    bot.channel.restart().await;
    alice.say(&room, "and later").await?;
    bot.channel.holds(&["before", "after", "and later"]).await;
    assert_eq!(bot.devices().await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn with_the_recovery_key_a_new_device_reads_what_waits() -> Result<()> {
    let mut bot = Bot::start().await?;
    let (alice, room) = bot.peer().await?;
    let key = bot.channel.recovery_key().await;
    alice.say(&room, "before").await?;
    bot.channel.messages(1).await;
    let device = bot.device().await?;
    bot.copied(1).await;
    bot.channel.stop().await;
    // In the session that the lost device has copied the key of.
    alice.say(&room, "meanwhile").await?;
    bot.channel.closed().await;
    fs::remove_dir_all(&bot.channel.config.state_dir)?;
    bot.channel.config.replaces_device = Some(device);
    bot.channel.config.recovery_key = Some(key);
    bot.channel.run().await;
    bot.channel.holds(&["before", "meanwhile"]).await;
    bot.channel.undecrypted(0).await;
    alice.say(&room, "after").await?;
    bot.channel.holds(&["before", "meanwhile", "after"]).await;
    Ok(())
}

#[tokio::test]
async fn a_message_waits_for_its_key() -> Result<()> {
    let mut bot = Bot::start().await?;
    let (alice, room) = bot.peer().await?;
    let key = bot.channel.recovery_key().await;
    alice.say(&room, "before").await?;
    bot.channel.messages(1).await;
    let device = bot.device().await?;
    bot.copied(1).await;
    bot.channel.stop().await;
    alice.say(&room, "meanwhile").await?;
    // A device that cannot get the account's identity.
    bot.channel.closed().await;
    fs::remove_dir_all(&bot.channel.config.state_dir)?;
    let other = bot.homeserver.login(bot.id(), &bot.account.password).await?;
    bot.channel.config.login = Login::Token {
        access_token: SecretString::from(other.access_token.clone()),
        device_id: other.device_id.clone(),
        password: None,
    };
    bot.channel.config.replaces_device = Some(device);
    bot.channel.run().await;
    bot.channel.undecrypted(1).await;
    alice.say(&room, "after").await?;
    bot.channel.holds(&["before", "after"]).await;
    bot.channel.restart().await;
    bot.channel.undecrypted(1).await;
    bot.channel.stop().await;
    bot.channel.config.recovery_key = Some(key);
    bot.channel.run().await;
    bot.channel.holds(&["before", "after", "meanwhile"]).await;
    bot.channel.undecrypted(0).await;
    bot.channel.restart().await;
    bot.channel.undecrypted(0).await;
    bot.channel.holds(&["before", "after", "meanwhile"]).await;
    Ok(())
}

#[tokio::test]
async fn an_old_copy_is_refused() -> Result<()> {
    let mut bot = Bot::start().await?;
    let (alice, room) = bot.peer().await?;
    alice.say(&room, "before").await?;
    bot.channel.messages(1).await;
    bot.channel.stop().await;
    bot.channel.closed().await;
    let state = bot.channel.config.state_dir.clone();
    let copy = state.with_file_name("copy");
    copy_directory(&state, &copy)?;
    bot.channel.run().await;
    alice.say(&room, "more").await?;
    bot.channel.messages(2).await;
    bot.channel.stop().await;
    bot.channel.closed().await;
    fs::remove_dir_all(&state)?;
    fs::rename(&copy, &state)?;
    bot.channel.begin();
    let error = bot.channel.ended().await.unwrap_err();
    assert!(error.reason.contains("old copy"), "{error}");
    assert!(error.remedy.contains("replaces_device"), "{error}");
    let sent = bot.channel.says(&ConversationId::new(&*room), "with old keys").await;
    assert!(sent.is_err(), "nothing is sent with the keys of yesterday");
    Ok(())
}

fn copy_directory(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_directory(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn two_processes_cannot_have_one_directory() -> Result<()> {
    let mut bot = Bot::start().await?;
    let mut second = bot.channel.copy();
    second.begin();
    second.interrupted("in use by another process").await;
    bot.channel.stop().await;
    second.connected().await;
    Ok(())
}

#[tokio::test]
async fn a_state_with_another_passphrase_is_refused() -> Result<()> {
    let mut bot = Bot::start().await?;
    bot.channel.stop().await;
    bot.channel.config.passphrase = Some(SecretString::from("another"));
    bot.channel.begin();
    let error = bot.channel.ended().await.unwrap_err();
    assert!(error.reason.contains("cannot be decrypted") && error.remedy.contains("passphrase"), "{error}");
    bot.channel.config.passphrase = None;
    bot.channel.run().await;
    Ok(())
}
