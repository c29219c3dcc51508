//! `GET /panel/api/dialogues?phase=…&find=…`: the latest dialogues, and what is true of all.

use std::{cmp::Reverse, sync::Arc};

use axum::{
    Json,
    extract::{Query, State},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    dialogue::{Dialogue, Flag, Phase},
    shared::Shared,
};

/// How many dialogues are listed: the latest.
const LISTED: usize = 100;
/// How much of the last message is listed, in characters.
const EXCERPT: usize = 160;

#[derive(Deserialize)]
pub(super) struct Which {
    /// Only those in which this one answers.
    phase: Option<Phase>,
    /// Only those that contain this, in any case.
    #[serde(default)]
    find: String,
}

/// How many dialogues there are, over all of them.
#[derive(Default, Serialize)]
struct Counts {
    all: usize,
    ai: usize,
    operator: usize,
    closed: usize,
    /// With messages that no operator has looked at.
    unread: usize,
    /// Whose webhooks are not taken at the moment.
    failing: usize,
}

pub(super) async fn dialogues(State(shared): State<Arc<Shared>>, Query(which): Query<Which>) -> Json<Value> {
    let target = shared.target.borrow().clone();
    let state = shared.state();
    let mut counts = Counts::default();
    let find = which.find.trim().to_lowercase();
    let mut found: Vec<&Dialogue> = Vec::new();
    for dialogue in state.dialogues() {
        counts.add(dialogue);
        if which.phase.is_none_or(|phase| phase == dialogue.phase()) && contains(dialogue, &find) {
            found.push(dialogue);
        }
    }
    found.sort_unstable_by_key(|dialogue| Reverse(dialogue.spoke));
    let listed: Vec<Value> = found.iter().take(LISTED).map(|dialogue| summary(dialogue)).collect();
    // Of the address only where it leads: the rest of it is a secret.
    let address = target.url.map(|url| url.origin().ascii_serialization());
    Json(json!({
        "version": state.version(),
        "dialogues": listed,
        "found": found.len(),
        "counts": counts,
        "gateway": {"address": address, "paused": target.paused},
        "waiting": state.status().waiting,
        "chat_url": state.chat_url,
    }))
}

impl Counts {
    fn add(&mut self, dialogue: &Dialogue) {
        self.all += 1;
        self.unread += usize::from(dialogue.unread > 0);
        self.failing += usize::from(dialogue.failing);
        match dialogue.phase() {
            Phase::Ai => self.ai += 1,
            Phase::Operator => self.operator += 1,
            Phase::Closed => self.closed += 1,
        }
    }
}

fn contains(dialogue: &Dialogue, find: &str) -> bool {
    let last = dialogue.last_said().map_or("", |message| &message.text);
    let contact = &dialogue.contact;
    let texts = [&dialogue.chat_id, &dialogue.title, &contact.phone, &contact.email, last];
    find.is_empty() || texts.iter().any(|text| text.to_lowercase().contains(find))
}

fn summary(dialogue: &Dialogue) -> Value {
    let last = dialogue.last_said().map(|message| {
        json!({
            "author": message.author,
            "text": message.text.chars().take(EXCERPT).collect::<String>(),
            "at": message.at.unix_timestamp(),
        })
    });
    json!({
        "chat_id": dialogue.chat_id,
        "title": dialogue.title,
        "phase": dialogue.phase(),
        "unread": dialogue.unread,
        "contact": dialogue.flags.contains(&Flag::GetContact),
        "waiting": dialogue.queue.len(),
        "failing": dialogue.failing,
        "last": last,
    })
}
