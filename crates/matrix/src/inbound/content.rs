//! The content of a message, as far as we read it.

use matrix_sdk::ruma::OwnedEventId;
use serde::Deserialize;
use serde_json::Value;

/// What is in a message. What is missing is `None`; what has another type than specified is an error.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Content {
    pub(super) msgtype: Option<String>,
    pub(super) body: Option<String>,
    pub(super) formatted_body: Option<String>,
    pub(super) filename: Option<String>,
    pub(super) geo_uri: Option<String>,
    pub(super) info: Option<Info>,
    #[serde(rename = "m.mentions")]
    pub(super) mentions: Option<Mentions>,
    #[serde(rename = "m.relates_to")]
    relates_to: Option<Relation>,
    #[serde(rename = "m.new_content")]
    edited: Option<Box<Content>>,
    /// There for voice messages.
    #[serde(rename = "org.matrix.msc3245.voice")]
    pub(super) voice: Option<Value>,
    #[serde(rename = "org.matrix.msc3381.poll.start", alias = "m.poll")]
    pub(super) poll: Option<Value>,
}

/// About a file.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Info {
    /// In milliseconds.
    pub(super) duration: Option<f64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Mentions {
    #[serde(default)]
    pub(super) user_ids: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Relation {
    rel_type: Option<String>,
    event_id: Option<OwnedEventId>,
    #[serde(default)]
    is_falling_back: bool,
    #[serde(rename = "m.in_reply_to")]
    in_reply_to: Option<InReplyTo>,
}

#[derive(Debug, Deserialize)]
struct InReplyTo {
    event_id: OwnedEventId,
}

impl Content {
    /// What the message says after it was edited, if this is an edit.
    pub(super) fn replacement(&self) -> Option<Self> {
        let relation = self.relates_to.as_ref()?;
        if relation.rel_type.as_deref() != Some("m.replace") {
            return None;
        }
        // Without the new content, the fallback says it too.
        Some(match &self.edited {
            Some(new) => Self { body: new.body.clone(), msgtype: new.msgtype.clone(), ..Self::default() },
            None => Self { body: self.body.clone(), msgtype: self.msgtype.clone(), ..Self::default() },
        })
    }

    /// The first message of the thread.
    pub(super) fn thread(&self) -> Option<OwnedEventId> {
        let relation = self.relates_to.as_ref()?;
        relation.event_id.clone().filter(|_| relation.rel_type.as_deref() == Some("m.thread"))
    }

    /// The message that this one answers; not the one that a thread names for clients that know no threads.
    pub(super) fn reply_to(&self) -> Option<OwnedEventId> {
        let relation = self.relates_to.as_ref().filter(|relation| !relation.is_falling_back)?;
        relation.in_reply_to.as_ref().map(|reply| reply.event_id.clone())
    }

    /// The text, without the quotation that older clients put before an answer.
    pub(super) fn text(&self) -> &str {
        let body = self.body.as_deref().unwrap_or_default();
        if self.reply_to().is_none() || !body.starts_with("> <") {
            return body;
        }
        let mut rest = body;
        while rest.starts_with('>') {
            rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
        }
        rest.strip_prefix('\n').unwrap_or(rest)
    }

    /// Where a mention of somebody would be.
    pub(super) fn spoken(&self) -> String {
        // A link to a person has their id in the HTML only.
        let html = self.formatted_body.as_deref().filter(|html| html.contains("matrix.to/#/"));
        match html {
            Some(html) => format!("{}\n{html}", self.text()),
            None => self.text().to_owned(),
        }
    }
}
