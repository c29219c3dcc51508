//! Where a request comes from, so that adapters can tell apart who sends too many.
//!
//! A request that comes from one known address has `ConnectInfo<IpAddr>` in its extensions.

use std::net::{IpAddr, Ipv4Addr};

use axum::{
    extract::ConnectInfo,
    http::{HeaderMap, HeaderName, HeaderValue, Request},
};

/// How a client's address is told.
#[derive(Clone, Debug)]
pub(super) struct ClientAddress {
    /// The header in which the proxy in front names the client; without one, whoever connects is
    /// the client.
    header: Option<HeaderName>,
}

impl ClientAddress {
    pub(super) fn new(header: Option<HeaderName>) -> Self {
        Self { header }
    }

    /// Notes in the request where it comes from.
    pub(super) fn note<B>(&self, request: &mut Request<B>, peer: IpAddr) {
        if let Some(address) = self.of(request.headers(), peer) {
            request.extensions_mut().insert(ConnectInfo(address));
        }
    }

    /// `None` where it is not known whether others have the same address. Those of private networks
    /// are never taken for a client's: mostly a proxy has them, or a container's network gives one
    /// to everybody.
    fn of(&self, headers: &HeaderMap, peer: IpAddr) -> Option<IpAddr> {
        // Only the last value is the proxy's own; those before it are what anybody has sent.
        let named = self.header.as_ref().and_then(|header| headers.get_all(header).iter().next_back());
        let address = match named {
            Some(value) => last_address(value)?,
            None => peer,
        };
        Some(address.to_canonical()).filter(|address| !is_private(*address))
    }
}

/// The last address in a list, which may have a port.
fn last_address(value: &HeaderValue) -> Option<IpAddr> {
    let last = value.to_str().ok()?.rsplit(',').next()?.trim();
    let with_port = || last.parse().ok().map(|address: std::net::SocketAddr| address.ip());
    last.parse().ok().or_else(with_port)
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.is_loopback()
                || address.is_private()
                || address.is_link_local()
                || address.is_unspecified()
                || is_shared(address)
        }
        IpAddr::V6(address) => {
            address.is_loopback()
                || address.is_unique_local()
                || address.is_unicast_link_local()
                || address.is_unspecified()
        }
    }
}

/// 100.64.0.0/10, which is for networks between a provider and its customers (RFC 6598), and used
/// within clusters.
fn is_shared(address: Ipv4Addr) -> bool {
    matches!(address.octets(), [100, 64..=127, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of a request from this peer with these `X-Forwarded-For`.
    fn told(header: Option<&'static str>, peer: &str, forwarded: &[&'static str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_static(value));
        }
        let source = ClientAddress::new(header.map(HeaderName::from_static));
        source.of(&headers, peer.parse().unwrap()).map(|address| address.to_string())
    }

    #[test]
    fn who_connects_is_the_client_unless_it_may_be_a_proxy() {
        for (peer, expected) in [
            ("203.0.113.7", Some("203.0.113.7")),
            ("::ffff:203.0.113.7", Some("203.0.113.7")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("127.0.0.1", None),
            ("::1", None),
            ("::ffff:10.0.0.1", None),
            ("172.18.0.1", None),
            ("192.168.1.1", None),
            ("100.64.0.1", None),
            ("fd00::1", None),
            ("fe80::1", None),
        ] {
            let told = told(None, peer, &["198.51.100.1"]);
            assert_eq!(told.as_deref(), expected, "{peer}: nobody is asked for the header");
        }
    }

    #[test]
    fn of_the_header_only_what_the_proxy_added_counts() {
        for (forwarded, expected) in [
            (&["203.0.113.7"][..], Some("203.0.113.7")),
            (&["198.51.100.1, 203.0.113.7"], Some("203.0.113.7")),
            (&["198.51.100.1", "198.51.100.2,203.0.113.7 "], Some("203.0.113.7")),
            (&["203.0.113.7:4711"], Some("203.0.113.7")),
            (&["[2001:db8::1]:4711"], Some("2001:db8::1")),
            (&["203.0.113.7, 10.0.0.1"], None),
            (&["203.0.113.7, unknown"], None),
            (&["203.0.113.7,"], None),
            // Past the proxy.
            (&[], Some("198.51.100.9")),
        ] {
            let told = told(Some("x-forwarded-for"), "198.51.100.9", forwarded);
            assert_eq!(told.as_deref(), expected, "{forwarded:?}");
        }
    }
}
