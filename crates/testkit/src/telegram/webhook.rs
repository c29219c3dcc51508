//! `setWebhook`, `deleteWebhook` and `getWebhookInfo`.

use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::{Host, Url};

use super::answer::{Outcome, Refusal};
use super::delivery::deliver;
use super::params::Params;
use super::state::{Shared, State};

/// Where webhooks may listen, unless they are on this machine.
const PORTS: [u16; 4] = [80, 88, 443, 8443];
/// No webhook is set sooner after another.
const PAUSE: Duration = Duration::from_secs(1);

/// A webhook that is set.
pub(super) struct Hook {
    /// As it was given.
    pub(super) url: String,
    pub(super) uri: Uri,
    pub(super) secret: Option<String>,
    /// One for each delivery that may be under way.
    pub(super) slots: Semaphore,
    pub(super) stop: CancellationToken,
    max_connections: usize,
}

pub(super) fn set(bot: &Arc<Shared>, params: &Params) -> Outcome {
    if params.text("url").is_none_or(str::is_empty) {
        return Ok(delete(bot, params));
    }
    let mut state = bot.lock();
    let now = Instant::now();
    if state.polling.throttled && state.next_webhook.is_some_and(|next| now < next) {
        return Err(Refusal::too_many_requests(1));
    }
    state.next_webhook = Some(now + PAUSE);
    let hook = parse(bot, params)?;
    state.updates.choose(params);
    let drop_pending = params.flag("drop_pending_updates");
    if !drop_pending && state.hook.as_deref().is_some_and(|current| current.is_like(&hook)) {
        return Ok("true".to_owned());
    }
    let pending = take_pending(&mut state, drop_pending);
    state.hook = Some(Arc::new(hook));
    for update in pending {
        deliver(bot, &mut state, update);
    }
    drop(state);
    // A poll that waits must go.
    bot.wake.notify_waiters();
    Ok("true".to_owned())
}

pub(super) fn delete(bot: &Shared, params: &Params) -> String {
    let mut state = bot.lock();
    for update in take_pending(&mut state, params.flag("drop_pending_updates")) {
        state.updates.push(update);
    }
    "true".to_owned()
}

pub(super) fn info(bot: &Shared) -> String {
    let state = bot.lock();
    let mut info = json!({
        "url": state.hook.as_deref().map_or("", |hook| &hook.url),
        "has_custom_certificate": false,
        "pending_update_count": state.pending_count(),
    });
    if let Some(hook) = &state.hook {
        info["max_connections"] = hook.max_connections.into();
        info["ip_address"] = "127.0.0.1".into();
    }
    if let Some((date, message)) = &state.webhook_error {
        info["last_error_date"] = (*date).into();
        info["last_error_message"] = message.as_str().into();
    }
    if let Some(allowed) = state.updates.allowed() {
        info["allowed_updates"] = allowed.into();
    }
    info.to_string()
}

/// Ends the webhook and returns what waits, in the order in which it came.
fn take_pending(state: &mut State, drop_it: bool) -> Vec<super::updates::Update> {
    if let Some(hook) = state.hook.take() {
        hook.stop.cancel();
    }
    state.webhook_error = None;
    let mut pending: Vec<_> = state.updates.take().into();
    pending.extend(state.lanes.drain().flat_map(|(_, lane)| lane));
    pending.sort_by_key(|update| update.id);
    if drop_it { Vec::new() } else { pending }
}

fn parse(bot: &Shared, params: &Params) -> Result<Hook, Refusal> {
    let given = params.text("url").unwrap_or_default();
    let full = if given.contains("://") { given.to_owned() } else { format!("https://{given}") };
    let invalid = || Refusal::bad_request("invalid webhook URL specified");
    let url = Url::parse(&full).map_err(|_| invalid())?;
    check(&url)?;
    let secret = params.text("secret_token").filter(|secret| !secret.is_empty());
    if secret.is_some_and(|secret| secret.len() > 256) {
        return Err(Refusal::bad_request("secret token is too long"));
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if !secret.is_none_or(|secret| secret.bytes().all(allowed)) {
        return Err(Refusal::bad_request("secret token contains unallowed characters"));
    }
    let max_connections = params.integer("max_connections").unwrap_or(40).clamp(1, 100);
    let max_connections = usize::try_from(max_connections).expect("between 1 and 100");
    Ok(Hook {
        url: given.to_owned(),
        uri: url.as_str().parse().map_err(|_| invalid())?,
        secret: secret.map(str::to_owned),
        slots: Semaphore::new(max_connections),
        stop: bot.courier.stop.child_token(),
        max_connections,
    })
}

/// Only HTTPS, at certain ports. On this machine anything goes, as for a server of one's own.
fn check(url: &Url) -> Result<(), Refusal> {
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err(Refusal::bad_request("invalid webhook URL specified")),
    };
    match url.scheme() {
        "http" | "https" if local => Ok(()),
        "https" if url.port_or_known_default().is_some_and(|port| PORTS.contains(&port)) => Ok(()),
        "https" => {
            Err(Refusal::bad_request("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443"))
        }
        "http" => Err(Refusal::bad_request("bad webhook: An HTTPS URL must be provided for webhook")),
        _ => Err(Refusal::bad_request("invalid webhook URL specified")),
    }
}

impl Hook {
    fn is_like(&self, other: &Self) -> bool {
        self.url == other.url && self.secret == other.secret && self.max_connections == other.max_connections
    }
}
