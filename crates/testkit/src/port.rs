//! Free ports on the loopback interface.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result};

/// A port on 127.0.0.1 that nobody listens on now.
///
/// For servers that must be told their port, or that come back on the same one. It lies below the range from which
/// the system takes ports for outgoing connections: while such a server is down, no client's connection can take its
/// port, and no client that keeps calling can end up connected to itself.
pub fn free_port() -> Result<u16> {
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 12_000;
    let mut ports = (0..100).map(|_| {
        let mut bytes = [0; 2];
        getrandom::fill(&mut bytes).map(|()| FIRST + u16::from_ne_bytes(bytes) % COUNT)
    });
    ports
        .by_ref()
        .filter_map(Result::ok)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .context("no free port found on 127.0.0.1 in a hundred tries")
}
