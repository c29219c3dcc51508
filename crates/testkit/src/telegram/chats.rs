//! Chats as the server knows them: who can be reached, which topics exist, what was written.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use super::answer::Refusal;
use super::clock::unix_seconds;

/// The id of a forum's first topic. Its messages carry no topic, and none may be sent to it by this id.
pub(super) const GENERAL: i64 = 1;

/// The sort of a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Private,
    Group,
    Supergroup,
    Forum,
}

/// Whether the bot can write there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Open,
    /// A user who never wrote to the bot.
    NotStarted,
    Blocked,
    Deactivated,
    Kicked,
    Migrated(i64),
    Forgotten,
}

/// What is to be written into a chat.
#[derive(Default)]
pub(super) struct Letter {
    pub(super) author: i64,
    /// `text`, `entities`, `sticker` and so on.
    pub(super) content: Map<String, Value>,
    pub(super) topic: Option<i64>,
    pub(super) reply_to: Option<i64>,
}

/// A message as far as later ones may refer to it.
struct Kept {
    author: i64,
    date: u64,
    text: Option<String>,
    thread: Option<i64>,
}

/// One chat.
pub(super) struct ChatState {
    pub(super) kind: Kind,
    pub(super) reach: Reach,
    /// As in messages: `id`, `type`, `title` and so on.
    pub(super) json: Value,
    topics: BTreeMap<i64, String>,
    messages: HashMap<i64, Kept>,
    last_message: i64,
}

impl ChatState {
    pub(super) fn private(user: &Value, reach: Reach) -> Self {
        let mut json = json!({ "type": "private" });
        for name in ["id", "first_name", "last_name", "username"] {
            if let Some(value) = user.get(name) {
                json[name] = value.clone();
            }
        }
        Self::new(Kind::Private, reach, json)
    }

    pub(super) fn group(kind: Kind, id: i64, title: &str) -> Self {
        let mut json = json!({ "id": id, "title": title });
        json["type"] = if kind == Kind::Group { "group" } else { "supergroup" }.into();
        match kind {
            Kind::Group => json["all_members_are_administrators"] = true.into(),
            Kind::Forum => json["is_forum"] = true.into(),
            Kind::Private | Kind::Supergroup => {}
        }
        Self::new(kind, Reach::Open, json)
    }

    fn new(kind: Kind, reach: Reach, json: Value) -> Self {
        // The first message told of the group's making, and a forum's first topic has its id.
        let last_message = if kind == Kind::Private { 0 } else { GENERAL };
        Self { kind, reach, json, topics: BTreeMap::new(), messages: HashMap::new(), last_message }
    }

    /// Whether the bot may write here, with the refusal if not.
    pub(super) fn writable(&self) -> Result<(), Refusal> {
        let group = if self.kind == Kind::Group { "group" } else { "supergroup" };
        match self.reach {
            Reach::Open => Ok(()),
            Reach::NotStarted => Err(Refusal::forbidden("bot can't initiate conversation with a user")),
            Reach::Blocked => Err(Refusal::forbidden("bot was blocked by the user")),
            Reach::Deactivated => Err(Refusal::forbidden("user is deactivated")),
            Reach::Kicked => Err(Refusal::forbidden(format!("bot was kicked from the {group} chat"))),
            Reach::Migrated(to) => Err(Refusal::migrated(to)),
            Reach::Forgotten => Err(Refusal::bad_request("chat not found")),
        }
    }

    /// The topic that a message goes into. Groups without topics ignore what was asked for.
    pub(super) fn topic(&self, asked: Option<i64>) -> Result<Option<i64>, Refusal> {
        match (asked.filter(|topic| *topic != 0), self.kind) {
            (None, _) | (_, Kind::Group | Kind::Supergroup) => Ok(None),
            (Some(topic), Kind::Forum | Kind::Private) if self.topics.contains_key(&topic) => Ok(Some(topic)),
            (Some(_), Kind::Forum | Kind::Private) => Err(Refusal::bad_request("message thread not found")),
        }
    }

    pub(super) fn has_message(&self, id: i64) -> bool {
        self.messages.contains_key(&id)
    }

    /// Takes a message out, as its author or an administrator can.
    pub(super) fn delete(&mut self, id: i64) {
        self.messages.remove(&id);
    }

    /// Takes a topic away, with all that was written there.
    pub(super) fn delete_topic(&mut self, id: i64) {
        self.topics.remove(&id);
        self.messages.retain(|_, kept| kept.thread != Some(id));
    }

    /// Makes the message `id` the root of a topic.
    pub(super) fn open_topic(&mut self, id: i64, name: &str) {
        self.topics.insert(id, name.to_owned());
    }

    /// Writes `letter`, and returns the message as Telegram shows it. `users` are those that messages name.
    pub(super) fn write(&mut self, letter: Letter, users: &HashMap<i64, Value>) -> (i64, Map<String, Value>) {
        self.last_message += 1;
        let id = self.last_message;
        let date = unix_seconds();
        let replied = letter.reply_to.filter(|id| self.messages.contains_key(id)).or(letter.topic);
        let thread = self.thread(letter.topic, replied);
        let text = letter.content.get("text").and_then(Value::as_str).map(str::to_owned);

        let mut message = letter.content;
        self.describe(&mut message, id, letter.author, date, thread, users);
        if let Some(replied) = replied.and_then(|id| self.replied(id, users)) {
            message.insert("reply_to_message".to_owned(), replied);
        }
        self.messages.insert(id, Kept { author: letter.author, date, text, thread });
        (id, message)
    }

    /// In forums and private chats the topic; in other supergroups the first message of a row of replies.
    fn thread(&self, topic: Option<i64>, replied: Option<i64>) -> Option<i64> {
        match self.kind {
            Kind::Forum | Kind::Private => topic,
            Kind::Supergroup => {
                replied.map(|id| self.messages.get(&id).and_then(|kept| kept.thread).unwrap_or(id))
            }
            Kind::Group => None,
        }
    }

    fn describe(
        &self,
        message: &mut Map<String, Value>,
        id: i64,
        author: i64,
        date: u64,
        thread: Option<i64>,
        users: &HashMap<i64, Value>,
    ) {
        let mut add = |name: &str, value: Value| message.insert(name.to_owned(), value);
        add("message_id", id.into());
        add("from", users.get(&author).cloned().unwrap_or_default());
        add("chat", self.json.clone());
        add("date", date.into());
        if let Some(thread) = thread {
            add("message_thread_id", thread.into());
            if self.kind != Kind::Supergroup {
                add("is_topic_message", true.into());
            }
        }
    }

    /// A message as it stands in the answer to it. In a topic, the first message is answered by all that answer no
    /// other.
    fn replied(&self, id: i64, users: &HashMap<i64, Value>) -> Option<Value> {
        let kept = self.messages.get(&id)?;
        let mut message = Map::new();
        self.describe(&mut message, id, kept.author, kept.date, kept.thread, users);
        if let Some(text) = &kept.text {
            message.insert("text".to_owned(), text.as_str().into());
        }
        if let Some(name) = self.topics.get(&id) {
            message.insert("forum_topic_created".to_owned(), topic_created(name));
        }
        Some(message.into())
    }
}

/// What the first message of a topic says.
pub(super) fn topic_created(name: &str) -> Value {
    json!({ "name": name, "icon_color": 7_322_096 })
}
