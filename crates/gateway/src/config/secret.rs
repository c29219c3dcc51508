//! Secrets: never shown, and where wanted read again from where they came.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use super::{mistake::Fault, source::Sources};

/// A secret that can be read again from where it came, for example after a file with a new token
/// was put in place of the old one. Cheap to clone.
#[derive(Clone)]
pub struct SecretSource {
    /// As written in the configuration; may be the secret itself.
    template: SecretString,
    sources: Sources,
}

impl SecretSource {
    pub(super) fn new(template: &str, sources: Sources) -> Self {
        Self { template: SecretString::from(template), sources }
    }

    /// The secret as it is now. May read a file, so it blocks for a moment.
    ///
    /// Fails with the reason, which holds no secret, where the file or variable is not there any
    /// more or holds no secret.
    pub fn read(&self) -> Result<SecretString, String> {
        let resolved = self.sources.resolve(self.template.expose_secret()).map_err(|failures| {
            let failures: Vec<_> = failures.iter().map(ToString::to_string).collect();
            failures.join(", ")
        })?;
        checked(resolved).map_err(|fault| fault.problem)
    }
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretSource([REDACTED])")
    }
}

/// Refuses what is certainly not a secret: nothing, or what cannot be sent in a header.
pub(super) fn checked(secret: String) -> Result<SecretString, Fault> {
    if secret.trim().is_empty() {
        return Err(Fault::new("is empty", "give it a value"));
    }
    if secret.contains(char::is_control) {
        return Err(Fault::new("has a line break or another control character in it", "take it out"));
    }
    Ok(SecretString::from(secret))
}
