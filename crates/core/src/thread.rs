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

/// The most that `extra` holds, in bytes of JSON. What a thread states of itself is a few hundred bytes.
const MAX_EXTRA: usize = 64 * 1024;

impl ThreadFields {
    /// Puts what is stated in the place of what is known. Where `extra` is more than 64 KiB then, its largest
    /// values are left out, and say so in their place.
    pub fn merge(&mut self, stated: Self) {
        fn replace<T>(known: &mut Option<T>, stated: Option<T>) {
            if stated.is_some() {
                *known = stated;
            }
        }
        replace(&mut self.task_id, stated.task_id);
        replace(&mut self.channel_id, stated.channel_id);
        replace(&mut self.company_id, stated.company_id);
        replace(&mut self.manager_id, stated.manager_id);
        replace(&mut self.title, stated.title);
        replace(&mut self.contacts, stated.contacts);
        replace(&mut self.panel_url, stated.panel_url);
        replace(&mut self.share_url, stated.share_url);
        replace(&mut self.wh_type, stated.wh_type);
        if !stated.extra.is_empty() {
            self.extra.extend(stated.extra);
            self.bound_extra();
        }
    }

    fn bound_extra(&mut self) {
        let mut sizes: Vec<(usize, String)> =
            self.extra.iter().map(|(name, value)| (value.to_string().len(), name.clone())).collect();
        let mut total: usize = sizes.iter().map(|(size, name)| size + name.len()).sum();
        sizes.sort_unstable();
        while total > MAX_EXTRA {
            let Some((size, name)) = sizes.pop() else { return };
            let note = Value::String(format!("[left out: {size} bytes]"));
            let shorter = note.to_string().len();
            if shorter < size {
                total -= size - shorter;
                self.extra.insert(name, note);
            } else {
                // Very many names, none with much to say.
                total -= size + name.len();
                self.extra.remove(&name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stating(extra: impl IntoIterator<Item = (String, Value)>) -> ThreadFields {
        ThreadFields { extra: extra.into_iter().collect(), ..ThreadFields::default() }
    }

    #[test]
    fn the_largest_extra_values_are_left_out_and_say_so() {
        let mut known = ThreadFields { title: Some("Anna".to_owned()), ..ThreadFields::default() };
        known.merge(stating([
            ("small".to_owned(), Value::from(7)),
            ("large".to_owned(), "x".repeat(60_000).into()),
        ]));
        assert_eq!(known.extra["large"].as_str().map(str::len), Some(60_000));
        known.merge(stating([("other".to_owned(), "y".repeat(50_000).into())]));
        assert_eq!(known.extra["large"], "[left out: 60002 bytes]");
        assert_eq!(known.extra["other"].as_str().map(str::len), Some(50_000));
        assert_eq!((&known.extra["small"], known.title.as_deref()), (&Value::from(7), Some("Anna")));
    }

    #[test]
    fn very_many_extra_names_are_bounded_too() {
        let mut known = ThreadFields::default();
        for round in 0..10 {
            known.merge(stating(
                (0..2_000).map(|number| (format!("name {round} {number}"), Value::from(number))),
            ));
        }
        assert!(serde_json::to_string(&known.extra).unwrap().len() < 2 * MAX_EXTRA);
        assert!(known.extra.len() > 1_000);
    }
}
