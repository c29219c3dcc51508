//! IDENTIFY and RESUME: how a session begins and goes on.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::calls::World;
use super::super::faults::{Fault, strike};
use super::super::journal::{Identify, Resume};
use super::super::state::{Shared, State};
use super::intents;
use super::session::{Event, Link, Order, Session, control};

/// What the gateway does with an IDENTIFY or a RESUME.
pub(super) enum Verdict {
    /// The session is this connection's.
    Served(Arc<Shared>),
    /// These are the orders for it.
    Refused(Order),
    /// Nothing at all.
    Ignored,
    /// The same again after this time.
    Later(Duration),
    /// It was served, and nobody will know.
    Lost(Arc<Shared>),
}

const BAD_DATA: Verdict = Verdict::Refused(Order::Close(4002));
const NOT_AUTHENTICATED: Verdict = Verdict::Refused(Order::Close(4004));

/// Whether the session may be resumed.
fn invalid_session(resumable: bool) -> Verdict {
    Verdict::Refused(control(9, &resumable.into()))
}

/// What becomes of a connection after its session was opened.
enum Then {
    Stays,
    /// It is dropped before anything is said.
    Lost,
    /// It is closed with this code after all was said.
    Closed(u16),
}

impl Then {
    fn verdict(self, bot: &Arc<Shared>, session: &Session) -> Verdict {
        if let Self::Closed(code) = self {
            session.order(Order::Close(code));
        }
        let verdict = if matches!(self, Self::Lost) { Verdict::Lost } else { Verdict::Served };
        verdict(Arc::clone(bot))
    }
}

/// What a plan makes of it.
fn planned(fault: Option<&Fault>) -> Result<Then, Verdict> {
    match fault {
        Some(Fault::CloseCode(code)) => Err(Verdict::Refused(Order::Close(*code))),
        Some(Fault::InvalidSession { resumable }) => Err(invalid_session(*resumable)),
        Some(Fault::Closed) => Err(Verdict::Refused(Order::Drop)),
        Some(Fault::NoAnswer) => Err(Verdict::Ignored),
        Some(Fault::Slow(time)) => Err(Verdict::Later(*time)),
        Some(Fault::OpenedThenClosed(code)) => Ok(Then::Closed(*code)),
        Some(Fault::AnswerLost) => Ok(Then::Lost),
        _ => Ok(Then::Stays),
    }
}

/// The bot whose token it is.
fn bot(world: &World, data: &Value) -> Option<Arc<Shared>> {
    let token = data["token"].as_str()?;
    // Both forms are taken, as by Discord.
    world.find(token.strip_prefix("Bot ").unwrap_or(token))
}

pub(super) fn identify(world: &World, data: &Value, link: Link) -> Verdict {
    let (Some(asked), true) = (data["intents"].as_u64(), data["properties"].is_object()) else {
        return BAD_DATA;
    };
    let Some(bot) = bot(world, data) else { return NOT_AUTHENTICATED };
    let mut state = bot.lock();
    let now = Instant::now();
    let number = link.number;
    let verdict = state.identify(&bot, asked, &data["shard"], link, now);
    let accepted = matches!(verdict, Verdict::Served(_) | Verdict::Lost(_));
    if !matches!(verdict, Verdict::Later(_)) {
        state.journal.identifies.push(Identify { connection: number, intents: asked, at: now, accepted });
    }
    verdict
}

impl State {
    fn identify(
        &mut self,
        bot: &Arc<Shared>,
        asked: u64,
        shard: &Value,
        link: Link,
        now: Instant,
    ) -> Verdict {
        if self.revoked {
            return NOT_AUTHENTICATED;
        }
        let then = match planned(strike(&mut self.rules, "IDENTIFY", None).as_ref()) {
            Ok(then) => then,
            Err(verdict) => return verdict,
        };
        if !self.spend_identify() {
            return NOT_AUTHENTICATED;
        }
        if self.meters.as_mut().is_some_and(|meters| !meters.identify(now)) {
            return invalid_session(false);
        }
        if asked & !intents::ALL != 0 {
            return Verdict::Refused(Order::Close(4013));
        }
        let ungranted = if self.reads_content { 0 } else { intents::MESSAGE_CONTENT };
        if asked & (intents::NOT_GRANTED | ungranted) != 0 {
            return Verdict::Refused(Order::Close(4014));
        }
        let number = |place: usize| shard[place].as_u64();
        let shard = number(0).zip(number(1)).unwrap_or((0, 1));
        if shard.0 >= shard.1 {
            return Verdict::Refused(Order::Close(4010));
        }
        then.verdict(bot, self.begin(bot, asked, shard, link, now))
    }

    /// Takes one from the day's budget. Where it is used up, Discord ends all sessions and the token.
    fn spend_identify(&mut self) -> bool {
        let Some(left) = self.identifies_left.checked_sub(1) else {
            self.revoke();
            return false;
        };
        self.identifies_left = left;
        true
    }

    /// The token is no longer good.
    pub(super) fn revoke(&mut self) {
        self.revoked = true;
        for session in self.sessions.drain(..) {
            session.order(Order::Close(4004));
        }
    }

    /// Begins a session, and tells it what there is.
    fn begin(&mut self, bot: &Shared, intents: u64, shard: (u64, u64), link: Link, now: Instant) -> &Session {
        self.expire_sessions(now);
        let id = format!("{:032x}", self.ids.fresh());
        let mut session =
            Session { id, intents, shard, seq: 0, kept: VecDeque::new(), link: Some(link), left_at: now };
        session.say("READY", &self.ready(bot, &session).to_string());
        for guild in self.guilds.values().filter(|guild| guild.joined && guild.available) {
            let whole = self.show_whole_guild(guild);
            session.hear(&Event::new("GUILD_CREATE", intents::GUILDS, Some(guild.id), &whole));
        }
        self.sessions.push(session);
        self.sessions.last().expect("it has just been added")
    }

    /// The guilds are only named here: they come one by one.
    fn ready(&self, bot: &Shared, session: &Session) -> Value {
        let joined = self.guilds.values().filter(|guild| guild.joined);
        let guilds = joined.map(|guild| json!({ "id": guild.id.to_string(), "unavailable": true }));
        json!({
            "v": 10, "user": self.users[&self.bot].json, "guilds": guilds.collect::<Value>(),
            "session_id": session.id, "resume_gateway_url": format!("{}/resume", bot.gateway),
            "session_type": "normal", "shard": [session.shard.0, session.shard.1],
            "application": { "id": self.bot.to_string(), "flags": self.application_flags() },
            "user_settings": {}, "relationships": [], "private_channels": [], "presences": [],
            "guild_join_requests": [], "geo_ordered_rtc_regions": [], "auth": {}, "_trace": ["stand-in"],
        })
    }
}

pub(super) fn resume(world: &World, data: &Value, link: Link, at_resume_url: bool) -> Verdict {
    let (Some(session_id), Some(seq)) = (data["session_id"].as_str(), data["seq"].as_u64()) else {
        return BAD_DATA;
    };
    let Some(bot) = bot(world, data) else { return NOT_AUTHENTICATED };
    let mut state = bot.lock();
    let now = Instant::now();
    let mut entry = Resume {
        connection: link.number,
        at_resume_url,
        session_id: session_id.to_owned(),
        seq,
        at: now,
        replayed: None,
    };
    let verdict = match state.resume(&bot, session_id, seq, link, now) {
        Ok((replayed, verdict)) => {
            entry.replayed = Some(replayed);
            verdict
        }
        Err(later @ Verdict::Later(_)) => return later,
        Err(verdict) => verdict,
    };
    state.journal.resumes.push(entry);
    verdict
}

impl State {
    fn resume(
        &mut self,
        bot: &Arc<Shared>,
        id: &str,
        seq: u64,
        link: Link,
        now: Instant,
    ) -> Result<(usize, Verdict), Verdict> {
        if self.revoked {
            return Err(NOT_AUTHENTICATED);
        }
        let then = planned(strike(&mut self.rules, "RESUME", None).as_ref())?;
        self.expire_sessions(now);
        let found = self.sessions.iter_mut().find(|session| session.id == id);
        let session = found.ok_or_else(|| invalid_session(false))?;
        if seq > session.seq {
            return Err(Verdict::Refused(Order::Close(4007)));
        }
        let replayed = session.resume(seq, link).ok_or_else(|| invalid_session(false))?;
        Ok((replayed, then.verdict(bot, session)))
    }
}
