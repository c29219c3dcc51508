//! A platform on loopback whose answers a test decides.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use tokio::{net::TcpListener, task::JoinSet};

/// One request, as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Method and path.
    pub line: String,
    /// The header `Authorization`.
    pub authorization: String,
    /// The header `Content-Type`.
    pub content_type: String,
    /// The body.
    pub body: String,
}

type Answer = Arc<dyn Fn(&Received) -> Option<Response> + Send + Sync>;

/// The platform; it ends with the test.
pub struct Platform {
    /// Where it listens.
    pub url: String,
    received: Arc<Mutex<Vec<Received>>>,
    _server: JoinSet<()>,
}

impl Platform {
    /// Starts a platform that answers so; `None` means that it never answers.
    pub async fn start(answer: impl Fn(&Received) -> Option<Response> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let received = Arc::new(Mutex::new(Vec::new()));
        let state: (Answer, _) = (Arc::new(answer), Arc::clone(&received));
        let router = Router::new().fallback(take).with_state(state);
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.expect("the server runs") });
        Self { url, received, _server: server }
    }

    /// Starts a platform that always answers this.
    pub async fn answering<R>(answer: R) -> Self
    where
        R: IntoResponse + Clone + Send + Sync + 'static,
    {
        Self::start(move |_| Some(answer.clone().into_response())).await
    }

    /// Everything that arrived, in order.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no test panics while it holds this").clone()
    }
}

async fn take(
    State((answer, received)): State<(Answer, Arc<Mutex<Vec<Received>>>)>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 1 << 20).await.expect("the body arrives whole");
    let header = |name: &str| {
        parts.headers.get(name).map_or("", |value| value.to_str().expect("it is text")).to_owned()
    };
    let request = Received {
        line: format!("{} {}", parts.method, parts.uri.path()),
        authorization: header("authorization"),
        content_type: header("content-type"),
        body: String::from_utf8(body.to_vec()).expect("it is text"),
    };
    received.lock().expect("no test panics while it holds this").push(request.clone());
    match answer(&request) {
        Some(response) => response,
        None => std::future::pending().await,
    }
}
