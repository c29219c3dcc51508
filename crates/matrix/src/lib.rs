//! Matrix, by its client-server API, end-to-end encrypted where rooms are.
//!
//! [`MatrixMessenger::new`] gives the adapter for the engine.
//!
//! - `receiving` asks for what is new, fetches what was missed, reads what could not be read before its key came,
//!   accepts invitations, and stores it all with where the channel stands (`marks`); `inbound` makes events of
//!   messages, and puts into words whatever is no text.
//! - `outbound` sends; `format` makes the content, `error` says what a failure means.
//! - `account` is the device: its session, its keys, the directory that they are in, and what of that is kept for the
//!   operator. `connection` sees to it that there is one at a time. All of Matrix itself is matrix-sdk's.
//! - `homeserver` calls without the device, for `probe`, which looks on request at what can be looked at without
//!   disturbing anybody. [`recovery_key`] reads the key to what the device has left on the homeserver.
//!
//! What is taken in: messages that people write in rooms that the account is in, and since it was invited; a thread is
//! a conversation. What is not: notices (what programs write), the account's own messages, reactions, deletions, and
//! edits unless they are asked for.
//!
//! What was missed is found as follows. The SDK notes how far it is before anybody has seen what came, and one
//! malformed event has it drop what came with it. So the channel's position is stored with the messages, and where the
//! SDK's is another, where something failed, or where the homeserver left something out, the rooms' histories are read
//! on from ours. A message without a key stays in the cursor, and is fetched again when the key comes.
//!
//! A device and its keys belong together for ever, so the directory is compared with the cursor before it is used:
//! what is lost, another's or an old copy is refused, and nothing is sent with it either. It belongs to one process at
//! a time, which a lock on it ensures, and its files are closed when receiving ends.

// The SDK's futures are nested that deeply.
#![recursion_limit = "256"]

mod account;
mod capabilities;
mod config;
mod connection;
mod error;
mod format;
mod homeserver;
mod id;
mod inbound;
mod marks;
mod outbound;
mod probe;
mod receiving;
mod recovery;
mod withheld;

pub use account::StateError;
pub use config::{
    ConfigError, Edited, Invites, Login, MatrixConfig, Verification, check_homeserver_url, check_inviter,
    check_user,
};
pub use outbound::MatrixMessenger;
pub use recovery::recovery_key;
