//! Steering a running sandbox from the same process. The control API is the same over HTTP.

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use crate::{
    dialogue::Author,
    faults::Faults,
    journal::ReceivedRequest,
    shared::{Shared, listening_url},
    state::Status,
    webhook::page,
};

/// A message that is added to a dialogue by hand, at once. A dialogue that does not exist begins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The chat.
    pub chat_id: String,
    /// Who writes it: the bot, unless stated.
    #[serde(default)]
    pub author: Author,
    /// What it says.
    pub text: String,
    /// Fields of the webhook that are to be different, or are added. The dialogue itself stays as
    /// it is.
    #[serde(default)]
    pub fields: Map<String, Value>,
    /// Fields that the webhook is not to have.
    #[serde(default)]
    pub omit: Vec<String>,
}

/// Steers a sandbox. Cheap to clone; works before the sandbox runs and does nothing after it.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.shared.local_addr
    }

    /// The base of the platform's API, as the gateway's `base_url`.
    pub fn base_url(&self) -> Url {
        listening_url(self.local_addr())
    }

    /// The operator's panel, as a person reaches it.
    pub fn panel_url(&self) -> String {
        page(&self.shared.public_url, "panel", "").trim_end_matches('#').to_owned()
    }

    /// Where webhooks go from now on, those that wait already included.
    pub fn set_webhook_url(&self, url: Url) {
        self.shared.target.send_modify(|target| target.url = Some(url));
        self.shared.state().touch();
    }

    /// Holds all webhooks back, or lets them go.
    pub fn pause(&self, paused: bool) {
        self.shared.target.send_modify(|target| target.paused = paused);
        self.shared.state().touch();
    }

    /// Where a visitor writes, for the panel to link to.
    pub fn set_chat_url(&self, url: Url) {
        let mut state = self.shared.state();
        state.chat_url = Some(url);
        state.touch();
    }

    /// How long the bot takes to answer from now on.
    pub fn set_delay(&self, delay: Duration) {
        self.shared.state().delay = delay;
    }

    /// Replaces all faults.
    pub fn set_faults(&self, faults: Faults) {
        self.shared.state().faults = faults;
    }

    /// Adds a message to a dialogue; returns the message's id.
    pub fn answer(&self, answer: &Answer) -> String {
        let id = self.shared.state().answer(answer);
        self.shared.wake(&answer.chat_id);
        id
    }

    /// The requests with a greater number than this, in the order in which they arrived.
    pub fn requests(&self, after: u64) -> Vec<ReceivedRequest> {
        self.shared.state().journal.after(after).cloned().collect()
    }

    /// How much was received, sent, and still waits.
    pub fn status(&self) -> Status {
        self.shared.state().status()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("local_addr", &self.shared.local_addr).finish_non_exhaustive()
    }
}
