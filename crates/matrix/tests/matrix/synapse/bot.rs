//! The account of a channel on the shared homeserver, and how to write to it.

use anyhow::Result;
use secrecy::SecretString;
use switchboard_matrix::Login;
use switchboard_testkit::{
    synapse::{Account, Homeserver, Method, NewRoom, Peer, homeserver},
    wait::wait_for,
};

use crate::channel::{Channel, LIMIT};

/// A channel and its account.
pub struct Bot {
    pub homeserver: Homeserver,
    /// The account on another device, which has no keys.
    pub account: Account,
    pub channel: Channel,
}

impl Bot {
    /// A new account, whose channel does not run yet.
    pub async fn new() -> Result<Self> {
        let homeserver = homeserver()?;
        let account = homeserver.register("support").await?;
        let login = Login::Password(SecretString::from(account.password.clone()));
        let channel = Channel::new(homeserver.base_url(), &account.user_id, login);
        Ok(Self { homeserver, account, channel })
    }

    /// A new account, whose channel runs.
    pub async fn start() -> Result<Self> {
        let mut bot = Self::new().await?;
        bot.channel.run().await;
        Ok(bot)
    }

    pub fn id(&self) -> &str {
        &self.account.user_id
    }

    /// Somebody with encryption, in an encrypted direct room with the bot, who knows its device.
    pub async fn peer(&self) -> Result<(Peer, String)> {
        let alice = Peer::start(&self.homeserver.register("alice").await?).await?;
        let room = alice.account().create_room(&NewRoom::direct(self.id()).encrypted()).await?;
        alice.meet(&room, self.id()).await?;
        Ok((alice, room))
    }

    /// Waits until so many keys are copied to the homeserver.
    pub async fn copied(&self, count: u64) {
        let copied = async || {
            let backup = self.account.client(Method::GET, "/room_keys/version", None).await.ok()?;
            (backup["count"].as_u64()? >= count).then_some(())
        };
        wait_for("the copy of the keys", LIMIT, copied).await;
    }

    /// The device of the channel: the account's only other one.
    pub async fn device(&self) -> Result<String> {
        Ok(self.devices().await?.remove(0))
    }

    /// The account's devices, except that of [`Self::account`].
    pub async fn devices(&self) -> Result<Vec<String>> {
        let answer = self.account.client(Method::GET, "/devices", None).await?;
        let devices = answer["devices"].as_array().into_iter().flatten();
        let ids = devices.filter_map(|device| device["device_id"].as_str());
        Ok(ids.filter(|id| *id != self.account.device_id).map(str::to_owned).collect())
    }
}
