//! A call as it came: its route, what its path names, the query and the body.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::Method;
use serde_json::Value;
use url::form_urlencoded;

use super::answer::Refusal;
use super::routes;

/// Where the client-server API begins.
const PREFIX: &str = "/_matrix/client/";
/// The versions of routes. Nothing here depends on which of them is asked for.
const VERSIONS: [&str; 3] = ["v3", "r0", "v1"];

/// A call of the client-server API.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// The method and the path without its version, with `*` for what is named: `GET /rooms/*/messages`. Of a route
    /// that the server does not know, the method and the whole path.
    pub(super) route: Arc<str>,
    pub(super) known: bool,
    /// What stands in the place of each `*`.
    pub(super) names: Arc<[String]>,
    pub(super) query: Arc<BTreeMap<String, String>>,
    /// `null` where there is none, or none that can be read.
    pub(super) body: Arc<Value>,
    /// Whose device it came from.
    pub(super) by: Option<Device>,
}

/// A device of a user, and with it who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Device {
    pub(super) user: String,
    pub(super) id: String,
}

impl Request {
    pub(super) fn new(method: &Method, path: &str, query: Option<&str>) -> Self {
        let query = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let query = query.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        let segments: Option<Vec<String>> = below_version(path)
            .map(|path| path.trim_end_matches('/').split('/').skip(1).map(percent_decoded).collect());
        let found = segments.and_then(|segments| routes::find(method.as_str(), &segments));
        let known = found.is_some();
        let (route, names) = found.unwrap_or_else(|| (format!("{method} {path}").into(), Vec::new()));
        let (query, names) = (Arc::new(query), names.into());
        Self { route, known, names, query, body: Arc::default(), by: None }
    }

    /// Reads the body, which must be JSON if there is one.
    pub(super) fn read(&mut self, body: &[u8]) -> Result<(), Refusal> {
        if !body.is_empty() {
            let body = serde_json::from_slice(body)
                .map_err(|_| Refusal::new(400, "M_NOT_JSON", "Content not JSON."))?;
            self.body = Arc::new(body);
        }
        Ok(())
    }

    /// What stands in the place of this `*` of the route, counted from 0.
    pub(super) fn name(&self, place: usize) -> &str {
        &self.names[place]
    }

    /// The room that the path names.
    pub(super) fn room(&self) -> Option<&str> {
        self.names.iter().find(|name| name.starts_with('!')).map(String::as_str)
    }

    /// Who calls. Everything but logging in asks for a token.
    pub(super) fn by(&self) -> &Device {
        self.by.as_ref().expect("the route asks for a token")
    }

    /// A text in the body.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name).and_then(Value::as_str)
    }

    /// A number in the query.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let Some(value) = self.query.get(name) else { return Ok(None) };
        let refusal =
            || Refusal::new(400, "M_INVALID_PARAM", format!("Query parameter {name} must be an integer"));
        value.parse().map(Some).map_err(|_| refusal())
    }
}

/// The path without its version. `/versions` has none.
fn below_version(path: &str) -> Option<&str> {
    let path = path.strip_prefix(PREFIX)?;
    if path == "versions" {
        return Some("/versions");
    }
    VERSIONS.iter().find_map(|version| path.strip_prefix(version).filter(|rest| rest.starts_with('/')))
}

/// A segment of a path as it was meant. What is not escaped rightly stays as it is.
fn percent_decoded(segment: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = segment.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = after
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|hex| u8::from_str_radix(str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
