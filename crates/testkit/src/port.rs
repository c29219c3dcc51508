//! Free ports on the loopback interface.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, anyhow, bail};

/// What keeps the ports that this process took from all other processes that ask here.
static TAKEN: Mutex<Vec<UdpSocket>> = Mutex::new(Vec::new());

/// A port on 127.0.0.1 that nobody listens on, and that nobody else gets from here while this process lives.
///
/// For servers that must be told their port, or that come back on the same one. It lies below the range from which
/// the system takes ports for outgoing connections: while such a server is down, no client's connection can take its
/// port, and no client that keeps calling can end up connected to itself. The UDP port of the same number, which
/// nobody uses, is held meanwhile: so tests that run beside each other never get the same one.
pub fn free_port() -> Result<u16> {
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 12_000;
    for _ in 0..100 {
        let mut bytes = [0; 2];
        getrandom::fill(&mut bytes).map_err(|error| anyhow!("take random bytes: {error}"))?;
        let port = FIRST + u16::from_ne_bytes(bytes) % COUNT;
        let Ok(claim) = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)) else { continue };
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            TAKEN.lock().unwrap_or_else(PoisonError::into_inner).push(claim);
            return Ok(port);
        }
    }
    bail!("no free port found on 127.0.0.1 in a hundred tries")
}
