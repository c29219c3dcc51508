//! How an adapter comes into the gateway.

use std::{collections::HashMap, sync::Arc};

use anyhow::bail;
use axum::Router;
use secrecy::SecretString;
use switchboard_core::{ChannelName, Cursor, Inbox, Messenger};
use switchboard_engine::Groups;
use tokio_util::sync::CancellationToken;
use url::Url;

/// One channel's adapter.
pub struct Adapter {
    /// What the engine drives.
    pub messenger: Arc<dyn Messenger>,
    /// The routes of an adapter that is reached by HTTP, with their full paths. They are served on
    /// every replica, also on one that does not own the channel. A request has the client's
    /// `axum::extract::ConnectInfo<IpAddr>` in its extensions where that is known.
    pub routes: Option<Router>,
    /// Names the account on the messenger, without a secret, where two channels cannot share one: each
    /// would get a part of what is written. `None`: they can.
    pub account: Option<String>,
}

/// The accounts of the channels, of which each may stand in one channel only.
#[derive(Default)]
pub(crate) struct Accounts(HashMap<String, ChannelName>);

impl Accounts {
    /// Notes whose account this is. An error if it is another channel's already.
    pub(crate) fn claim(&mut self, channel: &ChannelName, adapter: &Adapter) -> anyhow::Result<()> {
        let Some(account) = &adapter.account else { return Ok(()) };
        match self.0.insert(account.clone(), channel.clone()) {
            None => Ok(()),
            Some(other) => bail!(
                "{account} is that of channel {:?} already, and each would get a part of what is written; give one \
                 of the two another account",
                other.as_str()
            ),
        }
    }
}

/// What an adapter is given when it is made.
pub struct AdapterContext {
    /// The channel.
    pub channel: ChannelName,
    /// For its routes: works on every replica. (The run gets an inbox of its own.)
    pub inbox: Inbox,
    /// 32 random bytes in hexadecimal, made when the channel was first started and the same ever
    /// since, on every replica: for whatever the channel signs.
    pub secret: SecretString,
    /// What is taken in from groups. The engine sees to it; this is for probes.
    pub groups: Groups,
    /// Whether it is certain that nobody runs the channel, so that a probe may do what would disturb.
    pub unused: bool,
    /// Where the channel stood last, while somebody else may run it: for probes. `None` where that is not known, and
    /// for an adapter that is going to run.
    pub cursor: Option<Cursor>,
    /// The address under which the outside reaches the gateway.
    pub public_url: Url,
    /// Cancelled when the gateway stops: what its routes keep open must end then.
    pub stop: CancellationToken,
}

/// Makes an adapter out of what was read from its configuration. Does no I/O.
pub type BuildAdapter = Box<dyn FnOnce(AdapterContext) -> anyhow::Result<Adapter> + Send>;
