//! What the AI platform says about its dialogue with a user.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What one message of the AI platform states about a thread. What is absent is not stated: it
/// leaves what is stored as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ThreadUpdate {
    /// The platform's id of the dialogue.
    pub thread_id: Option<String>,
    /// The flags that are stated.
    pub flags: BTreeMap<Flag, bool>,
    /// The other fields that are stated.
    pub fields: ThreadFields,
}

/// A yes or no that the platform keeps per thread. A change is an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// The user has left a contact.
    GetContact,
    /// The user showed interest.
    Interest,
    /// The dialogue is successful.
    Success,
    /// The platform thinks that the user is a bot.
    IsBot,
    /// The dialogue was handed to an operator.
    Operator,
    /// The dialogue is closed.
    Close,
}

impl Flag {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::GetContact, Self::Interest, Self::Success, Self::IsBot, Self::Operator, Self::Close];

    /// The word that is stored, shown, and used by the platform.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GetContact => "get_contact",
            Self::Interest => "interest",
            Self::Success => "success",
            Self::IsBot => "is_bot",
            Self::Operator => "operator",
            Self::Close => "close",
        }
    }
}

/// What else is known of a thread. `None`: not stated.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ThreadFields {
    /// The platform's task.
    pub task_id: Option<String>,
    /// The platform's channel.
    pub channel_id: Option<String>,
    /// The platform's company.
    pub company_id: Option<String>,
    /// The platform's manager.
    pub manager_id: Option<String>,
    /// The user's full name.
    pub title: Option<String>,
    /// Phone, user name and others, in whatever form the platform gave them.
    pub contacts: Option<Value>,
    /// Where an operator can read and answer. Never shown to the user.
    pub panel_url: Option<String>,
    /// Where the dialogue can be read.
    pub share_url: Option<String>,
    /// The type of the last webhook.
    pub wh_type: Option<String>,
    /// Whatever else was stated, under its own names. A name that is stated again replaces the
    /// older value; the other names stay.
    #[serde(default)]
    pub extra: Map<String, Value>,
}
