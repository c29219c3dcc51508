//! What tests of Matrix need: Synapse, the homeserver, and matrix-nio, a client that is not the gateway's.
//!
//! Each is in an environment of its own, so that neither decides about versions of the other's libraries.

use std::path::PathBuf;

use anyhow::Result;

use crate::python;

/// The environment with the homeserver.
pub fn homeserver() -> Result<PathBuf> {
    python::installed("matrix-synapse==1.163.2", &[])
}

/// The environment with the client, and what it needs for encryption.
pub fn client() -> Result<PathBuf> {
    python::installed("matrix-nio[e2e]==0.26.0", &[])
}
