//! What is configured of an account on the platform.

use std::{net::IpAddr, time::Duration};

use url::{Host, Url};

use super::token::{TokenError, TokenSource};

/// How long a request may take by default, from the first byte sent to the answer.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// An account on the platform.
#[derive(Clone, Debug)]
pub struct SelartiConfig {
    /// Where the platform is. A path is kept: the API's path is appended to it.
    pub base_url: Url,
    /// The bearer token.
    pub token: TokenSource,
    /// How long one request may take in all. After it the outcome is unknown.
    pub timeout: Duration,
}

impl SelartiConfig {
    /// An account with the default timeout of 30 seconds.
    pub fn new(base_url: Url, token: TokenSource) -> Self {
        Self { base_url, token, timeout: DEFAULT_TIMEOUT }
    }

    /// The address of the one request.
    pub(super) fn endpoint(&self) -> Result<Url, ConfigError> {
        if !matches!(self.base_url.scheme(), "http" | "https") || !self.base_url.has_host() {
            return Err(ConfigError::NotHttp);
        }
        if !self.base_url.username().is_empty() || self.base_url.password().is_some() {
            return Err(ConfigError::Credentials);
        }
        let mut url = self.base_url.clone();
        url.set_query(None);
        url.set_fragment(None);
        url.path_segments_mut().map_err(|()| ConfigError::NotHttp)?.pop_if_empty().extend([
            "api",
            "1.1",
            "wf",
            "send_message_external",
        ]);
        Ok(url)
    }
}

/// Whether this address is on the same machine, where neither a proxy nor TLS is wanted.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::from(ip).is_loopback(),
        None => false,
    }
}

/// Why an account cannot be used as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The address is not one of HTTP.
    #[error("base_url must begin with https:// or http://")]
    NotHttp,
    /// A name and password in the address would end up in logs.
    #[error("base_url must not contain a user name or password; the token goes into `token`")]
    Credentials,
    /// There is no usable token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The HTTP client could not be made.
    #[error("cannot make an HTTP client")]
    Client(#[source] reqwest::Error),
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    fn endpoint(base_url: &str) -> Result<String, String> {
        let token = TokenSource::fixed(SecretString::from("t"));
        let config = SelartiConfig::new(base_url.parse().expect("a url"), token);
        config.endpoint().map(String::from).map_err(|error| error.to_string())
    }

    #[test]
    fn the_path_of_the_api_is_appended_to_the_base_url() {
        let path = "/api/1.1/wf/send_message_external";
        for (base_url, expected) in [
            ("https://p.example", format!("https://p.example{path}")),
            ("https://p.example/", format!("https://p.example{path}")),
            ("http://p.example:81/version-test/?a=1#b", format!("http://p.example:81/version-test{path}")),
        ] {
            assert_eq!(endpoint(base_url), Ok(expected));
        }
        assert!(endpoint("ftp://p.example").is_err());
        assert!(endpoint("data:text/plain,x").is_err());
        let refused = endpoint("https://user:pass@p.example").expect_err("credentials are refused");
        assert!(!refused.contains("pass@"), "{refused}");
    }

    #[test]
    fn this_machine_is_recognised() {
        for (url, expected) in [
            ("http://127.0.0.1:8090", true),
            ("http://[::1]:8090", true),
            ("http://localhost", true),
            ("https://platform.example.com", false),
            ("https://10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(&url.parse().expect("a url")), expected, "{url}");
        }
    }
}
