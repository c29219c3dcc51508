//! `[database]`: where everything is stored.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{kinds::Kinds, mistake::Fault, nearest, section::Section};

/// The most connections that may be asked for.
const MOST_CONNECTIONS: u32 = 1_000;

/// `[database]`
#[derive(Clone, Debug)]
pub struct DatabaseConfig {
    /// The database, as `scheme://…` with one of the known schemes. A secret, since it may hold a
    /// password. Default: `sqlite://switchboard.db`, a file in the working directory.
    pub url: SecretString,
    /// How many connections this replica opens at most. Default: 10.
    pub max_connections: u32,
}

impl DatabaseConfig {
    pub(super) fn read<A>(section: &mut Section<'_>, kinds: &Kinds<A>) -> Self {
        let check = |url| checked(url, kinds.databases());
        Self {
            url: section.secret("url").then(check).or(default_url()),
            max_connections: section
                .integer("max_connections", 1..=MOST_CONNECTIONS)
                .or(default_max_connections()),
        }
    }
}

/// The password's characters are the usual reason for a url that is none.
fn checked(url: SecretString, schemes: &[&str]) -> Result<SecretString, Fault> {
    let parsed = Url::parse(url.expose_secret()).map_err(|error| {
        Fault::new(
            format!("is not a URL: {error}"),
            "write it as scheme://user:password@host/name, with %XX for special characters",
        )
    })?;
    if schemes.contains(&parsed.scheme()) {
        return Ok(url);
    }
    let known = nearest::list(schemes);
    Err(Fault::new("does not begin with a database that is known here", format!("take one of {known}")))
}

fn default_url() -> SecretString {
    SecretString::from("sqlite://switchboard.db")
}

fn default_max_connections() -> u32 {
    10
}
