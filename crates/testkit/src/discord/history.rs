//! `GET /channels/*/messages`: what was written, newest first.

use std::ops::Bound;

use serde_json::{Map, Value};

use super::answer::{Outcome, Refusal};
use super::channels::{ChannelState, Kind};
use super::permissions::Permission;
use super::request::Request;
use super::state::Shared;

const DEFAULT_LIMIT: usize = 50;
const LONGEST: usize = 100;

/// Where a page lies.
enum Page {
    Last,
    /// The oldest ones after this id.
    After(u64),
    /// The newest ones before this id.
    Before(u64),
    Around(u64),
}

pub(super) fn messages(bot: &Shared, request: &Request) -> Outcome {
    let limit = limit(request)?;
    let page = page(request)?;
    let state = bot.lock();
    let channel = readable_kind(state.visible(request.id(0))?)?;
    if !state.may(channel, Permission::ReadMessageHistory) {
        // No error, as if nobody had written anything.
        return Ok(Value::Array(Vec::new()));
    }
    let found = page.of(channel, limit).into_iter().map(|message| state.show_past(channel, message));
    Ok(found.collect())
}

pub(super) fn message(bot: &Shared, request: &Request) -> Outcome {
    let state = bot.lock();
    let channel = readable_kind(state.visible(request.id(0))?)?;
    if !state.may(channel, Permission::ReadMessageHistory) {
        return Err(Refusal::missing_access());
    }
    let message = channel.messages.get(&request.id(1)).ok_or_else(Refusal::unknown_message)?;
    Ok(state.show_past(channel, message))
}

/// Channels that hold no messages themselves have no history.
fn readable_kind(channel: &ChannelState) -> Result<&ChannelState, Refusal> {
    match channel.kind {
        Kind::Forum | Kind::Category => {
            Err(Refusal::new(400, 50024, "Cannot execute action on this channel type"))
        }
        _ => Ok(channel),
    }
}

fn limit(request: &Request) -> Result<usize, Refusal> {
    let Some(limit) = request.query.get("limit") else { return Ok(DEFAULT_LIMIT) };
    let invalid = |code, message: &str| Refusal::invalid("limit", code, message);
    match limit.parse() {
        Ok(limit @ 1..=LONGEST) => Ok(limit),
        Ok(0) => Err(invalid("NUMBER_TYPE_MIN", "int value should be greater than or equal to 1.")),
        Ok(_) => Err(invalid("NUMBER_TYPE_MAX", "int value should be less than or equal to 100.")),
        Err(_) => Err(invalid("NUMBER_TYPE_COERCE", &format!("Value \"{limit}\" is not int."))),
    }
}

fn page(request: &Request) -> Result<Page, Refusal> {
    let (after, before, around) =
        (request.query_id("after")?, request.query_id("before")?, request.query_id("around")?);
    match (after, before, around) {
        (None, None, None) => Ok(Page::Last),
        (Some(id), None, None) => Ok(Page::After(id)),
        (None, Some(id), None) => Ok(Page::Before(id)),
        (None, None, Some(id)) => Ok(Page::Around(id)),
        // Better than to choose one where Discord might choose another.
        _ => Err(Refusal::invalid("after", "EXCLUSIVE", "after, before and around exclude each other.")),
    }
}

impl Page {
    /// Its messages, the newest first.
    fn of(self, channel: &ChannelState, limit: usize) -> Vec<&Map<String, Value>> {
        let messages = &channel.messages;
        let after =
            |id: u64| messages.range((Bound::Excluded(id), Bound::Unbounded)).map(|(_, message)| message);
        let before = |id: u64| messages.range(..id).rev().map(|(_, message)| message);
        let mut found: Vec<_> = match self {
            Self::Last => return messages.values().rev().take(limit).collect(),
            Self::Before(id) => return before(id).take(limit).collect(),
            Self::After(id) => after(id).take(limit).collect(),
            Self::Around(id) => {
                let mut found: Vec<_> = before(id).take(limit / 2).collect();
                found.reverse();
                let rest = limit - found.len();
                found.extend(messages.get(&id).into_iter().chain(after(id)).take(rest));
                found
            }
        };
        found.reverse();
        found
    }
}
