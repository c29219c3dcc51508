//! The gateway as a library: everything that the binary `switchboard` is made of.

pub mod config;
