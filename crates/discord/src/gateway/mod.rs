//! One connection to Discord's gateway after the other, and the sessions that they serve.
//!
//! serenity's shards are not used, though its types are. Its runner takes the events of a session in order only
//! by a callback that has to be put back after every restart; it begins a new session where it could resume
//! one, at a lost acknowledgement and at every start, so that messages of people who write for the first time
//! would be lost with a process that dies; it goes in circles without a pause after the close codes 4010 and
//! 4011, holding up whatever shares its thread; it drops events that it cannot read, and logs them whole. Here
//! the socket is read in one place, by hand: events leave in order, a session is resumed wherever Discord allows
//! it, also by another process, and nothing is logged but what is named below.
//!
//! Owns the socket, heartbeats and the opening of sessions. Knows nothing of what the events mean, except that
//! READY names the session.

mod close;
mod frame;
mod socket;
mod steady;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use switchboard_core::{ChannelStatus, ConnectionState, RunError};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    DiscordConfig, bot,
    client::{Client, Route},
    error::{CallError, token_refused},
    marks::Session,
};

pub(crate) use steady::Steady;

use socket::{End, Opening, Socket};
use steady::Number;

/// What is asked for: GUILDS, GUILD_MESSAGES, DIRECT_MESSAGES, MESSAGE_CONTENT.
pub(crate) const INTENTS: u64 = 1 | 1 << 9 | 1 << 12 | 1 << 15;

/// Connections that last no longer than this are followed by the next one ever more slowly.
const SHORT: Duration = Duration::from_secs(10);

/// After so many failures in a row, going on with a session is tried in another way.
const PERSISTENT: u32 = 3;

/// When fewer sessions than this are left of the day's, they are spread over the rest of it.
const RESERVE: u32 = 100;

/// Something that happened, in the order in which Discord numbers it.
#[derive(Debug)]
pub(crate) struct Dispatch {
    /// Its number in the session.
    pub(crate) seq: u64,
    /// What sort of thing, such as MESSAGE_CREATE.
    pub(crate) name: String,
    pub(crate) data: Box<RawValue>,
    /// With READY: when the session was asked for.
    pub(crate) asked: Option<Asked>,
    /// Over which connection it came.
    pub(crate) connection: Number,
}

/// A moment at which Discord was asked for something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// By Discord's clock, in milliseconds since 1970.
    pub(crate) unix_millis: u64,
    /// By ours.
    pub(crate) at: Instant,
}

/// What READY says of the session.
#[derive(Deserialize)]
pub(crate) struct Ready {
    pub(crate) session_id: String,
    pub(crate) resume_gateway_url: String,
    /// The guilds that the bot is in. What is in them comes afterwards.
    #[serde(default)]
    pub(crate) guilds: Vec<Named>,
}

/// What of a guild is of use in READY.
#[derive(Deserialize)]
pub(crate) struct Named {
    pub(crate) id: serenity::model::id::GuildId,
}

/// Keeps a connection until a person must act.
pub(crate) struct Gateway<'a> {
    client: &'a Client,
    config: &'a DiscordConfig,
    status: ChannelStatus,
    /// With `seq` as the number of the last event that was received.
    session: Option<Session>,
    events: mpsc::Sender<Dispatch>,
    steady: &'a Steady,
    failures: u32,
    /// How many connections in a row ended soon after they had come to something.
    short: u32,
    /// How many times in a row nothing came of an attempt to go on with the session.
    unresumed: u32,
    last_identify: Option<Instant>,
}

/// Where a new session is opened, and what that costs.
#[derive(Deserialize)]
pub(crate) struct GatewayInfo {
    pub(crate) url: String,
    pub(crate) session_start_limit: StartLimit,
}

/// How many sessions may be begun.
#[derive(Deserialize)]
pub(crate) struct StartLimit {
    pub(crate) total: u32,
    pub(crate) remaining: u32,
    /// Milliseconds until `remaining` is `total` again.
    pub(crate) reset_after: u64,
}

impl<'a> Gateway<'a> {
    pub(crate) fn new(
        client: &'a Client,
        config: &'a DiscordConfig,
        status: ChannelStatus,
        session: Option<Session>,
        events: mpsc::Sender<Dispatch>,
        steady: &'a Steady,
    ) -> Self {
        Self {
            client,
            config,
            status,
            session,
            events,
            steady,
            failures: 0,
            short: 0,
            unresumed: 0,
            last_identify: None,
        }
    }

    pub(crate) async fn run(mut self) -> RunError {
        loop {
            let began = Instant::now();
            let end = self.connect().await.unwrap_or_else(|error| {
                let (reason, pause) = (error.describe(), error.retry_after().unwrap_or_default());
                if error.needs_a_person().is_some() {
                    End::Refused { reason }
                } else {
                    End::Failed { reason, pause }
                }
            });
            self.steady.ends();
            if let Some(error) = self.after(end, began).await {
                return error;
            }
        }
    }

    /// What follows from the end of a connection. An error if only a person can help.
    async fn after(&mut self, end: End, began: Instant) -> Option<RunError> {
        match end {
            End::Fatal(error) => return Some(error),
            End::Refused { reason } => return self.refused(reason).await,
            // Quick and usual: Discord moves its connections about.
            End::Lost { reason, opened: true } => {
                self.failures = 0;
                tracing::info!(channel = %self.config.channel, reason, "the connection to the gateway ended");
                let pause = self.pause_after(began, &reason);
                sleep(pause).await;
            }
            End::Lost { reason, opened: false } => self.interrupted(reason, Duration::ZERO).await,
            End::Failed { reason, pause } => self.interrupted(reason, pause).await,
            // There was none: it was not granted.
            End::Invalid { reason } if self.session.is_none() => {
                self.interrupted(reason, Duration::ZERO).await;
            }
            End::Invalid { reason } => {
                tracing::info!(channel = %self.config.channel, reason, "the session is over");
                self.session = None;
                self.unresumed = 0;
                // Discord asks for one to five seconds before the next one.
                let pause = self.config.first_pause.mul_f64(1.0 + 4.0 * fastrand::f64());
                sleep(pause.max(self.pause_after(began, &reason))).await;
            }
        }
        None
    }

    /// The token was refused. A good one is refused now and then, so that this is believed only if another question
    /// gets refused too, after a while that grows.
    async fn refused(&mut self, reason: String) -> Option<RunError> {
        self.interrupted(reason, Duration::ZERO).await;
        if bot::refuses_the_token(self.client).await {
            return Some(token_refused());
        }
        if self.failures > PERSISTENT {
            // It may be the session that is refused, whatever Discord says.
            self.session = None;
        }
        None
    }

    /// How long to wait after a connection that was good: not at all, unless it was short. One may be short by
    /// chance; several in a row bring nothing, however well each begins.
    fn pause_after(&mut self, began: Instant, reason: &str) -> Duration {
        if began.elapsed() >= SHORT {
            self.short = 0;
            return Duration::ZERO;
        }
        let pause = self.config.pause(self.short);
        self.short = self.short.saturating_add(1);
        if self.short > 1 {
            self.publish(&format!("one connection after the other ends within seconds: {reason}"));
        }
        pause
    }

    /// Connects once and stays until that connection ends.
    async fn connect(&mut self) -> Result<End, CallError> {
        let (url, opening, asked) = if let Some(session) = self.session.clone() {
            // The session's own address may be gone for good; any other one takes it too.
            let elsewhere = self.failures >= PERSISTENT;
            let url = if elsewhere { ask(self.client).await?.0.url } else { session.url.clone() };
            (url, Opening::Resume(session), None)
        } else {
            let (info, asked) = ask(self.client).await?;
            self.wait_for_budget(&info.session_start_limit).await;
            (info.url, Opening::Identify, Some(asked))
        };
        let resuming = matches!(opening, Opening::Resume(_));
        let mut socket = match Socket::open(&url, self.config).await {
            Ok(socket) => socket,
            Err(end) => return Ok(end),
        };
        let number = self.steady.begins();
        if !resuming {
            self.last_identify = Some(Instant::now());
        }
        self.status.expect_progress_within(socket.interval() * 2 + self.config.patience);
        let end = socket.serve(self, &opening, asked, number).await;
        Ok(match end {
            End::Lost { reason, opened: false } if resuming => {
                self.unresumed += 1;
                // It is as good as over, though Discord does not say so.
                if self.unresumed > PERSISTENT {
                    End::Invalid { reason }
                } else {
                    End::Lost { reason, opened: false }
                }
            }
            end => end,
        })
    }

    /// An event has come: the session goes on after it.
    async fn received(&mut self, dispatch: Dispatch) {
        self.failures = 0;
        self.unresumed = 0;
        if dispatch.name == "READY"
            && let Ok(ready) = serde_json::from_str::<Ready>(dispatch.data.get())
        {
            self.session =
                Some(Session { id: ready.session_id, url: ready.resume_gateway_url, seq: dispatch.seq });
        } else if let Some(session) = &mut self.session {
            session.seq = dispatch.seq;
        }
        // Nobody takes it any more only when all of this is about to be dropped.
        self.events.send(dispatch).await.ok();
    }

    async fn interrupted(&mut self, reason: String, pause: Duration) {
        let pause = pause.max(self.config.pause(self.failures));
        self.failures = self.failures.saturating_add(1);
        self.publish(&reason);
        sleep(pause).await;
    }

    fn publish(&self, reason: &str) {
        let state = ConnectionState::Interrupted(reason.to_owned());
        if self.status.state() != state {
            tracing::warn!(channel = %self.config.channel, reason, "the connection is interrupted");
            self.status.set(state);
        }
    }

    /// Discord grants a thousand sessions a day, and takes the token from who begins more.
    async fn wait_for_budget(&self, limit: &StartLimit) {
        if let Some(last) = self.last_identify {
            sleep_until(last + self.config.identify_every).await;
        }
        let rest = Duration::from_millis(limit.reset_after);
        let reserve = RESERVE.min(limit.total / 10);
        if limit.remaining < reserve {
            let pause = rest / limit.remaining.max(1);
            let reason = format!("of {} sessions a day {} are left", limit.total, limit.remaining);
            tracing::warn!(channel = %self.config.channel, reason, "waiting before the next session");
            self.status.set(ConnectionState::Interrupted(reason));
            sleep(pause).await;
        }
    }
}

/// Asks where a session can be opened, and for the time.
pub(crate) async fn ask(client: &Client) -> Result<(GatewayInfo, Asked), CallError> {
    let at = Instant::now();
    let route = Route { name: "GET gateway", major: 0 };
    let reply = client.call(Method::GET, route, "/gateway/bot", None::<&()>).await?;
    Ok((reply.read()?, reply.date.map_or_else(Asked::by_our_clock, |unix_millis| Asked { unix_millis, at })))
}

impl Asked {
    /// For where something on the way strips the header that tells the time.
    #[expect(
        clippy::disallowed_methods,
        reason = "ids are compared with Discord's, so no other clock would do"
    )]
    pub(crate) fn by_our_clock() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { unix_millis: u64::try_from(since.as_millis()).unwrap_or_default(), at: Instant::now() }
    }
}
