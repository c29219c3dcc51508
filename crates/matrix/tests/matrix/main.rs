//! What Matrix's adapter does alone: on a real homeserver, and on a stand-in where something goes wrong.

// The SDK's futures are nested that deeply.
#![recursion_limit = "256"]

mod channel;
mod faults;
mod store;
mod synapse;
