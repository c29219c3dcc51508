//! The forms in which a value may come. The platform does not say which it uses.

use serde_json::{Value, value::RawValue};

/// A value that was given: not null and not empty.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Given {
    /// A JSON boolean.
    Bool(bool),
    /// A JSON number, as it was written: ids have more digits than any number type holds.
    Number(String),
    /// A text that has something else than white space.
    Text(String),
    /// A JSON object or array that has something in it.
    Nested(Value),
}

impl Given {
    /// The value in this piece of JSON, unless it states nothing.
    pub(super) fn from_json(raw: &RawValue) -> Option<Self> {
        let json = raw.get();
        match json.as_bytes().first()? {
            b'n' => None,
            b't' => Some(Self::Bool(true)),
            b'f' => Some(Self::Bool(false)),
            b'"' => Self::from_text(serde_json::from_str(json).unwrap_or_else(|_| json.to_owned())),
            b'[' | b'{' => match serde_json::from_str(json) {
                Ok(Value::Array(items)) if items.is_empty() => None,
                Ok(Value::Object(members)) if members.is_empty() => None,
                Ok(value) => Some(Self::Nested(value)),
                // Nested too deeply, or with a number that no type holds: kept as it came.
                Err(_) => Some(Self::Nested(Value::String(json.to_owned()))),
            },
            _ => Some(Self::Number(json.to_owned())),
        }
    }

    /// This text, unless it states nothing.
    pub(super) fn from_text(text: String) -> Option<Self> {
        (!text.trim().is_empty()).then_some(Self::Text(text))
    }

    /// Yes or no, if that is what it says.
    pub(super) fn as_flag(&self) -> Option<bool> {
        let word = match self {
            Self::Bool(value) => return Some(*value),
            Self::Number(text) | Self::Text(text) => text.trim().to_lowercase(),
            Self::Nested(_) => return None,
        };
        match word.as_str() {
            "1" | "yes" | "true" | "да" => Some(true),
            "0" | "no" | "false" | "нет" => Some(false),
            _ => None,
        }
    }

    /// An id, if it can be one.
    pub(super) fn as_id(&self) -> Option<&str> {
        match self {
            Self::Number(text) | Self::Text(text) => Some(text.trim()),
            Self::Bool(_) | Self::Nested(_) => None,
        }
    }

    /// The value for storing.
    pub(super) fn into_value(self) -> Value {
        match self {
            Self::Bool(value) => Value::Bool(value),
            Self::Number(text) => number(text),
            Self::Text(text) => Value::String(text),
            Self::Nested(value) => value,
        }
    }
}

/// A number where that loses nothing, otherwise its digits as a string.
fn number(text: String) -> Value {
    let value: Option<Value> = serde_json::from_str(&text).ok();
    value.filter(|value| format!("{value}") == text).unwrap_or(Value::String(text))
}
