//! What a channel can do, as data: the only statement of support there is.

use std::{num::NonZeroU32, time::Duration};

use crate::{
    Action, ConversationId, TypingSupport,
    markup::{TextFormat, Unit},
};

/// What a channel can do in one conversation. Read by the engine before every action; an action
/// that is not listed here is never given to the adapter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Sending text, which every messenger can.
    pub text: TextSupport,
    /// Showing that an answer is being written.
    pub typing: Option<TypingSupport>,
    /// Replacing the text of a message.
    pub edit: Support,
    /// Deleting a message.
    pub delete: Support,
    /// Reactions.
    pub react: Support,
    /// Sending files.
    pub attachment: Option<AttachmentSupport>,
    /// Whether a repeated send is recognised by its key.
    pub idempotency: Idempotency,
    /// The platform's published rates for sending.
    pub rates: Rates,
    /// Conversations with the same key share `rates.conversation`, and a pause that the platform asks
    /// for in one of them (the topics of one group). `None`: the conversation is alone.
    pub rated_as: Option<ConversationId>,
}

impl Capabilities {
    /// Whether the action may be given to the adapter; if not, why.
    pub fn allow(&self, action: &Action) -> Result<(), NotSupported> {
        let (supported, what) = match action {
            Action::SendText(send) => {
                let (length, limit) = (self.text.unit.measure(send.text.text()), self.text.limit);
                if length > limit {
                    return Err(NotSupported::TooLong { length, limit });
                }
                (true, "text")
            }
            Action::Typing(_) => (self.typing.is_some(), "typing"),
            Action::Edit(_) => (self.edit == Support::Yes, "edit"),
            Action::Delete(_) => (self.delete == Support::Yes, "delete"),
            Action::React(_) => (self.react == Support::Yes, "react"),
            Action::SendAttachment(file) => match &self.attachment {
                Some(support) if file.content.len() > support.limit => {
                    return Err(NotSupported::TooLong { length: file.content.len(), limit: support.limit });
                }
                support => (support.is_some(), "attachment"),
            },
        };
        if supported { Ok(()) } else { Err(NotSupported::Action(what)) }
    }
}

/// Why an action is not given to the adapter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSupported {
    /// The capabilities do not list it.
    #[error("the channel does not support {0:?}")]
    Action(&'static str),
    /// It is over the limit.
    #[error("{length} is over the channel's limit of {limit}")]
    TooLong {
        /// How long it is, in the unit of the capability.
        length: usize,
        /// How long it may be.
        limit: usize,
    },
}

/// Whether something can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// It cannot.
    No,
    /// It can.
    Yes,
}

/// How text is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextSupport {
    /// What the messenger understands.
    pub format: TextFormat,
    /// The longest text of one message, in `unit`.
    pub limit: usize,
    /// The unit of `limit`.
    pub unit: Unit,
}

/// How files are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttachmentSupport {
    /// The largest file, in bytes.
    pub limit: usize,
}

/// For how long the platform recognises a repeated send by its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idempotency {
    /// It does not. After an unknown outcome the channel's `on_unknown` decides.
    None,
    /// For this long after the first attempt.
    Window(Duration),
    /// For ever.
    Forever,
}

/// The platform's published sending rates. `None`: no limit is published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Over the whole channel.
    pub channel: Option<Rate>,
    /// In this conversation.
    pub conversation: Option<Rate>,
}

/// A token bucket: `burst` sends at once, refilled by one every `period`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    /// How many may go at once.
    pub burst: NonZeroU32,
    /// After how long one more may go. Not zero.
    pub period: Duration,
}
