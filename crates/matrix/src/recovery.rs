//! Showing the operator the key to what the device has left on the homeserver.

use secrecy::SecretString;

use crate::{MatrixConfig, StateError, account::look};

/// The recovery key of the channel, with which a new device gets the account's identity and its keys. `None` as long
/// as the gateway has not made one.
///
/// Asks no homeserver, and does not disturb a gateway that runs the channel.
pub async fn recovery_key(config: &MatrixConfig) -> Result<Option<SecretString>, StateError> {
    let kept = look(config).await?;
    Ok(kept.and_then(|kept| kept.recovery_key).map(SecretString::from))
}
