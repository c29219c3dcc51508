//! Telegram passes the suite that every messenger passes, receiving by polling and by webhook.

use std::{any::Any, collections::HashMap, marker::PhantomData, sync::Mutex, time::Duration};

use async_trait::async_trait;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use secrecy::SecretString;
use serde_json::{Value, json};
use switchboard_core::{
    ChannelName, Inbox, MessageId,
    markup::{Entity, EntityKind, Rendered},
};
use switchboard_telegram::{Mode, Telegram, TelegramConfig};
use switchboard_testkit::{
    conformance::{Connection, Harness, Lacks, Oddity, Room, Shown, Trouble, View, Written},
    port::free_port,
    telegram::{Bot, Chat, FakeTelegram, Fault, Sent, User},
};
use tokio::{net::TcpListener, task::JoinSet};

const TOKEN: &str = "123456:AAE-token-of-the-bot-in-the-suite";
/// From which the webhook's secret is derived.
const SECRET: &str = "the suite's own secret, long enough";

mod polling {
    switchboard_testkit::messenger_conformance!(crate::Telegrams<crate::Polling>);
}

mod webhook {
    switchboard_testkit::messenger_conformance!(crate::Telegrams<crate::Webhook>);
}

/// It asks for updates.
pub struct Polling;

/// Updates are brought to it.
pub struct Webhook;

/// How the adapter receives.
pub trait Receiving: Send + Sync + 'static {
    /// Whether by webhook.
    const WEBHOOK: bool;
}

impl Receiving for Polling {
    const WEBHOOK: bool = false;
}

impl Receiving for Webhook {
    const WEBHOOK: bool = true;
}

/// A stand-in for Telegram, with one bot and the people and groups that write to it.
pub struct Telegrams<R> {
    fake: FakeTelegram,
    bot: Bot,
    users: Mutex<HashMap<u32, User>>,
    groups: Mutex<HashMap<u32, Chat>>,
    receiving: PhantomData<R>,
}

#[async_trait]
impl<R: Receiving> Harness for Telegrams<R> {
    async fn start() -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let fake = FakeTelegram::start().await.unwrap();
        let bot = fake.bot(TOKEN);
        bot.throttled(false);
        bot.webhook_backoff(Duration::from_millis(10), Duration::from_millis(50));
        Self { fake, bot, users: Mutex::default(), groups: Mutex::default(), receiving: PhantomData }
    }

    async fn connect(&self, routes: Inbox) -> Connection {
        let mut config = TelegramConfig::new(ChannelName::new("support"), SecretString::from(TOKEN));
        config.api_url = self.fake.url().parse().unwrap();
        config.poll_timeout = Duration::from_secs(1);
        config.first_pause = Duration::from_millis(10);
        config.longest_pause = Duration::from_millis(100);
        if R::WEBHOOK {
            let url = "https://chat.example.com/webhooks/telegram/support".parse().unwrap();
            config.mode = Mode::Webhook { url, secret: SecretString::from(SECRET) };
        }
        let telegram = Telegram::new(config, routes).unwrap();
        let mut server = JoinSet::new();
        if let Some(router) = telegram.router {
            // Telegram goes on calling there after this process has gone: nobody else may listen there then.
            let listener = TcpListener::bind(("127.0.0.1", free_port().unwrap())).await.unwrap();
            self.bot.webhook_listens_at(listener.local_addr().unwrap());
            server.spawn(serve(listener, router));
        }
        Connection { messenger: telegram.messenger, guard: Box::new(server) as Box<dyn Any + Send> }
    }

    async fn write(&self, room: Room, text: &str) -> Result<Written, Lacks> {
        let posted = match room {
            Room::Direct(person) => self.user(person).sends(text),
            Room::Group(number) => {
                let text = format!("@{} {text}", self.bot.username());
                self.user(0).says(&text).to(&self.group(number)).send()
            }
        };
        Ok(written(posted.update_id))
    }

    async fn happen(&self, room: Room, oddity: Oddity) -> Result<Vec<Written>, Lacks> {
        let Room::Direct(person) = room else {
            return Err(Lacks("what happens here happens in a private chat"));
        };
        let user = self.user(person);
        let posts = |contents: Vec<Value>| {
            contents.into_iter().map(|content| written(user.posts(content).send().update_id)).collect()
        };
        Ok(match oddity {
            Oddity::Wordless => posts(vec![
                json!({ "photo": [{ "file_id": "f", "file_unique_id": "u", "width": 90, "height": 51 }] }),
                json!({ "location": { "latitude": 52.52, "longitude": 13.405 } }),
                json!({ "contact": { "phone_number": "+15550100", "first_name": "Ann" } }),
                json!({ "something_new": { "of": "next year" } }),
            ]),
            Oddity::NoMessage => {
                let mut written = posts(vec![
                    json!({ "message_auto_delete_timer_changed": { "message_auto_delete_time": 86400 } }),
                    json!({ "pinned_message": { "message_id": 1, "date": 0, "chat": { "id": 1, "type": "private" } } }),
                ]);
                let other = self.bot.user_with(json!({ "first_name": "Other", "is_bot": true }));
                let group = self.group(0);
                written.push(self::written(other.says("I am a bot").to(&group).send().update_id));
                written.push(self::written(
                    user.posts(json!({ "new_chat_title": "Title" })).to(&group).send().update_id,
                ));
                written
            }
        })
    }

    async fn confirmed(&self, written: &Written) -> Result<bool, Lacks> {
        let update: i64 = written.0.parse().unwrap();
        Ok(!self.bot.unconfirmed().contains(&update))
    }

    async fn view(&self, room: Room) -> View {
        let chat = self.chat(room);
        let sent = self.bot.sent_to(chat);
        let last = sent.last().map(|sent| sent.at);
        let actions = self.bot.calls("sendChatAction");
        let typing = actions.iter().any(|call| {
            call.params.integer("chat_id") == Some(chat) && last.is_none_or(|last| call.at > last)
        });
        View { messages: sent.iter().map(shown).collect(), typing }
    }

    async fn trouble(&self, room: Room, trouble: Trouble) -> Result<(), Lacks> {
        let fault = match trouble {
            Trouble::Refused => Fault::refused(400, "Bad Request: message thread not found"),
            Trouble::RateLimited(pause) => {
                Fault::TooManyRequests { retry_after: u32::try_from(pause.as_secs()).unwrap() }
            }
            Trouble::Gone => Fault::refused(403, "Forbidden: bot was blocked by the user"),
            Trouble::Unauthorized => {
                self.bot.plan(Fault::unauthorized()).always();
                return Ok(());
            }
            Trouble::UnauthorizedOnce => Fault::unauthorized(),
            Trouble::Unavailable => Fault::Page(503),
            Trouble::AnswerLost => Fault::AnswerLost,
        };
        self.bot.plan(fault).on("sendMessage").in_chat(self.chat(room)).next(1);
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
        let shown: Vec<String> = self
            .bot
            .calls("setWebhook")
            .iter()
            .filter_map(|call| call.params.text("secret_token").map(str::to_owned))
            .collect();
        let secret = TOKEN.split_once(':').unwrap().1;
        [shown, vec![secret.to_owned(), SECRET.to_owned()]].concat()
    }
}

impl<R> Telegrams<R> {
    fn user(&self, number: u32) -> User {
        let mut users = self.users.lock().unwrap();
        users.entry(number).or_insert_with(|| self.bot.user(&format!("Person {number}"))).clone()
    }

    fn group(&self, number: u32) -> Chat {
        let mut groups = self.groups.lock().unwrap();
        groups.entry(number).or_insert_with(|| self.bot.supergroup(&format!("Group {number}"))).clone()
    }

    fn chat(&self, room: Room) -> i64 {
        match room {
            Room::Direct(person) => self.user(person).id(),
            Room::Group(number) => self.group(number).id(),
        }
    }
}

/// Serves until it is dropped, and then breaks off what is under way, as the end of a process does.
async fn serve(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let service = TowerToHyperService::new(router.clone());
        connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

fn written(update: Option<i64>) -> Written {
    Written(update.expect("the bot asks for messages").to_string())
}

fn shown(sent: &Sent) -> Shown {
    let id = MessageId::new(format!("{}:{}", sent.chat_id, sent.message_id));
    let entities = sent.entities().iter().map(entity).collect();
    Shown { id: Some(id), text: Rendered::Entities { text: sent.text().to_owned(), entities } }
}

fn entity(entity: &Value) -> Entity {
    let number = |name: &str| usize::try_from(entity[name].as_u64().unwrap()).unwrap();
    let text = |name: &str| entity[name].as_str().map(str::to_owned);
    let kind = match entity["type"].as_str().unwrap() {
        "bold" => EntityKind::Bold,
        "italic" => EntityKind::Italic,
        "strikethrough" => EntityKind::Strikethrough,
        "code" => EntityKind::Code,
        "pre" => EntityKind::Pre { language: text("language") },
        "blockquote" => EntityKind::Blockquote,
        "text_link" => EntityKind::TextLink { url: text("url").unwrap() },
        other => panic!("{other} is not among what is rendered"),
    };
    Entity { offset: number("offset"), length: number("length"), kind }
}
