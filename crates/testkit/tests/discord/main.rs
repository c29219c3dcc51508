//! The stand-in for Discord, seen by a plain HTTP client and a plain WebSocket client.

mod calls;
mod client;
mod faults;
mod gateway;
mod history;
mod places;
mod resuming;
mod sending;
mod trouble;
