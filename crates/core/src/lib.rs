//! The contract between the gateway and its messengers. No I/O.
//!
//! To add a messenger, implement [`Messenger`] in a crate of its own that depends on this one:
//!
//! 1. [`Messenger::run`] receives from the platform and hands events to [`Inbox::accept`], which
//!    returns after they are stored; only then confirm them to the platform.
//! 2. [`Messenger::execute`] carries out one [`Action`] and says with a [`Receipt`] or a
//!    [`SendError`] what became of it. Queues, retries, rates and splitting are not its business.
//! 3. [`Messenger::capabilities`] states as data what the channel can do; nothing else does.
//! 4. [`Messenger::probe`] checks on request what can be checked without anybody noticing.
//!
//! Ids ([`ConversationId`], [`UserId`], [`EventId`], [`MessageId`]) are minted by the adapter and
//! opaque to everybody else. Text arrives rendered for the messenger; see [`markup`].

mod action;
mod capability;
mod chat_id;
mod error;
mod event;
mod finding;
mod id;
mod inbox;
pub mod markup;
mod messenger;
mod notes;
mod pace;
mod status;
mod thread;

pub use action::{Action, Delete, Edit, React, Receipt, SendAttachment, SendText, Typing, TypingSupport};
pub use capability::{
    AttachmentSupport, Capabilities, Idempotency, NotSupported, Rate, Rates, Support, TextSupport,
};
pub use chat_id::{ChatIdChoice, ChatRoute, chat_id};
pub use error::{Cause, RunError, Scope, SendError, Verdict, chain};
pub use event::{Addressed, ConversationMoved, Event, IncomingMessage, Place, Reachability, Unreadable};
pub use finding::{Finding, Severity};
pub use id::{
    AiName, ChannelName, ChatId, ConversationId, Cursor, EventId, IdempotencyKey, MessageId, Position, UserId,
};
pub use inbox::{AcceptError, Accepted, Author, HistoryEntry, Inbox, Intake, News, ReadError};
pub use messenger::Messenger;
pub use notes::{Listening, Notes};
pub use pace::PollPace;
pub use status::{ChannelStatus, ConnectionState, StatusChanges};
pub use thread::{Flag, ThreadFields, ThreadUpdate};
