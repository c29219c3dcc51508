//! The account's identity, and the copy of its keys on the homeserver.
//!
//! Clients stop sharing keys with devices that their owner has not signed, so the device signs itself
//! (cross-signing). The keys of what was written, and the identity, are kept encrypted on the homeserver, so that a
//! new device can go on where this one is lost; the operator has the recovery key for that, which is shown by a
//! command and nowhere else.

use matrix_sdk::{
    Error,
    encryption::{
        Encryption,
        recovery::{RecoveryError, RecoveryState},
    },
    ruma::api::client::uiaa::{AuthData, MatrixUserIdentifier, Password, UserIdentifier},
};
use secrecy::ExposeSecret as _;

use super::{Account, StateError};
use crate::MatrixConfig;

/// Why encryption is not set up as it should be. Messages are read and sent nevertheless.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeysError {
    #[error("the recovery_key cannot be used")]
    Recover(#[source] RecoveryError),
    #[error("the account's identity cannot be set up")]
    Identity(#[source] Error),
    #[error(
        "the homeserver wants the account's password for setting up its identity, and there is only a token; set password too"
    )]
    Password,
    #[error(
        "the account's identity was made by another device, and this one is not signed by it; set recovery_key to \
         that device's recovery key"
    )]
    Foreign,
    #[error("the copy of the keys on the homeserver cannot be set up")]
    Backup(#[source] RecoveryError),
    #[error(
        "the homeserver has a copy of keys that was made by another device; set recovery_key to its recovery key"
    )]
    ForeignBackup,
    #[error("whether the homeserver has a copy of keys could not be found out; the next start looks again")]
    Unknown,
    #[error("the recovery key cannot be kept")]
    Keep(#[from] StateError),
}

/// Makes sure that the device is signed and its keys are copied. Does nothing where all is well.
pub(crate) async fn set_up(account: &Account, config: &MatrixConfig) -> Result<(), KeysError> {
    let encryption = account.client.encryption();
    encryption.wait_for_e2ee_initialization_tasks().await;
    if !is_signed(&encryption).await? {
        recover(account, &encryption, config).await?;
    }
    if !is_signed(&encryption).await? {
        sign(account, &encryption, config).await?;
    }
    back_up(account, &encryption, config).await
}

async fn is_signed(encryption: &Encryption) -> Result<bool, KeysError> {
    let device = encryption.get_own_device().await.map_err(|error| KeysError::Identity(error.into()))?;
    Ok(device.is_some_and(|device| device.is_cross_signed_by_owner()))
}

/// Gets the identity and the keys that a former device left.
async fn recover(account: &Account, encryption: &Encryption, config: &MatrixConfig) -> Result<(), KeysError> {
    let Some(key) = &config.recovery_key else { return Ok(()) };
    let recovery = encryption.recovery();
    recovery.recover(key.expose_secret()).await.map_err(KeysError::Recover)?;
    account.keep(|kept| kept.recovery_key = Some(key.expose_secret().to_owned())).await?;
    tracing::info!(channel = %config.channel, device = account.device, "recovered the account's identity and keys");
    Ok(())
}

/// Makes the account's identity, if there is none or the one that is there was given up with its device.
async fn sign(account: &Account, encryption: &Encryption, config: &MatrixConfig) -> Result<(), KeysError> {
    let identity = encryption.request_user_identity(&account.me).await.map_err(KeysError::Identity)?;
    if identity.is_some() && config.replaces_device.is_none() {
        return Err(KeysError::Foreign);
    }
    let Err(error) = encryption.bootstrap_cross_signing(None).await else { return Ok(()) };
    let Some(asked) = error.as_uiaa_response() else { return Err(KeysError::Identity(error)) };
    let Some(password) = config.login.password() else { return Err(KeysError::Password) };
    let user = UserIdentifier::Matrix(MatrixUserIdentifier::new(account.me.to_string()));
    let mut answer = Password::new(user, password.expose_secret().to_owned());
    answer.session.clone_from(&asked.session);
    encryption.bootstrap_cross_signing(Some(AuthData::Password(answer))).await.map_err(KeysError::Identity)
}

async fn back_up(account: &Account, encryption: &Encryption, config: &MatrixConfig) -> Result<(), KeysError> {
    if account.has_recovery_key().await {
        return Ok(());
    }
    let recovery = encryption.recovery();
    let made = match recovery.state() {
        RecoveryState::Disabled => recovery.enable().await,
        // The key that was made got lost before it was kept. The secrets are here, so another can be made.
        RecoveryState::Enabled => recovery.reset_key().await,
        // What is there was left by the device that was given up. It stays, and another is begun.
        RecoveryState::Incomplete if config.replaces_device.is_some() => {
            encryption.backups().create().await.map_err(|error| KeysError::Backup(error.into()))?;
            recovery.enable().await
        }
        RecoveryState::Incomplete => return Err(KeysError::ForeignBackup),
        RecoveryState::Unknown => return Err(KeysError::Unknown),
    };
    let key = made.map_err(|error| match error {
        RecoveryError::BackupExistsOnServer => KeysError::ForeignBackup,
        other => KeysError::Backup(other),
    })?;
    Ok(account.keep(|kept| kept.recovery_key = Some(key)).await?)
}
