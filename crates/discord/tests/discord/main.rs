//! What Discord's adapter does alone, against the stand-in.

mod closing;
mod gaps;
mod kinds;
mod probe;
mod sending;
mod sessions;
mod support;
