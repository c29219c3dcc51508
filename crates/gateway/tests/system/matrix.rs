//! Matrix: what is promised holds over it too, with a real Synapse, encrypted or not.

mod checks;
mod device;
mod encrypted;
mod invitations;
mod kill;
mod limits;
mod outage;
mod privacy;
mod trouble;

use std::{fs, path::PathBuf, time::Duration};

use serde_json::json;
use switchboard_core::{ChannelName, ChatRoute, ConversationId, UserId, chat_id};
use switchboard_testkit::{
    synapse::{Account, Homeserver, NewRoom, Peer, Secrecy},
    wait::wait_for,
};
use tempfile::TempDir;

use crate::support::System;

/// What Synapse's access tokens begin with.
const TOKENS: &str = "syt_";
/// For what needs the keys of a device. Opening it takes long in a program that is not optimised, most of all with a
/// passphrase.
const LONG: Duration = Duration::from_mins(2);

/// The gateway's account, and where its device is kept.
struct Bot {
    /// The account on another device, which has no keys.
    account: Account,
    directory: TempDir,
}

impl Bot {
    async fn new(homeserver: &Homeserver) -> Self {
        let account = homeserver.register("support").await.expect("Synapse registers it");
        Self { account, directory: TempDir::new().expect("a directory for temporary files") }
    }

    fn id(&self) -> &str {
        &self.account.user_id
    }

    fn state_dir(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    /// The configuration of its channel, which is called `bot`; `more` is added to it.
    fn channel(&self, more: &str) -> String {
        format!(
            "[[channel]]\nname = \"bot\"\nkind = \"matrix\"\nai = \"main\"\ntask_id = \"task-1\"\n\
             homeserver_url = \"{}\"\nuser = \"{}\"\npassword = \"{}\"\nstate_dir = \"{}\"\n{more}\n",
            self.account.homeserver().base_url(),
            self.id(),
            self.account.password,
            self.state_dir().display(),
        )
    }

    /// The test fails if the gateway prints what nobody may know.
    fn hide_secrets(&self, system: &mut System) {
        for secret in [&self.account.password, TOKENS] {
            system.has_secret(secret);
        }
    }
}

/// Somebody who writes in a room, and gets answers there.
struct Desk {
    person: Person,
    room: String,
    /// The first message of the thread.
    thread: Option<String>,
    bot: String,
}

/// A user without encryption, or with it.
enum Person {
    Plain(Account),
    Careful(Peer),
}

impl Desk {
    /// A direct room.
    async fn direct(homeserver: &Homeserver, bot: &Bot) -> Self {
        let person = homeserver.register("anna").await.expect("Synapse registers her");
        let room = person.create_room(&NewRoom::direct(bot.id())).await.expect("a room");
        Self::met(Person::Plain(person), room, None, bot).await
    }

    /// A direct room that is encrypted.
    async fn encrypted(homeserver: &Homeserver, bot: &Bot) -> Self {
        let person = homeserver.register("boris").await.expect("Synapse registers him");
        let peer = Peer::start(&person).await.expect("matrix-nio starts");
        let room = person.create_room(&NewRoom::direct(bot.id()).encrypted()).await.expect("a room");
        Self::met(Person::Careful(peer), room, None, bot).await
    }

    /// A room of more than two, where the bot must be mentioned.
    async fn group(homeserver: &Homeserver, bot: &Bot) -> Self {
        let person = homeserver.register("clara").await.expect("Synapse registers her");
        let other = homeserver.register("david").await.expect("Synapse registers him");
        let room = NewRoom::group("Shop").invite(&other.user_id).invite(bot.id());
        let room = person.create_room(&room).await.expect("a room");
        Self::met(Person::Plain(person), room, None, bot).await
    }

    /// A thread that began before the bot came.
    async fn thread(homeserver: &Homeserver, bot: &Bot) -> Self {
        let person = homeserver.register("emil").await.expect("Synapse registers him");
        let room = person.create_room(&NewRoom::group("Orders")).await.expect("a room");
        let first = person.say(&room, "about an order").await.expect("Synapse takes it");
        person.invite(&room, bot.id()).await.expect("Synapse takes it");
        Self::met(Person::Plain(person), room, Some(first), bot).await
    }

    /// Waits until the bot is there, with keys where the room is encrypted.
    async fn met(person: Person, room: String, thread: Option<String>, bot: &Bot) -> Self {
        match &person {
            Person::Plain(person) => {
                let there =
                    async || person.members(&room).await.ok()?.iter().find(|it| *it == bot.id()).map(drop);
                wait_for("the bot to accept the invitation", LONG, there).await;
            }
            Person::Careful(peer) => peer.meet(&room, bot.id()).await.expect("they meet"),
        }
        Self { person, room, thread, bot: bot.id().to_owned() }
    }

    async fn writes(&self, text: &str) {
        let mut content =
            json!({ "msgtype": "m.text", "body": text, "m.mentions": { "user_ids": [self.bot] } });
        if let Some(root) = &self.thread {
            content["m.relates_to"] = json!({
                "rel_type": "m.thread",
                "event_id": root,
                "m.in_reply_to": { "event_id": root },
                "is_falling_back": true,
            });
        }
        let written = match &self.person {
            Person::Plain(account) => account.send(&self.room, &content).await,
            Person::Careful(peer) => peer.send(&self.room, &content).await,
        };
        written.expect("Synapse takes it");
    }

    /// What the bot has said here, oldest first. Each is where it belongs, and encrypted if it must be.
    async fn answers(&self) -> Vec<String> {
        let contents: Vec<_> = match &self.person {
            Person::Plain(account) => {
                let said = account.messages(&self.room).await.expect("the room's history");
                said.into_iter().filter(|it| it.sender == self.bot).map(|it| it.content).collect()
            }
            Person::Careful(peer) => {
                let heard = peer.messages(&self.room);
                assert!(heard.iter().all(|it| it.secrecy == Secrecy::Decrypted), "{heard:#?}");
                heard.into_iter().map(|it| it.content).collect()
            }
        };
        for content in &contents {
            let relation = &content["m.relates_to"];
            let thread = relation["event_id"].as_str().filter(|_| relation["rel_type"] == "m.thread");
            assert_eq!(thread, self.thread.as_deref(), "{content}");
        }
        contents.iter().map(|it| it["body"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Waits until there are so many answers, and returns all.
    async fn wait_for_answers(&self, count: usize) -> Vec<String> {
        let enough = async || Some(self.answers().await).filter(|answers| answers.len() >= count);
        wait_for(&format!("{count} answers"), LONG, enough).await
    }

    /// Writes, and waits for the answer to this.
    async fn asks(&self, text: &str) {
        let before = self.answers().await.len();
        self.writes(text).await;
        let answers = self.wait_for_answers(before + 1).await;
        assert_eq!(answers[before..], [format!("You wrote: {text}")]);
    }

    /// What the AI platform calls this dialogue.
    async fn chat_id(&self) -> String {
        let account = match &self.person {
            Person::Plain(account) => account,
            Person::Careful(peer) => peer.account(),
        };
        let place = match &self.thread {
            Some(root) => format!("{}/{root}", self.room),
            None => self.room.clone(),
        };
        let (channel, user) = (ChannelName::new("bot"), UserId::new(&*account.user_id));
        let (conversation, user) = (&ConversationId::new(place), &user);
        // Who is only invited counts.
        let invited = account.history(&self.room).await.expect("the room's history");
        let people =
            invited.iter().filter(|it| it.kind == "m.room.member" && it.content["membership"] == "invite");
        let route = if people.count() > 1 {
            ChatRoute::GroupUser { conversation, user }
        } else {
            ChatRoute::Direct { conversation, user }
        };
        chat_id(&channel, route).preferred.to_string()
    }
}

/// Changes the configuration for what is started from now on.
fn reconfigure(system: &System, from: &str, to: &str) {
    let config = fs::read_to_string(&system.config).expect("the configuration");
    assert!(config.contains(from), "{from} is not in it");
    fs::write(&system.config, config.replace(from, to)).expect("the configuration is ours");
}

/// What the command prints, and whether it is content.
async fn told(system: &System, arguments: &[&str]) -> (bool, String) {
    let output = system.run(arguments).await;
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.success(), told.into_owned())
}

/// Waits until the gateway has made the key with which another device could take over.
async fn recovery_key(system: &System) -> String {
    let printed = async || {
        let output = system.run(&["recovery-key", "--channel", "bot"]).await;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let key = wait_for("the recovery key", LONG, printed).await;
    assert!(key.len() > 40, "it is one");
    key
}
