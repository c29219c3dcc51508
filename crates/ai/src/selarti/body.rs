//! Takes the body of a webhook apart: a flat object in JSON, or a form with the same names.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::value::RawValue;
use url::form_urlencoded;

use super::values::Given;
use crate::WebhookError;

/// Every name in the body with the value that was given last. Names that state nothing (null or
/// empty) are left out.
pub(super) type Fields = BTreeMap<String, Given>;

/// Reads a body of this content type.
pub(super) fn read(content_type: Option<&str>, body: &[u8]) -> Result<Fields, WebhookError> {
    let format = Format::of(content_type, body).ok_or(WebhookError::UnsupportedMediaType)?;
    let text = str::from_utf8(body).map_err(|_| WebhookError::Malformed("the body is not UTF-8".into()))?;
    match format {
        Format::Json => json(text.trim_start_matches('\u{feff}')),
        Format::Form => Ok(form(text)),
    }
}

enum Format {
    Json,
    Form,
}

impl Format {
    fn of(content_type: Option<&str>, body: &[u8]) -> Option<Self> {
        let media_type = content_type.unwrap_or("").split(';').next().unwrap_or("").trim();
        let media_type = media_type.to_ascii_lowercase();
        match media_type.as_str() {
            "application/json" | "text/json" => Some(Self::Json),
            "application/x-www-form-urlencoded" => Some(Self::Form),
            // Some senders name no type; what begins like an object is taken for one.
            "" => starts_an_object(body).then_some(Self::Json),
            other => (other.contains('/') && other.ends_with("+json")).then_some(Self::Json),
        }
    }
}

fn starts_an_object(body: &[u8]) -> bool {
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    body.trim_ascii_start().starts_with(b"{")
}

fn json(text: &str) -> Result<Fields, WebhookError> {
    let text = repair_escapes(text);
    // Raw values, because numbers must be kept as they are written: ids have more digits than
    // any number type holds.
    let raw: BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(&text).map_err(|error| WebhookError::Malformed(fault(&error)))?;
    Ok(raw.into_iter().filter_map(|(name, value)| Some((name, Given::from_json(&value)?))).collect())
}

/// What is wrong with a body, without repeating anything of it.
fn fault(error: &serde_json::Error) -> String {
    if error.is_data() { "expected a JSON object".to_owned() } else { error.to_string() }
}

fn form(text: &str) -> Fields {
    let mut fields = Fields::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        let name = without_nul(&name);
        match Given::from_text(without_nul(&value)) {
            Some(value) => fields.insert(name, value),
            // The last one counts, also where it takes back what an earlier one stated.
            None => fields.remove(&name),
        };
    }
    fields
}

fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Replaces by U+FFFD what JSON can write but we cannot store: U+0000 (no database text has it)
/// and halves of surrogate pairs, which senders make by cutting a text in the middle of an emoji.
/// Neither should cost a user the message.
fn repair_escapes(text: &str) -> Cow<'_, str> {
    if !text.contains("\\u") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // Outside of strings JSON has no backslash, so every one begins an escape.
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = match (code_unit(rest), rest.get(6..).and_then(code_unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0 | 0xd800..=0xdfff), _) => {
                out.push_str("\\ufffd");
                rest = &rest[6..];
                continue;
            }
            (Some(_), _) => 6,
            // Another escape, `\\` among them: two characters, so that the second backslash is
            // not taken for the beginning of one.
            (None, _) => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
        };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The code unit of a `\uXXXX` that `text` begins with.
fn code_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    // `from_str_radix` would accept a sign.
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_be_stored_is_repaired() {
        for (given, expected) in [
            (r#""plain""#, r#""plain""#),
            (r#""\u0041\n""#, r#""\u0041\n""#),
            (r#""a\u0000b""#, r#""a\ufffdb""#),
            (r#""\\u0000""#, r#""\\u0000""#),
            (r#""\\\u0000""#, r#""\\\ufffd""#),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\uD83D""#, r#""\ufffd""#),
            (r#""\ude00\ud83d\ud83d\ude00""#, r#""\ufffd\ufffd\ud83d\ude00""#),
            (r#""\u+123\u00é""#, r#""\u+123\u00é""#),
            ("\\u0041\\", "\\u0041\\"),
        ] {
            assert_eq!(repair_escapes(given), expected);
        }
    }
}
