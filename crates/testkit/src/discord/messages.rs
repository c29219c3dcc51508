//! Writing messages, and how Discord shows them.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::channels::ChannelState;
use super::clock::timestamp;
use super::gateway::{Event, intents};
use super::permissions::Permission;
use super::snowflake::{id_of, millis};
use super::state::State;

/// Types of messages that show the one they refer to.
const REPLY: u64 = 19;
const THREAD_STARTER: u64 = 21;

/// Whom the text of a message may notify.
#[derive(Clone, Debug)]
pub(super) struct Pings {
    pub(super) everyone: bool,
    /// `None` is all that are named.
    pub(super) users: Option<Vec<u64>>,
    /// `None` is all that are named.
    pub(super) roles: Option<Vec<u64>>,
    /// The author of the message that is replied to.
    pub(super) replied: bool,
}

impl Pings {
    /// Whomever the text names.
    pub(super) const ALL: Self = Self { everyone: true, users: None, roles: None, replied: true };
}

/// What is to be written.
pub(super) struct Letter {
    pub(super) author: u64,
    pub(super) content: String,
    pub(super) reply_to: Option<u64>,
    pub(super) pings: Pings,
    /// Whatever else: these fields replace others.
    pub(super) fields: Map<String, Value>,
}

impl State {
    /// Writes `letter` into a channel that exists, and tells nobody. Returns the message's id.
    pub(super) fn write(&mut self, channel: u64, letter: Letter) -> u64 {
        let id = self.ids.fresh();
        self.write_as(id, channel, letter);
        id
    }

    /// The same with an id that was made before.
    pub(super) fn write_as(&mut self, id: u64, channel: u64, letter: Letter) {
        let message = self.compose(id, channel, letter);
        let place = self.channel_mut(channel);
        place.messages.insert(id, message);
        place.last_message = Some(id);
        place.typing_until = None;
    }

    fn compose(&self, id: u64, channel: u64, letter: Letter) -> Map<String, Value> {
        let author = &self.users[&letter.author];
        let place = &self.channels[&channel];
        let replied = letter.reply_to.and_then(|id| place.messages.get(&id));
        let mut message = json!({
            "id": id.to_string(), "channel_id": channel.to_string(), "author": author.json,
            "content": letter.content, "timestamp": timestamp(millis(id)), "edited_timestamp": null,
            "type": 0, "flags": 0, "tts": false, "pinned": false,
            "attachments": [], "embeds": [], "components": [],
            "mention_everyone": letter.pings.everyone && names_everyone(&letter.content),
            "mentions": self.mentioned(&letter, replied),
            "mention_roles": mentioned_roles(&letter),
        });
        if let Some(webhook) = author.webhook {
            message["webhook_id"] = webhook.to_string().into();
        }
        if let Some(replied) = replied {
            message["type"] = REPLY.into();
            message["message_reference"] =
                json!({ "type": 0, "channel_id": channel.to_string(), "message_id": replied["id"] });
            if let Some(guild) = place.guild {
                message["message_reference"]["guild_id"] = guild.to_string().into();
            }
        }
        let Value::Object(mut message) = message else { unreachable!("it was made as an object") };
        message.extend(letter.fields);
        message
    }

    /// The users that a message notifies, in the order they are named.
    fn mentioned(&self, letter: &Letter, replied: Option<&Map<String, Value>>) -> Vec<Value> {
        let allowed = |id: &u64| letter.pings.users.as_ref().is_none_or(|users| users.contains(id));
        let mut ids: Vec<u64> = named(&letter.content, &["<@!", "<@"]).into_iter().filter(allowed).collect();
        let replied = replied.and_then(|message| id_of(&message["author"]["id"]));
        ids.extend(replied.filter(|author| letter.pings.replied && *author != letter.author));
        let mut seen = HashSet::new();
        ids.retain(|id| seen.insert(*id));
        ids.iter().filter_map(|id| self.users.get(id)).map(|user| user.json.clone()).collect()
    }

    /// A message as a call or an event shows it. What people wrote is left out where the bot may not read it.
    pub(super) fn show(
        &self,
        place: &ChannelState,
        message: &Map<String, Value>,
        reads_content: bool,
    ) -> Value {
        let mut shown = self.withheld(place, message, reads_content);
        if shown["type"] == REPLY || shown["type"] == THREAD_STARTER {
            let referenced = &shown["message_reference"];
            let channel = id_of(&referenced["channel_id"]).and_then(|id| self.channels.get(&id));
            let original = channel
                .zip(id_of(&referenced["message_id"]))
                .and_then(|(channel, id)| Some((channel, channel.messages.get(&id)?)));
            shown["referenced_message"] =
                original.map(|(place, message)| self.withheld(place, message, reads_content)).into();
        }
        shown
    }

    fn withheld(&self, place: &ChannelState, message: &Map<String, Value>, reads_content: bool) -> Value {
        let mut shown = Value::Object(message.clone());
        let bot = Value::from(self.bot.to_string());
        let names_bot =
            |users: &Value| users.as_array().is_some_and(|users| users.iter().any(|user| user["id"] == bot));
        let readable = reads_content
            || place.guild.is_none()
            || shown["author"]["id"] == bot
            || names_bot(&shown["mentions"]);
        if !readable {
            shown["content"] = "".into();
            for field in ["attachments", "embeds", "components"] {
                shown[field] = json!([]);
            }
        }
        shown
    }

    /// A message as it stands in history: the nonce is for those who heard it live.
    pub(super) fn show_past(&self, place: &ChannelState, message: &Map<String, Value>) -> Value {
        let mut shown = self.show(place, message, self.reads_content);
        shown.as_object_mut().expect("a message is an object").remove("nonce");
        shown
    }

    /// Tells of a message by this event, MESSAGE_CREATE or MESSAGE_UPDATE.
    pub(super) fn announce(&mut self, event: &'static str, channel: u64, id: u64) {
        let place = &self.channels[&channel];
        if !self.may(place, Permission::ViewChannel) {
            return;
        }
        let message = &place.messages[&id];
        let live = |reads_content: bool| {
            let mut shown = self.show(place, message, reads_content);
            if let Some(guild) = place.guild {
                shown["guild_id"] = guild.to_string().into();
                let author = id_of(&shown["author"]["id"]).filter(|_| shown.get("webhook_id").is_none());
                if let Some(member) = author.and_then(|author| self.show_author(guild, author)) {
                    shown["member"] = member;
                }
            }
            shown
        };
        let intent = if place.guild.is_some() { intents::GUILD_MESSAGES } else { intents::DIRECT_MESSAGES };
        let withheld = self.sessions.iter().any(|session| !session.reads_content()).then(|| live(false));
        let event = Event::new(event, intent, place.guild, &live(true)).withheld(withheld.as_ref());
        self.dispatch(&event);
    }
}

fn names_everyone(content: &str) -> bool {
    content.contains("@everyone") || content.contains("@here")
}

fn mentioned_roles(letter: &Letter) -> Vec<String> {
    let allowed = |id: &u64| letter.pings.roles.as_ref().is_none_or(|roles| roles.contains(id));
    named(&letter.content, &["<@&"]).into_iter().filter(allowed).map(|id| id.to_string()).collect()
}

/// The ids that stand in `content` between one of these openings and `>`.
fn named(content: &str, openings: &[&str]) -> Vec<u64> {
    let id_at = |at: usize| {
        let rest = openings.iter().find_map(|opening| content[at..].strip_prefix(opening))?;
        rest.split_once('>')?.0.parse().ok()
    };
    content.match_indices('<').filter_map(|(at, _)| id_at(at)).collect()
}
