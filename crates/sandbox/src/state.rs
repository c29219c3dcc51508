//! Everything that the sandbox knows: dialogues, faults, and what was received.

use std::{collections::HashMap, time::Duration};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio::{sync::watch, time::Instant};
use url::Url;
use uuid::Uuid;

use crate::{
    canned,
    config::{Limits, SandboxConfig},
    contact,
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
    /// `None`: it only notes a change.
    author: Option<Author>,
    text: &'a str,
    /// Whether the user left a contact in it.
    contact: bool,
    after: Duration,
    /// Overrides of the webhook's fields, where it is made by hand.
    by_hand: Option<&'a Answer>,
}

impl<'a> Said<'a> {
    fn now(author: Option<Author>, text: &'a str) -> Self {
        Self { author, text, contact: false, after: Duration::ZERO, by_hand: None }
    }
}

pub(crate) struct State {
    pub(crate) delay: Duration,
    pub(crate) faults: Faults,
    pub(crate) journal: Journal,
    /// Where a visitor writes, if it is known.
    pub(crate) chat_url: Option<Url>,
    dialogues: HashMap<String, Dialogue>,
    status: Status,
    /// Grows with every change.
    version: watch::Sender<u64>,
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
            chat_url: config.chat_url,
            dialogues: HashMap::new(),
            status: Status::default(),
            version: watch::Sender::new(0),
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
        *self.version.borrow()
    }

    /// Every version from now on; readers that are slow skip some.
    pub(crate) fn versions(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// Notes that something changed; returns the version that it has now.
    pub(crate) fn touch(&mut self) -> u64 {
        self.version.send_modify(|version| *version += 1);
        self.version()
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
        let Request { chat_id, message, .. } = request;
        let dialogue = self.open(chat_id, &request.task_id);
        dialogue.reopen();
        let contact = dialogue.capture(contact::find(message));
        let reply = canned::reply(message, dialogue.flags.contains(&Flag::Operator));
        self.say(chat_id, &Said { contact, ..Said::now(Some(Author::User), message) });
        let Some(reply) = reply else { return };
        self.open(chat_id, "").apply(reply.change);
        let after = self.delay + reply.extra_delay;
        self.say(chat_id, &Said { after, ..Said::now(Some(Author::Bot), &reply.text) });
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
        let said = Said { by_hand: Some(answer), ..Said::now(Some(answer.author), &answer.text) };
        self.say(&answer.chat_id, &said)
    }

    /// Changes a dialogue from the panel and says so in it: to the user as an operator, or with no
    /// author to the gateway alone. Says nothing if `edit` returns that nothing changed. Returns
    /// whether there is such a dialogue.
    pub(crate) fn edit(
        &mut self,
        chat_id: &str,
        author: Option<Author>,
        text: &str,
        edit: impl FnOnce(&mut Dialogue) -> bool,
    ) -> bool {
        let Some(dialogue) = self.dialogues.get_mut(chat_id) else { return false };
        if edit(dialogue) {
            self.say(chat_id, &Said::now(author, text));
        }
        true
    }

    /// Notes that an operator has seen what the user wrote; returns whether there is such a
    /// dialogue.
    pub(crate) fn mark_read(&mut self, chat_id: &str) -> bool {
        let Some(dialogue) = self.dialogues.get_mut(chat_id) else { return false };
        if std::mem::take(&mut dialogue.unread) > 0 {
            let version = self.touch();
            self.open(chat_id, "").version = version;
        }
        true
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
        if let Some(oldest) = idle.min_by_key(|dialogue| dialogue.spoke).map(|d| d.chat_id.clone()) {
            self.dialogues.remove(&oldest);
        }
    }

    /// Adds a message to the dialogue and its webhook to the queue; returns the message's id.
    fn say(&mut self, chat_id: &str, said: &Said<'_>) -> String {
        let faults = self.faults.webhooks.clone();
        let sent = !faults.skip && (self.echo || said.author != Some(Author::User) || said.by_hand.is_some());
        let version = self.touch();
        let dialogue = self.dialogues.get_mut(chat_id).expect("it was opened before");
        let message = Message {
            id: Uuid::new_v4().to_string(),
            thread_id: dialogue.thread_id.clone(),
            author: said.author,
            text: said.text.to_owned(),
            at: now(),
            contact: said.contact,
            progress: if sent { Progress::Waiting } else { Progress::NotSent },
            version,
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
            Progress::Waiting | Progress::Repeated { .. } | Progress::NotSent => {}
        }
        self.status.waiting -= 1;
        let version = self.touch();
        if let Some(dialogue) = self.dialogues.get_mut(chat_id) {
            dialogue.queue.pop_front();
            dialogue.failing = false;
            dialogue.set_progress(message_id, progress, version);
        }
    }

    /// Notes that a webhook was not taken, and will be repeated.
    pub(crate) fn note_repeat(&mut self, chat_id: &str, message_id: &str, progress: Progress) {
        self.status.repeated += 1;
        let version = self.touch();
        if let Some(dialogue) = self.dialogues.get_mut(chat_id) {
            dialogue.failing = true;
            dialogue.set_progress(message_id, progress, version);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the sandbox has no database whose clock could be used, and its times are only shown"
)]
fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
