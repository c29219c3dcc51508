//! Receiving: what the gateway tells, and what it did not.
//!
//! Two things go on side by side. The gateway's connections hand over events in order; here they are taken one
//! after the other, and stored together with where the channel stands (`marks`). As long as the session goes on,
//! also over connections and processes, nothing is missing. A session that begins anew may have missed
//! something, which is fetched from history before anything that came later in the same place (`history`): from
//! the direct channels that are known, from whatever a guild names as newer than what we know, and from every
//! other place as soon as something is written there, by this process or a later one that goes on with the
//! session. Live events wait meanwhile, so that order holds; several places are asked at once, so that they do not
//! wait long.

mod guild;
mod history;
mod live;

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    sync::atomic::AtomicU64,
    time::Duration,
};

use switchboard_core::{AcceptError, ChannelStatus, ConnectionState, Event, Inbox, RunError};
use tokio::{sync::mpsc, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    DiscordConfig, bot,
    client::Client,
    gateway::{Dispatch, Gateway, Steady},
    id::Address,
    marks::Marks,
};

pub(crate) use guild::Channel;

/// How many events wait to be stored before nothing more is read.
const WAITING: usize = 1_000;
/// The most messages of one transaction.
const BATCH: usize = 100;
/// How far the clocks of Discord's machines may be apart, with the part of a second that the header leaves out.
const SKEW: Duration = Duration::from_secs(2);

/// Receives until `stop`.
pub(crate) async fn run(
    client: &Client,
    config: &DiscordConfig,
    inbox: Inbox,
    stop: CancellationToken,
) -> Result<(), RunError> {
    let status = inbox.status().clone();
    status.set(ConnectionState::Connecting);
    // What is dropped here is not stored, and the session goes on before it.
    match stop.run_until_cancelled(Box::pin(receive(client, config, inbox))).await {
        Some(Ended::Fatal(error)) => Err(error),
        Some(Ended::NotOwner) => {
            // No connection is left that could take the session from the new owner.
            stop.cancelled().await;
            status.set(ConnectionState::Stopped);
            Ok(())
        }
        None => {
            status.set(ConnectionState::Stopped);
            Ok(())
        }
    }
}

async fn receive(client: &Client, config: &DiscordConfig, inbox: Inbox) -> Ended {
    let marks = stored_marks(config, &inbox).await;
    let me = match me(client, config, &inbox).await {
        Ok(me) => me,
        Err(error) => return Ended::Fatal(error),
    };
    let (sender, events) = mpsc::channel(WAITING);
    let (status, steady) = (inbox.status().clone(), Steady::new(config.hold));
    let gateway = Gateway::new(client, config, status.clone(), marks.session.clone(), sender, &steady);
    let receiver = Receiver {
        client,
        config,
        inbox,
        me,
        marks,
        pending: Vec::new(),
        unstored: 0,
        fetched: HashSet::new(),
        roles: HashMap::new(),
        joined: HashMap::new(),
        answered: AtomicU64::new(0),
        told: HashSet::new(),
        steady: &steady,
    };
    tokio::select! {
        error = gateway.run() => Ended::Fatal(error),
        ended = receiver.run(events) => ended,
        never = publish(config, &status, &steady) => match never {},
    }
}

/// Publishes the connections that hold.
async fn publish(config: &DiscordConfig, status: &ChannelStatus, steady: &Steady) -> Infallible {
    loop {
        steady.held().await;
        if status.state() != ConnectionState::Connected {
            tracing::info!(channel = %config.channel, "connected to the gateway");
        }
        status.set(ConnectionState::Connected);
    }
}

/// Why receiving ended by itself.
enum Ended {
    Fatal(RunError),
    /// Another replica owns the channel.
    NotOwner,
}

/// Takes what comes.
struct Receiver<'a> {
    client: &'a Client,
    config: &'a DiscordConfig,
    inbox: Inbox,
    /// The bot's id.
    me: u64,
    /// Where the channel stands, `pending` included.
    marks: Marks,
    /// What is to be stored next.
    pending: Vec<Event>,
    /// How many things have happened since it was stored where the channel stands.
    unstored: usize,
    /// The places of which it was seen in this session that nothing is missing any more.
    fetched: HashSet<Address>,
    /// The bot's roles in guilds.
    roles: HashMap<u64, Vec<u64>>,
    /// The first id that was made after the bot had been added to a guild. What was written before was not
    /// written for it.
    joined: HashMap<u64, u64>,
    /// How many questions about what was missed were answered.
    answered: AtomicU64,
    /// What has been said in the log and need not be repeated.
    told: HashSet<Warning>,
    /// Told of sessions that are open, and stored.
    steady: &'a Steady,
}

/// A warning that is worth one line, however often its reason comes up.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Warning {
    /// The history of a channel cannot be read.
    History(u64),
    /// Messages come without their content.
    Content,
}

impl Receiver<'_> {
    async fn run(mut self, mut events: mpsc::Receiver<Dispatch>) -> Ended {
        loop {
            if let Err(ended) = self.round(&mut events).await {
                return ended;
            }
        }
    }

    /// Takes what has come, and stores it in as few transactions as possible.
    async fn round(&mut self, events: &mut mpsc::Receiver<Dispatch>) -> Result<(), Ended> {
        if self.marks.behind && self.marks.session.is_some() {
            // The process before this one did not come to the end of it.
            self.fetch_direct().await?;
        }
        let Some(first) = events.recv().await else {
            // The gateway ends only by an error, which is what is told then.
            return std::future::pending().await;
        };
        self.take(first).await?;
        while self.pending.len() < BATCH
            && let Ok(next) = events.try_recv()
        {
            self.take(next).await?;
        }
        // Most of what happens are no messages. A session does not go on from too far back.
        if self.pending.is_empty() && self.unstored < BATCH { Ok(()) } else { self.store().await }
    }

    async fn take(&mut self, dispatch: Dispatch) -> Result<(), Ended> {
        let seq = dispatch.seq;
        self.unstored += 1;
        match dispatch.name.as_str() {
            // It sets the number by itself.
            "READY" => return self.ready(&dispatch).await,
            "RESUMED" => self.steady.is_open(dispatch.connection),
            "MESSAGE_CREATE" => self.message(&dispatch.data).await?,
            "GUILD_CREATE" => self.guild(&dispatch.data).await?,
            "GUILD_DELETE" => self.guild_left(&dispatch.data),
            "GUILD_MEMBER_UPDATE" => self.member(&dispatch.data),
            _ => {}
        }
        if let Some(session) = &mut self.marks.session {
            session.seq = seq;
        }
        Ok(())
    }

    /// Stores what is pending with where the channel stands. While the store does not take it, nothing else is
    /// done.
    async fn store(&mut self) -> Result<(), Ended> {
        let events = std::mem::take(&mut self.pending);
        let cursor = self.marks.cursor();
        self.unstored = 0;
        loop {
            match self.inbox.accept(events.clone(), Some(cursor.clone())).await {
                Ok(_) => return Ok(()),
                Err(AcceptError::Unavailable { retry_after }) => sleep(retry_after).await,
                Err(AcceptError::NotOwner) => return Err(Ended::NotOwner),
            }
        }
    }
}

/// Where the channel stands. A cursor that cannot be read now is not taken for none.
async fn stored_marks(config: &DiscordConfig, inbox: &Inbox) -> Marks {
    loop {
        let Ok(cursor) = inbox.cursor().await else {
            sleep(config.first_pause).await;
            continue;
        };
        let Some(cursor) = cursor else { return Marks::default() };
        return Marks::parse(&cursor).unwrap_or_else(|| {
            tracing::warn!(channel = %config.channel, "the cursor is not one of this version; beginning with what comes now");
            Marks::default()
        });
    }
}

/// Who the bot is. Asked until Discord says it.
async fn me(client: &Client, config: &DiscordConfig, inbox: &Inbox) -> Result<u64, RunError> {
    let mut failures = 0;
    loop {
        match bot::ask_me(client).await {
            Ok(me) => return Ok(me.id.get()),
            Err(error) => {
                let reason = error.describe();
                tracing::warn!(channel = %config.channel, reason, "Discord does not say who the bot is");
                inbox.status().set(ConnectionState::Interrupted(reason));
                sleep(config.pause(failures).max(error.retry_after().unwrap_or_default())).await;
                failures = failures.saturating_add(1);
                // Asked only after the pause: what refused a good token once may do so for a moment.
                if let Some(error) = bot::confirm(client, error).await.needs_a_person() {
                    return Err(error);
                }
            }
        }
    }
}
