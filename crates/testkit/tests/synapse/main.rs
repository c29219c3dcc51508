//! The launched homeserver, with real servers and users.

mod limits;
mod peers;
mod rooms;
mod server;
