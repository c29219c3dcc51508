//! What is Telegram's alone, against a stand-in for its Bot API.

mod addressing;
mod events;
mod kinds;
mod polling;
mod probe;
mod sending;
mod support;
mod webhook;
