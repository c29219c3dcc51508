//! A stand-in for a Matrix homeserver: the client-server API, for rooms that are not encrypted.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use switchboard_testkit::matrix::{FakeMatrix, Fault};
//!
//! let matrix = FakeMatrix::start().await?;
//! let bot = matrix.bot("support", "password"); // the homeserver is matrix.url()
//! let alice = matrix.person("Alice");
//! let direct = alice.direct(&bot); // invites it, and the client must join
//! alice.sends(&direct, "Where is my parcel?");
//! let help = alice.makes_room("Help");
//! help.adds(&bot);
//! alice.says(&help, "And here?").mentions(&bot).send();
//! alice.says(&help, "No sync tells of this").send_unheard();
//! help.injects(serde_json::json!({ "event_id": "$poison", "content": {} })); // an event without a type
//! matrix.plan(Fault::AnswerLost).on("PUT /rooms/*/send/*/*").in_room(help.id()).next(1);
//! bot.logs_out_softly();
//! # Ok(())
//! # }
//! ```
//!
//! - [`FakeMatrix`]: the server. It can go down and come back with all that it knew, and it keeps a journal ([`Call`],
//!   [`Sent`])
//! - [`User`], [`Session`], [`Room`], [`Draft`]: people and bots, where they are, and what they do
//! - [`Fault`], [`Plan`], [`Gate`]: what goes wrong, and when
//! - [`Rates`]: a limit that answers 429 honestly
//!
//! # What it knows of Matrix
//!
//! What a client needs that logs in, syncs, pages through history, joins, leaves and sends. Every other call is
//! answered 404 `M_UNRECOGNIZED` and can be found by [`FakeMatrix::unknown_calls`]. Keys of devices are kept and given
//! out but never used; what clients send to devices goes nowhere (a test can have devices told something), so encryption
//! needs a real homeserver. Power levels are
//! not enforced, everybody in a room sees all of its history, and syncs tell neither who is writing nor who has read.
//! Of filters, a sync heeds the timeline's limit and the list of rooms, and history the types.

mod account;
mod answer;
mod calls;
mod clock;
mod draft;
mod faults;
mod history;
mod homeserver;
mod journal;
mod keys;
mod login;
mod membership;
mod people;
mod places;
mod polling;
mod rates;
mod request;
mod rooms;
mod routes;
mod sending;
mod server;
mod state;
mod sync;

pub use draft::{Draft, Posted};
pub use faults::{Fault, Gate, Plan};
pub use journal::{Call, Sent};
pub use people::{Session, User};
pub use places::Room;
pub use rates::Rates;
pub use server::FakeMatrix;
