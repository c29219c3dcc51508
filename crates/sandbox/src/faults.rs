//! What goes wrong on request.

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// Everything that goes wrong. The default is that nothing does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// What happens to requests. The first one that fits a request is used.
    pub requests: Vec<RequestFault>,
    /// What happens to webhooks.
    pub webhooks: WebhookFaults,
}

/// A fault of requests that have the right token and a known task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestFault {
    /// What happens.
    #[serde(rename = "do")]
    pub kind: RequestFaultKind,
    /// To how many requests. `None`: to all, until the faults are replaced.
    #[serde(default)]
    pub times: Option<u32>,
    /// Only to requests of this chat.
    #[serde(default)]
    pub chat_id: Option<String>,
    /// Whether the message is taken and answered by webhook all the same.
    #[serde(default)]
    pub take: bool,
    /// The header `Retry-After` of the answer.
    #[serde(default)]
    pub retry_after: Option<String>,
}

impl RequestFault {
    /// This fault of every request from now on.
    pub fn always(kind: RequestFaultKind) -> Self {
        Self { kind, times: None, chat_id: None, take: false, retry_after: None }
    }

    /// This fault of the next requests.
    pub fn next(times: u32, kind: RequestFaultKind) -> Self {
        Self { times: Some(times), ..Self::always(kind) }
    }
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestFaultKind {
    /// It is answered with this status, from 200 to 599.
    #[serde(deserialize_with = "status")]
    Status(u16),
    /// It is never answered.
    Hang,
    /// Its connection is closed without an answer.
    Close,
}

fn status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let status = u16::deserialize(deserializer)?;
    if !(200..600).contains(&status) {
        return Err(D::Error::custom("expected a status from 200 to 599"));
    }
    Ok(status)
}

/// How webhooks are sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookFaults {
    /// How often each one is sent, all at the same time. 0 counts as 1.
    pub copies: u8,
    /// Whether the bot's answer is sent before the message that it answers.
    pub reorder: bool,
    /// Whether none is sent at all.
    pub skip: bool,
    /// Whether they are forms instead of JSON.
    pub form: bool,
    /// How flags are written.
    pub style: ValueStyle,
}

impl Default for WebhookFaults {
    fn default() -> Self {
        Self { copies: 1, reorder: false, skip: false, form: false, style: ValueStyle::Bool }
    }
}

/// How flags are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueStyle {
    /// `true` and `false`.
    #[default]
    Bool,
    /// `"true"` and `"false"`.
    Text,
    /// `"yes"` and `"no"`.
    YesNo,
    /// `"да"` and `"нет"`; authors are in Russian too.
    DaNet,
    /// `1` and `0`.
    Numbers,
}

impl Faults {
    /// The fault of a request of this chat, if it has one; used up where it is counted.
    pub(crate) fn take(&mut self, chat_id: &str) -> Option<RequestFault> {
        self.requests.retain(|fault| fault.times != Some(0));
        let fault = self
            .requests
            .iter_mut()
            .find(|fault| fault.chat_id.as_deref().is_none_or(|only| only == chat_id))?;
        if let Some(times) = &mut fault.times {
            *times -= 1;
        }
        Some(fault.clone())
    }
}
