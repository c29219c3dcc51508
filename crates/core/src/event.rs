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
    /// A conversation has another id from now on (a Telegram group that became a supergroup).
    Moved(ConversationMoved),
    /// People in a conversation can be reached no longer, or again: they blocked the bot, or removed
    /// it from the group.
    Reachable(Reachability),
    /// The platform handed over something that the adapter cannot read. It is kept whole for a
    /// person to look at, so that it may be confirmed and does not hold up what comes after it.
    Unreadable(Unreadable),
}

impl Event {
    /// By which a second handing-over of the same event is recognised.
    pub fn id(&self) -> &EventId {
        match self {
            Self::Message(message) => &message.event_id,
            Self::Moved(moved) => &moved.event_id,
            Self::Reachable(change) => &change.event_id,
            Self::Unreadable(unreadable) => &unreadable.event_id,
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
    /// The channel's own answer to this message, in Markdown, as its configuration says (a greeting
    /// for Telegram's /start). With it, the AI is not asked. `None`: the AI answers.
    pub answer: Option<String>,
}

/// A conversation has another id from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationMoved {
    /// By which a second handing-over of the same event is recognised.
    pub event_id: EventId,
    /// The id that it had.
    pub from: ConversationId,
    /// The id that it has.
    pub to: ConversationId,
}

/// Whether the channel can write to a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reachability {
    /// By which a second handing-over of the same event is recognised.
    pub event_id: EventId,
    /// The conversation.
    pub conversation: ConversationId,
    /// Whether it can be written to now.
    pub reachable: bool,
}

/// What an adapter could not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// By which a second handing-over of the same event is recognised.
    pub event_id: EventId,
    /// What is wrong with it, in one clause.
    pub reason: String,
    /// What the platform handed over, as it came.
    pub raw: String,
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
