//! Matrix passes the suite that every messenger passes, against a stand-in for a homeserver.

// The SDK's futures are nested that deeply.
#![recursion_limit = "256"]

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::json;
use switchboard_core::{
    AcceptError, Accepted, ChannelName, ChannelStatus, ConversationId, Cursor, Event, EventId, HistoryEntry,
    Inbox, Intake, MessageId, Messenger as _, News, Position, ReadError, markup::Rendered,
};
use switchboard_matrix::{Login, MatrixConfig, MatrixMessenger};
use switchboard_testkit::{
    conformance::{Connection, Harness, Lacks, Oddity, Room, Shown, Trouble, View, Written},
    matrix::{self, FakeMatrix, Fault, Posted, Sent, User},
    port::free_port,
};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

const PASSWORD: &str = "the-password-of-the-account";
/// For what the harness waits for.
const LIMIT: Duration = Duration::from_mins(1);
/// How messages are sent.
const SEND: &str = "PUT /rooms/*/send/*/*";

switchboard_testkit::messenger_conformance!(Homeserver);

/// A stand-in for a homeserver, with one bot and the people and rooms that write to it.
pub struct Homeserver {
    fake: FakeMatrix,
    bot: User,
    /// What the device keeps from one process to the next.
    state: TempDir,
    rooms: Mutex<HashMap<Room, matrix::Room>>,
}

#[async_trait]
impl Harness for Homeserver {
    async fn start() -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let fake = FakeMatrix::start_at(free_port().unwrap()).await.unwrap();
        let bot = fake.bot("support", PASSWORD);
        let made = Self { fake, bot, state: TempDir::new().unwrap(), rooms: Mutex::default() };
        made.set_up().await;
        made
    }

    async fn connect(&self, _routes: Inbox) -> Connection {
        let messenger = Arc::new(MatrixMessenger::new(self.config()).unwrap());
        Connection { messenger, guard: Box::new(()) }
    }

    async fn write(&self, room: Room, text: &str) -> Result<Written, Lacks> {
        let there = self.room(room);
        Ok(written(&match room {
            Room::Direct(person) => self.person(person).sends(&there, text),
            Room::Group(_) => self.person(0).says(&there, text).mentions(&self.bot).send(),
        }))
    }

    async fn happen(&self, room: Room, oddity: Oddity) -> Result<Vec<Written>, Lacks> {
        let Room::Direct(person) = room else {
            return Err(Lacks("what happens here happens in a direct room"));
        };
        let (there, person) = (self.room(room), self.person(person));
        let happened = match oddity {
            Oddity::Wordless => vec![
                person.attaches(&there, "m.image", "a.png", "image/png").send(),
                person.attaches(&there, "m.file", "a.pdf", "application/pdf").send(),
                person.attaches(&there, "m.audio", "a.ogg", "audio/ogg").send(),
                person.attaches(&there, "m.video", "a.mp4", "video/mp4").send(),
                person.sticks(&there, "Wave").send(),
                person.shares_place(&there, "", "geo:52.5,13.4").send(),
                person.sends(&there, ""),
            ],
            Oddity::NoMessage => {
                let gone = person.sends(&there, "taken back");
                let group = self.room(Room::Group(0));
                self.fake.person("Carol").joins(&group);
                vec![
                    person.redacts(&there, &gone.event_id),
                    person.notices(&there, "I am a bot").send(),
                    person.reacts(&there, &gone.event_id, "+").send(),
                    self.bot.sends(&there, "from another device"),
                    there.sets(&person, "m.room.topic", "", json!({ "topic": "Help" })),
                ]
            }
        };
        Ok(happened.iter().map(written).collect())
    }

    async fn confirmed(&self, written: &Written) -> Result<bool, Lacks> {
        Ok(self.bot.has_heard(written.0.parse().unwrap()))
    }

    async fn view(&self, room: Room) -> View {
        let room = self.room(room);
        View {
            messages: self.fake.sent_to(room.id()).iter().map(shown).collect(),
            typing: room.shows_typing(&self.bot),
        }
    }

    async fn trouble(&self, room: Room, trouble: Trouble) -> Result<(), Lacks> {
        let room = self.room(room);
        let fault = match trouble {
            Trouble::Refused => Fault::refused(403, "M_FORBIDDEN", "You don't have permission to post that"),
            Trouble::RateLimited(pause) => Fault::LimitExceeded(pause),
            Trouble::Gone => Fault::refused(
                403,
                "M_FORBIDDEN",
                format!("User {} not in room {}", self.bot.id(), room.id()),
            ),
            Trouble::Unauthorized => {
                self.fake.plan(Fault::UnknownToken { soft_logout: false }).always();
                return Ok(());
            }
            Trouble::UnauthorizedOnce => Fault::UnknownToken { soft_logout: false },
            Trouble::Unavailable => Fault::Page(503),
            Trouble::AnswerLost => Fault::AnswerLost,
        };
        self.fake.plan(fault).on(SEND).in_room(room.id()).next(1);
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
        let tokens = self.bot.sessions().into_iter().map(|session| session.access_token);
        tokens.chain([PASSWORD.to_owned()]).collect()
    }
}

impl Drop for Homeserver {
    /// What the stand-in does not know it has answered as no homeserver would.
    fn drop(&mut self) {
        let unknown = self.fake.unknown_calls();
        assert!(unknown.is_empty() || std::thread::panicking(), "the stand-in does not know {unknown:?}");
    }
}

impl Homeserver {
    fn config(&self) -> MatrixConfig {
        let mut config = MatrixConfig::new(
            ChannelName::new("support"),
            self.fake.url().parse().unwrap(),
            self.bot.id().to_owned(),
            Login::Password(SecretString::from(PASSWORD)),
            self.state.path().to_owned(),
        );
        config.first_pause = Duration::from_millis(10);
        config.longest_pause = Duration::from_millis(100);
        config
    }

    /// Lets a process of its own set up the account's encryption. Its changes come in beside the first messages, and
    /// where the kit has the store refuse or wait, the positions that are stored for them would take the messages'
    /// place.
    async fn set_up(&self) {
        let messenger = MatrixMessenger::new(self.config()).unwrap();
        let (inbox, stop) = (Inbox::new(Arc::new(Nowhere), ChannelStatus::new()), CancellationToken::new());
        let settled = || {
            let kept = self.fake.calls("PUT /user/*/account_data/*");
            let last = kept.iter().any(|call| call.names[1] == "m.secret_storage.default_key");
            last && self.bot.is_up_to_date()
        };
        let settling = async {
            while !settled() {
                sleep(Duration::from_millis(5)).await;
            }
            stop.cancel();
        };
        let both = async { tokio::join!(messenger.run(inbox, stop.clone()), settling) };
        let (ended, ()) = timeout(LIMIT, both).await.expect("the encryption is set up in time");
        ended.expect("the run was stopped");
    }

    fn person(&self, number: u32) -> User {
        self.fake.person(&format!("Person {number}"))
    }

    fn room(&self, room: Room) -> matrix::Room {
        let mut rooms = self.rooms.lock().unwrap();
        let make = || match room {
            Room::Direct(person) => self.person(person).direct(&self.bot),
            Room::Group(number) => {
                let group = self.person(0).makes_room(&format!("Room {number}"));
                group.adds(&self.person(1));
                group
            }
        };
        let make = || {
            let room = make();
            room.adds(&self.bot);
            room
        };
        rooms.entry(room).or_insert_with(make).clone()
    }
}

/// A store that keeps nothing.
struct Nowhere;

#[async_trait]
impl Intake for Nowhere {
    async fn accept(&self, events: Vec<Event>, _: Option<Cursor>) -> Result<Vec<Accepted>, AcceptError> {
        Ok(events.iter().map(|_| Accepted::Ignored).collect())
    }

    async fn cursor(&self) -> Result<Option<Cursor>, ReadError> {
        Ok(None)
    }

    async fn history(&self, _: &ConversationId, _: Position, _: u32) -> Result<Vec<HistoryEntry>, ReadError> {
        Ok(Vec::new())
    }

    async fn news(&self, _: Option<Position>) -> Result<News, ReadError> {
        std::future::pending().await
    }

    async fn known(&self, _: &[EventId]) -> Result<HashSet<EventId>, ReadError> {
        Ok(HashSet::new())
    }
}

/// What is confirmed is a position.
fn written(posted: &Posted) -> Written {
    Written(posted.position.to_string())
}

fn shown(sent: &Sent) -> Shown {
    let (text, html) = (sent.body().to_owned(), sent.formatted_body().unwrap_or_default().to_owned());
    Shown { id: Some(MessageId::new(sent.event_id.as_str())), text: Rendered::Html { text, html } }
}
