//! What goes wrong, and when.

use std::time::Duration;

use super::answer::{Refusal, raw, respond};
use super::bot::Bot;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;

/// What becomes of a call.
#[derive(Clone, Debug)]
pub enum Fault {
    /// 429 with these seconds.
    TooManyRequests {
        /// Seconds.
        retry_after: u32,
    },
    /// A refusal in Telegram's form, for example 403 `Forbidden: bot was blocked by the user`.
    Refused {
        /// The status.
        code: u16,
        /// The whole description, with its prefix.
        description: String,
    },
    /// The status and a page of HTML, as from a proxy: the body is no JSON.
    Page(u16),
    /// 200 with this body: JSON, but none that Telegram sends.
    Body(String),
    /// A body that promises success and is cut short: 200 with broken JSON. The method was carried out.
    Garbled,
    /// Nothing is done, and the connection is closed without an answer.
    Closed,
    /// It is done, and the connection is closed without an answer.
    AnswerLost,
    /// It is done at once and answered so much later.
    AnswerLate(Duration),
    /// It is done and never answered; the connection stays open.
    NoAnswer,
    /// It is done after this time, unless the caller has gone by then.
    Slow(Duration),
}

impl Fault {
    /// 500, as while the server restarts.
    pub fn internal_error() -> Self {
        Self::refused(500, "Internal Server Error: restart")
    }

    /// 502 with a page of HTML.
    pub fn bad_gateway() -> Self {
        Self::Page(502)
    }

    /// 401, as after the token was revoked.
    pub fn unauthorized() -> Self {
        Self::refused(401, "Unauthorized")
    }

    /// 400, 403 or any other refusal with its whole description.
    pub fn refused(code: u16, description: impl Into<String>) -> Self {
        Self::Refused { code, description: description.into() }
    }

    /// The answer that is given instead of doing anything.
    pub(super) fn instead(&self) -> Option<Response<Full<Bytes>>> {
        let page = |code| format!("<html><head><title>{code}</title></head><body>nginx</body></html>");
        match self {
            Self::TooManyRequests { retry_after } => {
                Some(respond(Err(Refusal::too_many_requests(*retry_after))))
            }
            Self::Refused { code, description } => Some(respond(Err(Refusal::new(*code, description)))),
            Self::Page(code) => Some(raw(*code, "text/html", page(*code))),
            Self::Body(body) => Some(raw(200, "application/json", body.clone())),
            _ => None,
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
        let rule = Rule { fault, method: None, chat: None, when: When::Always, seen: 0 };
        Self { bot, rule }
    }

    /// Only calls of this method, in any case.
    pub fn on(mut self, method: &str) -> Self {
        self.rule.method = Some(method.to_ascii_lowercase());
        self
    }

    /// Only calls with this `chat_id`.
    pub fn in_chat(mut self, chat_id: i64) -> Self {
        self.rule.chat = Some(chat_id);
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
        self.rule.when = when;
        self.bot.add_rule(self.rule);
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
    method: Option<String>,
    chat: Option<i64>,
    when: When,
    seen: u32,
}

impl Rule {
    fn matches(&self, method: &str, chat: Option<i64>) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted == method)
            && self.chat.is_none_or(|wanted| Some(wanted) == chat)
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
pub(super) fn strike(rules: &mut Vec<Rule>, method: &str, chat: Option<i64>) -> Option<Fault> {
    let rule =
        rules.iter_mut().find_map(|rule| (rule.matches(method, chat) && rule.occurs()).then_some(rule))?;
    let fault = rule.fault.clone();
    rules.retain(|rule| !rule.is_over());
    Some(fault)
}
