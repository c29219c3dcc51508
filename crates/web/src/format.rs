//! How a message of the history becomes what the page shows.

use serde::Serialize;
use switchboard_core::{Author, HistoryEntry, markup};
use time::OffsetDateTime;

use crate::id;

/// One message as the page gets it.
#[derive(Debug, Serialize)]
pub(crate) struct ShownMessage {
    /// Where it stands in the conversation.
    position: i64,
    author: Author,
    /// The page's own id of it, for what the visitor wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// Sanitised.
    html: String,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
}

/// What people type is shown as typed; what the other side writes is Markdown.
pub(crate) fn show(entry: &HistoryEntry) -> ShownMessage {
    let html = match entry.author {
        Author::User => markup::plain_to_html(&entry.text),
        Author::Bot | Author::Operator | Author::Gateway => markup::to_html(&entry.text),
    };
    ShownMessage {
        position: entry.position.0,
        author: entry.author,
        id: entry.event_id.as_ref().and_then(id::client_id).map(str::to_owned),
        html,
        at: entry.at,
    }
}
