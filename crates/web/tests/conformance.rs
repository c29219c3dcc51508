//! The page messenger passes the suite that every messenger passes, with pages that do over the routes what the real
//! one does: post until it is told that a message is stored, and keep a stream open.

use std::{
    any::Any,
    collections::{HashMap, HashSet, VecDeque},
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    Router,
    body::{Body, Bytes},
    http::{Request, StatusCode, header},
    response::Response,
};
use http_body_util::BodyExt as _;
use secrecy::SecretString;
use serde_json::{Value, json};
use switchboard_core::{
    ChannelName, Inbox, Rate,
    markup::{self, Rendered},
};
use switchboard_testkit::conformance::{
    Connection, Harness, Lacks, Oddity, Room, Shown, Trouble, View, Written,
};
use switchboard_web::{Web, WebConfig};
use time::OffsetDateTime;
use tokio::sync::{OnceCell, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;
use uuid::Uuid;

const SECRET: &str = "the suite's own secret, long enough";

/// How soon a page tries again. The real one takes its time.
const AGAIN: Duration = Duration::from_millis(5);

switchboard_testkit::messenger_conformance!(Site);

/// A site: the gateway that serves it at the moment, if one does, and the pages that people have open.
struct Site {
    gateway: Arc<watch::Sender<Option<Router>>>,
    pages: Mutex<HashMap<Room, Arc<Page>>>,
    tasks: TaskTracker,
}

#[async_trait]
impl Harness for Site {
    async fn start() -> Self {
        let gateway = Arc::new(watch::Sender::new(None));
        Self { gateway, pages: Mutex::default(), tasks: TaskTracker::new() }
    }

    async fn connect(&self, routes: Inbox) -> Connection {
        let clock = Arc::new(|| OffsetDateTime::UNIX_EPOCH);
        let mut config = WebConfig::new(ChannelName::new("site"), SecretString::from(SECRET), clock);
        config.flood = Rate { burst: NonZeroU32::MAX, period: Duration::from_millis(1) };
        let stop = CancellationToken::new();
        let web = Web::new(config, routes, stop.clone()).unwrap();
        self.gateway.send_replace(Some(web.router));
        let guard = Serving { gateway: self.gateway.clone(), stop };
        Connection { messenger: web.messenger, guard: Box::new(guard) as Box<dyn Any + Send> }
    }

    async fn write(&self, room: Room, text: &str) -> Result<Written, Lacks> {
        if matches!(room, Room::Group(_)) {
            return Err(Lacks("a page belongs to one visitor"));
        }
        Ok(Written(self.page(room).write(text).to_string()))
    }

    async fn happen(&self, _: Room, oddity: Oddity) -> Result<Vec<Written>, Lacks> {
        Err(Lacks(match oddity {
            Oddity::Wordless => "a page sends nothing but text",
            Oddity::NoMessage => "nobody but the visitor writes through a page",
        }))
    }

    async fn confirmed(&self, written: &Written) -> Result<bool, Lacks> {
        let id: Uuid = written.0.parse().unwrap();
        Ok(self.pages.lock().unwrap().values().any(|page| page.taken.lock().unwrap().contains(&id)))
    }

    async fn view(&self, room: Room) -> View {
        self.pages
            .lock()
            .unwrap()
            .get(&room)
            .map(|page| page.view.lock().unwrap().clone())
            .unwrap_or_default()
    }

    async fn trouble(&self, _: Room, _: Trouble) -> Result<(), Lacks> {
        Err(Lacks("a page reads what is stored, so nobody can refuse it"))
    }

    async fn reachable(&self, _: bool) -> Result<(), Lacks> {
        Err(Lacks("pages come to the gateway, not the other way round"))
    }

    fn secrets(&self) -> Vec<String> {
        let pages = self.pages.lock().unwrap();
        let tokens = pages.values().filter_map(|page| page.token.get().cloned());
        tokens.chain([SECRET.to_owned()]).collect()
    }

    fn looks(&self, markdown: &str, _: &[Rendered]) -> Vec<Rendered> {
        vec![shown(markup::to_html(markdown))]
    }
}

impl Site {
    /// The page of a room, opened when it is named first.
    fn page(&self, room: Room) -> Arc<Page> {
        let mut pages = self.pages.lock().unwrap();
        let page = pages.entry(room).or_insert_with(|| {
            let page = Arc::new(Page::default());
            self.tasks.spawn(page.clone().live(self.gateway.subscribe()));
            page
        });
        page.clone()
    }
}

/// A gateway that serves the site, until it is dropped.
struct Serving {
    gateway: Arc<watch::Sender<Option<Router>>>,
    stop: CancellationToken,
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.gateway.send_replace(None);
        self.stop.cancel();
    }
}

/// An open page.
#[derive(Default)]
struct Page {
    token: OnceCell<String>,
    outbox: watch::Sender<VecDeque<(Uuid, String)>>,
    /// What it was told is stored.
    taken: Mutex<HashSet<Uuid>>,
    view: Mutex<View>,
    /// The last event that it has seen.
    last: Mutex<Option<String>>,
}

impl Page {
    fn write(&self, text: &str) -> Uuid {
        let id = Uuid::new_v4();
        self.outbox.send_modify(|outbox| outbox.push_back((id, text.to_owned())));
        id
    }

    /// Talks to the gateway that there is. When that is gone, everything under way breaks off.
    async fn live(self: Arc<Self>, mut gateway: watch::Receiver<Option<Router>>) {
        loop {
            let router = gateway.borrow_and_update().clone();
            let talk = async {
                let Some(router) = router else { return std::future::pending().await };
                let token = self.token.get_or_init(|| session(&router)).await;
                tokio::join!(self.post(&router, token), self.listen(&router, token));
            };
            tokio::select! {
                () = talk => {}
                changed = gateway.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Posts what is in the outbox, one after another, each until it is stored.
    async fn post(&self, router: &Router, token: &str) {
        let mut changes = self.outbox.subscribe();
        loop {
            let (id, text) = changes.wait_for(|outbox| !outbox.is_empty()).await.unwrap()[0].clone();
            let request =
                Request::post("/chat/site/messages").header(header::CONTENT_TYPE, "application/json");
            let body = json!({ "id": id, "text": text }).to_string();
            if send(router, request, Some(token), Body::from(body)).await.status() == StatusCode::OK {
                self.taken.lock().unwrap().insert(id);
                self.outbox.send_modify(|outbox| drop(outbox.pop_front()));
            } else {
                tokio::time::sleep(AGAIN).await;
            }
        }
    }

    /// Reads the stream, from where it was read to.
    async fn listen(&self, router: &Router, token: &str) {
        loop {
            let mut request = Request::get("/chat/site/events");
            if let Some(last) = &*self.last.lock().unwrap() {
                request = request.header("last-event-id", last);
            }
            let mut stream = send(router, request, Some(token), Body::empty()).await.into_body();
            let mut read = Vec::new();
            while let Some(Ok(frame)) = stream.frame().await {
                read.extend_from_slice(&frame.into_data().unwrap_or_else(|_| Bytes::new()));
                while let Some(end) = read.windows(2).position(|two| two == b"\n\n") {
                    let block: Vec<u8> = read.drain(..end + 2).collect();
                    self.show(std::str::from_utf8(&block).unwrap());
                }
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Shows one event of the stream.
    fn show(&self, block: &str) {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
        let Some(data) = field("data: ") else { return };
        let data: Value = serde_json::from_str(data).unwrap();
        let mut view = self.view.lock().unwrap();
        match field("event: ") {
            Some("typing") => view.typing = data["on"].as_bool().unwrap(),
            Some("message") => {
                *self.last.lock().unwrap() = field("id: ").map(str::to_owned);
                if data["author"] != "user" {
                    let html = data["html"].as_str().unwrap().to_owned();
                    view.messages.push(Shown { id: None, text: shown(html) });
                }
            }
            _ => {}
        }
    }
}

/// A new visitor's token.
async fn session(router: &Router) -> String {
    let answer = send(router, Request::post("/chat/site/session"), None, Body::empty()).await;
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice::<Value>(&body).unwrap()["token"].as_str().unwrap().to_owned()
}

async fn send(
    router: &Router,
    request: axum::http::request::Builder,
    token: Option<&str>,
    body: Body,
) -> Response {
    let mut request = request.header(header::HOST, "chat.example.com");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    router.clone().oneshot(request.body(body).unwrap()).await.unwrap()
}

/// A page shows HTML, and nothing else.
fn shown(html: String) -> Rendered {
    Rendered::Html { text: String::new(), html }
}
