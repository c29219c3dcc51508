//! A state_dir that is lost: what is told, and how it goes on.

use std::fs;

use switchboard_testkit::{
    synapse::{Homeserver, Method, homeserver},
    wait::wait_for,
};

use super::{Bot, Desk, LONG, reconfigure, recovery_key, told};
use crate::support::{Database, PATIENCE, System};

/// A gateway that has had an encrypted conversation, stopped, with one message that came since.
struct Loss {
    bot: Bot,
    system: System,
    desk: Desk,
    device: String,
    recovery_key: String,
}

impl Loss {
    async fn happens(homeserver: &Homeserver) -> Self {
        let bot = Bot::new(homeserver).await;
        let mut system = System::start(Database::Sqlite, &bot.channel("limits = \"off\"")).await;
        bot.hide_secrets(&mut system);
        let desk = Desk::encrypted(homeserver, &bot).await;
        desk.asks("before").await;
        let recovery_key = recovery_key(&system).await;
        system.has_secret(&recovery_key);
        let copied = async || {
            let backup = bot.account.client(Method::GET, "/room_keys/version", None).await.ok()?;
            (backup["count"].as_u64()? > 0).then_some(())
        };
        wait_for("the copy of the keys", LONG, copied).await;
        let devices = bot.account.client(Method::GET, "/devices", None).await.expect("its devices");
        let devices = devices["devices"].as_array().expect("a list").iter();
        let mut devices = devices.filter_map(|device| device["device_id"].as_str());
        let device = devices.find(|id| *id != bot.account.device_id).expect("the gateway's").to_owned();
        system.stop_gateway().await;
        desk.writes("meanwhile").await;
        fs::remove_dir_all(bot.state_dir()).expect("it is lost");
        Self { bot, system, desk, device, recovery_key }
    }

    /// Has another device take its place.
    async fn goes_on(&mut self, more: &str) {
        let password = format!("password = \"{}\"\n", self.bot.account.password);
        let replaced = format!("{password}replaces_device = \"{}\"\n{more}", self.device);
        reconfigure(&self.system, &password, &replaced);
        self.system.start_gateway().await;
    }
}

#[tokio::test]
async fn a_lost_state_dir_is_told_and_goes_on_with_the_recovery_key() {
    let mut loss = Loss::happens(&homeserver().expect("Synapse runs")).await;
    let remedy = format!("replaces_device = \"{}\"", loss.device);
    loss.system.spawn_gateway();
    loss.system.wait_until_ready().await;
    loss.system.wait_until_in_trouble("bot").await;
    let line = loss.system.gateway().wait_for_line("replaces_device", PATIENCE).await;
    // In a line of the log, quotes of a field are escaped.
    assert!(line.replace('\\', "").contains(&remedy) && line.contains("is empty"), "{line}");
    let (well, text) = told(&loss.system, &["doctor"]).await;
    assert!(!well && text.contains(&remedy), "{text}");
    loss.system.stop_gateway().await;

    let key = format!("recovery_key = \"{}\"\n", loss.recovery_key);
    loss.goes_on(&key).await;
    assert_eq!(loss.desk.wait_for_answers(2).await[1], "You wrote: meanwhile");
    loss.desk.asks("after").await;
    let (well, text) = told(&loss.system, &["doctor"]).await;
    assert!(well && text.contains("verified by the account's own identity"), "{text}");
    assert!(text.contains("no message waits for its key"), "{text}");
}

#[tokio::test]
async fn without_the_recovery_key_a_message_waits_and_is_counted() {
    let mut loss = Loss::happens(&homeserver().expect("Synapse runs")).await;
    loss.goes_on("").await;
    let counted = async || {
        let metrics = loss.system.http.get(format!("{}/metrics", loss.system.url)).send().await.ok()?;
        let metrics = metrics.text().await.ok()?;
        metrics.contains("switchboard_channel_undecrypted_messages{channel=\"bot\"} 1\n").then_some(())
    };
    wait_for("the message to be counted", LONG, counted).await;
    loss.desk.asks("after").await;
    let (well, text) = told(&loss.system, &["doctor"]).await;
    assert!(well && text.contains("1 messages in 1 encrypted rooms wait for their keys"), "{text}");
    assert!(text.contains(&loss.desk.room), "{text}");
    // Also where no gateway runs.
    loss.system.stop_gateway().await;
    let (_, text) = told(&loss.system, &["doctor"]).await;
    assert!(text.contains("1 messages in 1 encrypted rooms wait for their keys"), "{text}");
}
