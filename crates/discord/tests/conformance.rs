//! Discord passes the suite that every messenger passes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use secrecy::SecretString;
use switchboard_core::{ChannelName, Inbox, MessageId, markup::Rendered};
use switchboard_discord::{DiscordConfig, DiscordMessenger};
use switchboard_testkit::{
    conformance::{Connection, Harness, Lacks, Oddity, Room, Shown, Trouble, View, Written},
    discord::{Bot, Channel, FakeDiscord, Fault, Guild, Posted, Sent, User},
    port::free_port,
};

const TOKEN: &str = "MTIzNDU2Nzg5.GxYzAb.the-secret-part-of-the-token";
/// How messages are sent.
const SEND: &str = "POST /channels/*/messages";

switchboard_testkit::messenger_conformance!(Discords);

/// A stand-in for Discord, with one bot and the people and channels that write to it.
pub struct Discords {
    fake: FakeDiscord,
    bot: Bot,
    guild: Guild,
    users: Mutex<HashMap<u32, User>>,
    channels: Mutex<HashMap<u32, Channel>>,
}

#[async_trait]
impl Harness for Discords {
    async fn start() -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let fake = FakeDiscord::start_at(free_port().unwrap()).await.unwrap();
        let bot = fake.bot(TOKEN);
        let guild = bot.guild("Shop");
        Self { fake, bot, guild, users: Mutex::default(), channels: Mutex::default() }
    }

    async fn connect(&self, _routes: Inbox) -> Connection {
        let mut config = DiscordConfig::new(ChannelName::new("support"), SecretString::from(TOKEN));
        config.api_url = self.fake.url().parse().unwrap();
        config.first_pause = Duration::from_millis(10);
        config.longest_pause = Duration::from_millis(100);
        config.hold = Duration::from_millis(20);
        config.identify_every = Duration::from_millis(10);
        Connection { messenger: Arc::new(DiscordMessenger::new(config).unwrap()), guard: Box::new(()) }
    }

    async fn write(&self, room: Room, text: &str) -> Result<Written, Lacks> {
        let posted = match room {
            Room::Direct(person) => self.user(person).sends(text),
            Room::Group(number) => {
                let text = format!("{} {text}", self.bot.mention());
                self.user(0).says(&text).in_channel(&self.channel(number)).send()
            }
        };
        Ok(written(posted))
    }

    async fn happen(&self, room: Room, oddity: Oddity) -> Result<Vec<Written>, Lacks> {
        let Room::Direct(person) = room else {
            return Err(Lacks("what happens here happens in a direct channel"));
        };
        let user = self.user(person);
        Ok(match oddity {
            Oddity::Wordless => vec![
                written(user.says("").attaches("a.png", "image/png", 5).send()),
                written(user.says("").attaches("a.pdf", "application/pdf", 5).send()),
                written(user.says("").sticker("Wave").send()),
                written(user.says("").send()),
            ],
            Oddity::NoMessage => {
                let channel = self.channel(0);
                vec![
                    written(user.says("").of_type(6).send()),
                    written(self.bot.other_bot("Other").says("I am a bot").in_channel(&channel).send()),
                    written(self.bot.webhook("CI").says("I am a webhook").in_channel(&channel).send()),
                    written(user.says("").of_type(7).in_channel(&channel).send()),
                ]
            }
        })
    }

    async fn confirmed(&self, _: &Written) -> Result<bool, Lacks> {
        Err(Lacks("Discord is told of what was received, never of what was stored"))
    }

    async fn view(&self, room: Room) -> View {
        let channel = self.place(room);
        View {
            messages: self.bot.sent_to(channel.id()).iter().map(shown).collect(),
            typing: channel.shows_typing(),
        }
    }

    async fn trouble(&self, room: Room, trouble: Trouble) -> Result<(), Lacks> {
        let fault = match trouble {
            Trouble::Refused => Fault::refused(403, 160_005, "This thread is locked"),
            Trouble::RateLimited(pause) => Fault::too_many_requests(pause.as_secs_f64()),
            Trouble::Gone => Fault::refused(403, 50_007, "Cannot send messages to this user"),
            Trouble::Unauthorized => {
                self.bot.revokes_token();
                return Ok(());
            }
            Trouble::UnauthorizedOnce => Fault::unauthorized(),
            Trouble::Unavailable => Fault::Page(503),
            Trouble::AnswerLost => Fault::AnswerLost,
        };
        self.bot.plan(fault).on(SEND).in_channel(self.place(room).id()).next(1);
        Ok(())
    }

    async fn reachable(&self, reachable: bool) -> Result<(), Lacks> {
        if reachable {
            self.fake.come_back().await.unwrap();
        } else {
            self.fake.go_down().await;
        }
        Ok(())
    }

    fn secrets(&self) -> Vec<String> {
        vec![TOKEN.rsplit('.').next().unwrap().to_owned()]
    }
}

impl Discords {
    fn user(&self, number: u32) -> User {
        let mut users = self.users.lock().unwrap();
        users.entry(number).or_insert_with(|| self.bot.user(&format!("Person {number}"))).clone()
    }

    fn channel(&self, number: u32) -> Channel {
        let mut channels = self.channels.lock().unwrap();
        channels.entry(number).or_insert_with(|| self.guild.text_channel(&format!("room-{number}"))).clone()
    }

    fn place(&self, room: Room) -> Channel {
        match room {
            Room::Direct(person) => self.user(person).direct(),
            Room::Group(number) => self.channel(number),
        }
    }
}

fn written(posted: Posted) -> Written {
    Written(posted.message_id.to_string())
}

fn shown(sent: &Sent) -> Shown {
    let text = sent.body["content"].as_str().unwrap().to_owned();
    Shown { id: Some(MessageId::new(sent.message_id.to_string())), text: Rendered::Markdown { text } }
}
