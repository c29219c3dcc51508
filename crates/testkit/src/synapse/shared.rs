//! The server that all tests of a run share, and what a test knows of a server.

use std::env;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

use super::server::SynapseServer;
use super::settings::{Limits, SERVER_NAME};

/// Says where the server of the test run is, as [`Homeserver::to_variable`] writes it. `cargo xtask test` sets it.
pub const SERVER_VARIABLE: &str = "SWITCHBOARD_TEST_SYNAPSE";

/// Nothing drops a static: the server and its data go when this process ends, as if it had been killed.
static OWN_SERVER: Mutex<Option<SynapseServer>> = Mutex::new(None);

/// The server that [`SERVER_VARIABLE`] names, or else one that this process starts once and keeps until it ends.
///
/// It limits nobody. Other tests use it at the same time, so a test looks only at what its own users see.
pub fn homeserver() -> Result<Homeserver> {
    if let Some(place) = env::var_os(SERVER_VARIABLE) {
        let place = place.to_str().and_then(Homeserver::from_variable);
        return place.with_context(|| format!("{SERVER_VARIABLE} is not http://127.0.0.1:port#secret"));
    }
    let mut server = OWN_SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    if server.is_none() {
        *server = Some(SynapseServer::launch(Limits::Raised)?);
    }
    let server = server.as_ref().context("the server was started above")?;
    Ok(server.homeserver().clone())
}

/// A server as its users and its administrator know it.
#[derive(Clone, Debug)]
pub struct Homeserver {
    base_url: String,
    secret: String,
}

impl Homeserver {
    pub(super) fn new(port: u16, secret: String) -> Self {
        Self { base_url: format!("http://127.0.0.1:{port}"), secret }
    }

    /// What clients are configured with, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// What the ids of its users end with: `@alice:localhost`.
    pub fn server_name(&self) -> &'static str {
        SERVER_NAME
    }

    /// The value of [`SERVER_VARIABLE`] for this server.
    pub fn to_variable(&self) -> String {
        format!("{}#{}", self.base_url, self.secret)
    }

    /// With it users are registered.
    #[cfg(feature = "synapse")]
    pub(super) fn secret(&self) -> &str {
        &self.secret
    }

    fn from_variable(value: &str) -> Option<Self> {
        let (base_url, secret) = value.split_once('#')?;
        Some(Self { base_url: base_url.to_owned(), secret: secret.to_owned() })
    }
}
