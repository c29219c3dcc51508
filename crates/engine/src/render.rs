//! A message for the user, as deliveries need it.

use std::time::Duration;

use switchboard_core::{Author, ConversationId, Messenger, markup};
use switchboard_store::{NewPart, ReplyMessage};

use crate::{intake::new_key, storable::without_nul};

/// Renders and splits Markdown for the channel. Without parts where the text comes to nothing.
pub(crate) fn render(
    messenger: &dyn Messenger,
    conversation: &ConversationId,
    author: Author,
    text: String,
    ttl: Duration,
) -> ReplyMessage {
    let text = without_nul(text);
    let support = messenger.capabilities(conversation).text;
    let parts = markup::render_markdown(&text, &support)
        .into_iter()
        .map(|text| NewPart { key: new_key(), text })
        .collect();
    ReplyMessage { author, text, parts, ttl }
}
