//! The one open device of a channel, for receiving and sending alike.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use switchboard_core::RunError;
use tokio::{
    sync::{Mutex, OwnedSemaphorePermit, Semaphore, watch},
    time::timeout,
};

use crate::{
    MatrixConfig,
    account::{Account, OpenError, Purpose},
};

/// For how long the first send of a process waits for receiving to begin, which is when an old copy is recognised.
const PATIENCE: Duration = Duration::from_secs(2);

/// The device while somebody uses it. Whoever is the last to do so lets go of it, so that another process can have
/// it.
pub(crate) struct Connection {
    state: Mutex<State>,
    /// Whether sending need not wait for receiving any more.
    decided: watch::Sender<bool>,
    /// Two at once would break each other's encryption.
    one: Arc<Semaphore>,
}

struct State {
    open: Weak<Account>,
    /// Why what is in the directory must not be used before a person has acted.
    refused: Option<RunError>,
}

/// Held by the device for as long as it is open.
pub(crate) type Only = OwnedSemaphorePermit;

impl Connection {
    pub(crate) fn new() -> Self {
        let state = State { open: Weak::new(), refused: None };
        let (decided, one) = (watch::Sender::new(false), Arc::new(Semaphore::new(1)));
        Self { state: Mutex::new(state), decided, one }
    }

    /// Opens the device. To send, what is open is used; to receive, it is opened anew, because only now it is
    /// certain with what it must agree. What is being sent is finished first, and nothing is sent with a device that
    /// receiving has refused: it may be an old copy.
    pub(crate) async fn open(
        &self,
        config: &MatrixConfig,
        purpose: Purpose<'_>,
    ) -> Result<Arc<Account>, OpenError> {
        let sending = matches!(purpose, Purpose::Send);
        if sending {
            let decided =
                timeout(PATIENCE, self.decided.subscribe().wait_for(|decided| *decided)).await.is_ok();
            if !decided {
                // Nobody receives here.
                self.decided.send_replace(true);
            }
        }
        let mut state = self.state.lock().await;
        if sending {
            if let Some(error) = &state.refused {
                return Err(OpenError::Fatal(error.clone()));
            }
            if let Some(account) = state.open.upgrade() {
                return Ok(account);
            }
        }
        let only = self.one.clone().acquire_owned().await.expect("it is never closed");
        // Large, and awaited rarely.
        let opened = Box::pin(Account::open(config, purpose, only)).await;
        match &opened {
            Ok(_) => state.refused = None,
            Err(OpenError::Fatal(error)) => state.refused = Some(error.clone()),
            // Nothing was compared.
            Err(OpenError::Trouble { .. }) => {}
        }
        if !matches!(opened, Err(OpenError::Trouble { .. })) {
            self.decided.send_replace(true);
        }
        let account = Arc::new(opened?);
        state.open = Arc::downgrade(&account);
        Ok(account)
    }
}
