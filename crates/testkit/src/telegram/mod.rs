//! A stand-in for Telegram's Bot API, as strict as the real one.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use switchboard_testkit::telegram::{FakeTelegram, Fault};
//!
//! let telegram = FakeTelegram::start().await?;
//! let bot = telegram.bot("123456:secret"); // `api_url` is telegram.url()
//! let alice = bot.user("Alice");
//! alice.sends("Where is my parcel?"); // waits in the bot's queue
//! bot.plan(Fault::AnswerLost).on("sendMessage").next(1);
//! # Ok(())
//! # }
//! ```
//!
//! - [`FakeTelegram`]: the server. It can go down and come back with all that it knew
//! - [`Bot`]: one token's view of the world: its queue of updates, chats, webhook, faults, limits and [journal](Call)
//! - [`User`], [`Chat`], [`Draft`]: people and what they do
//! - [`Fault`], [`Plan`]: what goes wrong, and when
//! - [`Rates`]: limits that answer 429 honestly
//!
//! What it knows of Telegram: `getMe`, `getUpdates`, `setWebhook`, `deleteWebhook`, `getWebhookInfo`, `getChat`,
//! `sendMessage`, `sendChatAction`. Every other method is answered 404. Bots share nothing, not even users. A method
//! call in a webhook's answer is not carried out.

mod answer;
mod bot;
mod chats;
mod clock;
mod delivery;
mod draft;
mod faults;
mod journal;
mod methods;
mod params;
mod people;
mod polling;
mod rates;
mod sending;
mod server;
mod state;
mod updates;
mod webhook;

pub use bot::Bot;
pub use delivery::Delivery;
pub use draft::{Draft, Posted};
pub use faults::{Fault, Plan};
pub use journal::{Call, Sent};
pub use params::Params;
pub use people::{Chat, User};
pub use rates::{Limit, Rates};
pub use server::FakeTelegram;
