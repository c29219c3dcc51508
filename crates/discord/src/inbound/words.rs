//! What was sent, in words: the one place for everything that is not text.
//!
//! The AI reads text only. What has none is described in English, in brackets, one line for each, after what
//! was written.

use super::written::{Attachment, Contents, Person, Poll, Sticker, Written};

/// What stands for a message with nothing in it.
pub(super) const EMPTY: &str = "[empty message]";

/// The text that the AI gets. Never empty.
pub(super) fn of(message: &Written) -> String {
    let mut lines = Vec::new();
    let content = text(&message.contents);
    lines.extend((!content.trim().is_empty()).then_some(content));
    lines.extend(message.message_snapshots.iter().map(|snapshot| forwarded(&snapshot.message)));
    lines.extend(files(&message.contents));
    lines.extend(message.poll.as_ref().map(poll));
    let words = lines.join("\n");
    // PostgreSQL cannot store it in a text, and nobody can see it.
    let words = if words.contains('\0') { words.replace('\0', "") } else { words };
    if words.trim().is_empty() { EMPTY.to_owned() } else { words }
}

fn text(contents: &Contents) -> String {
    with_names(&contents.content, &contents.mentions)
}

fn files(contents: &Contents) -> impl Iterator<Item = String> {
    let stickers = contents.sticker_items.iter().map(sticker);
    contents.attachments.iter().map(attachment).chain(stickers)
}

/// Mentions as people see them: by name.
fn with_names(content: &str, mentions: &[Person]) -> String {
    let mut content = content.to_owned();
    for user in mentions {
        let name = format!("@{}", user.name());
        for mention in [format!("<@{}>", user.id), format!("<@!{}>", user.id)] {
            if content.contains(&mention) {
                content = content.replace(&mention, &name);
            }
        }
    }
    content
}

fn forwarded(contents: &Contents) -> String {
    let mut lines = vec!["[forwarded message]".to_owned()];
    let content = text(contents);
    lines.extend((!content.trim().is_empty()).then_some(content));
    lines.extend(files(contents));
    lines.join("\n")
}

fn sticker(sticker: &Sticker) -> String {
    format!("[sticker: {}]", sticker.name)
}

fn attachment(file: &Attachment) -> String {
    if let Some(seconds) = file.duration_secs {
        return format!("[voice message, {}]", minutes(seconds));
    }
    let kind = match file.content_type.as_deref().and_then(|kind| kind.split('/').next()) {
        Some("image") => "image",
        Some("video") => "video",
        Some("audio") => "audio",
        _ => "file",
    };
    match &file.description {
        Some(description) => format!("[{kind}: {}, {description}]", file.filename),
        None => format!("[{kind}: {}]", file.filename),
    }
}

fn minutes(seconds: f64) -> String {
    let seconds = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

fn poll(poll: &Poll) -> String {
    let answers = poll.answers.iter().filter_map(|answer| answer.poll_media.text.as_ref());
    let answers: Vec<String> = answers.map(|answer| format!("\n- {answer}")).collect();
    format!("[poll: {}]{}", poll.question.text.as_deref().unwrap_or_default(), answers.concat())
}
