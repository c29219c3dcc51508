//! Receiving by webhook.
//!
//! Telegram posts one update at a time for each chat and repeats it until it is answered 200, which it
//! is after its event is stored. The route works on every replica; the owner of the channel registers
//! it, and looks from time to time whether it is still registered and whether Telegram gets through.
//!
//! The webhook stays registered when the gateway stops: Telegram then keeps the updates, and brings
//! them when the gateway is back.

use std::{fmt::Write as _, sync::Arc};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest as _, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
    routing::post,
};
use hmac::{Hmac, Mac as _};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use switchboard_core::{AcceptError, ChannelName, ConnectionState, Inbox, RunError};
use teloxide_core::payloads::{GetWebhookInfo, SetWebhook};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{Mode, bot::Bot, error::CallError, inbound::Reader};

/// The header in which Telegram shows the secret.
const SECRET_HEADER: &str = "x-telegram-bot-api-secret-token";
/// The largest update that is taken, in bytes. Telegram's rich messages, and what they reply to, can be
/// far larger than other updates, and one that is refused would hold up its chat for a day.
const MAX_BODY: usize = 4 * 1024 * 1024;
/// How many updates Telegram may bring at once: its own default. Each waits for a commit that it
/// shares with the others.
const CONNECTIONS: u8 = 40;
/// When Telegram is to come again, where nothing says better.
const LATER: u64 = 2;

/// What is published where somebody else uses the bot.
const REPLACED: &str = "another program removed or replaced the bot's webhook; it is registered again, but see \
    that only one program uses the bot's token";

/// The path at which a channel in webhook mode is served.
pub fn route(channel: &ChannelName) -> String {
    let mut path = String::from("/webhooks/telegram/");
    for byte in channel.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte) {
            path.push(char::from(byte));
        } else {
            write!(path, "%{byte:02X}").expect("a String takes everything");
        }
    }
    path
}

/// What the route works with.
struct Hook {
    bot: Arc<Bot>,
    inbox: Inbox,
    secret: SecretString,
}

/// The route of a channel in webhook mode.
pub(crate) fn router(bot: &Arc<Bot>, inbox: Inbox) -> Option<Router> {
    let Mode::Webhook { secret, .. } = &bot.config.mode else { return None };
    let path = route(&bot.config.channel);
    let hook = Hook { bot: bot.clone(), inbox, secret: secret_token(secret) };
    let router = Router::new()
        // A channel's name may begin with a colon or an asterisk; it is meant literally.
        .without_v07_checks()
        .route(&path, post(receive))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(Arc::new(hook));
    Some(router)
}

/// What Telegram has to show. Not the secret itself, which is for other things as well.
fn secret_token(secret: &SecretString) -> SecretString {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).expect("a key may have any length");
    mac.update(b"telegram webhook");
    let mut token = String::new();
    for byte in mac.finalize().into_bytes() {
        write!(token, "{byte:02x}").expect("a String takes everything");
    }
    SecretString::from(token)
}

async fn receive(State(hook): State<Arc<Hook>>, headers: HeaderMap, request: Request) -> Response {
    // Before the body is read, so that a stranger can make us do nothing.
    let shown = headers.get(SECRET_HEADER).map(HeaderValue::as_bytes).unwrap_or_default();
    if !bool::from(shown.ct_eq(hook.secret.expose_secret().as_bytes())) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let body = match Bytes::from_request(request, &()).await {
        Ok(body) => body,
        Err(rejection) => return rejection.into_response(),
    };
    let me = match hook.bot.me().await {
        Ok(me) => me,
        Err(error) => {
            tracing::warn!(channel = %hook.bot.config.channel, error = %error.describe(), "an update cannot be taken before it is known who the bot is");
            return later(LATER);
        }
    };
    let read = Reader::new(me, &hook.bot.config).read(&String::from_utf8_lossy(&body));
    let Some(event) = read.event else { return StatusCode::OK.into_response() };
    match hook.inbox.accept(vec![event], None).await {
        Ok(_) => StatusCode::OK.into_response(),
        Err(AcceptError::Unavailable { retry_after }) => later(retry_after.as_secs().max(1)),
        Err(AcceptError::NotOwner) => later(LATER),
    }
}

fn later(seconds: u64) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, HeaderValue::from(seconds))]).into_response()
}

/// What of `getWebhookInfo` is of use to us.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct WebhookInfo {
    /// Empty if none is set.
    #[serde(default)]
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) pending_update_count: u64,
    /// When Telegram failed last to bring an update, in seconds since 1970.
    pub(crate) last_error_date: Option<i64>,
    pub(crate) last_error_message: Option<String>,
}

impl WebhookInfo {
    pub(crate) async fn get(bot: &Bot) -> Result<Self, CallError> {
        bot.client.call(&GetWebhookInfo::new()).await
    }
}

/// Registers the webhook and watches over it until `stop`.
pub(crate) async fn run(
    bot: &Bot,
    url: &Url,
    secret: &SecretString,
    inbox: &Inbox,
    stop: CancellationToken,
) -> Result<(), RunError> {
    let status = inbox.status();
    status.set(ConnectionState::Connecting);
    status.expect_progress_within(2 * (bot.config.poll_timeout + bot.config.call_timeout));
    let secret = secret_token(secret);
    let mut watch =
        Watch { bot, url, secret, inbox, registered: false, failures: 0, seen_error: None, stuck: None };
    if let Some(error) = stop.run_until_cancelled(watch.go()).await {
        return Err(error);
    }
    status.set(ConnectionState::Stopped);
    Ok(())
}

struct Watch<'a> {
    bot: &'a Bot,
    url: &'a Url,
    secret: SecretString,
    inbox: &'a Inbox,
    /// In this run: what is set from before may have another secret.
    registered: bool,
    /// How many calls have failed in a row.
    failures: u32,
    /// The date of the last failure of Telegram's that was published.
    seen_error: Option<i64>,
    /// How many updates waited when Telegram was last found to fail, if nothing was brought since.
    stuck: Option<u64>,
}

impl Watch<'_> {
    /// Returns only what a person must see to.
    async fn go(&mut self) -> RunError {
        loop {
            match self.look().await {
                Ok(()) => {
                    self.failures = 0;
                    sleep(self.bot.config.poll_timeout).await;
                }
                Err(error) => {
                    let pause = self.failed(&error);
                    sleep(pause).await;
                    // Asked only after the pause: what refused a good token once may do so for a moment.
                    if let Some(error) = self.bot.confirm(error).await.needs_a_person() {
                        return error;
                    }
                }
            }
        }
    }

    /// Looks whether the webhook is registered and works; registers it if it is not.
    async fn look(&mut self) -> Result<(), CallError> {
        let info = WebhookInfo::get(self.bot).await?;
        let replaced = self.registered && info.url != self.url.as_str();
        if replaced || !self.registered {
            self.register().await?;
            self.registered = true;
            (self.seen_error, self.stuck) = (info.last_error_date, None);
            // A program that wants the bot for itself would do so again: it is in order when it stays.
            self.publish(if replaced { Err(REPLACED.to_owned()) } else { Ok(()) });
            return Ok(());
        }
        let failed_anew = info.last_error_date > self.seen_error;
        // Telegram comes again after a minute or two: until then nothing new is heard of what goes on.
        let waiting = info.pending_update_count;
        let goes_on = waiting > 0 && self.stuck.is_some_and(|waited| waiting >= waited);
        self.seen_error = info.last_error_date;
        self.stuck = (failed_anew || goes_on).then_some(waiting);
        self.publish(if self.stuck.is_some() {
            let why = self.bot.client.without_token(info.last_error_message.unwrap_or_default());
            Err(format!("Telegram cannot bring updates to the webhook: {why}"))
        } else {
            Ok(())
        });
        Ok(())
    }

    async fn register(&self) -> Result<(), CallError> {
        let mut set = SetWebhook::new(self.url.clone());
        set.secret_token = Some(self.secret.expose_secret().to_owned());
        set.allowed_updates = Some(self.bot.allowed_updates());
        set.max_connections = Some(CONNECTIONS);
        let _: bool = self.bot.client.call(&set).await?;
        tracing::info!(channel = %self.bot.config.channel, "the webhook is registered");
        Ok(())
    }

    fn failed(&mut self, error: &CallError) -> std::time::Duration {
        self.publish(Err(error.describe()));
        let pause = self.bot.config.pause(self.failures).max(error.retry_after().unwrap_or_default());
        self.failures = self.failures.saturating_add(1);
        pause
    }

    /// Publishes how it stands. A state that stays is stamped as progress only.
    fn publish(&self, outcome: Result<(), String>) {
        let status = self.inbox.status();
        let state = match outcome {
            Ok(()) => ConnectionState::Connected,
            Err(reason) => ConnectionState::Interrupted(reason),
        };
        status.progress();
        if status.state() != state {
            if let ConnectionState::Interrupted(reason) = &state {
                tracing::warn!(channel = %self.bot.config.channel, reason, "the webhook is interrupted");
            }
            status.set(state);
        }
    }
}
