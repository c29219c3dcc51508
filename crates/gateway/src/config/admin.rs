//! `[admin]`: access for operators and their programs.

use std::net::SocketAddr;

use secrecy::SecretString;

use super::section::Section;

/// `[admin]`
#[derive(Clone, Debug)]
pub struct AdminConfig {
    /// What a request to the API must present. Default: none, and the API is closed.
    pub token: Option<SecretString>,
    /// An address of its own for the API and the metrics. Default: none, and they are served
    /// beside everything else.
    pub listen: Option<SocketAddr>,
}

impl AdminConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self { token: section.secret("token").optional(), listen: section.address("listen").optional() }
    }
}
