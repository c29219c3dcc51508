//! What the pages' replicas tell each other ([`switchboard_core::Notes`]), so that a page shows at once
//! what happens on another replica than its own.

use switchboard_core::ConversationId;

use crate::streams::Streams;

/// There may be more to show in a conversation.
pub(crate) fn look(conversation: &ConversationId) -> String {
    format!("look {conversation}")
}

/// An answer is being written, or no longer.
pub(crate) fn typing(conversation: &ConversationId, on: bool) -> String {
    let word = if on { "typing" } else { "quiet" };
    format!("{word} {conversation}")
}

/// Passes a note on to the streams of its conversation. What another version says is left out.
pub(crate) fn heed(note: &str, streams: &Streams) {
    let Some((word, conversation)) = note.split_once(' ') else { return };
    let conversation = ConversationId::new(conversation);
    match word {
        "look" => streams.wake(&conversation),
        "typing" => streams.typing(&conversation, true),
        "quiet" => streams.typing(&conversation, false),
        _ => {}
    }
}
