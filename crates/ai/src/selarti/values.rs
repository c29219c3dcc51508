//! The forms in which a value may come. The platform does not say which it uses.

use serde_json::{Value, value::RawValue};

/// How deep a value may be nested. What is stored within others must still be readable there: parsers end at
/// about a hundred.
const MAX_DEPTH: usize = 32;

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
                Ok(value) if depth(&value) <= MAX_DEPTH => Some(Self::Nested(value)),
                // Nested too deeply, or with a number that no type holds: kept as it came.
                _ => Some(Self::Nested(Value::String(json.to_owned()))),
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

/// How deep arrays and objects stand in each other.
fn depth(value: &Value) -> usize {
    let deepest = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(members) => members.values().map(depth).max(),
        _ => return 0,
    };
    1 + deepest.unwrap_or(0)
}

/// A number where that loses nothing, otherwise its digits as a string.
fn number(text: String) -> Value {
    let value: Option<Value> = serde_json::from_str(&text).ok();
    value.filter(|value| format!("{value}") == text).unwrap_or(Value::String(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_nested_too_deeply_is_kept_as_text() {
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        for (depth, is_text) in
            [(1, false), (MAX_DEPTH, false), (MAX_DEPTH + 1, true), (126, true), (5000, true)]
        {
            let json = nested(depth);
            let raw = RawValue::from_string(json.clone()).expect("JSON");
            let value = Given::from_json(&raw).expect("it is not empty").into_value();
            assert_eq!(value.as_str() == Some(&json), is_text, "{depth}");
        }
    }
}
