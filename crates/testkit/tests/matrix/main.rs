//! The stand-in for a Matrix homeserver, seen by a plain HTTP client.

mod accounts;
mod client;
mod faults;
mod rooms;
mod sending;
mod syncing;
