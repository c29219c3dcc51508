//! What an adapter hands over: things that happened on the messenger.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{ConversationId, EventId, MessageId, UserId};

/// Something that happened on the messenger.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A person wrote something.
    Message(IncomingMessage),
}

impl Event {
    /// By which a second handing-over of the same event is recognised.
    pub fn id(&self) -> &EventId {
        match self {
            Self::Message(message) => &message.event_id,
        }
    }
}

/// A message that a person wrote. Never the channel's own and never another bot's: the adapter
/// leaves those out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingMessage {
    /// By which a second handing-over of the same message is recognised.
    pub event_id: EventId,
    /// Where it was written; the answer goes there and nowhere else.
    pub conversation: ConversationId,
    /// Whether that place is for one person or for many.
    pub place: Place,
    /// Whether the message is meant for the bot. Only matters in a group.
    pub addressed: Addressed,
    /// Who wrote it.
    pub user: UserId,
    /// The person's name as the messenger shows it, for lists and traces. Not given to the AI.
    pub user_name: Option<String>,
    /// The message on the messenger, if an answer can refer to it.
    pub native_id: Option<MessageId>,
    /// The text. The AI reads text only, so whatever else was sent has been put into words. Not
    /// empty.
    pub text: String,
    /// When the messenger says it was written.
    pub sent_at: Option<OffsetDateTime>,
}

/// The kind of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The bot and one person.
    Direct,
    /// Several people, perhaps strangers to each other.
    Group,
}

/// Whether a message in a group is meant for the bot. The adapter says what it saw; what follows
/// from it is the engine's business (`groups = "mention" | "all" | "off"`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Addressed {
    /// It mentions the bot, replies to it, is a command for it, or was written to it directly.
    ToBot,
    /// It was written for the room.
    ToRoom,
}
