//! Every kind of message as the AI gets it. The JSON is that of Telegram's documentation.

use serde_json::{Value, json};
use switchboard_core::Event;

use crate::support::Channel;

fn file() -> Value {
    json!({ "file_id": "BQADAgADZRoAAikD", "file_unique_id": "AgADZRoAAikD", "file_size": 1024 })
}

/// A file with these fields beside what every file has.
fn file_with(fields: &Value) -> Value {
    let mut file = file();
    for (name, value) in fields.as_object().unwrap() {
        file[name] = value.clone();
    }
    file
}

fn photo() -> Value {
    json!([
        file_with(&json!({ "width": 90, "height": 51 })),
        file_with(&json!({ "width": 800, "height": 450 }))
    ])
}

fn video() -> Value {
    file_with(&json!({ "width": 640, "height": 360, "duration": 83, "mime_type": "video/mp4" }))
}

fn sticker(emoji: Option<&str>) -> Value {
    let mut sticker = file_with(&json!({
        "width": 512, "height": 512, "is_animated": false, "is_video": false, "type": "regular",
    }));
    if let Some(emoji) = emoji {
        sticker["emoji"] = emoji.into();
    }
    sticker
}

fn poll() -> Value {
    json!({
        "id": "5068", "question": "Tea or coffee?", "total_voter_count": 0, "is_closed": false,
        "is_anonymous": true, "type": "regular", "allows_multiple_answers": false,
        "options": [{ "text": "Tea", "voter_count": 0 }, { "text": "Coffee", "voter_count": 0 }],
    })
}

fn payment() -> Value {
    json!({
        "currency": "EUR", "total_amount": 1050, "invoice_payload": "x",
        "telegram_payment_charge_id": "t", "provider_payment_charge_id": "p",
    })
}

/// The content of a message, and the text that the AI gets.
fn media() -> Vec<(Value, &'static str)> {
    let document = file_with(&json!({ "file_name": "bill.pdf", "mime_type": "application/pdf" }));
    let animation = file_with(&json!({
        "width": 320, "height": 180, "duration": 2, "file_name": "cat.mp4", "mime_type": "video/mp4",
    }));
    let audio = file_with(&json!({ "duration": 215, "performer": "Bach", "title": "Air" }));
    let voice = file_with(&json!({ "duration": 7, "mime_type": "audio/ogg" }));
    let place = json!({ "latitude": 52.5208, "longitude": 13.4094 });
    vec![
        (json!({ "photo": photo() }), "[photo]"),
        (json!({ "photo": photo(), "caption": "It is broken" }), "[photo]\nIt is broken"),
        (json!({ "video": video(), "caption": "See" }), "[video, 1:23]\nSee"),
        (
            json!({ "video_note": file_with(&json!({ "length": 240, "duration": 9 })) }),
            "[video message, 0:09]",
        ),
        // For older programs, an animation comes as a document too.
        (json!({ "animation": animation, "document": document }), "[animation: cat.mp4]"),
        (json!({ "document": document, "caption": "The bill" }), "[document: bill.pdf]\nThe bill"),
        (json!({ "document": file() }), "[document]"),
        (json!({ "audio": audio }), "[audio: Bach – Air, 3:35]"),
        (
            json!({ "audio": file_with(&json!({ "duration": 3665, "file_name": "a.mp3" })) }),
            "[audio: a.mp3, 1:01:05]",
        ),
        (json!({ "voice": voice }), "[voice message, 0:07]"),
        (json!({ "sticker": sticker(Some("😀")) }), "[sticker 😀]"),
        (json!({ "sticker": sticker(None) }), "[sticker]"),
        (json!({ "location": place }), "[location: 52.5208, 13.4094]"),
        (
            json!({ "location": { "latitude": 1.5, "longitude": -2.5, "live_period": 900 } }),
            "[live location: 1.5, -2.5]",
        ),
        // For older programs, a venue comes as a location too.
        (
            json!({ "venue": { "location": place, "title": "Tower", "address": "Alex 1" }, "location": place }),
            "[venue: Tower, Alex 1, 52.5208, 13.4094]",
        ),
        (
            json!({ "story": { "chat": { "id": 5, "type": "private", "first_name": "A" }, "id": 1 } }),
            "[story]",
        ),
    ]
}

fn other() -> Vec<(Value, &'static str)> {
    let game = json!({ "title": "Chess", "description": "d", "photo": photo() });
    let invoice = json!({
        "title": "Order 7", "description": "d", "start_parameter": "s", "currency": "USD", "total_amount": 1999,
    });
    let tasks = json!([
        { "id": 1, "text": "Milk", "completion_date": 1_700_000_000 },
        { "id": 2, "text": "Bread" },
        { "id": 3, "text": "Salt", "completion_date": 0 },
    ]);
    let shared_user = json!({ "user_id": 5_000_000_042_i64, "first_name": "Ann", "last_name": "Lee" });
    vec![
        (json!({ "text": "just *text*" }), "just *text*"),
        (json!({ "text": "\u{2003}" }), "[empty message]"),
        (
            json!({ "contact": { "phone_number": "+15550100", "first_name": "Ann", "last_name": "Lee" } }),
            "[contact: Ann Lee, +15550100]",
        ),
        (
            json!({ "contact": { "phone_number": "15550101", "first_name": "Bob" } }),
            "[contact: Bob, 15550101]",
        ),
        (json!({ "poll": poll() }), "[poll: Tea or coffee?]\n- Tea\n- Coffee"),
        (
            json!({ "checklist": { "title": "Shop", "tasks": tasks } }),
            "[checklist: Shop]\n- [x] Milk\n- [ ] Bread\n- [ ] Salt",
        ),
        (json!({ "dice": { "emoji": "🎯", "value": 6 } }), "[dice 🎯: 6]"),
        (json!({ "game": game }), "[game: Chess]"),
        (json!({ "invoice": invoice }), "[invoice: Order 7, 19.99 USD]"),
        (json!({ "successful_payment": payment() }), "[payment made: 10.50 EUR]"),
        (json!({ "users_shared": { "request_id": 1, "users": [shared_user] } }), "[shared users: Ann Lee]"),
        (
            json!({ "chat_shared": { "request_id": 1, "chat_id": -1_002_000_000_009_i64, "title": "Team" } }),
            "[shared chat: Team]",
        ),
        (
            json!({ "web_app_data": { "data": "size=M", "button_text": "Order" } }),
            "[data from the web app \"Order\"]\nsize=M",
        ),
    ]
}

/// What teloxide does not know, because Telegram has learned it since.
fn new() -> Vec<(Value, &'static str)> {
    vec![
        (
            json!({ "text": "at noon", "entities": [{ "type": "of_next_year", "offset": 0, "length": 2 }] }),
            "at noon",
        ),
        (json!({ "hologram": { "file_id": "f" } }), "[unsupported message: hologram]"),
        (
            json!({ "hologram": { "file_id": "f" }, "caption": "Look" }),
            "[unsupported message: hologram]\nLook",
        ),
        (json!({ "text": "known", "photo": "not a list of photos" }), "known"),
        // What is only about the message does not cost its kind and its name.
        (
            json!({
                "document": file_with(&json!({ "file_name": "bill.pdf" })), "caption": "due on 7 May",
                "caption_entities": [{ "type": "date_time", "offset": 7, "length": 5, "unix_time": 1_778_112_000 }],
            }),
            "[document: bill.pdf]\ndue on 7 May",
        ),
        (
            json!({
                "voice": file_with(&json!({ "duration": 7 })),
                "forward_origin": { "type": "of_next_year", "date": 1_700_000_000 },
            }),
            "[voice message, 0:07]",
        ),
        (
            json!({ "live_photo": file_with(&json!({ "width": 9, "height": 5, "duration": 2 })), "photo": photo() }),
            "[photo]",
        ),
        (json!({ "rich_message": rich_message() }), RICH_TEXT),
        (json!({ "rich_message": { "blocks": [{ "type": "divider" }] } }), "[rich message]"),
    ]
}

/// A document with every kind of block that has something to say.
fn rich_message() -> Value {
    let bold = |text: &str| json!({ "type": "bold", "text": text });
    let paragraph = |text: Value| json!({ "type": "paragraph", "text": text });
    let cell = |text: &str| json!({ "text": text, "align": "left", "valign": "top" });
    json!({ "blocks": [
        { "type": "heading", "size": 1, "text": "My order" },
        paragraph(json!(["It is ", bold("late"), " ", { "type": "custom_emoji", "custom_emoji_id": "5", "alternative_text": "😡" }])),
        { "type": "list", "items": [
            { "label": "1.", "blocks": [paragraph("two cups".into())] },
            { "label": "2.", "blocks": [paragraph("a pot".into())], "has_checkbox": true, "is_checked": true },
        ] },
        { "type": "divider" },
        { "type": "table", "cells": [[cell("item"), cell("price")], [cell("pot"), cell("9 €")]], "caption": bold("Prices") },
        { "type": "blockquote", "blocks": [paragraph("We deliver".into())], "credit": "you" },
        { "type": "photo", "photo": photo(), "caption": { "text": "the box" } },
        { "type": "mathematical_expression", "expression": "a^2" },
        { "type": "hologram" },
    ] })
}

const RICH_TEXT: &str = "My order\nIt is late 😡\n1. two cups\n2. [x] a pot\nitem | price\npot | 9 €\nPrices\n\
    We deliver\nyou\n[photo]\nthe box\na^2\n[hologram]";

#[tokio::test]
async fn every_kind_of_message_becomes_text() {
    let channel = Channel::start(|_| {}).await;
    let alice = channel.bot.user("Alice");
    let cases: Vec<_> = [media(), other(), new()].concat();
    for (content, _) in &cases {
        alice.posts(content.clone()).send();
    }
    let messages = channel.messages(cases.len()).await;
    for ((content, text), message) in cases.iter().zip(&messages) {
        assert_eq!(message.text, *text, "{content}");
    }
    assert_eq!(messages.len(), cases.len());
    assert_eq!(channel.store.lock().events.len(), cases.len(), "nothing is unreadable");
}

/// Service messages, each with the fields of its kind.
fn service() -> Vec<Value> {
    let user = json!({ "id": 5_000_000_099_i64, "is_bot": false, "first_name": "New" });
    vec![
        json!({ "new_chat_members": [user] }),
        json!({ "left_chat_member": user }),
        json!({ "new_chat_title": "Title" }),
        json!({ "new_chat_photo": photo() }),
        json!({ "delete_chat_photo": true }),
        json!({ "group_chat_created": true }),
        json!({ "supergroup_chat_created": true }),
        json!({ "message_auto_delete_timer_changed": { "message_auto_delete_time": 86400 } }),
        json!({ "pinned_message": { "message_id": 1, "date": 0, "chat": { "id": 5, "type": "private" } } }),
        json!({ "video_chat_scheduled": { "start_date": 1_700_000_000 } }),
        json!({ "video_chat_started": {} }),
        json!({ "video_chat_ended": { "duration": 60 } }),
        json!({ "forum_topic_created": { "name": "Topic", "icon_color": 7_322_096 } }),
        json!({ "forum_topic_closed": {} }),
        json!({ "forum_topic_reopened": {} }),
        json!({ "general_forum_topic_hidden": {} }),
        json!({ "write_access_allowed": {} }),
        json!({ "boost_added": { "boost_count": 1 } }),
        json!({ "suggested_post_approved": { "send_date": 1_700_000_000 } }),
        json!({ "chat_owner_left": {} }),
        json!({ "gift_upgrade_sent": { "gift": {} } }),
        json!({ "managed_bot_created": { "bot": user } }),
        json!({ "poll_option_added": { "option_persistent_id": "1", "option_text": "Tea" } }),
        // Known, but not in the shape that they have today.
        json!({ "checklist_tasks_done": { "marked_as_done_task_ids": "all" } }),
        json!({ "write_access_allowed": { "from_request": "yes" } }),
    ]
}

#[tokio::test]
async fn service_messages_are_nobodys_words() {
    let channel = Channel::start(|_| {}).await;
    let alice = channel.bot.user("Alice");
    for content in service() {
        alice.posts(content).send();
    }
    alice.sends("a word");
    let events = channel.events(1).await;
    assert!(matches!(&events[..], [Event::Message(message)] if message.text == "a word"), "{events:?}");
}
