//! `[server]`: where the gateway listens.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use url::Url;

use super::section::Section;

/// The longest `shutdown_timeout`.
const LONGEST_SHUTDOWN: Duration = Duration::from_hours(1);

/// `[server]`
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The address for everything that is served. Default: `127.0.0.1:8080`, which only this
    /// machine reaches.
    pub listen: SocketAddr,
    /// The address under which the outside reaches us, perhaps with a path. Default: see
    /// [`public_url`](Self::public_url).
    pub public_url: Option<Url>,
    /// How long a shutdown waits for what is in flight. Default: 20 s.
    pub shutdown_timeout: Duration,
}

impl ServerConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self {
            listen: section.address("listen").or(default_listen()),
            public_url: section.url("public_url").optional(),
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

fn default_listen() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 8080).into()
}

fn default_shutdown_timeout() -> Duration {
    Duration::from_secs(20)
}
