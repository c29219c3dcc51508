//! What people write to a channel: one chat, with a topic for each of them.
//!
//! teloxide does not know of it. To take the chat for one conversation would show one person's answer to
//! another, and Telegram refuses what names no topic.

use serde::{Deserialize, de::IgnoredAny};
use switchboard_core::{Event, IncomingMessage};

use crate::id::{Address, Topic};

/// Where such a message was written, and whether by the channel.
#[derive(Deserialize)]
pub(super) struct Direct {
    chat: Chat,
    sender_chat: Option<IgnoredAny>,
    #[serde(rename = "direct_messages_topic")]
    topic: DirectTopic,
}

#[derive(Deserialize)]
struct Chat {
    id: i64,
}

#[derive(Deserialize)]
struct DirectTopic {
    topic_id: i64,
}

impl Direct {
    /// `None` for every other message.
    pub(super) fn of(raw: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Update {
            #[serde(alias = "edited_message")]
            message: Direct,
        }
        if !raw.contains("\"direct_messages_topic\"") {
            return None;
        }
        serde_json::from_str::<Update>(raw).ok().map(|update| update.message)
    }

    /// The message in its place. `None` for what is written in the channel's name: it is an answer.
    pub(super) fn place(self, mut message: IncomingMessage) -> Option<Event> {
        let topic = Topic::Direct(self.topic.topic_id);
        message.conversation = Address { chat: self.chat.id, topic: Some(topic) }.conversation();
        self.sender_chat.is_none().then_some(Event::Message(message))
    }
}
