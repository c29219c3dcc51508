//! People and groups: what they do that a bot hears of.

use std::fmt;

use serde_json::{Map, Value, json};

use super::bot::Bot;
use super::chats::{ChatState, Kind, Letter, Reach, topic_created};
use super::clock::unix_seconds;
use super::draft::{Draft, Posted};
use super::state::State;

/// A person.
#[derive(Clone)]
pub struct User {
    bot: Bot,
    id: i64,
}

/// A group, a supergroup or a forum that the bot is in.
#[derive(Clone)]
pub struct Chat {
    bot: Bot,
    id: i64,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Chat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chat").field("id", &self.id).finish_non_exhaustive()
    }
}

impl User {
    pub(super) fn new(bot: Bot, id: i64) -> Self {
        Self { bot, id }
    }

    /// The user's id, which is also that of the private chat. It needs more than 32 bits.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// Sends a text to the bot's private chat.
    pub fn sends(&self, text: &str) -> Posted {
        self.says(text).send()
    }

    /// A text, to be sent. Mentions and commands in it become entities.
    pub fn says(&self, text: &str) -> Draft<'_> {
        self.posts(json!({ "text": text }))
    }

    /// A message with these fields, to be sent: `{"sticker": {…}}`, `{"photo": […], "caption": "…"}`.
    pub fn posts(&self, content: Value) -> Draft<'_> {
        Draft::new(&self.bot, self.id, object(content))
    }

    /// Changes a message that was a text. The bot hears of it as `edited_message`.
    pub fn edits(&self, posted: Posted, text: &str) -> Option<i64> {
        let shared = self.bot.shared();
        let mut state = shared.lock();
        let (chat, from) = (state.chats[&posted.chat_id].json.clone(), state.users[&self.id].clone());
        let now = unix_seconds();
        let message = json!({
            "message_id": posted.message_id, "from": from, "chat": chat, "date": now, "edit_date": now, "text": text,
        });
        shared.push(&mut state, object(json!({ "edited_message": message })))
    }

    /// Opens a topic in the private chat, which a bot can allow, and returns its id.
    pub fn opens_topic(&self, name: &str) -> i64 {
        self.bot.open_topic(self.id, self.id, name)
    }

    /// Blocks the bot: it hears of it, and can write no more.
    pub fn blocks(&self) -> Option<i64> {
        let banned = json!({ "status": "kicked", "until_date": 0 });
        self.bot.change_membership(self.id, self.id, Reach::Blocked, json!({ "status": "member" }), banned)
    }

    /// Takes the block back: the bot hears of it, and can write again.
    pub fn unblocks(&self) -> Option<i64> {
        let banned = json!({ "status": "kicked", "until_date": 0 });
        self.bot.change_membership(self.id, self.id, Reach::Open, banned, json!({ "status": "member" }))
    }

    /// Deletes the account. The bot hears of it only when it writes.
    pub fn deactivates(&self) {
        self.bot.reach(self.id, Reach::Deactivated);
    }

    /// Deletes a message, of which a bot never hears. It cannot be replied to any more.
    pub fn deletes(&self, chat_id: i64, message_id: i64) {
        self.bot.with_chat(chat_id, |chat| chat.delete(message_id));
    }
}

impl Chat {
    pub(super) fn new(bot: Bot, id: i64) -> Self {
        Self { bot, id }
    }

    /// The chat's id: negative, and of a supergroup below -1,000,000,000,000.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// Opens a topic and returns its id. The bot hears of it by a service message.
    pub fn opens_topic(&self, by: &User, name: &str) -> i64 {
        self.bot.with_chat(self.id, |chat| assert_eq!(chat.kind, Kind::Forum, "other groups have no topics"));
        self.bot.open_topic(self.id, by.id, name)
    }

    /// A topic is deleted, of which a bot never hears. Nothing can be written there any more.
    pub fn deletes_topic(&self, topic: i64) {
        self.bot.with_chat(self.id, |chat| chat.delete_topic(topic));
    }

    /// The bot is thrown out: it hears of it, and can write no more.
    pub fn kicks_bot(&self, by: &User) -> Option<i64> {
        let banned = json!({ "status": "kicked", "until_date": 0 });
        self.bot.change_membership(self.id, by.id, Reach::Kicked, json!({ "status": "member" }), banned)
    }

    /// The bot is let in again, and hears of it.
    pub fn adds_bot(&self, by: &User) -> Option<i64> {
        self.bot.change_membership(
            self.id,
            by.id,
            Reach::Open,
            json!({ "status": "left" }),
            json!({ "status": "member" }),
        )
    }

    /// The chat is gone as if it had never been: `chat not found`.
    pub fn vanishes(&self) {
        self.bot.reach(self.id, Reach::Forgotten);
    }

    /// The group becomes a supergroup, which is returned. The bot hears of it in the old chat and in the new.
    pub fn migrates(&self, by: &User) -> Chat {
        let new = self.migrates_unseen();
        let shared = self.bot.shared();
        let mut state = shared.lock();
        let mut tell = |chat: i64, field: &str, other: i64| {
            let content = Map::from_iter([(field.to_owned(), other.into())]);
            let (_, message) = state.write(chat, Letter { author: by.id, content, ..Letter::default() });
            shared.push(&mut state, object(json!({ "message": message })));
        };
        tell(self.id, "migrate_to_chat_id", new.id);
        tell(new.id, "migrate_from_chat_id", self.id);
        drop(state);
        new
    }

    /// The same, but the bot hears of it only when it writes to the old id.
    pub fn migrates_unseen(&self) -> Chat {
        let title = self.bot.with_chat(self.id, |chat| chat.json["title"].as_str().map(str::to_owned));
        let new = self.bot.supergroup(&title.unwrap_or_default());
        self.bot.reach(self.id, Reach::Migrated(new.id));
        new
    }
}

impl Bot {
    /// Makes a user who has started the bot.
    pub fn user(&self, first_name: &str) -> User {
        self.user_with(json!({ "first_name": first_name }))
    }

    /// Makes a user with these fields beside the id: `first_name`, `last_name`, `username`, `language_code`, `is_bot`.
    pub fn user_with(&self, fields: Value) -> User {
        self.add_user(fields, Reach::Open)
    }

    /// Makes a user who never wrote to the bot, so that it cannot write to them.
    pub fn stranger(&self, first_name: &str) -> User {
        self.add_user(json!({ "first_name": first_name }), Reach::NotStarted)
    }

    /// Makes a group, with the bot in it.
    pub fn group(&self, title: &str) -> Chat {
        self.add_group(Kind::Group, title)
    }

    /// Makes a supergroup without topics, with the bot in it. Replies there carry a `message_thread_id` all the same.
    pub fn supergroup(&self, title: &str) -> Chat {
        self.add_group(Kind::Supergroup, title)
    }

    /// Makes a supergroup with topics, with the bot in it.
    pub fn forum(&self, title: &str) -> Chat {
        self.add_group(Kind::Forum, title)
    }

    fn add_user(&self, fields: Value, reach: Reach) -> User {
        let mut state = self.shared().lock();
        let id = 5_000_000_000 + state.fresh_id();
        let mut user = json!({ "id": id, "is_bot": false, "first_name": "User", "language_code": "en" });
        for (name, value) in object(fields) {
            user[name] = value;
        }
        state.chats.insert(id, ChatState::private(&user, reach));
        state.users.insert(id, user);
        drop(state);
        User::new(self.clone(), id)
    }

    fn add_group(&self, kind: Kind, title: &str) -> Chat {
        let mut state = self.shared().lock();
        let first = if kind == Kind::Group { -4_000_000_000 } else { -1_002_000_000_000 };
        let id = first - state.fresh_id();
        state.chats.insert(id, ChatState::group(kind, id, title));
        drop(state);
        Chat::new(self.clone(), id)
    }

    fn open_topic(&self, chat: i64, author: i64, name: &str) -> i64 {
        let shared = self.shared();
        let mut state = shared.lock();
        let content = object(json!({ "forum_topic_created": topic_created(name) }));
        let (id, mut message) = state.write(chat, Letter { author, content, ..Letter::default() });
        state.chats.get_mut(&chat).expect("the chat exists").open_topic(id, name);
        message.insert("message_thread_id".to_owned(), id.into());
        message.insert("is_topic_message".to_owned(), true.into());
        shared.push(&mut state, object(json!({ "message": message })));
        id
    }

    fn with_chat<T>(&self, id: i64, change: impl FnOnce(&mut ChatState) -> T) -> T {
        let mut state = self.shared().lock();
        change(state.chats.get_mut(&id).expect("the chat exists"))
    }

    fn reach(&self, chat: i64, reach: Reach) {
        self.with_chat(chat, |chat| chat.reach = reach);
    }

    /// Tells the bot by `my_chat_member` what `by` made of it in `chat`.
    fn change_membership(&self, chat: i64, by: i64, reach: Reach, old: Value, new: Value) -> Option<i64> {
        self.reach(chat, reach);
        let shared = self.shared();
        let mut state = shared.lock();
        let change = json!({
            "chat": state.chats[&chat].json,
            "from": state.users[&by],
            "date": unix_seconds(),
            "old_chat_member": member(&state, shared.id, old),
            "new_chat_member": member(&state, shared.id, new),
        });
        shared.push(&mut state, object(json!({ "my_chat_member": change })))
    }
}

fn member(state: &State, id: i64, mut status: Value) -> Value {
    status["user"] = state.users[&id].clone();
    status
}

/// The fields of a JSON object.
pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        other => panic!("a JSON object is needed, not {other}"),
    }
}
