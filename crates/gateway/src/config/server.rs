//! `[server]`: where the gateway listens.

use std::{
    net::{Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
    time::Duration,
};

use axum::http::{HeaderName, header::FORWARDED};
use url::Url;

use super::{mistake::Fault, section::Section};

/// The longest `shutdown_timeout`.
const LONGEST_SHUTDOWN: Duration = Duration::from_hours(1);
/// The range of `connections_per_address`: a browser alone has six.
const CONNECTIONS_PER_ADDRESS: RangeInclusive<usize> = 10..=1_000_000;

/// `[server]`
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The address for everything that is served. Default: `127.0.0.1:8080`, which only this
    /// machine reaches.
    pub listen: SocketAddr,
    /// The address under which the outside reaches us, perhaps with a path. Default: see
    /// [`public_url`](Self::public_url).
    pub public_url: Option<Url>,
    /// The header in which the proxy in front names the client's address. Default: none, whoever
    /// connects is the client.
    pub client_address_header: Option<HeaderName>,
    /// How many connections one client may have at once, where its address is known. Default: 1,000.
    pub connections_per_address: usize,
    /// How long a shutdown waits for what is in flight. Default: 20 s.
    pub shutdown_timeout: Duration,
}

impl ServerConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self {
            listen: section.address("listen").or(default_listen()),
            public_url: section.url("public_url").optional(),
            client_address_header: section
                .string("client_address_header")
                .then(|name| header(&name))
                .optional(),
            connections_per_address: section
                .integer("connections_per_address", CONNECTIONS_PER_ADDRESS)
                .or(default_connections_per_address()),
            shutdown_timeout: section
                .duration("shutdown_timeout", Duration::ZERO..=LONGEST_SHUTDOWN)
                .or(default_shutdown_timeout()),
        }
    }

    /// The configured public address, else the one that is listened on. `bound` is that address
    /// as it is known after binding: port 0 in the configuration means any free port.
    pub fn public_url(&self, bound: SocketAddr) -> Url {
        self.public_url.clone().unwrap_or_else(|| {
            Url::parse(&format!("http://{bound}")).expect("an address with a port makes a URL")
        })
    }
}

fn header(name: &str) -> Result<HeaderName, Fault> {
    let take = "take \"X-Forwarded-For\", or what your proxy calls the header with nothing but addresses";
    match HeaderName::from_bytes(name.as_bytes()) {
        Ok(FORWARDED) => Err(Fault::new("has more in it than addresses", take)),
        Ok(header) => Ok(header),
        Err(_) => Err(Fault::new("is not the name of a header", take)),
    }
}

fn default_listen() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 8080).into()
}

/// All the pages of a large office, which has one address for everybody.
fn default_connections_per_address() -> usize {
    1_000
}

fn default_shutdown_timeout() -> Duration {
    Duration::from_secs(20)
}
