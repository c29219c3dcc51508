//! What was sent, in words: the one place for everything that is not text.
//!
//! The AI reads text only. What has none is described in English, in brackets, with what a person would see of it; a
//! caption follows on the next line. Notices are what programs write, and nobody's words.

use serde_json::Value;

use super::content::Content;

/// The text that the AI gets. `None` for what nobody says.
pub(super) fn of(kind: &str, content: &Content) -> Option<String> {
    let words = match kind {
        "m.sticker" => format!("[sticker: {}]", content.body.as_deref().unwrap_or_default()),
        "m.room.message" => message(content)?,
        _ => poll(content.poll.as_ref()?),
    };
    // PostgreSQL cannot store it in a text, and nobody can see it.
    let words = if words.contains('\0') { words.replace('\0', "") } else { words };
    Some(if words.trim().is_empty() { "[empty message]".to_owned() } else { words })
}

fn message(content: &Content) -> Option<String> {
    Some(match content.msgtype.as_deref().unwrap_or_default() {
        "m.notice" | "m.server_notice" => return None,
        "m.emote" => format!("* {}", content.text()),
        "m.image" => file("image", content),
        "m.video" => file("video", content),
        "m.audio" if content.voice.is_some() => format!("[voice message{}]", length(content)),
        "m.audio" => file("audio", content),
        "m.file" => file("file", content),
        "m.location" => location(content),
        _ => content.text().to_owned(),
    })
}

/// Where the file has a name of its own, the body is a caption.
fn file(kind: &str, content: &Content) -> String {
    let body = content.text();
    let (name, caption) = match content.filename.as_deref() {
        Some(name) if name != body => (name, Some(body)),
        _ => (body, None),
    };
    let what = match name.trim() {
        "" => format!("[{kind}{}]", length(content)),
        name => format!("[{kind}: {name}{}]", length(content)),
    };
    match caption.filter(|caption| !caption.trim().is_empty()) {
        Some(caption) => format!("{what}\n{caption}"),
        None => what,
    }
}

fn length(content: &Content) -> String {
    let Some(millis) = content.info.as_ref().and_then(|info| info.duration) else { return String::new() };
    let seconds = std::time::Duration::try_from_secs_f64(millis / 1000.0).unwrap_or_default().as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, minutes, seconds) => format!(", {minutes}:{seconds:02}"),
        (hours, minutes, seconds) => format!(", {hours}:{minutes:02}:{seconds:02}"),
    }
}

/// Latitude first, as maps take it, and as a geo URI has it.
fn location(content: &Content) -> String {
    let geo = content.geo_uri.as_deref().unwrap_or_default();
    let coordinates = geo.strip_prefix("geo:").unwrap_or(geo).split(';').next().unwrap_or_default();
    let coordinates: Vec<&str> = coordinates.split(',').take(2).collect();
    let what = format!("[location: {}]", coordinates.join(", "));
    match content.text().trim() {
        "" => what,
        name => format!("{what}\n{name}"),
    }
}

fn poll(poll: &Value) -> String {
    let text = |value: &Value| {
        let texts = ["org.matrix.msc1767.text", "body"].map(|key| value.get(key).and_then(Value::as_str));
        let listed = value.pointer("/m.text/0/body").and_then(Value::as_str);
        texts.into_iter().flatten().next().or(listed).unwrap_or_default().to_owned()
    };
    let answers = poll.get("answers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let answers: Vec<String> = answers.iter().map(|answer| format!("\n- {}", text(answer))).collect();
    format!("[poll: {}]{}", poll.get("question").map(text).unwrap_or_default(), answers.concat())
}
