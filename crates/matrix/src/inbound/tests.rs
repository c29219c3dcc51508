//! Events as homeservers hand them over, and what is read of them.

use serde_json::{json, value::to_raw_value};

use super::*;

const ME: &str = "@support:example.com";

fn event(kind: &str, content: &Value) -> Value {
    json!({
        "type": kind, "event_id": "$event", "sender": "@anna:example.com",
        "origin_server_ts": 1_700_000_000_000_i64, "content": content,
    })
}

fn read_as(event: &Value, edited: Edited) -> Read {
    read(&to_raw_value(event).expect("JSON"), <&UserId>::try_from(ME).expect("a user"), edited)
}

fn written(kind: &str, content: &Value) -> Option<Written> {
    match read_as(&event(kind, content), Edited::Forward) {
        Read::Message(written) => Some(written),
        Read::Nothing => None,
        other => panic!("{content} is {other:?}"),
    }
}

#[test]
fn everything_becomes_words() {
    let poll = json!({
        "org.matrix.msc3381.poll.start": {
            "question": { "org.matrix.msc1767.text": "Tea?" },
            "answers": [{ "id": "1", "org.matrix.msc1767.text": "Yes" }, { "id": "2", "org.matrix.msc1767.text": "No" }],
        },
    });
    let voice = json!({
        "msgtype": "m.audio", "body": "Voice message.ogg", "info": { "duration": 65_400 },
        "org.matrix.msc3245.voice": {},
    });
    let reply = json!({
        "msgtype": "m.text", "body": "> <@support:example.com> Hi\n> there\n\nThanks",
        "m.relates_to": { "m.in_reply_to": { "event_id": "$answer" } },
    });
    let edit = json!({
        "msgtype": "m.text", "body": "* Tea", "m.new_content": { "msgtype": "m.text", "body": "Tea" },
        "m.relates_to": { "rel_type": "m.replace", "event_id": "$first" },
    });
    for (kind, content, expected) in [
        ("m.room.message", json!({ "msgtype": "m.text", "body": "Hello" }), Some("Hello")),
        ("m.room.message", json!({ "msgtype": "m.text", "body": " \0" }), Some("[empty message]")),
        ("m.room.message", json!({ "msgtype": "m.emote", "body": "waves" }), Some("* waves")),
        ("m.room.message", json!({ "msgtype": "m.notice", "body": "I am a bot" }), None),
        ("m.room.message", json!({ "msgtype": "m.image", "body": "cat.png" }), Some("[image: cat.png]")),
        (
            "m.room.message",
            json!({ "msgtype": "m.image", "body": "My cat", "filename": "cat.png" }),
            Some("[image: cat.png]\nMy cat"),
        ),
        (
            "m.room.message",
            json!({ "msgtype": "m.video", "body": "cat.mp4", "info": { "duration": 3_723_000 } }),
            Some("[video: cat.mp4, 1:02:03]"),
        ),
        ("m.room.message", voice, Some("[voice message, 1:05]")),
        ("m.room.message", json!({ "msgtype": "m.file", "body": "" }), Some("[file]")),
        (
            "m.room.message",
            json!({ "msgtype": "m.location", "body": "Home", "geo_uri": "geo:51.5,-0.12;u=35" }),
            Some("[location: 51.5, -0.12]\nHome"),
        ),
        (
            "m.room.message",
            json!({ "msgtype": "org.example.new", "body": "What it says" }),
            Some("What it says"),
        ),
        ("m.room.message", json!({ "msgtype": "m.key.verification.request", "body": "Verify" }), None),
        ("m.room.message", reply, Some("Thanks")),
        ("m.room.message", edit, Some("[edited message]\nTea")),
        ("m.sticker", json!({ "body": "Wave", "url": "mxc://a/b" }), Some("[sticker: Wave]")),
        ("org.matrix.msc3381.poll.start", poll, Some("[poll: Tea?]\n- Yes\n- No")),
        ("m.reaction", json!({ "m.relates_to": { "rel_type": "m.annotation", "key": "+1" } }), None),
        ("m.room.topic", json!({ "topic": "News" }), None),
    ] {
        let text = written(kind, &content).map(|written| written.text);
        assert_eq!(text.as_deref(), expected, "{content}");
    }
}

#[test]
fn an_edit_is_ignored_where_it_is_not_asked_for() {
    let edit = json!({
        "msgtype": "m.text", "body": "* Tea", "m.relates_to": { "rel_type": "m.replace", "event_id": "$first" },
    });
    assert!(matches!(read_as(&event("m.room.message", &edit), Edited::Ignore), Read::Nothing));
}

#[test]
fn a_thread_and_an_answer_are_told_apart() {
    let content = |falling_back: bool| {
        json!({
            "msgtype": "m.text", "body": "Tea", "m.relates_to": {
                "rel_type": "m.thread", "event_id": "$root", "is_falling_back": falling_back,
                "m.in_reply_to": { "event_id": "$before" },
            },
        })
    };
    let relation = |falling_back| {
        let written = written("m.room.message", &content(falling_back)).expect("a message");
        (written.thread.map(|id| id.to_string()), written.reply_to.map(|id| id.to_string()))
    };
    assert_eq!(relation(true), (Some("$root".to_owned()), None));
    assert_eq!(relation(false), (Some("$root".to_owned()), Some("$before".to_owned())));
}

#[test]
fn nobody_else_s_words_are_taken_in() {
    let own = {
        let mut own = event("m.room.message", &json!({ "msgtype": "m.text", "body": "Mine" }));
        own["sender"] = json!(ME);
        own
    };
    let mut deleted = event("m.room.message", &json!({}));
    deleted["unsigned"] = json!({ "redacted_because": {} });
    for event in [own, deleted] {
        assert!(matches!(read_as(&event, Edited::Forward), Read::Nothing), "{event}");
    }
}

#[test]
fn what_cannot_be_read_is_kept() {
    let whole = event("m.room.message", &json!({ "msgtype": "m.text", "body": "Hello" }));
    let without = |field: &str| {
        let mut event = whole.clone();
        event.as_object_mut().expect("an object").remove(field);
        event
    };
    let odd = event("m.room.message", &json!({ "msgtype": "m.text", "body": 7 }));
    for (event, id) in [
        (without("type"), Some("$event")),
        (without("sender"), Some("$event")),
        (without("content"), Some("$event")),
        (without("event_id"), None),
        (odd, Some("$event")),
        (json!("not an object"), None),
    ] {
        let Read::Unreadable(Event::Unreadable(kept)) = read_as(&event, Edited::Ignore) else {
            panic!("{event} is read");
        };
        assert_eq!(kept.raw, event.to_string());
        match id {
            Some(id) => assert_eq!(kept.event_id.as_str(), id),
            None => assert!(kept.event_id.as_str().starts_with('?'), "{}", kept.event_id),
        }
    }
}

#[test]
fn what_waits_for_its_key_is_told() {
    let content = json!({ "algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x", "session_id": "s" });
    let Read::Encrypted(encrypted) = read_as(&event("m.room.encrypted", &content), Edited::Ignore) else {
        panic!("it is encrypted");
    };
    assert_eq!(encrypted.session.as_deref(), Some("s"));
    let deleted = event("m.room.encrypted", &json!({}));
    assert!(matches!(read_as(&deleted, Edited::Ignore), Read::Nothing));
}
