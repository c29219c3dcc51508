//! What the server knows for one bot, behind one lock.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::channels::ChannelState;
use super::faults::Rule;
use super::gateway::Session;
use super::guilds::GuildState;
use super::journal::Journal;
use super::rates::Meters;
use super::snowflake::Snowflakes;

/// One bot. Handles and connections share it.
pub(super) struct Shared {
    pub(super) id: u64,
    pub(super) name: String,
    /// Where its connections to the gateway go, without a path.
    pub(super) gateway: String,
    state: Mutex<State>,
}

/// A user, the bot included.
pub(super) struct UserState {
    /// As it stands in messages.
    pub(super) json: Value,
    /// The webhook's id, for authors that are none of Discord's users.
    pub(super) webhook: Option<u64>,
    /// The direct channel with the bot, once there is one.
    pub(super) direct: Option<u64>,
    /// The code and the message with which direct messages are refused.
    pub(super) refuses: Option<(u32, &'static str)>,
}

/// The part that changes.
pub(super) struct State {
    /// The bot's own id.
    pub(super) bot: u64,
    pub(super) ids: Arc<Snowflakes>,
    pub(super) users: HashMap<u64, UserState>,
    pub(super) guilds: BTreeMap<u64, GuildState>,
    pub(super) channels: BTreeMap<u64, ChannelState>,
    pub(super) sessions: Vec<Session>,
    /// How long a session without a connection may still be resumed.
    pub(super) session_life: Duration,
    pub(super) identifies_left: u32,
    /// Whether the token is no longer good.
    pub(super) revoked: bool,
    /// Whether the developer portal grants the intent MESSAGE_CONTENT.
    pub(super) reads_content: bool,
    /// The messages that were sent with a nonce to be enforced, with their channels.
    pub(super) nonces: HashMap<String, (Instant, u64, u64)>,
    pub(super) nonce_window: Duration,
    pub(super) journal: Journal,
    pub(super) rules: Vec<Rule>,
    pub(super) meters: Option<Meters>,
}

/// How many times a bot may identify within a day.
pub(super) const IDENTIFIES: u32 = 1000;

impl Shared {
    pub(super) fn new(gateway: String, ids: Arc<Snowflakes>) -> Self {
        let bot = ids.fresh();
        let name = "Stand-in".to_owned();
        let state = State {
            bot,
            ids,
            users: HashMap::from([(bot, UserState::new(bot, &name, true))]),
            guilds: BTreeMap::new(),
            channels: BTreeMap::new(),
            sessions: Vec::new(),
            session_life: Duration::from_mins(3),
            identifies_left: IDENTIFIES,
            revoked: false,
            reads_content: true,
            nonces: HashMap::new(),
            nonce_window: Duration::from_mins(5),
            journal: Journal::default(),
            rules: Vec::new(),
            meters: None,
        };
        Self { id: bot, name, gateway, state: Mutex::new(state) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A test that panicked while it held the lock has failed already.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UserState {
    pub(super) fn new(id: u64, name: &str, bot: bool) -> Self {
        let username = name.to_lowercase().replace(|letter: char| !letter.is_ascii_alphanumeric(), "_");
        let mut json = json!({
            "id": id.to_string(), "username": username, "discriminator": "0", "global_name": name,
            "avatar": null, "avatar_decoration_data": null, "banner": null, "accent_color": null,
            "public_flags": 0, "flags": 0, "primary_guild": null, "collectibles": null,
        });
        if bot {
            json["bot"] = true.into();
        }
        Self { json, webhook: None, direct: None, refuses: None }
    }
}

impl State {
    /// A channel that exists, for what the test does itself.
    pub(super) fn channel_mut(&mut self, id: u64) -> &mut ChannelState {
        self.channels.get_mut(&id).expect("the channel was not deleted")
    }

    pub(super) fn guild_mut(&mut self, id: u64) -> &mut GuildState {
        self.guilds.get_mut(&id).expect("guilds are never forgotten")
    }

    /// The application's flags: which intents the developer portal grants.
    pub(super) fn application_flags(&self) -> u64 {
        // GATEWAY_MESSAGE_CONTENT_LIMITED, as bots have it that are not verified.
        if self.reads_content { 1 << 19 } else { 0 }
    }
}
