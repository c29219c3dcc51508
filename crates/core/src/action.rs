//! What the engine asks an adapter to do.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{ConversationId, IdempotencyKey, MessageId, markup::Rendered};

/// One thing to do on the messenger. Closed: an adapter handles every kind, and refuses with
/// [`crate::SendError::Rejected`] what its capabilities do not list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send a text.
    SendText(SendText),
    /// Show or hide that an answer is being written.
    Typing(Typing),
    /// Replace the text of a message that was sent before.
    Edit(Edit),
    /// Delete a message that was sent before.
    Delete(Delete),
    /// Put a reaction on a message.
    React(React),
    /// Send a file.
    SendAttachment(SendAttachment),
}

impl Action {
    /// Where it is to be done.
    pub fn conversation(&self) -> &ConversationId {
        match self {
            Self::SendText(action) => &action.conversation,
            Self::Typing(action) => &action.conversation,
            Self::Edit(action) => &action.conversation,
            Self::Delete(action) => &action.conversation,
            Self::React(action) => &action.conversation,
            Self::SendAttachment(action) => &action.conversation,
        }
    }
}

/// Send one text, which is within the limit that the capabilities state and in their format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendText {
    /// The same over all attempts at this text.
    pub key: IdempotencyKey,
    /// Where to.
    pub conversation: ConversationId,
    /// The text, rendered for this messenger.
    pub text: Rendered,
    /// The message that it answers, where the answer should say so (groups).
    pub reply_to: Option<MessageId>,
}

/// Show or hide that an answer is being written. Not stored and not repeated: losing it costs
/// nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typing {
    /// Where.
    pub conversation: ConversationId,
    /// Show or hide.
    pub on: bool,
}

/// Replace the text of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The same over all attempts.
    pub key: IdempotencyKey,
    /// Where the message is.
    pub conversation: ConversationId,
    /// The message.
    pub message: MessageId,
    /// The new text.
    pub text: Rendered,
}

/// Delete a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delete {
    /// The same over all attempts.
    pub key: IdempotencyKey,
    /// Where the message is.
    pub conversation: ConversationId,
    /// The message.
    pub message: MessageId,
}

/// Put a reaction on a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct React {
    /// The same over all attempts.
    pub key: IdempotencyKey,
    /// Where the message is.
    pub conversation: ConversationId,
    /// The message.
    pub message: MessageId,
    /// The emoji.
    pub emoji: String,
}

/// Send a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendAttachment {
    /// The same over all attempts.
    pub key: IdempotencyKey,
    /// Where to.
    pub conversation: ConversationId,
    /// The file's name, as the user sees it.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its content.
    pub content: Vec<u8>,
}

/// What the messenger made of an action.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Every message that now exists because of the action, in order. Empty where the action
    /// makes none (typing, a reaction) or the messenger names none.
    pub messages: Vec<MessageId>,
}

/// How often typing must be repeated to stay visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypingSupport {
    /// Repeat after this long.
    pub refresh: Duration,
    /// Whether it must be hidden explicitly, because the answer does not end it.
    pub hide: bool,
}
