//! A stand-in for Discord, as strict as the real one: the REST API and the gateway, version 10.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use switchboard_testkit::discord::{FakeDiscord, Fault};
//!
//! let discord = FakeDiscord::start().await?;
//! let bot = discord.bot("secret"); // `api_url` is discord.url()
//! let alice = bot.user("Alice");
//! alice.sends("Where is my parcel?"); // into the direct channel
//! let shop = bot.guild("Shop").text_channel("help");
//! alice.says(&format!("{} and here?", bot.mention())).in_channel(&shop).send();
//! alice.says("The gateway loses this").in_channel(&shop).send_unheard();
//! bot.plan(Fault::AnswerLost).on("POST /channels/*/messages").next(1);
//! bot.plan(Fault::NoAnswer).on("HEARTBEAT").always();
//! bot.closes_connections(4000);
//! # Ok(())
//! # }
//! ```
//!
//! - [`FakeDiscord`]: the server. It can go down and come back with all that it knew
//! - [`Bot`]: one token's view of the world: its journal ([`Call`], [`Sent`], [`Identify`], [`Resume`],
//!   [`Heartbeat`]), its connections and sessions, its faults and its limits
//! - [`User`], [`Guild`], [`Channel`], [`Draft`]: people, where they are, and what they do
//! - [`Fault`], [`Plan`]: what goes wrong, and when
//! - [`Rates`]: limits that answer 429 honestly. The headers are there in any case
//!
//! # What it knows of Discord
//!
//! The routes that a relay needs: `/gateway`, `/gateway/bot`, `/users/@me` with its guilds and direct channels,
//! `/users/*`, `/applications/@me`, `/guilds/*` with channels, roles, active threads and members, `/channels/*` with
//! messages and typing. Every other call is answered 404. Messages of the bot hold text and nothing else; what the
//! server does not know of a body is refused rather than accepted. Bots share nothing, not even users, and everybody
//! is a member of every guild.
//!
//! A session hears of what its intents, its shard and the bot's permissions let through. It outlives its connection
//! and can be resumed, at either of the two addresses. Clients connect by plain `ws`, in JSON and uncompressed. What
//! happened while a guild was unavailable, and what was [sent unheard](Draft::send_unheard), is found in history only.

mod answer;
mod bot;
mod calls;
mod channels;
mod clock;
mod draft;
mod faults;
mod gateway;
mod guilds;
mod history;
mod journal;
mod lookups;
mod messages;
mod people;
mod permissions;
mod places;
mod rates;
mod request;
mod routes;
mod sending;
mod server;
mod snowflake;
mod state;

pub use answer::Scope;
pub use bot::Bot;
pub use channels::Kind;
pub use draft::{Draft, Posted};
pub use faults::{Fault, Plan};
pub use journal::{Call, Heartbeat, Identify, Resume, Sent};
pub use people::User;
pub use permissions::Permission;
pub use places::{Channel, Guild};
pub use rates::{Rates, Window};
pub use server::FakeDiscord;
