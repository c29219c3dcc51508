//! The account at its homeserver: a device with a session, and the SDK's client for it.
//!
//! The device's identity and keys are in the configured directory (`state_dir`), and belong together for ever: a
//! device without its keys, or with keys of yesterday, reads nothing and may break what it writes. So a directory is
//! compared with what the channel has stored before anything is done with it (`kept`).

mod kept;
mod keys;
mod state_dir;

use std::{path::PathBuf, sync::Arc, time::Duration};

use matrix_sdk::{
    Client, SessionMeta, SessionTokens,
    authentication::matrix::MatrixSession,
    config::RequestConfig,
    cross_process_lock::CrossProcessLockConfig,
    encryption::{BackupDownloadStrategy, EncryptionSettings},
    ruma::{OwnedDeviceId, OwnedUserId},
    store::{RoomLoadSettings, StateStoreDataKey},
};
use secrecy::{ExposeSecret as _, SecretString};
use switchboard_core::{RunError, chain};
use tokio::sync::Mutex;

pub(crate) use kept::{Kept, compare};
pub(crate) use keys::set_up as set_up_encryption;
pub use state_dir::StateError;
pub(crate) use state_dir::look;

use crate::{
    Login, MatrixConfig,
    connection::Only,
    error::{self, Fault},
    homeserver::Homeserver,
    marks::Marks,
};
use kept::Beginning;
use state_dir::{KEPT, StateDir};

/// An open device. While this lives, no other process opens it.
pub(crate) struct Account {
    pub(crate) client: Client,
    pub(crate) me: OwnedUserId,
    pub(crate) device: String,
    kept: Mutex<Kept>,
    // After the client, whose files are to be closed first.
    _dir: StateDir,
    _only: Only,
}

/// What a device is opened for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose<'a> {
    /// To receive, going on where the channel stands. Logs in if need be.
    Receive(Option<&'a Marks>),
    /// To send with the session that is there.
    Send,
}

/// Why a device is not open.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// A person must act.
    Fatal(RunError),
    /// It may succeed later.
    Trouble {
        /// Why, in one clause.
        reason: String,
        /// When to try again, if the homeserver says so.
        retry_after: Option<Duration>,
    },
}

impl Account {
    /// Opens the device of the configuration.
    pub(crate) async fn open(
        config: &MatrixConfig,
        purpose: Purpose<'_>,
        only: Only,
    ) -> Result<Self, OpenError> {
        if matches!(purpose, Purpose::Send) && !config.state_dir.exists() {
            return Err(not_logged_in());
        }
        let dir = StateDir::hold(&config.state_dir)?;
        let mut kept = look(config).await?;
        if let Purpose::Receive(marks) = purpose {
            match compare(kept.as_ref(), marks, config).map_err(OpenError::Fatal)? {
                Beginning::GoOn => {}
                Beginning::Fresh => kept = Some(new_device(config)),
                Beginning::Replace => {
                    dir.set_aside(&kept.map(|kept| kept.device).unwrap_or_default())?;
                    kept = Some(new_device(config));
                }
            }
        }
        let Some(kept) = kept.filter(|kept| matches!(purpose, Purpose::Receive(_)) || kept.session.is_some())
        else {
            return Err(not_logged_in());
        };
        let client = client(config).await?;
        let me = OwnedUserId::try_from(config.user.as_str()).expect("the configuration was checked");
        let device = kept.device.clone();
        let account = Self { client, me, device, kept: Mutex::new(kept), _dir: dir, _only: only };
        account.log_in(config).await?;
        Ok(account)
    }

    /// Ends one use of the device. The last one closes its files, so that nothing the SDK still does in the background
    /// can change them: the next to open them may be another process.
    pub(crate) async fn release(self: Arc<Self>) {
        let Some(account) = Arc::into_inner(self) else { return };
        if let Err(error) = account.client.pause().await {
            tracing::warn!(device = account.device, error = chain(&error), "the state cannot be closed");
        }
    }

    /// What to make of a failed call. One answer that the session is over proves nothing, since a proxy or a
    /// homeserver that starts gives it to a good one too: it is believed if the question whose the session is gets
    /// the like of it, and is otherwise a failure that passes.
    pub(crate) async fn confirm(&self, fault: Fault) -> Fault {
        if !fault.ends_the_session() {
            return fault;
        }
        match self.client.whoami().await.map_err(|error| Fault::of_call(&error)) {
            Err(again) if again.ends_the_session() => again,
            _ => {
                Fault::Unavailable(format!("the homeserver refused the session once ({})", fault.describe()))
            }
        }
    }

    async fn log_in(&self, config: &MatrixConfig) -> Result<(), OpenError> {
        let session = self.kept.lock().await.session.clone();
        if let Some(session) = session {
            return self.restore(session).await;
        }
        match &config.login {
            Login::Password(password) => {
                // The device is noted before it is made, see `Kept::device`.
                self.keep(|_| {}).await?;
                let login = self.client.matrix_auth();
                let login = login
                    .login_username(&config.user, password.expose_secret())
                    .device_id(&self.device)
                    .initial_device_display_name(&format!("Switchboard, {}", config.channel));
                let response = login.send().await.map_err(|error| login_failed(&Fault::of(&error)))?;
                self.keep(|kept| kept.session = Some((&response).into())).await?;
                tracing::info!(channel = %config.channel, device = self.device, "logged in");
                Ok(())
            }
            Login::Token { access_token, device_id, .. } => {
                self.check_token(config, access_token, device_id).await?;
                let session = MatrixSession {
                    meta: SessionMeta {
                        user_id: self.me.clone(),
                        device_id: OwnedDeviceId::from(device_id.as_str()),
                    },
                    tokens: SessionTokens {
                        access_token: access_token.expose_secret().to_owned(),
                        refresh_token: None,
                    },
                };
                self.keep(|kept| kept.session = Some(session.clone())).await?;
                self.restore(session).await
            }
        }
    }

    async fn restore(&self, session: MatrixSession) -> Result<(), OpenError> {
        let restored = self.client.matrix_auth().restore_session(session, RoomLoadSettings::default()).await;
        restored.map_err(|error| OpenError::Trouble { reason: chain(&error), retry_after: None })
    }

    /// Asks whose the token is: keys that are made for another device are of no use.
    async fn check_token(
        &self,
        config: &MatrixConfig,
        token: &SecretString,
        device: &str,
    ) -> Result<(), OpenError> {
        let owner = Homeserver::new(config, token.clone()).who_am_i().await;
        let owner = owner.map_err(|fault| login_failed(&fault))?;
        if owner.user_id == self.me.as_str() && owner.device_id.as_deref() == Some(device) {
            return Ok(());
        }
        Err(OpenError::Fatal(RunError {
            reason: format!(
                "the access token is for {} and the device {}, not for {} and {device}",
                owner.user_id,
                owner.device_id.as_deref().unwrap_or("none"),
                self.me
            ),
            remedy: "take the access_token and the device_id of one login of this account".to_owned(),
        }))
    }

    /// Changes what is kept, durably.
    pub(crate) async fn keep(&self, change: impl FnOnce(&mut Kept)) -> Result<(), StateError> {
        let mut kept = self.kept.lock().await;
        let mut changed = kept.clone();
        change(&mut changed);
        let value = serde_json::to_vec(&changed).expect("it is only text");
        let written = self.client.state_store().set_custom_value(KEPT, value).await;
        written.map_err(|error| StateError::Damaged {
            path: "the SDK's store".to_owned(),
            source: error.into(),
        })?;
        *kept = changed;
        Ok(())
    }

    /// Whether the operator's key is kept.
    pub(crate) async fn has_recovery_key(&self) -> bool {
        self.kept.lock().await.recovery_key.is_some()
    }

    /// Up to where the SDK has received. `None` if it never has.
    pub(crate) async fn received(&self) -> Result<Option<String>, StateError> {
        let token = self.client.state_store().get_kv_data(StateStoreDataKey::SyncToken).await;
        let token = token.map_err(|error| StateError::Damaged {
            path: "the SDK's store".to_owned(),
            source: error.into(),
        })?;
        Ok(token.and_then(matrix_sdk::store::StateStoreDataValue::into_sync_token))
    }
}

async fn client(config: &MatrixConfig) -> Result<Client, OpenError> {
    let store = state_dir::opening(config)?;
    let built = Client::builder()
        .homeserver_url(&config.homeserver_url)
        // The address is the operator's to say, not the homeserver's.
        .respect_login_well_known(false)
        .sqlite_store_with_config_and_cache_path(store, None::<PathBuf>)
        // A gateway owns a channel alone. The default rewrites the store several times a second.
        .cross_process_store_config(CrossProcessLockConfig::SingleProcess)
        .with_encryption_settings(EncryptionSettings {
            // Set up by us, see `keys`.
            auto_enable_cross_signing: false,
            auto_enable_backups: false,
            backup_download_strategy: BackupDownloadStrategy::AfterDecryptionFailure,
        })
        .request_config(RequestConfig::new().disable_retry().timeout(config.call_timeout))
        .user_agent(concat!("switchboard/", env!("CARGO_PKG_VERSION")))
        .build();
    built.await.map_err(|error| match error {
        matrix_sdk::ClientBuildError::SqliteStore(error) => state_dir::not_opened(config, error).into(),
        other => OpenError::Trouble { reason: chain(&other), retry_after: None },
    })
}

/// A device that is still to be made.
fn new_device(config: &MatrixConfig) -> Kept {
    let device = match &config.login {
        Login::Token { device_id, .. } => device_id.clone(),
        // As homeservers make them: ten capitals. It only must not be another of the account's.
        Login::Password(_) => std::iter::repeat_with(|| fastrand::char('A'..='Z')).take(10).collect(),
    };
    Kept::new(&config.user, device)
}

fn login_failed(fault: &Fault) -> OpenError {
    match fault {
        // Of a token only: whoever has given it has ended it.
        Fault::Refused { .. } | Fault::LoggedOut(_) | Fault::LoggedOutSoftly => OpenError::Fatal(RunError {
            reason: format!("the homeserver refuses the login: {}", fault.describe()),
            remedy: "check user and password (or access_token), and that the account is not locked"
                .to_owned(),
        }),
        other => OpenError::Trouble { reason: other.describe(), retry_after: other.retry_after() },
    }
}

fn not_logged_in() -> OpenError {
    OpenError::not_yet("the account is not logged in yet")
}

impl OpenError {
    /// It will be open soon, if all is well.
    pub(crate) fn not_yet(reason: &str) -> Self {
        Self::Trouble { reason: reason.to_owned(), retry_after: None }
    }
}

impl From<StateError> for OpenError {
    fn from(error: StateError) -> Self {
        let reason = chain(&error);
        match error {
            // Another process ends, a disk gets room.
            StateError::InUse(_) | StateError::Files { .. } | StateError::NotOpened { .. } => {
                Self::Trouble { reason, retry_after: None }
            }
            StateError::Closed { .. } | StateError::Damaged { .. } => Self::Fatal(RunError {
                reason,
                remedy: "give the passphrase it was made with, or put the directory back as it was last"
                    .to_owned(),
            }),
        }
    }
}

/// What a person is told of a session that the homeserver does not know.
pub(crate) fn logged_out(account: &Account, reason: &str) -> RunError {
    error::logged_out(&account.device, reason)
}
