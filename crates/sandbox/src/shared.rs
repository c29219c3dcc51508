//! What the routes, the handle and the sending tasks share.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use reqwest::redirect::Policy;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use tokio::sync::{Semaphore, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;

use crate::{
    config::SandboxConfig,
    error::SandboxError,
    outbox::{self, Outgoing},
    state::State,
};

/// How many webhooks are under way at the same time, at most.
const CONNECTIONS: usize = 64;
/// How long the answer to a webhook may take.
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(30);

/// Where webhooks go, and whether they may.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) url: Option<Url>,
    pub(crate) paused: bool,
}

pub(crate) struct Shared {
    state: Mutex<State>,
    pub(crate) target: watch::Sender<Target>,
    pub(crate) http: reqwest::Client,
    pub(crate) connections: Semaphore,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    pub(crate) local_addr: SocketAddr,
    pub(crate) public_url: Url,
    token: SecretString,
}

impl Shared {
    pub(crate) fn new(config: SandboxConfig, local_addr: SocketAddr) -> Result<Arc<Self>, SandboxError> {
        let public_url = config.public_url.clone().unwrap_or_else(|| listening_url(local_addr));
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .timeout(WEBHOOK_TIMEOUT)
            .tcp_nodelay(true)
            // The gateway is near: usually on the same machine.
            .no_proxy()
            .build()
            .map_err(SandboxError::Client)?;
        let target = Target { url: config.webhook_url.clone(), paused: false };
        Ok(Arc::new(Self {
            target: watch::Sender::new(target),
            http,
            connections: Semaphore::new(CONNECTIONS),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            token: config.token.clone(),
            state: Mutex::new(State::new(config, public_url.clone())),
            local_addr,
            public_url,
        }))
    }

    /// Everything that is known, for a moment: nothing waits while it holds this.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the state")
    }

    /// Starts sending the webhooks of this chat, unless that is going on already.
    pub(crate) fn wake(self: &Arc<Self>, chat_id: &str) {
        if self.state().start_work(chat_id) {
            self.tasks.spawn(outbox::drain(Arc::clone(self), chat_id.to_owned()));
        }
    }

    /// The next webhook of this chat.
    pub(crate) fn next(&self, chat_id: &str) -> Option<Outgoing> {
        self.state().next(chat_id)
    }

    /// The address for webhooks, as soon as there is one and they are not held back.
    pub(crate) async fn open_target(&self, target: &mut watch::Receiver<Target>) -> Url {
        let open = target.wait_for(|target| target.url.is_some() && !target.paused).await;
        let target = open.expect("the sender lives as long as this");
        target.url.clone().expect("it was waited for")
    }

    /// Whether this is the token.
    pub(crate) fn accepts(&self, token: &str) -> bool {
        self.token.expose_secret().as_bytes().ct_eq(token.as_bytes()).into()
    }
}

/// The address under which this machine reaches a listener.
pub(crate) fn listening_url(listening: SocketAddr) -> Url {
    let mut reachable = listening;
    if listening.ip().is_unspecified() {
        // Nobody can connect to "all addresses"; the loopback address is one of them.
        reachable.set_ip(match listening {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    Url::parse(&format!("http://{reachable}/")).expect("an address and port make a url")
}
