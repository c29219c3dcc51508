//! A stand-in for the AI platform: the same API on a port of its own, webhooks, and an operator's
//! panel. Its answers are canned; everything else behaves like the platform, and badly on request.
//!
//! [`Sandbox::bind`] takes the port, [`Sandbox::run`] serves until it is told to stop, and a
//! [`Handle`] steers it from the same process. A TLS provider of rustls must have been installed
//! for the process before.
//!
//! Nothing is stored: a restart forgets every dialogue. Webhooks that are not answered are repeated
//! until they are, dialogue by dialogue and in order; the real platform may not do that.
//!
//! # The platform's API
//!
//! `POST /api/1.1/wf/send_message_external` with `Authorization: Bearer …` and the JSON
//! `{"task_id", "chat_id", "message"}`. It answers 200 and then sends two webhooks with all twenty
//! fields: the user's own message, and after the delay the bot's answer. 401 is a wrong token, 400
//! a body or a task that it does not understand, 503 too many webhooks waiting.
//!
//! The bot repeats what it is told, and knows a few commands; `/help` lists them.
//!
//! # The control API
//!
//! For tests and demonstrations, without a token: do not put the port on the internet. Every body
//! is JSON with `Content-Type: application/json`. [`Handle`] has a method for each.
//!
//! | request | does |
//! |---|---|
//! | `POST /control/faults` | replaces the faults: see [`Faults`] |
//! | `POST /control/delay` `{"milliseconds": 200}` | how long the bot takes to answer |
//! | `POST /control/webhook` `{"url": "http://…"}` | where webhooks go; they wait until it is known |
//! | `POST /control/pause` `{"paused": true}` | holds all webhooks back, or lets them go |
//! | `POST /control/answer` | adds a message to a dialogue, with any fields: see [`Answer`] |
//! | `GET /control/requests?after=N&chat_id=C` | the requests that were received, in order: see [`ReceivedRequest`] |
//! | `GET /control/status` | how much was received, sent, and still waits: see [`Status`] |
//!
//! Three messages answered with 503, then one whose answer never comes although it was taken, and
//! every webhook twice, with flags in Russian:
//!
//! ```json
//! {
//!   "requests": [
//!     {"do": {"status": 503}, "times": 3},
//!     {"do": "hang", "times": 1, "take": true}
//!   ],
//!   "webhooks": {"copies": 2, "style": "danet"}
//! }
//! ```
//!
//! # The panel
//!
//! `GET /panel` lists the dialogues; one can read along, answer as operator, take over, hand back,
//! close, note a contact and set flags. `GET /share` shows one dialogue and changes nothing.
//! Webhooks carry links to both.
//!
//! A phone number or an e-mail address that the user writes is captured: from that message's
//! webhook on, `get_contact` is yes and `contacts` has it. What an operator notes without saying
//! anything is sent at once, in a webhook with the same twenty fields, of which those of the message
//! are empty and `wh_type` is `dialogue`.

mod canned;
mod config;
mod contact;
mod dialogue;
mod error;
mod faults;
mod handle;
mod journal;
mod outbox;
mod routes;
mod service;
mod shared;
mod state;
mod webhook;

pub use config::{Limits, SandboxConfig};
pub use dialogue::{Author, Progress};
pub use error::SandboxError;
pub use faults::{Faults, RequestFault, RequestFaultKind, ValueStyle, WebhookFaults};
pub use handle::{Answer, Handle};
pub use journal::{Outcome, ReceivedRequest};
pub use service::Sandbox;
pub use state::Status;
