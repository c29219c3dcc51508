//! Where the bearer token comes from.

use std::{fmt, sync::Arc};

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

/// Reads the token from where it is kept. The reason of a failure must not contain the token.
type Reread = Arc<dyn Fn() -> Result<SecretString, String> + Send + Sync>;

/// Where the bearer token comes from.
#[derive(Clone)]
pub struct TokenSource(Source);

#[derive(Clone)]
enum Source {
    Fixed(SecretString),
    Reread(Reread),
}

impl TokenSource {
    /// A token that never changes.
    pub fn fixed(token: SecretString) -> Self {
        Self(Source::Fixed(token))
    }

    /// A token that is read again when the platform refuses the one we have: from a file that
    /// somebody has replaced, for example. `read` may touch the disk, but must be quick; the
    /// reason that it gives for a failure is logged.
    pub fn reread(read: Reread) -> Self {
        Self(Source::Reread(read))
    }

    /// The token as it is now, without the white space around it that files often have.
    pub(super) fn read(&self) -> Result<SecretString, TokenError> {
        let token = match &self.0 {
            Source::Fixed(token) => token.clone(),
            Source::Reread(read) => read().map_err(TokenError::Unreadable)?,
        };
        let trimmed = token.expose_secret().trim();
        if trimmed.is_empty() {
            return Err(TokenError::Empty);
        }
        let token = SecretString::from(trimmed);
        bearer(&token)?;
        Ok(token)
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::Fixed(_) => "TokenSource::fixed(…)",
            Source::Reread(_) => "TokenSource::reread(…)",
        })
    }
}

/// The value of the header `Authorization`, which no log shows.
pub(super) fn bearer(token: &SecretString) -> Result<HeaderValue, TokenError> {
    let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()))
        .map_err(|_| TokenError::Unusable)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It could not be read.
    #[error("the token cannot be read: {0}")]
    Unreadable(String),
    /// There is nothing in it.
    #[error("the token is empty")]
    Empty,
    /// It has line breaks or other characters inside that cannot be sent.
    #[error("the token contains characters that an HTTP header cannot carry")]
    Unusable,
}
