//! The stand-in with the account of a channel, and somebody who writes to it.

use std::ops::{Deref, DerefMut};

use secrecy::SecretString;
use switchboard_matrix::Login;
use switchboard_testkit::{
    matrix::{FakeMatrix, Room, User},
    port::free_port,
};

use crate::channel::Channel;

const PASSWORD: &str = "the-password-of-the-account";

/// A channel with its homeserver. No call of the adapter may be unknown to that.
pub struct Scene {
    pub fake: FakeMatrix,
    pub bot: User,
    pub alice: User,
    pub channel: Channel,
}

impl Scene {
    /// The channel does not run yet.
    pub async fn new() -> Self {
        let fake = FakeMatrix::start_at(free_port().unwrap()).await.unwrap();
        let (bot, alice) = (fake.bot("support", PASSWORD), fake.person("Alice"));
        let login = Login::Password(SecretString::from(PASSWORD));
        let channel = Channel::new(&fake.url(), bot.id(), login);
        Self { fake, bot, alice, channel }
    }

    /// The channel runs, and has a direct room with Alice.
    pub async fn start() -> (Self, Room) {
        let mut scene = Self::new().await;
        scene.run().await;
        let room = scene.alice.direct(&scene.bot);
        scene.reachable(1).await;
        (scene, room)
    }

    /// What Alice says comes in one answer.
    pub async fn at_once(&self, say: impl FnOnce(&User)) {
        self.fake.go_down().await;
        say(&self.alice);
        self.fake.come_back().await.unwrap();
    }
}

impl Deref for Scene {
    type Target = Channel;

    fn deref(&self) -> &Channel {
        &self.channel
    }
}

impl DerefMut for Scene {
    fn deref_mut(&mut self) -> &mut Channel {
        &mut self.channel
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let unknown = self.fake.unknown_calls();
        assert!(unknown.is_empty() || std::thread::panicking(), "the stand-in does not know {unknown:?}");
    }
}
