//! The launched homeserver, with real servers and users.

mod limits;
mod rooms;
mod server;
