//! What of a message is of use to us.
//!
//! serenity's type asks for all that Discord ever puts into one, in the forms that it knows: a preview without an
//! address, a reaction, a button under the message that is answered. None of that may cost somebody's words, so only
//! what is used is read here, and whatever else stands in a message may have any form.

use serde::{Deserialize, Deserializer, de::IgnoredAny};
use serde_json::value::RawValue;
use serenity::model::id::{MessageId, RoleId, UserId};

/// What somebody wrote, and an answer to something.
const WORDS: [u8; 2] = [0, 19];

#[derive(Deserialize)]
pub(super) struct Written {
    pub(super) id: MessageId,
    #[serde(rename = "type")]
    kind: u8,
    pub(super) author: Person,
    webhook_id: Option<IgnoredAny>,
    /// Read apart: `flatten` would have to understand all the rest.
    #[serde(skip)]
    pub(super) contents: Contents,
    #[serde(default, deserialize_with = "or_none")]
    pub(super) mention_roles: Vec<RoleId>,
    /// What is answered. `None` also where that was deleted.
    pub(super) referenced_message: Option<Answered>,
    /// What was forwarded.
    #[serde(default, deserialize_with = "or_none")]
    pub(super) message_snapshots: Vec<Snapshot>,
    pub(super) poll: Option<Poll>,
}

/// What a message and a forwarded one have in common.
#[derive(Default, Deserialize)]
pub(super) struct Contents {
    #[serde(default, deserialize_with = "or_none")]
    pub(super) content: String,
    #[serde(default, deserialize_with = "or_none")]
    pub(super) mentions: Vec<Person>,
    #[serde(default, deserialize_with = "or_none")]
    pub(super) attachments: Vec<Attachment>,
    #[serde(default, deserialize_with = "or_none")]
    pub(super) sticker_items: Vec<Sticker>,
}

#[derive(Deserialize)]
pub(super) struct Person {
    pub(super) id: UserId,
    username: String,
    global_name: Option<String>,
    #[serde(default)]
    bot: bool,
    #[serde(default)]
    system: bool,
}

#[derive(Deserialize)]
pub(super) struct Answered {
    pub(super) author: Answering,
}

/// Of whom nothing else matters.
#[derive(Deserialize)]
pub(super) struct Answering {
    pub(super) id: UserId,
}

#[derive(Deserialize)]
pub(super) struct Snapshot {
    pub(super) message: Contents,
}

#[derive(Deserialize)]
pub(super) struct Attachment {
    pub(super) filename: String,
    pub(super) description: Option<String>,
    pub(super) content_type: Option<String>,
    /// Only voice messages have one.
    pub(super) duration_secs: Option<f64>,
}

#[derive(Deserialize)]
pub(super) struct Sticker {
    pub(super) name: String,
}

#[derive(Deserialize)]
pub(super) struct Poll {
    pub(super) question: Media,
    #[serde(default)]
    pub(super) answers: Vec<Choice>,
}

#[derive(Deserialize)]
pub(super) struct Choice {
    pub(super) poll_media: Media,
}

#[derive(Deserialize)]
pub(super) struct Media {
    pub(super) text: Option<String>,
}

impl Written {
    pub(super) fn read(raw: &RawValue) -> Result<Self, serde_json::Error> {
        let contents = serde_json::from_str(raw.get())?;
        Ok(Self { contents, ..serde_json::from_str(raw.get())? })
    }

    /// Whether these are words of a person: not of a bot, a webhook or the system.
    pub(super) fn is_of_a_person(&self) -> bool {
        WORDS.contains(&self.kind) && !self.author.bot && !self.author.system && self.webhook_id.is_none()
    }
}

impl Person {
    /// The name that people see.
    pub(super) fn name(&self) -> &str {
        self.global_name.as_ref().unwrap_or(&self.username)
    }
}

/// `null` is as good as nothing.
fn or_none<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(value: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(value).map(Option::unwrap_or_default)
}
