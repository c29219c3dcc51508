//! The stand-in for Telegram, seen by a plain HTTP client.

mod calls;
mod client;
mod faults;
mod groups;
mod polling;
mod webhook;
