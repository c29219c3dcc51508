//! Where a request comes from, so that adapters can tell apart who sends too many.
//!
//! A request that comes from one known address has `ConnectInfo<IpAddr>` in its extensions.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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

/// What proxies add to a request, whatever header the configuration names.
const OF_PROXIES: [&str; 4] = ["x-forwarded-for", "forwarded", "x-real-ip", "via"];

/// Whether a request was sent on this machine, as far as that can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    loopback: bool,
    proxied: bool,
}

impl Origin {
    /// Somebody on this machine sent it, and no proxy on it has passed it on.
    pub(super) fn is_this_machine(self) -> bool {
        self.loopback && !self.proxied
    }
}

impl ClientAddress {
    pub(super) fn new(header: Option<HeaderName>) -> Self {
        Self { header }
    }

    /// Notes in the request where it comes from.
    pub(super) fn note<B>(&self, request: &mut Request<B>, peer: IpAddr) {
        let headers = request.headers();
        let own = self.header.iter().any(|header| headers.contains_key(header));
        let proxied = own || OF_PROXIES.iter().any(|header| headers.contains_key(*header));
        let origin = Origin { loopback: peer.to_canonical().is_loopback(), proxied };
        if let Some(address) = self.of(headers, peer) {
            request.extensions_mut().insert(ConnectInfo(address));
        }
        request.extensions_mut().insert(origin);
    }

    /// Whose connection it is, where it is certainly one client's own.
    pub(super) fn of_connection(&self, peer: IpAddr) -> Option<IpAddr> {
        match self.header {
            // Whoever connects is the proxy.
            Some(_) => None,
            None => self.of(&HeaderMap::new(), peer).map(network),
        }
    }

    /// Whose request it is that came over somebody else's connection, after [`Self::note`].
    pub(super) fn behind_a_proxy<B>(&self, request: &Request<B>) -> Option<IpAddr> {
        self.header.as_ref()?;
        request.extensions().get().map(|ConnectInfo(address)| network(*address))
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

/// What one client has to itself: an address, or of IPv6 the /64 that a single connection is given.
fn network(address: IpAddr) -> IpAddr {
    const INTERFACE: u128 = u64::MAX as u128;
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !INTERFACE).into(),
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
    fn what_a_proxy_passes_on_is_not_from_this_machine() {
        for (peer, header, expected) in [
            ("127.0.0.1", None, true),
            ("::ffff:127.0.0.1", None, true),
            ("::1", None, true),
            ("127.0.0.1", Some("x-client"), false),
            ("127.0.0.1", Some("x-forwarded-for"), false),
            ("127.0.0.1", Some("via"), false),
            ("10.0.0.1", None, false),
            ("203.0.113.7", None, false),
        ] {
            let mut request = Request::new(());
            if let Some(header) = header {
                request.headers_mut().insert(header, HeaderValue::from_static("10.0.0.1"));
            }
            let source = ClientAddress::new(Some(HeaderName::from_static("x-client")));
            source.note(&mut request, peer.parse().unwrap());
            let origin = request.extensions().get::<Origin>().copied();
            assert_eq!(origin.map(Origin::is_this_machine), Some(expected), "{peer} {header:?}");
        }
    }

    #[test]
    fn a_connection_is_its_clients_own_unless_a_proxy_may_hold_it() {
        for (header, peer, expected) in [
            (None, "203.0.113.7", Some("203.0.113.7")),
            (None, "2001:db8::1:2:3:4", Some("2001:db8::")),
            (None, "10.0.0.1", None),
            (Some(HeaderName::from_static("x-client")), "203.0.113.7", None),
        ] {
            let of = ClientAddress::new(header.clone()).of_connection(peer.parse().unwrap());
            assert_eq!(of.map(|it| it.to_string()).as_deref(), expected, "{header:?} {peer}");
        }
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
