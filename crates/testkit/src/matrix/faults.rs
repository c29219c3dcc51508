//! What goes wrong, and when.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use tokio::sync::watch;

use super::answer::{Refusal, raw, respond};
use super::routes;
use super::server::FakeMatrix;

/// What becomes of a call.
#[derive(Clone, Debug)]
pub enum Fault {
    /// 429 `M_LIMIT_EXCEEDED` with this wait.
    LimitExceeded(Duration),
    /// A refusal in Matrix's form, for example 403 `M_FORBIDDEN`.
    Refused {
        /// The status.
        status: u16,
        /// Matrix's code.
        errcode: String,
        /// What it says.
        error: String,
    },
    /// 401 `M_UNKNOWN_TOKEN`, although the token is good.
    UnknownToken {
        /// Whether the device is said to be there still.
        soft_logout: bool,
    },
    /// The status and a page of HTML, as from a proxy: the body is no JSON.
    Page(u16),
    /// 200 with this body: JSON, but none that a homeserver sends.
    Body(String),
    /// A body that promises success and is cut short: 200 with broken JSON. The call was carried out.
    Garbled,
    /// Nothing is done, and the connection is closed without an answer.
    Closed,
    /// It is done, and the connection is closed without an answer.
    AnswerLost,
    /// It is done and never answered; the connection stays open.
    NoAnswer,
    /// It is done when the gate is opened, unless the caller has gone by then.
    Held(Gate),
    /// It is done at once and answered when the gate is opened.
    AnswerHeld(Gate),
    /// The last answer that this user had is given again, to the letter. `GET /sync` only.
    Repeated,
}

impl Fault {
    /// 500, as Synapse says it.
    pub fn internal_error() -> Self {
        Self::refused(500, "M_UNKNOWN", "Internal server error")
    }

    /// 502 with a page of HTML.
    pub fn bad_gateway() -> Self {
        Self::Page(502)
    }

    /// Any refusal with its code and message.
    pub fn refused(status: u16, errcode: &str, error: impl Into<String>) -> Self {
        Self::Refused { status, errcode: errcode.to_owned(), error: error.into() }
    }

    /// The answer that is given instead of doing anything.
    pub(super) fn instead(&self) -> Option<Response<Full<Bytes>>> {
        let page = |status| format!("<html><head><title>{status}</title></head><body>nginx</body></html>");
        match self {
            Self::LimitExceeded(wait) => Some(respond(Err(Refusal::limit_exceeded(*wait)))),
            Self::Refused { status, errcode, error } => {
                Some(respond(Err(Refusal::new(*status, errcode, error))))
            }
            Self::UnknownToken { soft_logout } => Some(respond(Err(Refusal::unknown_token(*soft_logout)))),
            Self::Page(status) => Some(raw(*status, "text/html", page(*status))),
            Self::Body(body) => Some(raw(200, "application/json", body.clone())),
            _ => None,
        }
    }
}

/// What holds a call back until the test lets it go. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate(watch::Sender<bool>);

impl Gate {
    /// A gate that is shut.
    #[expect(clippy::new_without_default, reason = "that it is shut should be read at its doc")]
    pub fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Lets everything through, from now on.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// How many calls are held back now.
    pub fn waiting(&self) -> usize {
        self.0.receiver_count()
    }

    pub(super) async fn pass(&self) {
        self.0.subscribe().wait_for(|open| *open).await.expect("this gate itself keeps the channel open");
    }
}

/// A fault that waits to be told when. Does nothing until one of the last three methods is called.
#[must_use = "say when: next, always or every"]
pub struct Plan<'a> {
    server: &'a FakeMatrix,
    rule: Rule,
}

impl<'a> Plan<'a> {
    pub(super) fn new(server: &'a FakeMatrix, fault: Fault) -> Self {
        let rule = Rule { fault, route: None, room: None, when: When::Always, seen: 0 };
        Self { server, rule }
    }

    /// Only calls of this route, for example `PUT /rooms/*/send/*/*`.
    pub fn on(mut self, route: &str) -> Self {
        assert!(routes::exists(route), "there is no route {route}");
        self.rule.route = Some(route.to_owned());
        self
    }

    /// Only calls whose path names this room.
    pub fn in_room(mut self, room_id: &str) -> Self {
        self.rule.room = Some(room_id.to_owned());
        self
    }

    /// The next `count` of them. A long poll that is under way is not one of them.
    pub fn next(self, count: u32) {
        self.add(When::Next(count));
    }

    /// Every one from now on, until [`FakeMatrix::heals`].
    pub fn always(self) {
        self.add(When::Always);
    }

    /// The `kth` from now on, the one as many after it, and so on.
    pub fn every(self, kth: u32) {
        assert!(kth > 0, "every 0th call is none");
        self.add(When::Every(kth));
    }

    fn add(mut self, when: When) {
        let syncs = self.rule.route.as_deref() == Some("GET /sync");
        assert!(syncs || !matches!(self.rule.fault, Fault::Repeated), "only syncs are repeated");
        self.rule.when = when;
        self.server.add_rule(self.rule);
    }
}

/// When a rule's fault occurs, counted in the calls that match.
enum When {
    Next(u32),
    Always,
    Every(u32),
}

/// One line of the plan.
pub(super) struct Rule {
    fault: Fault,
    route: Option<String>,
    room: Option<String>,
    when: When,
    seen: u32,
}

impl Rule {
    fn matches(&self, route: &str, room: Option<&str>) -> bool {
        self.route.as_deref().is_none_or(|wanted| wanted == route)
            && self.room.as_deref().is_none_or(|wanted| Some(wanted) == room)
    }

    fn occurs(&mut self) -> bool {
        self.seen += 1;
        match self.when {
            When::Next(count) => self.seen <= count,
            When::Always => true,
            When::Every(kth) => self.seen.is_multiple_of(kth),
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.when, When::Next(count) if self.seen >= count)
    }
}

/// The fault of this call, if any: that of the oldest rule whose turn it is.
pub(super) fn strike(rules: &mut Vec<Rule>, route: &str, room: Option<&str>) -> Option<Fault> {
    let rule =
        rules.iter_mut().find_map(|rule| (rule.matches(route, room) && rule.occurs()).then_some(rule))?;
    let fault = rule.fault.clone();
    rules.retain(|rule| !rule.is_over());
    Some(fault)
}
