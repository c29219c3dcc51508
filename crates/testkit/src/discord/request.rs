//! A call as it came: its route, the ids in its path, the query and the body.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::Method;
use hyper::header::HeaderValue;
use serde_json::Value;
use url::form_urlencoded;

use super::answer::Refusal;
use super::snowflake::id_of;

/// A call of the REST API.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// The method and the path below `/api/v10`, with `*` for each id: `GET /channels/*/messages`.
    pub(super) route: Arc<str>,
    /// The ids in the path.
    ids: Arc<[u64]>,
    pub(super) query: Arc<BTreeMap<String, String>>,
    /// `null` where there is none, or none that can be read.
    pub(super) body: Arc<Value>,
}

impl Request {
    /// `path` is what follows `/api/v10`.
    pub(super) fn new(method: &Method, path: &str, query: Option<&str>) -> Self {
        let mut ids = Vec::new();
        let mut route = method.to_string();
        route.push(' ');
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            let id: Option<u64> = segment.parse().ok();
            ids.extend(id);
            route.push('/');
            route.push_str(if id.is_some() { "*" } else { segment });
        }
        let query = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let query = query.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        Self { route: route.into(), ids: ids.into(), query: Arc::new(query), body: Arc::default() }
    }

    /// Reads the body, which must be JSON if there is one.
    pub(super) fn read(&mut self, content_type: Option<&HeaderValue>, body: &[u8]) -> Result<(), Refusal> {
        if body.is_empty() {
            return Ok(());
        }
        let kind = content_type.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("application/json") {
            let message = "Expected \"Content-Type\" header to be one of {'application/json'}.";
            return Err(Refusal::invalid("_", "CONTENT_TYPE_INVALID", message));
        }
        let body: Value = serde_json::from_slice(body)
            .map_err(|_| Refusal::new(400, 50109, "The request body contains invalid JSON."))?;
        self.body = Arc::new(body);
        Ok(())
    }

    /// The id at this place of the path. The route has it.
    pub(super) fn id(&self, place: usize) -> u64 {
        self.ids[place]
    }

    /// The channel that the path names.
    pub(super) fn channel(&self) -> Option<u64> {
        self.route.contains(" /channels/*").then(|| self.ids[0])
    }

    /// The id that a bucket of limits belongs to: the channel or the guild in the path.
    pub(super) fn major(&self) -> Option<u64> {
        let major = [" /channels/*", " /guilds/*"].iter().any(|prefix| self.route.contains(prefix));
        major.then(|| self.ids[0])
    }

    /// An id in the query.
    pub(super) fn query_id(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let Some(value) = self.query.get(name) else { return Ok(None) };
        let refusal =
            || Refusal::invalid(name, "NUMBER_TYPE_COERCE", &format!("Value \"{value}\" is not snowflake."));
        value.parse().map(Some).map_err(|_| refusal())
    }

    /// A field of the body. `null` is absent.
    pub(super) fn field(&self, name: &str) -> Option<&Value> {
        self.body.get(name).filter(|value| !value.is_null())
    }

    /// A text in the body.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let Some(value) = self.field(name) else { return Ok(None) };
        let refusal =
            || Refusal::invalid(name, "BASE_TYPE_BAD_STRING", "Could not interpret value as string.");
        value.as_str().map(Some).ok_or_else(refusal)
    }

    /// An id in the body.
    pub(super) fn body_id(&self, name: &str) -> Option<u64> {
        self.field(name).and_then(id_of)
    }
}
