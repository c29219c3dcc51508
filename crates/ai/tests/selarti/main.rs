//! The platform Selarti at its two boundaries: the request that we make, and the webhook that we
//! read.

mod client;
mod platform;
mod webhook;

use secrecy::SecretString;
use switchboard_ai::selarti::{Selarti, SelartiConfig, TokenSource};
use url::Url;

/// The token that these tests use.
const TOKEN: &str = "tok-5f0c-secret";

/// An account at this address.
fn selarti(base_url: &str, token: TokenSource) -> Selarti {
    // Every test may come first; the others find it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let base_url: Url = base_url.parse().expect("the tests use valid addresses");
    Selarti::new(SelartiConfig::new(base_url, token)).expect("the tests use valid configurations")
}

/// The token of these tests, which does not change.
fn fixed() -> TokenSource {
    TokenSource::fixed(SecretString::from(TOKEN))
}
