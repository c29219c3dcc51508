//! What tests stand on: launchers for real servers and programs, and a way to wait for a condition.
//!
//! - [`postgres`]: a real `PostgreSQL`, one database for each test
//! - [`process`]: the built `switchboard` (or any program) as a child, with its output captured
//! - [`browser`]: a headless Chromium, driven through `WebDriver`
//! - `telegram`: a stand-in for Telegram's Bot API, with a plan of faults (feature `telegram`)
//! - [`axe`]: what finds mistakes in the accessibility of a page
//! - `discord`: a stand-in for Discord's REST API and gateway, with a plan of faults (feature `discord`)
//! - [`synapse`]: a real Matrix homeserver, with users and a peer that encrypts (feature `synapse`)
//! - `matrix`: a stand-in for a Matrix homeserver, with a plan of faults (feature `matrix`)
//! - [`wait`]: waiting for a condition instead of sleeping
//! - `conformance`: what every messenger must do, as tests (the feature `conformance`)
//!
//! All but the servers are behind the feature `harness`: `switchboard-testkit = { workspace = true, features =
//! ["harness"] }`.
//!
//! Whatever is started here ends with the test, even where the test's process is killed.

pub mod axe;
pub mod child;
pub mod directory;
pub mod port;
pub mod postgres;
pub mod synapse;

#[cfg(feature = "harness")]
pub mod browser;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "discord")]
pub mod discord;
#[cfg(feature = "matrix")]
pub mod matrix;
#[cfg(feature = "harness")]
pub mod process;
#[cfg(feature = "telegram")]
pub mod telegram;
#[cfg(any(feature = "conformance", feature = "harness"))]
pub mod wait;

/// Whether this process runs as root, as in a container. `PostgreSQL` refuses to, and only root may install packages.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
