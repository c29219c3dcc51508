//! Every field of the webhook in every form of its value.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};
use switchboard_ai::{AiBackend, AiMessage, AiWebhook, WebhookError, selarti::Selarti};
use switchboard_core::{Author, Flag, ThreadFields};
use url::form_urlencoded;

use crate::{fixed, selarti};

const JSON: Option<&str> = Some("application/json");
const FORM: Option<&str> = Some("application/x-www-form-urlencoded");

/// One account for all cases: making one takes much longer than parsing.
static ACCOUNT: LazyLock<Selarti> = LazyLock::new(|| selarti("https://platform.example.com", fixed()));

fn parse(content_type: Option<&str>, body: impl AsRef<[u8]>) -> Result<AiWebhook, WebhookError> {
    ACCOUNT.parse_webhook(content_type, body.as_ref())
}

/// A JSON body with a chat id and one more field, whose value is written like this.
fn with(field: &str, value: &str) -> String {
    format!(r#"{{"external_chat_id": "c", {field:?}: {value}}}"#)
}

fn parsed(body: impl AsRef<[u8]>) -> AiWebhook {
    let body = body.as_ref();
    parse(JSON, body).unwrap_or_else(|error| panic!("{}: {error}", String::from_utf8_lossy(body)))
}

fn refused_field(body: impl AsRef<[u8]>) -> &'static str {
    match parse(JSON, &body) {
        Err(WebhookError::Unprocessable { field, .. }) => field,
        other => panic!("{}: {other:?}", String::from_utf8_lossy(body.as_ref())),
    }
}

#[test]
fn all_twenty_fields_are_read() {
    let body = json!({
        "external_chat_id": "site:42", "message_text": "**Hello**", "message_type": "bot",
        "message_id": "m-1", "thread_id": "t-1", "task_id": "172x47", "channel_id": "ch", "company_id": "co",
        "manager_id": "ma", "title": "Anna K", "contacts": {"phone": "+7"}, "get_contact": true,
        "interest": "yes", "success": 0, "is_bot": "нет", "operator": "1", "close": false,
        "panel_url": "https://p/1", "share_url": "https://s/1", "wh_type": "message",
    });
    assert_eq!(body.as_object().map(Map::len), Some(20));
    let webhook = parsed(body.to_string());
    assert_eq!(webhook.chat_id.as_str(), "site:42");
    let message = AiMessage { author: Author::Bot, text: "**Hello**".to_owned() };
    assert_eq!(webhook.message, Some(message));
    assert_eq!(webhook.message_id.as_deref(), Some("m-1"));
    assert_eq!(webhook.thread.thread_id.as_deref(), Some("t-1"));
    let flags = [
        (Flag::GetContact, true),
        (Flag::Interest, true),
        (Flag::Success, false),
        (Flag::IsBot, false),
        (Flag::Operator, true),
        (Flag::Close, false),
    ];
    assert_eq!(webhook.thread.flags, flags.into());
    let text = |value: &str| Some(value.to_owned());
    let expected = ThreadFields {
        task_id: text("172x47"),
        channel_id: text("ch"),
        company_id: text("co"),
        manager_id: text("ma"),
        title: text("Anna K"),
        contacts: Some(json!({"phone": "+7"})),
        panel_url: text("https://p/1"),
        share_url: text("https://s/1"),
        wh_type: text("message"),
        extra: Map::new(),
    };
    assert_eq!(webhook.thread.fields, expected);
}

#[test]
fn the_same_names_in_a_form_say_the_same() {
    let names = [
        ("external_chat_id", "site:a%2Fb"),
        ("message_text", "50% & more\n+"),
        ("message_type", "Оператор"),
        ("message_id", "18446744073709551616000"),
        ("operator", "Да"),
        ("close", ""),
        ("contacts", "+7 900"),
        ("title", "Анна"),
        ("x", "\0"),
    ];
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(names).finish();
    let json = Value::Object(names.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect());
    for form_type in [FORM, Some("Application/X-WWW-Form-Urlencoded; charset=UTF-8")] {
        assert_eq!(parse(form_type, &form), parse(JSON, json.to_string()));
    }
    let webhook = parse(FORM, &form).expect("it is readable");
    assert_eq!(webhook.message.map(|m| m.text).as_deref(), Some("50% & more\n+"));
    assert_eq!(webhook.thread.flags, [(Flag::Operator, true)].into());
    assert_eq!(webhook.thread.fields.extra, Map::from_iter([("x".to_owned(), json!("\u{fffd}"))]));
}

#[test]
fn flags_come_in_many_forms() {
    let yes = ["true", "1", r#""1""#, r#""yes""#, r#""YES""#, r#"" Yes ""#, r#""true""#, r#""True""#];
    let yes = yes.into_iter().chain([r#""да""#, r#""ДА""#, "\"\\u0434\\u0430\\n\""]);
    let no =
        ["false", "0", r#""0""#, r#""no""#, r#""No""#, r#""false""#, r#""FALSE""#, r#""нет""#, r#""Нет""#];
    let unstated = ["null", r#""""#, r#""  ""#, "[]", "{}"];
    let cases = yes.map(|value| (value, Some(true)));
    let cases = cases.chain(no.map(|value| (value, Some(false)))).chain(unstated.map(|value| (value, None)));
    for (value, expected) in cases {
        for flag in Flag::ALL {
            let webhook = parsed(with(flag.as_str(), value));
            assert_eq!(webhook.thread.flags.get(&flag).copied(), expected, "{flag:?} {value}");
            assert_eq!(webhook.thread.fields.extra, Map::new(), "{flag:?} {value}");
        }
    }
}

#[test]
fn a_flag_that_makes_no_sense_is_kept_and_costs_nothing() {
    for (value, kept) in
        [("2", json!(2)), (r#""maybe""#, json!("maybe")), ("[true]", json!([true])), ("1e0", json!("1e0"))]
    {
        for flag in Flag::ALL {
            let body = format!(
                r#"{{"external_chat_id": "c", "message_type": "bot", "message_text": "hi", {:?}: {value}}}"#,
                flag.as_str()
            );
            let webhook = parsed(body);
            assert!(webhook.message.is_some());
            assert!(webhook.thread.flags.is_empty());
            assert_eq!(webhook.thread.fields.extra.get(flag.as_str()), Some(&kept));
        }
    }
}

#[test]
fn ids_are_strings_or_numbers_of_any_length() {
    let long = "1721129985149478019552540622850";
    let quoted_long = format!("{long:?}");
    let cases = [
        (r#""abc""#, Some("abc")),
        (r#"" abc\n""#, Some("abc")),
        ("7", Some("7")),
        ("-100123", Some("-100123")),
        ("721129985149478019", Some("721129985149478019")),
        (long, Some(long)),
        (&quoted_long, Some(long)),
        ("1.50", Some("1.50")),
        ("null", None),
        (r#""""#, None),
        (r#"" ""#, None),
    ];
    for (value, expected) in cases {
        let id = |field: &str| {
            let webhook = parsed(with(field, value));
            let fields = webhook.thread.fields;
            assert_eq!(fields.extra, Map::new());
            match field {
                "message_id" => webhook.message_id,
                "thread_id" => webhook.thread.thread_id,
                "task_id" => fields.task_id,
                "channel_id" => fields.channel_id,
                "company_id" => fields.company_id,
                "manager_id" => fields.manager_id,
                "title" => fields.title,
                "panel_url" => fields.panel_url,
                "share_url" => fields.share_url,
                "wh_type" => fields.wh_type,
                other => panic!("no such field: {other}"),
            }
        };
        for field in [
            "message_id",
            "thread_id",
            "task_id",
            "channel_id",
            "company_id",
            "manager_id",
            "title",
            "panel_url",
            "share_url",
            "wh_type",
        ] {
            assert_eq!(id(field).as_deref(), expected, "{field} {value}");
        }
    }
}

#[test]
fn an_id_that_is_none_is_kept_aside() {
    for value in ["true", r#"{"a":1}"#, "[1]"] {
        for field in ["thread_id", "message_id", "title", "wh_type"] {
            let webhook = parsed(with(field, value));
            assert_eq!((webhook.message_id, webhook.thread.thread_id), (None, None));
            let kept: Value = serde_json::from_str(value).expect("it is JSON");
            assert_eq!(webhook.thread.fields.extra.get(field), Some(&kept));
        }
    }
}

#[test]
fn an_id_that_no_index_could_take_is_refused_or_kept_aside() {
    let id = |length: usize| format!("{:?}", "x".repeat(length));
    // 256 characters, 512 bytes.
    let two_bytes = format!("{:?}", "я".repeat(256));
    let number = "1".repeat(513);
    for field in ["message_id", "thread_id", "task_id"] {
        for value in [id(512), two_bytes.clone()] {
            parsed(with(field, &value));
        }
        for value in [id(513), format!("{:?}", "я".repeat(257)), number.clone()] {
            assert_eq!(refused_field(with(field, &value)), field);
        }
    }
    for field in ["channel_id", "company_id", "manager_id"] {
        assert_eq!(parsed(with(field, &id(512))).thread.fields.extra, Map::new());
        let extra = parsed(with(field, &id(513))).thread.fields.extra;
        assert_eq!(extra.get(field), Some(&json!("x".repeat(513))));
    }
    let chat = |value: &str| format!(r#"{{"external_chat_id": {value}}}"#);
    assert_eq!(parsed(chat(&id(512))).chat_id.as_str().len(), 512);
    assert_eq!(refused_field(chat(&id(513))), "external_chat_id");
    assert_eq!(refused_field(chat(&number)), "external_chat_id");
    // A title is no id.
    assert_eq!(parsed(with("title", &id(5000))).thread.fields.title, Some("x".repeat(5000)));
}

#[test]
fn the_chat_id_must_be_there() {
    for (value, expected) in [
        ("12345678901234567890123", "12345678901234567890123"),
        (r#""site:42""#, "site:42"),
        (r#"" site:a%2Fb ""#, "site:a%2Fb"),
    ] {
        assert_eq!(parsed(format!(r#"{{"external_chat_id": {value}}}"#)).chat_id.as_str(), expected);
    }
    for value in ["null", r#""""#, r#""  ""#, "true", "[]", r#"["c"]"#, r#"{"id": "c"}"#] {
        assert_eq!(
            refused_field(format!(r#"{{"external_chat_id": {value}}}"#)),
            "external_chat_id",
            "{value}"
        );
    }
    assert_eq!(refused_field("{}"), "external_chat_id");
    assert!(matches!(parse(FORM, ""), Err(WebhookError::Unprocessable { field: "external_chat_id", .. })));
}

fn message(message_type: &str, text: &str) -> String {
    format!(r#"{{"external_chat_id": "c", "message_type": {message_type}, "message_text": {text}}}"#)
}

#[test]
fn the_author_is_named_in_two_languages() {
    for (words, author) in [
        (["bot", "Bot", " BOT ", "бот", "БОТ"], Author::Bot),
        (["operator", "Operator", "оператор", "Оператор", "ОПЕРАТОР\n"], Author::Operator),
        (["user", "USER", "пользователь", "Пользователь", " user"], Author::User),
    ] {
        for word in words {
            let webhook = parsed(message(&json!(word).to_string(), r#""hi""#));
            assert_eq!(webhook.message, Some(AiMessage { author, text: "hi".to_owned() }), "{word}");
        }
    }
}

#[test]
fn a_text_without_a_known_author_is_refused() {
    for message_type in ["null", r#""""#, r#""system""#, "1", "true", "[]", r#"["bot"]"#] {
        assert_eq!(refused_field(message(message_type, r#""hi""#)), "message_type", "{message_type}");
        for text in ["null", r#""""#, r#"" \n""#] {
            assert_eq!(parsed(message(message_type, text)).message, None, "{message_type}");
        }
    }
    let webhook = parsed(message(r#""system""#, "null"));
    assert_eq!(webhook.thread.fields.extra.get("message_type"), Some(&json!("system")));
}

#[test]
fn a_text_is_taken_as_it_is_written() {
    for (written, expected) in [
        (r#"" two\nlines ""#, " two\nlines "),
        (r#""\ud83d\ude00 🙂""#, "😀 🙂"),
        ("42", "42"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("true", "true"),
        (r#""a\u0000b""#, "a\u{fffd}b"),
        (r#""cut \ud83d""#, "cut \u{fffd}"),
        (r#""not \\u0000 one""#, "not \\u0000 one"),
    ] {
        let text = parsed(message(r#""bot""#, written)).message.map(|message| message.text);
        assert_eq!(text.as_deref(), Some(expected), "{written}");
    }
    assert_eq!(refused_field(message(r#""bot""#, r#"{"a": 1}"#)), "message_text");
    let echo = parsed(message(r#""user""#, r#"{"a": 1}"#));
    assert_eq!(echo.message, None);
    assert_eq!(echo.thread.fields.extra.get("message_text"), Some(&json!({"a": 1})));
}

#[test]
fn contacts_keep_their_form() {
    for (value, expected) in [
        (r#""+7 900""#, Some(json!("+7 900"))),
        (r#"{"phone": "+7", "n": [1]}"#, Some(json!({"phone": "+7", "n": [1]}))),
        (r#"["+7", "@anna"]"#, Some(json!(["+7", "@anna"]))),
        ("79001112233", Some(json!(79_001_112_233_u64))),
        ("79001112233790011122337900", Some(json!("79001112233790011122337900"))),
        (r#"{"a\u0000": "\ud83d"}"#, Some(json!({"a\u{fffd}": "\u{fffd}"}))),
        (r#"{"n": 1e999}"#, Some(json!(r#"{"n": 1e999}"#))),
        ("null", None),
        (r#""""#, None),
        ("{}", None),
        ("[]", None),
    ] {
        assert_eq!(parsed(with("contacts", value)).thread.fields.contacts, expected, "{value}");
    }
    assert_eq!(parsed(r#"{"external_chat_id": "c"}"#).thread.fields.contacts, None);
}

#[test]
fn unknown_fields_are_kept() {
    let webhook = parsed(
        r#"{"external_chat_id": "c", "rate": 4.5, "tags": ["a"], "big": 123456789012345678901234567890,
            "none": null, "empty": "", "ok": true}"#,
    );
    let expected = json!({"rate": 4.5, "tags": ["a"], "big": "123456789012345678901234567890", "ok": true});
    assert_eq!(Value::Object(webhook.thread.fields.extra), expected);
}

#[test]
fn of_a_repeated_name_the_last_value_counts() {
    let webhook =
        parsed(r#"{"external_chat_id": "a", "operator": true, "external_chat_id": "b", "operator": null}"#);
    assert_eq!(webhook.chat_id.as_str(), "b");
    assert!(webhook.thread.flags.is_empty());
    let webhook =
        parse(FORM, "external_chat_id=a&operator=1&external_chat_id=b&operator=").expect("readable");
    assert_eq!(webhook.chat_id.as_str(), "b");
    assert!(webhook.thread.flags.is_empty());
}

#[test]
fn json_is_recognised_by_its_type_or_its_look() {
    let body = r#"{"external_chat_id": "c"}"#;
    for content_type in [
        Some("application/json"),
        Some("APPLICATION/JSON ;charset=utf-8"),
        Some("application/vnd.api+json"),
        Some("text/json"),
        None,
        Some(""),
    ] {
        assert!(parse(content_type, body).is_ok(), "{content_type:?}");
    }
    assert!(parse(None, format!("\u{feff}\n {body}")).is_ok());
    for (content_type, body) in [
        (None, "external_chat_id=c"),
        (None, ""),
        (None, "[]"),
        (Some("text/plain"), body),
        (Some("text/html"), body),
        (Some("multipart/form-data; boundary=x"), body),
        (Some("json"), body),
    ] {
        assert_eq!(parse(content_type, body), Err(WebhookError::UnsupportedMediaType), "{content_type:?}");
    }
}

#[test]
fn what_is_not_a_flat_object_is_malformed() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    for body in
        ["", "null", "[]", r#"["external_chat_id"]"#, r#""text""#, "1", "{", r#"{"a" 1}"#, "{} {}", &deep]
    {
        let refused = parse(JSON, body);
        assert!(matches!(refused, Err(WebhookError::Malformed(_))), "{body:.40}: {refused:?}");
    }
    assert!(matches!(parse(JSON, b"{\"external_chat_id\": \"\xff\"}"), Err(WebhookError::Malformed(_))));
    let kept = parsed(with("deep", &deep)).thread.fields.extra;
    assert_eq!(kept.get("deep"), Some(&json!(deep)));
}
