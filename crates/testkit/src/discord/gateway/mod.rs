//! The gateway: sessions, and the sockets that serve them.
//!
//! A session is what a bot hears of, numbered; it outlives its connection, so that what was missed can be sent again.
//! Here are its parts: `socket` serves one connection, `opening` begins and resumes sessions, `session` numbers and
//! keeps events, `control` is what a test does to all of it.

mod control;
mod opening;
mod session;
mod socket;
mod upgrade;

pub(super) use session::{Event, Session};
pub(super) use socket::serve;
pub(super) use upgrade::upgrade;

/// What a session wants to hear of, as bits.
pub(super) mod intents {
    /// Guilds, channels and threads.
    pub(in super::super) const GUILDS: u64 = 1;
    pub(in super::super) const GUILD_MESSAGES: u64 = 1 << 9;
    pub(in super::super) const DIRECT_MESSAGES: u64 = 1 << 12;
    pub(in super::super) const MESSAGE_CONTENT: u64 = 1 << 15;
    /// Members and presences, which this server's bots are never granted.
    pub(in super::super) const NOT_GRANTED: u64 = 1 << 1 | 1 << 8;
    /// All that there are.
    pub(in super::super) const ALL: u64 = 0xFFFF | 1 << 16 | 1 << 20 | 1 << 21 | 1 << 24 | 1 << 25;
}
