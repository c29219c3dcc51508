//! Visitors who write and wait for answers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, ensure};
use futures_util::future::join_all;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep, sleep_until, timeout_at},
};
use uuid::Uuid;

/// How long an answer may take before it counts as missing.
const PATIENCE: Duration = Duration::from_secs(10);

/// One visitor with the page open.
pub struct Visitor {
    http: Client,
    base: String,
    token: String,
    stream: Mutex<Stream>,
}

struct Stream {
    response: Response,
    buffer: String,
}

static NEXT: AtomicU64 = AtomicU64::new(0);

/// Opens the page for so many visitors.
pub async fn visitors(base: &str, count: usize) -> anyhow::Result<Vec<Arc<Visitor>>> {
    let http = Client::new();
    let mut visitors = Vec::with_capacity(count);
    for _ in 0..count {
        let token = token(&http, base).await?;
        let events = http.get(format!("{base}/events")).bearer_auth(&token).send().await?;
        ensure!(events.status().is_success(), "the stream: {}", events.status());
        let stream = Mutex::new(Stream { response: events, buffer: String::new() });
        visitors.push(Arc::new(Visitor { http: http.clone(), base: base.to_owned(), token, stream }));
    }
    Ok(visitors)
}

/// New visitors are limited too; this waits as long as it is told.
async fn token(http: &Client, base: &str) -> anyhow::Result<String> {
    loop {
        let session = http.post(format!("{base}/session")).send().await?;
        if session.status() == StatusCode::TOO_MANY_REQUESTS {
            sleep(Duration::from_secs(1)).await;
            continue;
        }
        let session: Value = session.json().await?;
        return Ok(session["token"].as_str().context("a token")?.to_owned());
    }
}

/// Everybody writes again as soon as the answer is there; how many answers came in this time.
pub async fn drain(visitors: &[Arc<Visitor>], time: Duration) -> usize {
    let end = Instant::now() + time;
    let counts = visitors.iter().map(|visitor| async move {
        let mut count = 0;
        while Instant::now() < end {
            if visitor.round_trip().await && Instant::now() < end {
                count += 1;
            }
        }
        count
    });
    join_all(counts).await.into_iter().sum()
}

/// Writes at a steady rate, the visitors in turn; how long each answer took, counted from when its
/// message was due.
pub async fn steady(visitors: &[Arc<Visitor>], rate: u32, seconds: u32) -> Vec<Duration> {
    let begin = Instant::now();
    let trips = (0..rate * seconds).map(|number| async move {
        let due = begin + Duration::from_secs(1) * number / rate;
        sleep_until(due).await;
        let visitor = &visitors[number as usize % visitors.len()];
        visitor.round_trip().await.then(|| due.elapsed())
    });
    join_all(trips).await.into_iter().flatten().collect()
}

impl Visitor {
    /// Writes and waits for the answer; whether it came.
    async fn round_trip(&self) -> bool {
        let text = format!("message {}.", NEXT.fetch_add(1, Ordering::Relaxed));
        let mut stream = self.stream.lock().await;
        let body = json!({ "id": Uuid::new_v4(), "text": text });
        let posted =
            self.http.post(format!("{}/messages", self.base)).bearer_auth(&self.token).json(&body).send();
        match posted.await {
            Ok(answer) if answer.status().is_success() => {}
            other => {
                eprintln!("not taken: {other:?}");
                return false;
            }
        }
        stream.wait_for(&format!("You wrote: {text}")).await
    }
}

impl Stream {
    async fn wait_for(&mut self, answer: &str) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while !self.buffer.contains(answer) {
            match timeout_at(deadline, self.response.chunk()).await {
                Ok(Ok(Some(chunk))) => self.buffer.push_str(&String::from_utf8_lossy(&chunk)),
                other => {
                    eprintln!("no answer: {other:?}");
                    return false;
                }
            }
        }
        self.buffer.clear();
        true
    }
}
