//! The one open device of a channel, for receiving and sending alike.

use std::sync::{Arc, Weak};

use switchboard_core::RunError;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use crate::{
    MatrixConfig,
    account::{Account, OpenError, Purpose},
};

/// The device while somebody uses it. Whoever is the last to do so lets go of it, so that another process can have
/// it.
pub(crate) struct Connection {
    state: Mutex<State>,
    /// Two at once would break each other's encryption.
    one: Arc<Semaphore>,
}

struct State {
    open: Weak<Account>,
    trust: Trust,
}

/// Whether what is in the directory may be used.
enum Trust {
    /// It has not been compared with what the channel has stored.
    Unknown,
    /// It was, and agrees.
    Compared,
    /// It must not be used before a person has acted.
    Refused(RunError),
}

/// Held by the device for as long as it is open.
pub(crate) type Only = OwnedSemaphorePermit;

impl Connection {
    pub(crate) fn new() -> Self {
        let state = State { open: Weak::new(), trust: Trust::Unknown };
        Self { state: Mutex::new(state), one: Arc::new(Semaphore::new(1)) }
    }

    /// Opens the device. To send, what is open is used; to receive, it is opened anew, because only now it is
    /// certain with what it must agree. What is being sent is finished first, and nothing is sent with a device that
    /// has not been received with: it may be an old copy.
    pub(crate) async fn open(
        &self,
        config: &MatrixConfig,
        purpose: Purpose<'_>,
    ) -> Result<Arc<Account>, OpenError> {
        let mut state = self.state.lock().await;
        if matches!(purpose, Purpose::Send) {
            match &state.trust {
                Trust::Compared => {}
                Trust::Unknown => return Err(OpenError::not_yet("the account has not connected yet")),
                Trust::Refused(error) => return Err(OpenError::Fatal(error.clone())),
            }
            if let Some(account) = state.open.upgrade() {
                return Ok(account);
            }
        }
        let only = self.one.clone().acquire_owned().await.expect("it is never closed");
        // Large, and awaited rarely.
        let opened = Box::pin(Account::open(config, purpose, only)).await;
        match &opened {
            Ok(_) if matches!(purpose, Purpose::Receive(_)) => state.trust = Trust::Compared,
            Err(OpenError::Fatal(error)) => state.trust = Trust::Refused(error.clone()),
            _ => {}
        }
        let account = Arc::new(opened?);
        state.open = Arc::downgrade(&account);
        Ok(account)
    }
}
