//! The web channel at its HTTP boundary, over an intake in memory.

mod support;

mod events;
mod identity;
mod messages;
mod origins;
mod outbound;
mod page;
mod replicas;
mod session;
