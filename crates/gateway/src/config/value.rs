//! Making typed values of what stands in the file.

use std::{fmt::Display, net::SocketAddr, ops::RangeInclusive, time::Duration};

use toml::de::{DeArray, DeValue};
use url::Url;

use super::{mistake::Fault, nearest, source::Sources};

/// A string of the file.
pub(super) struct Text {
    /// As it is written: what a mistake may show, where the key is not that of a secret.
    pub(super) written: String,
    /// With everything put in that `${…}` stands for. Never shown.
    pub(super) resolved: String,
}

pub(super) fn text(value: &DeValue<'_>, remedy: &str, sources: &Sources) -> Result<Text, Vec<Fault>> {
    let DeValue::String(written) = value else {
        return Err(vec![wrong_type("a string", value, remedy)]);
    };
    let resolved = sources
        .resolve(written)
        .map_err(|failures| failures.into_iter().map(Fault::from).collect::<Vec<_>>())?;
    match (resolved.is_empty(), written.is_empty()) {
        (false, _) => Ok(Text { written: written.to_string(), resolved }),
        (true, true) => Err(vec![Fault::new("is empty", "give it a value")]),
        (true, false) => Err(vec![Fault::new("stands for something empty", "fill the variable or file")]),
    }
}

pub(super) fn list<'v, 'a>(value: &'v DeValue<'a>) -> Result<&'v DeArray<'a>, Fault> {
    value.as_array().ok_or_else(|| wrong_type("a list of strings", value, "write it as [\"…\"]"))
}

pub(super) fn boolean(value: &DeValue<'_>) -> Result<bool, Fault> {
    value.as_bool().ok_or_else(|| wrong_type("true or false", value, "write it without quotes"))
}

pub(super) fn integer<T>(value: &DeValue<'_>, range: &RangeInclusive<T>) -> Result<T, Fault>
where
    T: TryFrom<i64> + PartialOrd + Display,
{
    let DeValue::Integer(written) = value else {
        return Err(wrong_type("a whole number", value, "write it without quotes and without a point"));
    };
    i64::from_str_radix(written.as_str(), written.radix())
        .ok()
        .and_then(|number| T::try_from(number).ok())
        .filter(|number| range.contains(number))
        .ok_or_else(|| out_of_range(written, range.start(), range.end()))
}

pub(super) fn number(value: &DeValue<'_>, range: &RangeInclusive<f64>) -> Result<f64, Fault> {
    let (written, number) = match value {
        DeValue::Float(written) => (written.to_string(), written.as_str().parse().ok()),
        DeValue::Integer(written) if written.radix() == 10 => {
            (written.to_string(), written.as_str().parse().ok())
        }
        _ => return Err(wrong_type("a number", value, "write it without quotes")),
    };
    let number = number.filter(|number| range.contains(number));
    number.ok_or_else(|| out_of_range(written, range.start(), range.end()))
}

pub(super) fn duration(text: &Text, range: &RangeInclusive<Duration>) -> Result<Duration, Fault> {
    let duration = humantime::parse_duration(&text.resolved).map_err(|_| {
        Fault::new(format!("{:?} is not a duration", text.written), "write it as \"30s\", \"5m\" or \"24h\"")
    })?;
    if range.contains(&duration) {
        return Ok(duration);
    }
    let shown = |end: &Duration| format!("{:?}", humantime::format_duration(*end).to_string());
    Err(out_of_range(format!("{:?}", text.written), shown(range.start()), shown(range.end())))
}

pub(super) fn address(text: &str) -> Result<SocketAddr, Fault> {
    text.parse().map_err(|_| {
        Fault::new("is not an IP address with a port", "write it as \"127.0.0.1:8080\" or \"[::]:8080\"")
    })
}

pub(super) fn http_url(text: &str) -> Result<Url, Fault> {
    let sample = "write it as \"https://www.example.com\"";
    let url = Url::parse(text).map_err(|error| Fault::new(format!("is not a URL: {error}"), sample))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Fault::new("does not begin with https:// or http://", sample));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Fault::new("has a user or a password in it", "take them out"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Fault::new("has a \"?\" or a \"#\" in it", "end it with the path"));
    }
    Ok(url)
}

/// A word that is none of those that are known here.
pub(super) fn none_of(text: &Text, words: &[&str]) -> Fault {
    Fault::new(format!("{:?} is not known here", text.written), nearest::remedy(&text.written, words))
}

pub(super) fn wrong_type(expected: &str, found: &DeValue<'_>, remedy: impl Into<String>) -> Fault {
    let found = match found {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    Fault::new(format!("expected {expected}, found {found}"), remedy)
}

fn out_of_range(written: impl Display, least: impl Display, most: impl Display) -> Fault {
    Fault::new(format!("{written} is out of range"), format!("take {least} to {most}"))
}
