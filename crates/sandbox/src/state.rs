//! Everything that the sandbox knows: dialogues, faults, and what was received.

use std::{collections::HashMap, time::Duration};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;

use crate::{
    canned::{self, Change},
    config::{Limits, SandboxConfig},
    dialogue::{Author, Dialogue, Flag, Message, Progress},
    faults::{Faults, RequestFault, RequestFaultKind},
    handle::Answer,
    journal::{Journal, Outcome, ReceivedRequest},
    outbox::Outgoing,
    webhook,
};

/// How much was received and sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Requests that were received.
    pub requests: u64,
    /// Messages that were taken from them.
    pub taken: u64,
    /// Webhooks that were answered with 2xx.
    pub delivered: u64,
    /// Webhooks that were refused.
    pub refused: u64,
    /// Attempts at webhooks that had to be repeated.
    pub repeated: u64,
    /// Webhooks that are still to be sent.
    pub waiting: usize,
    /// Dialogues in memory.
    pub dialogues: usize,
}

/// A request that has the right token and is well-formed.
#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    pub(crate) task_id: String,
    pub(crate) chat_id: String,
    pub(crate) message: String,
}

/// How a request is to be answered.
#[derive(Debug)]
pub(crate) struct Reception {
    pub(crate) outcome: Outcome,
    pub(crate) reason: &'static str,
    pub(crate) retry_after: Option<String>,
    pub(crate) taken: bool,
}

/// A message that is added to a dialogue.
struct Said<'a> {
    author: Author,
    text: &'a str,
    after: Duration,
    /// Overrides of the webhook's fields, where it is made by hand.
    by_hand: Option<&'a Answer>,
}

pub(crate) struct State {
    pub(crate) delay: Duration,
    pub(crate) faults: Faults,
    pub(crate) journal: Journal,
    dialogues: HashMap<String, Dialogue>,
    status: Status,
    version: u64,
    echo: bool,
    tasks: Vec<String>,
    limits: Limits,
    public_url: Url,
}

impl State {
    pub(crate) fn new(config: SandboxConfig, public_url: Url) -> Self {
        Self {
            delay: config.delay,
            faults: Faults::default(),
            journal: Journal::new(config.limits.requests),
            dialogues: HashMap::new(),
            status: Status::default(),
            version: 0,
            echo: config.echo,
            tasks: config.tasks,
            limits: config.limits,
            public_url,
        }
    }

    pub(crate) fn status(&self) -> Status {
        Status { requests: self.journal.total(), dialogues: self.dialogues.len(), ..self.status }
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn dialogues(&self) -> impl Iterator<Item = &Dialogue> {
        self.dialogues.values()
    }

    pub(crate) fn dialogue(&self, chat_id: &str) -> Option<&Dialogue> {
        self.dialogues.get(chat_id)
    }

    /// Takes a request, or does to it what the faults say.
    pub(crate) fn receive(&mut self, request: Request) -> Reception {
        let reception = self.judge(&request);
        if reception.taken {
            self.status.taken += 1;
            self.take(&request);
        }
        self.journal.add(ReceivedRequest {
            number: 0,
            at: now(),
            task_id: request.task_id,
            chat_id: request.chat_id,
            message: request.message,
            outcome: reception.outcome,
            taken: reception.taken,
        });
        reception
    }

    /// Notes a request that was not understood or not allowed.
    pub(crate) fn note_refusal(&mut self, status: u16) {
        self.journal.add(ReceivedRequest {
            number: 0,
            at: now(),
            task_id: String::new(),
            chat_id: String::new(),
            message: String::new(),
            outcome: Outcome::Answered(status),
            taken: false,
        });
    }

    fn judge(&mut self, request: &Request) -> Reception {
        let answer = |status, reason, taken| Reception {
            outcome: Outcome::Answered(status),
            reason,
            retry_after: None,
            taken,
        };
        if !self.tasks.is_empty() && !self.tasks.contains(&request.task_id) {
            return answer(400, "there is no such task_id", false);
        }
        if self.status.waiting >= self.limits.waiting {
            return answer(503, "too many webhooks are waiting", false);
        }
        match self.faults.take(&request.chat_id) {
            None => answer(200, "", true),
            Some(RequestFault { kind, take, retry_after, .. }) => Reception {
                outcome: match kind {
                    RequestFaultKind::Status(status) => Outcome::Answered(status),
                    RequestFaultKind::Hang => Outcome::Hung,
                    RequestFaultKind::Close => Outcome::Closed,
                },
                reason: "a fault that was asked for",
                retry_after,
                taken: take,
            },
        }
    }

    fn take(&mut self, request: &Request) {
        let dialogue = self.open(&request.chat_id, &request.task_id);
        dialogue.reopen();
        let reply = canned::reply(&request.message, dialogue.flags.contains(&Flag::Operator));
        let chat_id = &request.chat_id;
        self.say(
            chat_id,
            &Said { author: Author::User, text: &request.message, after: Duration::ZERO, by_hand: None },
        );
        let Some(reply) = reply else { return };
        self.change(chat_id, reply.change);
        let after = self.delay + reply.extra_delay;
        self.say(chat_id, &Said { author: Author::Bot, text: &reply.text, after, by_hand: None });
        if self.faults.webhooks.reorder && !self.faults.webhooks.skip && self.echo {
            let queue = &mut self.open(chat_id, "").queue;
            // The task that sends may be busy with one from before, never with these two.
            let last = queue.len() - 1;
            queue.swap(last - 1, last);
        }
    }

    /// Adds a message that was made by hand.
    pub(crate) fn answer(&mut self, answer: &Answer) -> String {
        let default_task = self.tasks.first().cloned().unwrap_or_default();
        self.open(&answer.chat_id, &default_task);
        let said =
            Said { author: answer.author, text: &answer.text, after: Duration::ZERO, by_hand: Some(answer) };
        self.say(&answer.chat_id, &said)
    }

    /// Changes a dialogue from the panel, where there is such a one, and says so in it.
    pub(crate) fn announce(&mut self, chat_id: &str, change: Change, text: &str) -> bool {
        if !self.dialogues.contains_key(chat_id) {
            return false;
        }
        self.change(chat_id, change);
        let said = Said { author: Author::Operator, text, after: Duration::ZERO, by_hand: None };
        self.say(chat_id, &said);
        true
    }

    fn change(&mut self, chat_id: &str, change: Change) {
        if let Some(dialogue) = self.dialogues.get_mut(chat_id) {
            dialogue.apply(change);
        }
    }

    /// The dialogue of this chat, a new one if there is none.
    fn open(&mut self, chat_id: &str, task_id: &str) -> &mut Dialogue {
        if !self.dialogues.contains_key(chat_id) {
            self.make_room();
            self.dialogues.insert(chat_id.to_owned(), Dialogue::new(chat_id, task_id));
        }
        self.dialogues.get_mut(chat_id).expect("it was inserted if it was missing")
    }

    /// Forgets the dialogue that has been silent for longest, if there are too many.
    fn make_room(&mut self) {
        if self.dialogues.len() < self.limits.dialogues {
            return;
        }
        let idle = self.dialogues.values().filter(|dialogue| !dialogue.working && dialogue.queue.is_empty());
        if let Some(oldest) = idle.min_by_key(|dialogue| dialogue.version).map(|d| d.chat_id.clone()) {
            self.dialogues.remove(&oldest);
        }
    }

    /// Adds a message to the dialogue and its webhook to the queue; returns the message's id.
    fn say(&mut self, chat_id: &str, said: &Said<'_>) -> String {
        let faults = self.faults.webhooks.clone();
        let sent = !faults.skip && (self.echo || said.author != Author::User || said.by_hand.is_some());
        self.version += 1;
        let dialogue = self.dialogues.get_mut(chat_id).expect("it was opened before");
        dialogue.version = self.version;
        let message = Message {
            id: Uuid::new_v4().to_string(),
            thread_id: dialogue.thread_id.clone(),
            author: said.author,
            text: said.text.to_owned(),
            at: now(),
            progress: if sent { Progress::Waiting } else { Progress::NotSent },
        };
        let id = message.id.clone();
        if sent {
            let mut fields = webhook::fields(dialogue, &message, &self.public_url, faults.style);
            if let Some(answer) = said.by_hand {
                fields.extend(answer.fields.clone());
                fields.retain(|name, _| !answer.omit.contains(name));
            }
            let (content_type, body) = webhook::encode(&fields, &faults);
            let not_before = Instant::now() + said.after;
            let copies = faults.copies;
            dialogue.queue.push_back(Outgoing {
                message_id: id.clone(),
                not_before,
                content_type,
                body,
                copies,
            });
            self.status.waiting += 1;
        }
        dialogue.remember(message, self.limits.messages);
        id
    }

    /// Whether a task must be started that sends the webhooks of this chat.
    pub(crate) fn start_work(&mut self, chat_id: &str) -> bool {
        match self.dialogues.get_mut(chat_id) {
            Some(dialogue) if !dialogue.working && !dialogue.queue.is_empty() => {
                dialogue.working = true;
                true
            }
            _ => false,
        }
    }

    /// The next webhook of this chat. It stays in the queue until it is settled. `None` ends the
    /// task that asks.
    pub(crate) fn next(&mut self, chat_id: &str) -> Option<Outgoing> {
        let dialogue = self.dialogues.get_mut(chat_id)?;
        dialogue.working = !dialogue.queue.is_empty();
        dialogue.queue.front().cloned()
    }

    /// Ends the webhook that `next` gave.
    pub(crate) fn settle(&mut self, chat_id: &str, message_id: &str, progress: Progress) {
        match progress {
            Progress::Delivered => self.status.delivered += 1,
            Progress::Refused(_) => self.status.refused += 1,
            Progress::Waiting | Progress::NotSent => {}
        }
        self.status.waiting -= 1;
        self.version += 1;
        if let Some(dialogue) = self.dialogues.get_mut(chat_id) {
            dialogue.version = self.version;
            dialogue.queue.pop_front();
            dialogue.set_progress(message_id, progress);
        }
    }

    pub(crate) fn count_repeat(&mut self) {
        self.status.repeated += 1;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the sandbox has no database whose clock could be used, and its times are only shown"
)]
fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
