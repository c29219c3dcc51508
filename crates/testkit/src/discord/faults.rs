//! What goes wrong, and when.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;

use super::answer::{Refusal, Scope, raw, respond};
use super::bot::Bot;
use super::routes;

/// What the gateway's part of a plan can be about.
const OPERATIONS: [&str; 3] = ["IDENTIFY", "RESUME", "HEARTBEAT"];

/// What becomes of a call, or of an operation on the gateway.
#[derive(Clone, Debug)]
pub enum Fault {
    /// 429 with these seconds. Calls only.
    TooManyRequests {
        /// Seconds.
        retry_after: f64,
        /// Whose limit it was.
        scope: Scope,
    },
    /// A refusal in Discord's form, for example 403 with 50007 `Cannot send messages to this user`. Calls only.
    Refused {
        /// HTTP's status.
        status: u16,
        /// Discord's code.
        code: u32,
        /// What it says.
        message: String,
    },
    /// The status and a page of HTML, as from a proxy: the body is no JSON. Calls only.
    Page(u16),
    /// A body that promises success and is cut short: 200 with broken JSON. The call was carried out. Calls only.
    Garbled,
    /// It is done at once and answered so much later. Calls only.
    AnswerLate(Duration),
    /// The gateway closes the connection with this code. Gateway only.
    CloseCode(u16),
    /// The session is opened, and then the gateway closes the connection with this code. IDENTIFY and RESUME only.
    OpenedThenClosed(u16),
    /// The gateway answers that the session is invalid (op 9). Gateway only.
    InvalidSession {
        /// Whether it says that the session may be resumed.
        resumable: bool,
    },
    /// Nothing is done, and the connection is closed without a word.
    Closed,
    /// It is done, and the connection is closed without a word. Not for heartbeats.
    AnswerLost,
    /// It is done and never answered; the connection stays open. An IDENTIFY or RESUME is then ignored, and so is a
    /// heartbeat.
    NoAnswer,
    /// It is done after this time, unless the caller has gone by then. Not for heartbeats.
    Slow(Duration),
}

impl Fault {
    /// 500, as Discord says it.
    pub fn internal_error() -> Self {
        Self::refused(500, 0, "500: Internal Server Error")
    }

    /// 502 with a page of HTML.
    pub fn bad_gateway() -> Self {
        Self::Page(502)
    }

    /// 401, as after the token was revoked.
    pub fn unauthorized() -> Self {
        Self::refused(401, 0, "401: Unauthorized")
    }

    /// 429 of the bucket that the call belongs to.
    pub fn too_many_requests(seconds: f64) -> Self {
        Self::TooManyRequests { retry_after: seconds, scope: Scope::User }
    }

    /// Any refusal with its code and message.
    pub fn refused(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self::Refused { status, code, message: message.into() }
    }

    /// The answer that is given instead of doing anything.
    pub(super) fn instead(&self) -> Option<Response<Full<Bytes>>> {
        let page = |code| format!("<html><head><title>{code}</title></head><body>cloudflare</body></html>");
        match self {
            Self::TooManyRequests { retry_after, scope } => {
                Some(respond(Err(Refusal::too_many_requests(*retry_after, *scope))))
            }
            Self::Refused { status, code, message } => {
                Some(respond(Err(Refusal::new(*status, *code, message))))
            }
            Self::Page(code) => Some(raw(*code, "text/html", page(*code))),
            _ => None,
        }
    }

    /// Whether it can happen to this operation or route, or to calls.
    fn fits(&self, route: Option<&str>) -> bool {
        match self {
            Self::Closed | Self::NoAnswer => true,
            Self::OpenedThenClosed(_) => matches!(route, Some("IDENTIFY" | "RESUME")),
            Self::CloseCode(_) | Self::InvalidSession { .. } => {
                route.is_some_and(|route| OPERATIONS.contains(&route))
            }
            Self::AnswerLost | Self::Slow(_) => route != Some("HEARTBEAT"),
            _ => route.is_none_or(|route| !OPERATIONS.contains(&route)),
        }
    }
}

/// A fault that waits to be told when. Does nothing until one of the last three methods is called.
#[must_use = "say when: next, always or every"]
pub struct Plan<'a> {
    bot: &'a Bot,
    rule: Rule,
}

impl<'a> Plan<'a> {
    pub(super) fn new(bot: &'a Bot, fault: Fault) -> Self {
        let rule = Rule { fault, route: None, channel: None, when: When::Always, seen: 0 };
        Self { bot, rule }
    }

    /// Only calls of this route, for example `POST /channels/*/messages`, or only this operation on the gateway:
    /// `IDENTIFY`, `RESUME` or `HEARTBEAT`. Without it all calls are meant, and nothing on the gateway.
    pub fn on(mut self, route: &str) -> Self {
        assert!(OPERATIONS.contains(&route) || routes::exists(route), "there is no route {route}");
        self.rule.route = Some(route.to_owned());
        self
    }

    /// Only calls whose path names this channel.
    pub fn in_channel(mut self, channel_id: u64) -> Self {
        self.rule.channel = Some(channel_id);
        self
    }

    /// The next `count` of them.
    pub fn next(self, count: u32) {
        self.add(When::Next(count));
    }

    /// Every one from now on, until [`Bot::heals`].
    pub fn always(self) {
        self.add(When::Always);
    }

    /// The `kth` from now on, the one as many after it, and so on.
    pub fn every(self, kth: u32) {
        assert!(kth > 0, "every 0th call is none");
        self.add(When::Every(kth));
    }

    fn add(mut self, when: When) {
        let (fault, route) = (&self.rule.fault, self.rule.route.as_deref());
        assert!(fault.fits(route), "{fault:?} cannot happen on {}", route.unwrap_or("calls"));
        self.rule.when = when;
        self.bot.add_rule(self.rule);
    }
}

/// When a rule's fault occurs, counted in what matches.
enum When {
    Next(u32),
    Always,
    Every(u32),
}

/// One line of the plan.
pub(super) struct Rule {
    fault: Fault,
    route: Option<String>,
    channel: Option<u64>,
    when: When,
    seen: u32,
}

impl Rule {
    fn matches(&self, route: &str, channel: Option<u64>) -> bool {
        let any = || !OPERATIONS.contains(&route);
        self.route.as_deref().map_or_else(any, |wanted| wanted == route)
            && self.channel.is_none_or(|wanted| Some(wanted) == channel)
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

/// The fault of this call or operation, if any: that of the oldest rule whose turn it is.
pub(super) fn strike(rules: &mut Vec<Rule>, route: &str, channel: Option<u64>) -> Option<Fault> {
    let rule =
        rules.iter_mut().find_map(|rule| (rule.matches(route, channel) && rule.occurs()).then_some(rule))?;
    let fault = rule.fault.clone();
    rules.retain(|rule| !rule.is_over());
    Some(fault)
}
