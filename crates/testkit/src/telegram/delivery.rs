//! Bringing updates to the webhook: one at a time for each chat, the next only after the last was taken.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{CONTENT_TYPE, HOST, RETRY_AFTER};
use hyper::{Request, Uri};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::clock::unix_seconds;
use super::state::{Shared, State};
use super::updates::Update;
use super::webhook::Hook;

/// How long a webhook may take to answer.
const PATIENCE: Duration = Duration::from_mins(1);
/// The longest time that a webhook can ask for by `Retry-After`, in seconds.
const LONGEST: u64 = 3600;
const SECRET: &str = "x-telegram-bot-api-secret-token";

/// One attempt to bring an update to the webhook.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    /// The update.
    pub update_id: i64,
    /// What the webhook answered. `None` if it did not.
    pub status: Option<u16>,
    /// When it had answered, or failed to.
    pub at: Instant,
}

/// What deliveries need. One for the whole server.
#[derive(Clone)]
pub(super) struct Courier {
    pub(super) stop: CancellationToken,
    runtime: Handle,
    tasks: TaskTracker,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// How soon a failed delivery is repeated: at first, doubled each time, and at most.
#[derive(Clone, Copy)]
pub(super) struct Backoff {
    pub(super) first: Duration,
    pub(super) longest: Duration,
}

/// Why an update was not taken.
struct Failure {
    status: Option<u16>,
    reason: String,
    retry_after: Option<Duration>,
}

impl Courier {
    /// Must be called in a runtime, which the deliveries then use.
    pub(super) fn new() -> Self {
        Self {
            stop: CancellationToken::new(),
            runtime: Handle::current(),
            tasks: TaskTracker::new(),
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }
}

impl Backoff {
    fn after(self, failures: u32) -> Duration {
        self.first.saturating_mul(1 << failures.min(16)).min(self.longest)
    }
}

/// Hands an update to the webhook that is set. A lane exists as long as something works on it.
pub(super) fn deliver(bot: &Arc<Shared>, state: &mut State, update: Update) {
    let hook = Arc::clone(state.hook.as_ref().expect("a webhook is set"));
    let chat = update.chat;
    let lane: &mut VecDeque<Update> = state.lanes.entry(chat).or_default();
    lane.push_back(update);
    if lane.len() > 1 {
        return;
    }
    let (bot, stop) = (Arc::clone(bot), hook.stop.clone());
    let courier = bot.courier.clone();
    let work = async move {
        stop.run_until_cancelled(drain(&bot, &hook, chat)).await;
    };
    courier.tasks.spawn_on(work, &courier.runtime);
}

async fn drain(bot: &Arc<Shared>, hook: &Arc<Hook>, chat: i64) {
    let mut failures = 0;
    loop {
        // Apart from the loop's head, where the lock would be held all the time.
        let head = bot.lock().head(hook, chat);
        let Some((update, target)) = head else { return };
        let outcome = {
            let _slot = hook.slots.acquire().await.expect("nobody closes the semaphore");
            post(&bot.courier, hook, &update, target).await
        };
        let status = outcome.as_ref().map_or_else(|failure| failure.status, |status| Some(*status));
        let delivery = Delivery { update_id: update.id, status, at: Instant::now() };
        let wait = bot.lock().attempted(hook, chat, delivery, outcome.err(), failures);
        let Some(wait) = wait else {
            failures = 0;
            continue;
        };
        failures += 1;
        sleep(wait).await;
    }
}

async fn post(
    courier: &Courier,
    hook: &Hook,
    update: &Update,
    target: Option<SocketAddr>,
) -> Result<u16, Failure> {
    let lost = |reason: String| Failure { status: None, reason, retry_after: None };
    let request = request(hook, update, target).map_err(|error| lost(error.to_string()))?;
    let answer = timeout(PATIENCE, courier.client.request(request)).await;
    let answer = answer.map_err(|_| lost("Read timeout expired".to_owned()))?;
    let answer = answer.map_err(|_| lost("Connection refused".to_owned()))?;
    let status = answer.status();
    let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let retry_after = retry_after.map(|seconds: u64| Duration::from_secs(seconds.min(LONGEST)));
    // The connection can be used again only when the body was read.
    let _ = timeout(PATIENCE, answer.into_body().collect()).await;
    if status.is_success() {
        return Ok(status.as_u16());
    }
    let reason = format!("Wrong response from the webhook: {status}");
    Err(Failure { status: Some(status.as_u16()), reason, retry_after })
}

/// The request as it is sent, to `target` over plain HTTP where that is set.
fn request(
    hook: &Hook,
    update: &Update,
    target: Option<SocketAddr>,
) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let authority = hook.uri.authority().map(ToString::to_string).unwrap_or_default();
    let uri = match target {
        Some(target) => {
            let path = hook.uri.path_and_query().map_or("/", |path| path.as_str());
            Uri::builder().scheme("http").authority(target.to_string()).path_and_query(path).build()?
        }
        None => hook.uri.clone(),
    };
    let mut request = Request::post(uri).header(HOST, authority).header(CONTENT_TYPE, "application/json");
    if let Some(secret) = &hook.secret {
        request = request.header(SECRET, secret);
    }
    request.body(Full::new(Bytes::copy_from_slice(update.json.as_bytes())))
}

impl State {
    /// What a lane has to deliver next, and where to. `None`, and the lane is gone, if there is nothing.
    fn head(&mut self, hook: &Arc<Hook>, chat: i64) -> Option<(Update, Option<SocketAddr>)> {
        if !self.is_current(hook) {
            return None;
        }
        let head = self.lanes.get(&chat).and_then(VecDeque::front).cloned();
        if head.is_none() {
            self.lanes.remove(&chat);
        }
        head.map(|update| (update, self.webhook_target))
    }

    /// Notes what became of a lane's head: it is gone, or the time after which to repeat it is returned.
    fn attempted(
        &mut self,
        hook: &Arc<Hook>,
        chat: i64,
        delivery: Delivery,
        failure: Option<Failure>,
        failures: u32,
    ) -> Option<Duration> {
        self.journal.deliveries.push(delivery);
        if !self.is_current(hook) {
            return None;
        }
        let Some(failure) = failure else {
            self.lanes.get_mut(&chat).and_then(VecDeque::pop_front);
            return None;
        };
        self.webhook_error = Some((unix_seconds(), failure.reason));
        Some(failure.retry_after.unwrap_or_else(|| self.backoff.after(failures)))
    }

    fn is_current(&self, hook: &Arc<Hook>) -> bool {
        self.hook.as_ref().is_some_and(|current| Arc::ptr_eq(current, hook))
    }

    /// How many updates wait, for a poll or for the webhook.
    pub(super) fn pending_count(&self) -> usize {
        self.updates.waiting().len() + self.lanes.values().map(VecDeque::len).sum::<usize>()
    }
}
