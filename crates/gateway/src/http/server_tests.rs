//! Connections as clients see them: ordinary requests, and streams of events.

use std::{convert::Infallible, io::Write as _, net::SocketAddr};

use axum::{
    body::Body,
    extract::{ConnectInfo, Path},
    http::{HeaderName, header},
    response::IntoResponse,
    routing::{get, post},
};
use futures_util::{StreamExt as _, stream};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::Notify,
    time::{Instant, timeout},
};

use super::*;
use crate::http::capacity::Capacity;

/// What no client here gets near.
const ROOMY: Capacity = Capacity {
    connections: 1_000,
    waiting: 1_000,
    streams: 1_000,
    requests: 1_000,
    per_address: 1_000,
    open_bodies: 1_000_000,
    priority_bodies: 1_000_000,
};

/// A server, and what the test does to its stream.
struct Server {
    address: SocketAddr,
    /// Each lets one more event out.
    next: Arc<Notify>,
    /// The stream was given up.
    dropped: CancellationToken,
    stop: CancellationToken,
    ended: TaskTracker,
}

impl Server {
    /// Serves `/events`, which has `count` events, `/endless/…`, which does not wait, `/echo`, and
    /// `/client`, which tells the address of whoever asks.
    async fn start(count: usize) -> Self {
        Self::start_with(count, Duration::ZERO).await
    }

    /// The same, and connections are accepted for `grace` after the stop.
    async fn start_with(count: usize, grace: Duration) -> Self {
        Self::start_within(ROOMY, count, grace).await
    }

    /// The same, where clients may hold no more than this.
    async fn start_within(capacity: Capacity, count: usize, grace: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (next, dropped) = (Arc::new(Notify::new()), CancellationToken::new());
        let (stop, ended) = (CancellationToken::new(), TaskTracker::new());
        let events = {
            let (next, dropped) = (next.clone(), dropped.clone());
            async move || {
                let guard = dropped.drop_guard();
                let events = stream::iter(0..count).then(move |number| {
                    let _ = &guard;
                    let next = next.clone();
                    async move {
                        next.notified().await;
                        Ok::<_, Infallible>(format!("data: {number}\n\n"))
                    }
                });
                ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(events)).into_response()
            }
        };
        let endless = {
            let dropped = dropped.clone();
            async move |Path(kind): Path<String>| {
                let guard = dropped.drop_guard();
                let events = stream::repeat_with(move || {
                    let _ = &guard;
                    Ok::<_, Infallible>(vec![b'x'; 64 * 1024])
                });
                ([(header::CONTENT_TYPE, format!("text/{kind}"))], Body::from_stream(events)).into_response()
            }
        };
        let router = Router::new()
            .route("/events", get(events))
            .route("/endless/{kind}", get(endless))
            .route("/echo", post(async |body: String| body))
            .route("/client", get(async |ConnectInfo(address): ConnectInfo<IpAddr>| address.to_string()));
        let served = watch::Sender::new(router);
        let end = stop.clone();
        ended.spawn(async move {
            let clients = ClientAddress::new(Some(HeaderName::from_static("x-client")));
            serve(listener, served.subscribe(), &clients, Gate::new(capacity), &end, grace).await;
        });
        ended.close();
        Self { address, next, dropped, stop, ended }
    }

    async fn connect(&self) -> Client {
        Client { stream: TcpStream::connect(self.address).await.unwrap(), read: Vec::new() }
    }

    /// Somebody who asks for this and takes nothing of what comes. Once something has come, nothing more is to
    /// arrive, and from then on time passes as soon as everybody waits. Not before: it would not wait for the
    /// request to arrive.
    async fn frozen(&self, request: &str) -> Client {
        let mut client = self.connect().await;
        client.ask(request, "").await;
        client.stream.readable().await.unwrap();
        tokio::time::pause();
        client
    }
}

struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Client {
    async fn ask(&mut self, head: &str, body: &str) {
        self.stream.write_all(format!("{head}\r\nHost: x\r\n\r\n{body}").as_bytes()).await.unwrap();
    }

    /// What came up to and with this, of which nothing was returned before.
    async fn until(&mut self, end: &str) -> String {
        loop {
            let text = String::from_utf8(self.read.clone()).unwrap();
            if let Some(at) = text.find(end) {
                return self.read.drain(..at + end.len()).map(char::from).collect();
            }
            assert_ne!(self.stream.read_buf(&mut self.read).await.unwrap(), 0, "closed after {text:?}");
        }
    }

    /// What comes until the server closes.
    async fn rest(mut self) -> String {
        self.stream.read_to_end(&mut self.read).await.unwrap();
        String::from_utf8(self.read).unwrap()
    }
}

#[tokio::test]
async fn a_stream_is_sent_in_chunks_and_ends_the_connection() {
    let server = Server::start(2).await;
    let mut client = server.connect().await;
    client.ask("GET /events HTTP/1.1", "").await;
    let head = client.until("\r\n\r\n").await.to_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(head.contains("transfer-encoding: chunked\r\n"), "{head}");
    assert!(head.contains("connection: close\r\n"), "{head}");
    server.next.notify_one();
    assert_eq!(client.until("0\n\n\r\n").await, "9\r\ndata: 0\n\n\r\n");
    server.next.notify_one();
    assert_eq!(client.rest().await, "9\r\ndata: 1\n\n\r\n0\r\n\r\n");
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_stream() {
    let server = Server::start(9).await;
    let mut client = server.connect().await;
    client.ask("GET /events HTTP/1.1", "").await;
    client.until("\r\n\r\n").await;
    assert!(!server.dropped.is_cancelled());
    drop(client);
    timeout(Duration::from_secs(10), server.dropped.cancelled()).await.expect("the stream was given up");
}

#[tokio::test]
async fn a_connection_serves_other_requests_before_its_stream() {
    let server = Server::start(1).await;
    let mut client = server.connect().await;
    for _ in 0..3 {
        client.ask("POST /echo HTTP/1.1\r\nContent-Length: 5", "hello").await;
        let answer = client.until("hello").await;
        assert!(answer.contains("content-length: 5\r\n"), "{answer}");
    }
    client.ask("GET /events HTTP/1.1", "").await;
    client.until("\r\n\r\n").await;
    server.next.notify_one();
    assert_eq!(client.rest().await, "9\r\ndata: 0\n\n\r\n0\r\n\r\n");
}

#[tokio::test]
async fn who_does_not_know_chunks_is_sent_none() {
    let server = Server::start(1).await;
    let mut client = server.connect().await;
    client.ask("GET /events HTTP/1.0", "").await;
    client.until("\r\n\r\n").await;
    server.next.notify_one();
    assert_eq!(client.rest().await, "data: 0\n\n");
}

#[tokio::test]
async fn the_head_alone_is_the_head_alone() {
    let server = Server::start(1).await;
    let mut client = server.connect().await;
    client.ask("HEAD /events HTTP/1.1", "").await;
    client.until("\r\n\r\n").await;
    client.ask("POST /echo HTTP/1.1\r\nContent-Length: 5", "hello").await;
    client.until("hello").await;
}

#[tokio::test]
async fn a_stop_waits_for_streams_and_not_for_idle_connections() {
    let server = Server::start(1).await;
    let (mut client, mut idle) = (server.connect().await, server.connect().await);
    client.ask("GET /events HTTP/1.1", "").await;
    client.until("\r\n\r\n").await;
    idle.ask("POST /echo HTTP/1.1\r\nContent-Length: 2", "hi").await;
    idle.until("hi").await;
    server.stop.cancel();
    assert_eq!(idle.rest().await, "");
    assert!(!server.ended.is_empty());
    server.next.notify_one();
    assert_eq!(client.rest().await, "9\r\ndata: 0\n\n\r\n0\r\n\r\n");
    timeout(Duration::from_secs(10), server.ended.wait()).await.expect("the server stopped");
}

#[tokio::test]
async fn connections_are_accepted_for_a_while_after_the_stop() {
    let server = Server::start_with(0, Duration::from_hours(1)).await;
    server.stop.cancel();
    let mut client = server.connect().await;
    client.ask("POST /echo HTTP/1.1\r\nContent-Length: 5", "hello").await;
    client.until("hello").await;
}

/// A page that was frozen, or somebody who wants us to keep what they never read.
#[tokio::test]
async fn a_client_that_takes_nothing_is_given_up() {
    for request in [
        "GET /endless/event-stream HTTP/1.1",
        "GET /endless/event-stream HTTP/1.0",
        "GET /endless/plain HTTP/1.1",
    ] {
        let server = Server::start(0).await;
        let started = Instant::now();
        let _client = server.frozen(request).await;
        server.dropped.cancelled().await;
        // And what passed for real before, and once more if the system was late to take something.
        let waited = started.elapsed().as_secs();
        assert!((30..120).contains(&waited), "{request}: {waited} s");
        tokio::time::resume();
    }
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_client_that_takes_nothing() {
    let server = Server::start(0).await;
    let _client = server.frozen("GET /endless/event-stream HTTP/1.1").await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(!server.dropped.is_cancelled());
    let stopped = Instant::now();
    server.stop.cancel();
    server.ended.wait().await;
    let waited = stopped.elapsed().as_secs();
    assert!((1..10).contains(&waited), "{waited} s");
}

/// Whoever talks on and on costs the others nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_client_that_never_stops_talking_is_given_up() {
    let server = Server::start(1).await;
    let mut client = server.connect().await;
    client.ask("GET /events HTTP/1.1", "").await;
    client.until("\r\n\r\n").await;
    let mut talking = client.stream.into_std().unwrap();
    talking.set_nonblocking(false).unwrap();
    let talking = std::thread::spawn(move || while talking.write_all(&[b'x'; 4 * 1024]).is_ok() {});
    timeout(Duration::from_secs(10), server.dropped.cancelled()).await.expect("the stream was given up");
    talking.join().unwrap();
}

#[tokio::test]
async fn routes_are_told_who_asks() {
    let server = Server::start(0).await;
    let mut client = server.connect().await;
    client.ask("GET /client HTTP/1.1\r\nX-Client: 198.51.100.1, 203.0.113.7", "").await;
    client.until("\r\n\r\n203.0.113.7").await;
}

#[tokio::test]
async fn headers_are_not_kept_without_end() {
    let server = Server::start(0).await;
    let mut client = server.connect().await;
    let cookie = "x".repeat(15_000);
    client.ask(&format!("GET /client HTTP/1.1\r\nX-Client: 203.0.113.7\r\nCookie: {cookie}"), "").await;
    client.until("\r\n\r\n203.0.113.7").await;
    // Not the end of the headers.
    let head = format!("GET /client HTTP/1.1\r\nCookie: {}", "x".repeat(MAX_HEADERS));
    // It may be refused before all of it was sent, and how may get lost with what was not read.
    client.stream.write_all(head.as_bytes()).await.ok();
    let refused = timeout(Duration::from_secs(10), client.stream.read_to_end(&mut client.read)).await;
    refused.expect("the connection was given up").ok();
}

/// What a server with this capacity answers, in a few words.
async fn status(client: &mut Client) -> String {
    let head = client.until("\r\n\r\n").await.to_lowercase();
    let retry_after = head.lines().find(|line| line.starts_with("retry-after: "));
    let status = head.strip_prefix("http/1.1 ").and_then(|rest| rest.get(..3)).expect("a status");
    format!("{status} {}", retry_after.unwrap_or_default()).trim().to_owned()
}

/// Closed by the server, perhaps without having read everything.
async fn closed(mut client: Client) {
    timeout(Duration::from_secs(10), client.stream.read_to_end(&mut client.read))
        .await
        .expect("in time")
        .ok();
}

#[tokio::test]
async fn half_requests_make_room_for_whole_ones() {
    let capacity = Capacity { connections: 40, waiting: 20, ..ROOMY };
    let server = Server::start_within(capacity, 0, Duration::ZERO).await;
    for half in [
        "POST /echo HTTP/1.1\r\nHost:",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf",
        "",
    ] {
        let mut held = Vec::new();
        for _ in 0..100 {
            let mut client = server.connect().await;
            client.stream.write_all(half.as_bytes()).await.unwrap();
            held.push(client);
        }
        let mut client = server.connect().await;
        client.ask("POST /echo HTTP/1.1\r\nContent-Length: 5", "hello").await;
        client.until("hello").await;
        // Those that have waited longest are gone, and not only refused.
        for client in held.drain(..50) {
            closed(client).await;
        }
    }
}

#[tokio::test]
async fn a_request_under_way_makes_room_for_nobody() {
    let capacity = Capacity { connections: 8, waiting: 4, ..ROOMY };
    let server = Server::start_within(capacity, 1, Duration::ZERO).await;
    let mut stream = server.connect().await;
    stream.ask("GET /events HTTP/1.1", "").await;
    stream.until("\r\n\r\n").await;
    for _ in 0..20 {
        server.connect().await.stream.write_all(b"GET").await.unwrap();
    }
    server.next.notify_one();
    assert_eq!(stream.rest().await, "9\r\ndata: 0\n\n\r\n0\r\n\r\n");
}

#[tokio::test]
async fn a_stream_too_many_is_refused_and_other_requests_are_not() {
    let server = Server::start_within(Capacity { streams: 2, ..ROOMY }, 1, Duration::ZERO).await;
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut client = server.connect().await;
        client.ask("GET /events HTTP/1.1", "").await;
        assert_eq!(status(&mut client).await, "200");
        open.push(client);
    }
    let mut client = server.connect().await;
    client.ask("GET /events HTTP/1.1", "").await;
    assert_eq!(status(&mut client).await, "503 retry-after: 30");
    // Over the same connection.
    client.ask("POST /echo HTTP/1.1\r\nContent-Length: 5", "hello").await;
    client.until("hello").await;
    // The place of one that has ended is free.
    drop(open.pop());
    timeout(Duration::from_secs(10), server.dropped.cancelled()).await.expect("the stream was given up");
    let mut client = server.connect().await;
    client.ask("GET /events HTTP/1.1", "").await;
    assert_eq!(status(&mut client).await, "200");
}

#[tokio::test]
async fn one_client_behind_a_proxy_cannot_take_the_place_of_others() {
    let server = Server::start_within(Capacity { per_address: 2, ..ROOMY }, 1, Duration::ZERO).await;
    let ask = async |address: &str| {
        let mut client = server.connect().await;
        client.ask(&format!("GET /events HTTP/1.1\r\nX-Client: {address}"), "").await;
        (status(&mut client).await, client)
    };
    let (first, second) = (ask("203.0.113.7").await, ask("203.0.113.7").await);
    assert_eq!([first.0, second.0], ["200", "200"]);
    assert_eq!(ask("203.0.113.7").await.0, "429 retry-after: 5");
    assert_eq!(ask("203.0.113.8").await.0, "200");
    // A /64 is one client.
    let (first, second) = (ask("2001:db8::1").await, ask("2001:db8::2").await);
    assert_eq!([first.0, second.0], ["200", "200"]);
    assert_eq!(ask("2001:db8::3").await.0, "429 retry-after: 5");
    assert_eq!(ask("2001:db8:0:1::3").await.0, "200");
    // Networks that could be anybody's are limited only all together.
    for _ in 0..4 {
        assert_eq!(ask("10.0.0.1").await.0, "200");
    }
}

#[tokio::test]
async fn bodies_that_are_together_too_much_are_refused() {
    let server = Server::start_within(Capacity { open_bodies: 4_000, ..ROOMY }, 0, Duration::ZERO).await;
    let mut client = server.connect().await;
    client.ask("POST /echo HTTP/1.1\r\nContent-Length: 8000", &"x".repeat(8_000)).await;
    assert_eq!(status(&mut client).await, "503 retry-after: 5");
    // Halves give way to what comes whole.
    let mut held = Vec::new();
    for _ in 0..10 {
        let mut client = server.connect().await;
        client.ask("POST /echo HTTP/1.1\r\nContent-Length: 2000", &"x".repeat(1_000)).await;
        held.push(client);
    }
    for _ in 0..10 {
        let mut client = server.connect().await;
        client.ask("POST /echo HTTP/1.1\r\nContent-Length: 1000", &"y".repeat(1_000)).await;
        client.until("yyy").await;
    }
}
