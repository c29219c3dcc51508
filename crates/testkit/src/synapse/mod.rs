//! A real Matrix homeserver for tests: Synapse, on SQLite, in a temporary directory on a free loopback port.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use switchboard_testkit::synapse::{NewRoom, Peer, homeserver};
//!
//! let homeserver = homeserver()?; // shared by the whole test run, without rate limits
//! let bot = homeserver.register("bot").await?; // `@bot-5f0c…:localhost`: every test has users of its own
//! let alice = homeserver.register("alice").await?;
//! let room = alice.create_room(&NewRoom::direct(&bot.user_id)).await?;
//! bot.join(&room).await?;
//! alice.say(&room, "Where is my parcel?").await?;
//!
//! let bob = Peer::start(&homeserver.register("bob").await?).await?; // end-to-end encrypted
//! let secret = bob.account().create_room(&NewRoom::direct(&bot.user_id).encrypted()).await?;
//! bob.meet(&secret, &bot.user_id).await?; // waits until the bot has joined and can decrypt
//! bob.say(&secret, "Where is mine?").await?;
//! assert_eq!(bob.next_message(&secret).await.body(), "On its way.");
//! # Ok(())
//! # }
//! ```
//!
//! - [`homeserver`]: the server of the test run. Unlimited, never restarted, nobody's own
//! - [`SynapseServer`]: a server of one's own, to stop, kill and start again, or with the limits of a fresh Synapse
//! - [`Homeserver`]: registers users, logs in, limits one user
//! - `Account`: a user in unencrypted rooms
//! - `Peer`: a user with end-to-end encryption, on matrix-nio, which shares no code with what the gateway uses but
//!   the ciphers
//!
//! All but the servers are behind the feature `synapse`. The Python packages are installed by `cargo xtask test`, which
//! says in the environment where they are. There is no federation, so every user is on the one server.

mod server;
mod settings;
mod shared;

#[cfg(feature = "synapse")]
mod account;
#[cfg(feature = "synapse")]
mod events;
#[cfg(feature = "synapse")]
mod homeserver;
#[cfg(feature = "synapse")]
mod http;
#[cfg(feature = "synapse")]
mod inbox;
#[cfg(feature = "synapse")]
mod peer;
#[cfg(feature = "synapse")]
mod rooms;

#[cfg(feature = "synapse")]
pub use hyper::Method;

#[cfg(feature = "synapse")]
pub use account::Account;
#[cfg(feature = "synapse")]
pub use events::Event;
#[cfg(feature = "synapse")]
pub use http::Refusal;
#[cfg(feature = "synapse")]
pub use inbox::{Message, Secrecy};
#[cfg(feature = "synapse")]
pub use peer::Peer;
#[cfg(feature = "synapse")]
pub use rooms::NewRoom;
pub use server::SynapseServer;
pub use settings::Limits;
pub use shared::{Homeserver, SERVER_VARIABLE, homeserver};

/// Names the Python environment in which Synapse is installed. `cargo xtask test` sets it.
pub const PYTHON_VARIABLE: &str = "SWITCHBOARD_TEST_SYNAPSE_PYTHON";

/// Names the Python environment in which matrix-nio is installed. `cargo xtask test` sets it.
pub const PEER_VARIABLE: &str = "SWITCHBOARD_TEST_NIO_PYTHON";
