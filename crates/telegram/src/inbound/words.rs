//! What was sent, in words: the one place for everything that is not text.
//!
//! The AI reads text only. What has none is described in English, in brackets, with what a person
//! would see of it; a caption follows on the next line. Service messages (somebody joined, the title
//! changed) are nobody's words.

use std::fmt::Write as _;

use teloxide_core::types::{
    Audio, Checklist, Contact, Location, MediaKind, Message, MessageKind, PaidMedia, Poll, Seconds,
    SharedUser, Venue,
};

/// The text that the AI gets. `None` for a service message.
pub(super) fn of(message: &Message) -> Option<String> {
    let words = match &message.kind {
        MessageKind::Common(common) => media(&common.media_kind)?,
        MessageKind::Dice(dice) => {
            let emoji = serde_json::to_value(dice.dice.emoji).ok();
            let emoji = emoji.as_ref().and_then(|emoji| emoji.as_str()).unwrap_or("🎲");
            format!("[dice {emoji}: {}]", dice.dice.value)
        }
        MessageKind::Invoice(it) => {
            let invoice = &it.invoice;
            format!("[invoice: {}, {}]", invoice.title, money(invoice.total_amount, &invoice.currency))
        }
        MessageKind::SuccessfulPayment(it) => {
            let payment = &it.successful_payment;
            format!("[payment made: {}]", money(payment.total_amount, &payment.currency))
        }
        MessageKind::UsersShared(it) => {
            let users: Vec<String> = it.users_shared.users.iter().map(shared_user).collect();
            format!("[shared users: {}]", users.join(", "))
        }
        MessageKind::ChatShared(it) => {
            let chat = &it.chat_shared;
            let name = chat.title.clone().or_else(|| chat.username.as_ref().map(|name| format!("@{name}")));
            format!("[shared chat: {}]", name.unwrap_or_else(|| chat.chat_id.to_string()))
        }
        MessageKind::WebAppData(it) => {
            let data = &it.web_app_data;
            format!("[data from the web app {:?}]\n{}", data.button_text, data.data)
        }
        MessageKind::PassportData(_) => "[Telegram Passport documents]".to_owned(),
        MessageKind::GiftInfo(_) | MessageKind::UniqueGiftInfo(_) => "[gift]".to_owned(),
        MessageKind::Giveaway(_) => "[giveaway]".to_owned(),
        MessageKind::GiveawayWinners(_) => "[giveaway winners]".to_owned(),
        _ => return None,
    };
    // PostgreSQL cannot store it in a text, and nobody can see it.
    let words = if words.contains('\0') { words.replace('\0', "") } else { words };
    Some(if words.trim().is_empty() { "[empty message]".to_owned() } else { words })
}

fn media(media: &MediaKind) -> Option<String> {
    Some(match media {
        MediaKind::Text(it) => it.text.clone(),
        MediaKind::Photo(it) => with("[photo]", it.caption.as_deref()),
        MediaKind::Video(it) => {
            let video = named("video", it.video.file_name.as_deref(), Some(it.video.duration));
            with(&video, it.caption.as_deref())
        }
        MediaKind::Animation(it) => {
            with(&named("animation", it.animation.file_name.as_deref(), None), it.caption.as_deref())
        }
        MediaKind::Document(it) => {
            with(&named("document", it.document.file_name.as_deref(), None), it.caption.as_deref())
        }
        MediaKind::Audio(it) => with(&audio(&it.audio), it.caption.as_deref()),
        MediaKind::Voice(it) => {
            with(&named("voice message", None, Some(it.voice.duration)), it.caption.as_deref())
        }
        MediaKind::VideoNote(it) => named("video message", None, Some(it.video_note.duration)),
        MediaKind::Sticker(it) => match &it.sticker.emoji {
            Some(emoji) => format!("[sticker {emoji}]"),
            None => "[sticker]".to_owned(),
        },
        MediaKind::Contact(it) => contact(&it.contact),
        MediaKind::Location(it) => location(&it.location),
        MediaKind::Venue(it) => venue(&it.venue),
        MediaKind::Poll(it) => poll(&it.poll),
        MediaKind::Checklist(it) => checklist(&it.checklist),
        MediaKind::Game(it) => format!("[game: {}]", it.game.title),
        MediaKind::Story(_) => "[story]".to_owned(),
        MediaKind::PaidMedia(it) => paid_media(&it.paid_media.paid_media),
        MediaKind::Migration(_) => return None,
    })
}

/// What it is, and what was written under it.
fn with(what: &str, caption: Option<&str>) -> String {
    match caption.filter(|caption| !caption.trim().is_empty()) {
        Some(caption) => format!("{what}\n{caption}"),
        None => what.to_owned(),
    }
}

fn named(kind: &str, name: Option<&str>, duration: Option<Seconds>) -> String {
    let mut words = format!("[{kind}");
    if let Some(name) = name {
        write!(words, ": {name}").expect("a String takes everything");
    }
    if let Some(duration) = duration {
        write!(words, ", {}", minutes(duration)).expect("a String takes everything");
    }
    words + "]"
}

fn minutes(duration: Seconds) -> String {
    let seconds = duration.seconds();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, minutes, seconds) => format!("{minutes}:{seconds:02}"),
        (hours, minutes, seconds) => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

fn audio(audio: &Audio) -> String {
    let name = match (&audio.performer, &audio.title) {
        (Some(performer), Some(title)) => Some(format!("{performer} – {title}")),
        (Some(name), None) | (None, Some(name)) => Some(name.clone()),
        (None, None) => audio.file_name.clone(),
    };
    named("audio", name.as_deref(), Some(audio.duration))
}

fn contact(contact: &Contact) -> String {
    let name = match &contact.last_name {
        Some(last_name) => format!("{} {last_name}", contact.first_name),
        None => contact.first_name.clone(),
    };
    format!("[contact: {name}, {}]", contact.phone_number)
}

fn location(location: &Location) -> String {
    let kind = if location.live_period.is_some() { "live location" } else { "location" };
    format!("[{kind}: {}]", coordinates(location))
}

fn venue(venue: &Venue) -> String {
    format!("[venue: {}, {}, {}]", venue.title, venue.address, coordinates(&venue.location))
}

/// Latitude first, as maps take it.
fn coordinates(location: &Location) -> String {
    format!("{}, {}", location.latitude, location.longitude)
}

fn poll(poll: &Poll) -> String {
    let options: Vec<String> = poll.options.iter().map(|option| format!("\n- {}", option.text)).collect();
    format!("[poll: {}]{}", poll.question, options.concat())
}

fn checklist(checklist: &Checklist) -> String {
    let task = |done: bool, text: &str| format!("\n- [{}] {text}", if done { "x" } else { " " });
    let tasks: Vec<String> = checklist.tasks.iter().map(|it| task(it.is_completed(), &it.text)).collect();
    format!("[checklist: {}]{}", checklist.title, tasks.concat())
}

fn paid_media(media: &[PaidMedia]) -> String {
    match media.len() {
        0 | 1 => "[paid media]".to_owned(),
        count => format!("[paid media: {count} items]"),
    }
}

fn shared_user(user: &SharedUser) -> String {
    let name = [user.first_name.as_deref(), user.last_name.as_deref()];
    let name: Vec<&str> = name.into_iter().flatten().collect();
    match (name.as_slice(), &user.username) {
        ([], Some(username)) => format!("@{username}"),
        ([], None) => user.user_id.to_string(),
        (name, _) => name.join(" "),
    }
}

/// Currencies have two decimals with few exceptions; Telegram's stars have none.
fn money(amount: u32, currency: &str) -> String {
    match currency {
        "XTR" => format!("{amount} Stars"),
        "CLP" | "ISK" | "JPY" | "KRW" | "PYG" | "UGX" | "VND" => format!("{amount} {currency}"),
        _ => format!("{}.{:02} {currency}", amount / 100, amount % 100),
    }
}
