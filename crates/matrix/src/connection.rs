//! The one open device of a channel, for receiving and sending alike.

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::{
    MatrixConfig,
    account::{Account, OpenError, Purpose},
};

/// The open device, if it is open.
#[derive(Default)]
pub(crate) struct Connection(Mutex<Option<Arc<Account>>>);

impl Connection {
    /// Opens the device. To send, what is open is used; to receive, it is opened anew, because only now it is
    /// certain with what it must agree.
    pub(crate) async fn open(
        &self,
        config: &MatrixConfig,
        purpose: Purpose<'_>,
    ) -> Result<Arc<Account>, OpenError> {
        let mut open = self.0.lock().await;
        if matches!(purpose, Purpose::Receive(_)) {
            *open = None;
        }
        if let Some(account) = &*open {
            return Ok(account.clone());
        }
        // Large, and awaited rarely.
        let account = Arc::new(Box::pin(Account::open(config, purpose)).await?);
        *open = Some(account.clone());
        Ok(account)
    }

    /// Lets go of the device, so that another process can have it. What is being sent with it is finished first.
    pub(crate) async fn close(&self) {
        *self.0.lock().await = None;
    }
}
