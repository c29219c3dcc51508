//! A channel over an intake in memory, and what a page would do with it.

use std::{
    collections::HashSet,
    num::NonZeroU32,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, Request, StatusCode, header, request},
};
use http_body_util::BodyExt as _;
use secrecy::SecretString;
use serde_json::{Value, json};
use switchboard_core::{
    AcceptError, Accepted, Author, ChannelName, ChannelStatus, ConversationId, Cursor, Event, EventId,
    HistoryEntry, Inbox, Intake, News, Notes, Position, Rate, ReadError, UserId,
};
use switchboard_web::{Web, WebConfig, WebMessenger};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use uuid::Uuid;

pub const SECRET: &str = "the test's own secret, long enough";
pub const ALLOWED: &str = "https://www.example.com";

/// What was taken in, in one list for all conversations.
#[derive(Default)]
pub struct FakeIntake {
    stored: Mutex<Vec<(ConversationId, HistoryEntry)>>,
    /// Who wrote, by id and name.
    pub users: Mutex<Vec<(UserId, Option<String>)>>,
    pub down: AtomicBool,
    /// How often a conversation was read.
    pub reads: AtomicUsize,
    /// How often it was asked what is new anywhere.
    pub looks: AtomicUsize,
}

impl FakeIntake {
    /// Stores what somebody other than the visitor wrote, without waking anybody.
    pub fn write(&self, conversation: &ConversationId, author: Author, text: &str) {
        self.push(conversation.clone(), author, None, text.to_owned());
    }

    /// The texts of a conversation, in order.
    pub fn texts(&self, conversation: &ConversationId) -> Vec<String> {
        let stored = self.stored.lock().unwrap();
        stored.iter().filter(|(at, _)| at == conversation).map(|(_, entry)| entry.text.clone()).collect()
    }

    fn push(
        &self,
        conversation: ConversationId,
        author: Author,
        event_id: Option<EventId>,
        text: String,
    ) -> Position {
        let mut stored = self.stored.lock().unwrap();
        let position = Position(i64::try_from(stored.len()).unwrap() + 1);
        let at = OffsetDateTime::UNIX_EPOCH;
        stored.push((conversation, HistoryEntry { position, author, event_id, text, at }));
        position
    }
}

#[async_trait]
impl Intake for FakeIntake {
    async fn accept(&self, events: Vec<Event>, cursor: Option<Cursor>) -> Result<Vec<Accepted>, AcceptError> {
        assert_eq!(cursor, None, "routes have no cursor");
        if self.down.load(Ordering::SeqCst) {
            return Err(AcceptError::Unavailable { retry_after: Duration::from_millis(2_500) });
        }
        let known = self.known(&events.iter().map(|event| event.id().clone()).collect::<Vec<_>>()).await;
        let known = known.expect("the intake is up");
        Ok(events
            .into_iter()
            .map(|event| {
                let Event::Message(message) = event else { panic!("an event that no page sends") };
                if known.contains(&message.event_id) {
                    return Accepted::Duplicate;
                }
                self.users.lock().unwrap().push((message.user, message.user_name));
                let id = Some(message.event_id);
                Accepted::Stored(self.push(message.conversation, Author::User, id, message.text))
            })
            .collect())
    }

    async fn cursor(&self) -> Result<Option<Cursor>, ReadError> {
        Ok(None)
    }

    async fn news(&self, after: Option<Position>) -> Result<News, ReadError> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) {
            return Err(ReadError);
        }
        let stored = self.stored.lock().unwrap();
        let last = Position(i64::try_from(stored.len()).unwrap());
        let new = stored.iter().filter(|(_, entry)| after.is_some_and(|after| entry.position > after));
        let latest = new.map(|(conversation, entry)| (conversation.clone(), entry.position)).collect();
        Ok(News { latest, after: last })
    }

    async fn history(
        &self,
        conversation: &ConversationId,
        after: Position,
        limit: u32,
    ) -> Result<Vec<HistoryEntry>, ReadError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) {
            return Err(ReadError);
        }
        let stored = self.stored.lock().unwrap();
        let new = stored.iter().filter(|(at, entry)| at == conversation && entry.position > after);
        Ok(new.take(limit as usize).map(|(_, entry)| entry.clone()).collect())
    }

    async fn known(&self, events: &[EventId]) -> Result<HashSet<EventId>, ReadError> {
        let stored = self.stored.lock().unwrap();
        let ids = stored.iter().filter_map(|(_, entry)| entry.event_id.clone());
        Ok(ids.filter(|id| events.contains(id)).collect())
    }
}

/// A channel under test.
pub struct Site {
    pub intake: Arc<FakeIntake>,
    pub messenger: Arc<WebMessenger>,
    pub router: Router,
    pub stop: CancellationToken,
    pub now: Arc<Mutex<OffsetDateTime>>,
    path: String,
}

impl Site {
    pub fn new() -> Self {
        Self::with("site", |_| ())
    }

    /// A channel of this name, with other settings than the usual ones.
    pub fn with(channel: &str, change: impl FnOnce(&mut WebConfig)) -> Self {
        Self::over(Arc::default(), Notes::default(), channel, change)
    }

    /// A channel over this intake, as one of several replicas.
    pub fn over(
        intake: Arc<FakeIntake>,
        notes: Notes,
        channel: &str,
        change: impl FnOnce(&mut WebConfig),
    ) -> Self {
        let now = Arc::new(Mutex::new(OffsetDateTime::UNIX_EPOCH));
        let clock = now.clone();
        let clock = Arc::new(move || *clock.lock().unwrap());
        let mut config = WebConfig::new(ChannelName::new(channel), SecretString::from(SECRET), clock);
        config.allowed_origins = vec![ALLOWED.to_owned()];
        change(&mut config);
        let (stop, status) = (CancellationToken::new(), ChannelStatus::new());
        let Web { messenger, router } =
            Web::new(config, Inbox::new(intake.clone(), status).with_notes(notes), stop.clone()).unwrap();
        Self { intake, messenger, router, stop, now, path: format!("/chat/{channel}") }
    }

    pub fn get(&self, path: &str) -> request::Builder {
        Request::get(format!("{}{path}", self.path)).header(header::HOST, "chat.example.com")
    }

    pub fn post(&self, path: &str) -> request::Builder {
        Request::post(format!("{}{path}", self.path))
            .header(header::HOST, "chat.example.com")
            .header(header::CONTENT_TYPE, "application/json")
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Answer { status, headers, body }
    }

    /// A new visitor.
    pub async fn visitor(&self) -> Visitor {
        let answer = self.send(self.post("/session").body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::OK);
        answer.session()
    }

    /// Asks for the session of whom the site names.
    pub async fn identify(&self, identity: &str) -> Answer {
        let body = json!({ "identity": identity }).to_string();
        self.send(self.post("/session").body(body.into()).unwrap()).await
    }

    /// Asks for the session of this token anew.
    pub async fn renew(&self, token: &str) -> Answer {
        let request = self.post("/session").header(header::AUTHORIZATION, format!("Bearer {token}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Posts a body with this token.
    pub async fn post_body(&self, token: &str, body: impl Into<Body>) -> Answer {
        let request = self.post("/messages").header(header::AUTHORIZATION, format!("Bearer {token}"));
        self.send(request.body(body.into()).unwrap()).await
    }

    /// Posts a message of this visitor.
    pub async fn post_message(&self, visitor: &Visitor, id: Uuid, text: &str) -> Answer {
        self.post_body(&visitor.token, json!({ "id": id, "text": text }).to_string()).await
    }

    /// Opens the visitor's stream after a position.
    pub async fn stream(&self, visitor: &Visitor, after: Option<i64>) -> EventStream {
        let mut request =
            self.get("/events").header(header::AUTHORIZATION, format!("Bearer {}", visitor.token));
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        EventStream { body: response.into_body(), rest: String::new() }
    }
}

/// At most so many at once, and the next one far away.
pub fn rate(burst: u32) -> Rate {
    Rate { burst: NonZeroU32::new(burst).unwrap(), period: Duration::from_hours(1) }
}

/// Who writes on a page.
pub struct Visitor {
    pub token: String,
    pub conversation: ConversationId,
}

/// A whole answer.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Who the session is of.
    pub fn session(&self) -> Visitor {
        let session = self.json();
        let text = |field: &str| session[field].as_str().unwrap().to_owned();
        Visitor { token: text("token"), conversation: ConversationId::new(text("visitor")) }
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Status and code of a refusal.
    pub fn refusal(&self) -> (u16, String) {
        (self.status.as_u16(), self.json()["error"].as_str().unwrap().to_owned())
    }
}

/// An open stream, as the page reads it.
pub struct EventStream {
    body: Body,
    rest: String,
}

/// One server-sent event; a heartbeat has neither name nor data.
#[derive(Debug, PartialEq)]
pub struct Received {
    pub name: String,
    pub id: Option<i64>,
    pub data: Value,
}

impl EventStream {
    /// The next block of lines; `None` after the last.
    pub async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.rest.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.rest = rest;
                return Some(block);
            }
            let data = self.body.frame().await?.unwrap().into_data().unwrap();
            self.rest.push_str(std::str::from_utf8(&data).unwrap());
        }
    }

    /// How much has come that was not returned yet, in bytes.
    pub fn unread(&self) -> usize {
        self.rest.len()
    }

    /// The next event that has data; `None` after the last.
    pub async fn next(&mut self) -> Option<Received> {
        loop {
            let block = self.block().await?;
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
            let Some(data) = field("data") else { continue };
            return Some(Received {
                name: field("event").unwrap_or_default().to_owned(),
                id: field("id").map(|id| id.parse().unwrap()),
                data: serde_json::from_str(data).unwrap(),
            });
        }
    }

    /// The next event, which must be a message: position and HTML.
    pub async fn message(&mut self) -> (i64, String) {
        let event = self.next().await.expect("the stream goes on");
        assert_eq!(event.name, "message", "{event:?}");
        assert_eq!(event.id, event.data["position"].as_i64());
        (event.id.unwrap(), event.data["html"].as_str().unwrap().to_owned())
    }

    /// The next event, which must have this name.
    pub async fn expect(&mut self, name: &str) -> Value {
        let event = self.next().await.expect("the stream goes on");
        assert_eq!(event.name, name, "{event:?}");
        event.data
    }
}
