//! The conformance suite over a messenger in memory: a right adapter passes, and every wrong one fails the cases that
//! are about its fault.

mod adapter;
mod harness;
mod sins;
mod town;

/// The suite as an adapter's author runs it.
mod suite {
    switchboard_testkit::messenger_conformance!(crate::harness::TownHarness);
}
