//! A call's parameters, whichever way they came: query, form, parts or JSON.

use hyper::header::HeaderValue;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::answer::Refusal;

/// What a method was called with. Query and form give strings; JSON gives what it holds. The readers accept both.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Params(Map<String, Value>);

impl Params {
    pub(super) fn parse(
        query: Option<&str>,
        content_type: Option<&HeaderValue>,
        body: &[u8],
    ) -> Result<Self, Refusal> {
        let mut params = Map::new();
        let mut add_form = |form: &[u8]| {
            let pairs = form_urlencoded::parse(form);
            params.extend(pairs.map(|(name, value)| (name.into_owned(), Value::String(value.into_owned()))));
        };
        add_form(query.unwrap_or_default().as_bytes());
        let kind = content_type.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.starts_with("application/x-www-form-urlencoded") {
            add_form(body);
        } else if let Some((_, boundary)) = kind.split_once("boundary=") {
            params.extend(multipart(boundary.trim_matches('"'), body));
        } else if kind.starts_with("application/json") && !body.is_empty() {
            let object: Map<String, Value> = serde_json::from_slice(body)
                .map_err(|_| Refusal::bad_request("can't parse request: can't parse JSON object"))?;
            params.extend(object);
        }
        Ok(Self(params))
    }

    /// The parameter as it came.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text. Absent is `None`.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// A whole number, as JSON's or as digits.
    pub fn integer(&self, name: &str) -> Option<i64> {
        integer(self.get(name)?)
    }

    /// A truth value, as JSON's or as a word. Absent is false.
    pub fn flag(&self, name: &str) -> bool {
        match self.get(name) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(word)) => matches!(word.as_str(), "true" | "True" | "1" | "yes"),
            _ => false,
        }
    }

    /// A list or an object, as JSON's or as its text.
    pub fn json(&self, name: &str) -> Option<Value> {
        match self.get(name)? {
            Value::String(text) => serde_json::from_str(text).ok(),
            value => Some(value.clone()),
        }
    }
}

/// The text fields of `multipart/form-data`. Files are passed over.
fn multipart(boundary: &str, body: &[u8]) -> Map<String, Value> {
    let body = String::from_utf8_lossy(body);
    let boundary = format!("--{boundary}");
    let parts = body.split(&boundary).filter_map(|part| part.split_once("\r\n\r\n"));
    let fields = parts.filter(|(head, _)| !head.contains("filename=")).filter_map(|(head, value)| {
        let (_, name) = head.split_once("name=\"")?;
        let (name, _) = name.split_once('"')?;
        Some((name.to_owned(), Value::from(value.strip_suffix("\r\n").unwrap_or(value))))
    });
    fields.collect()
}

/// A whole number, as JSON's or as digits.
pub(super) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::String(digits) => digits.parse().ok(),
        value => value.as_i64(),
    }
}
